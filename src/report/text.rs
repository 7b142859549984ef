//! Lines of text: wrapping, indenting, counting, and values as people read them.

use crate::words::grouped;
use serde_json::Value;

/// Wraps words into lines of at most `width` characters; a longer word stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && longer > width {
            out.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push(line);
    }
    out
}

/// Puts spaces before every line that is not empty.
pub(super) fn indent(text: &str, by: usize) -> String {
    let spaces = " ".repeat(by);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{spaces}{line}")
            }
        })
        .collect();
    lines.join("\n")
}

/// Says a number with its noun: `1 change`, `2 changes`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    format!("{} {}", grouped(number), plural(noun))
}

/// Returns the plural of a noun; what ends with `s` is one already (`extended statistics`).
pub(super) fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !noun.ends_with("ey") => format!("{stem}ies"),
        _ if noun.ends_with('x') || noun.ends_with("ss") => format!("{noun}es"),
        _ if noun.ends_with('s') => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

/// Returns the text with its first letter in capitals.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// Returns an attribute's value as lines: a list as one line per item, text as it is.
pub(super) fn value_lines(value: &str) -> Vec<String> {
    match serde_json::from_str(value) {
        Ok(Value::Array(items)) => items.iter().map(item).collect(),
        Ok(Value::Object(fields)) => fields.iter().map(field).collect(),
        _ => value.lines().map(str::to_owned).collect(),
    }
}

fn item(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        // A dash stands for nothing (the collation of a type that has none).
        Value::Array(items) => {
            let words: Vec<String> = items.iter().map(item).collect();
            words.join(" ").trim_end_matches(" -").to_owned()
        }
        other => other.to_string(),
    }
}

fn field((name, value): (&String, &Value)) -> String {
    match value {
        Value::Bool(false) => name.clone(),
        Value::Bool(true) => format!("{name} (yes)"),
        value => format!("{name} {}", item(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_counts() {
        assert_eq!(wrap("aa bb cc dddddd", 5), ["aa bb", "cc", "dddddd"]);
        assert_eq!(count(1, "index"), "1 index");
        assert_eq!(count(2, "index"), "2 indexes");
        assert_eq!(count(3, "foreign key"), "3 foreign keys");
        assert_eq!(count(0, "policy"), "0 policies");
        assert_eq!(count(2, "extended statistics"), "2 extended statistics");
        assert_eq!(count(1_234_567, "operator class"), "1,234,567 operator classes");
    }

    #[test]
    fn reads_values() {
        assert_eq!(
            value_lines("[[\"id\",\"bigint -\"],[\"n\",\"text\"]]"),
            ["id bigint", "n text"]
        );
        assert_eq!(value_lines(" SELECT 1\n   FROM t"), [" SELECT 1", "   FROM t"]);
        assert_eq!(value_lines("{\"SELECT\":false}"), ["SELECT"]);
    }
}
