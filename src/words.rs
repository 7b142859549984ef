//! Numbers as people read them, with what they count.

use std::fmt::Display;

/// Writes a whole number with a comma between thousands.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Says a number with its noun: `1 change`, `2 changes`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    format!("{} {}", grouped(number), plural(noun))
}

/// Returns the plural of a noun; what ends with `s` is one already (`extended statistics`).
pub(crate) fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !noun.ends_with("ey") => format!("{stem}ies"),
        _ if noun.ends_with('x') || noun.ends_with("ss") => format!("{noun}es"),
        _ if noun.ends_with('s') => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

/// Says of several what is said of one: `is null` becomes `are null`, `breaks it` becomes `break it`.
pub(crate) fn of_several(said: &str) -> String {
    let (verb, rest) = said.split_once(' ').unwrap_or((said, ""));
    let verb = match verb {
        "is" => "are",
        "has" => "have",
        _ => verb.strip_suffix('s').unwrap_or(verb),
    };
    format!("{verb} {rest}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_with_their_nouns() {
        assert_eq!(count(1, "index"), "1 index");
        assert_eq!(count(2, "index"), "2 indexes");
        assert_eq!(count(3, "foreign key"), "3 foreign keys");
        assert_eq!(count(0, "policy"), "0 policies");
        assert_eq!(count(2, "extended statistics"), "2 extended statistics");
        assert_eq!(count(1_234_567, "operator class"), "1,234,567 operator classes");
    }

    #[test]
    fn what_is_said_of_one_is_said_of_several() {
        assert_eq!(of_several("is too long"), "are too long");
        assert_eq!(of_several("repeats another one"), "repeat another one");
        assert_eq!(of_several("cannot be read"), "cannot be read");
    }
}
