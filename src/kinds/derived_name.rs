//! Names that are made from other names: those that PostgreSQL chooses by itself, and the one that a type gets while it
//! is moved out of the way of its successor.

use crate::catalog::Fingerprint;

/// Longest name in bytes: `NAMEDATALEN` less the final zero.
pub(crate) const LIMIT: usize = 63;

/// Returns the name that PostgreSQL chooses for a part of an object when no other has it, by the rule of its
/// `makeObjectName()`: names joined by underscores, the longer one cut until they fit.
pub(crate) fn chosen(first: &str, second: Option<&str>, label: &str) -> String {
    let separators = if second.is_some() { 2 } else { 1 };
    let room = LIMIT - separators - label.len();
    let (mut left, mut right) = (first.len(), second.map_or(0, str::len));
    while left + right > room {
        if left > right {
            left -= 1;
        } else {
            right -= 1;
        }
    }
    let first = clip(first, left);
    match second {
        Some(second) => format!("{first}_{}_{label}", clip(second, right)),
        None => format!("{first}_{label}"),
    }
}

/// Returns the name that PostgreSQL gives to the multirange type of a range type by itself.
pub(crate) fn multirange(range: &str) -> String {
    match range.find("range") {
        Some(at) => clip(&format!("{}multi{}", &range[..at], &range[at..]), LIMIT).to_owned(),
        None => format!("{}_multirange", clip(range, LIMIT - "_multirange".len())),
    }
}

/// Returns the name of an object while its successor takes its own; a hash keeps cut names apart.
pub(super) fn aside(schema: &str, name: &str) -> String {
    let hash = Fingerprint::of(&(schema, name));
    let tail = format!("_replaced_{}", hash.short());
    format!("{}{tail}", clip(name, LIMIT - tail.len()))
}

/// Returns the name of an object that stands only for a part of the plan; a hash keeps cut names apart.
pub(crate) fn temporary(name: &str, label: &str) -> String {
    let tail = format!("_trueup_{label}");
    if name.len() + tail.len() <= LIMIT {
        return format!("{name}{tail}");
    }
    let tail = format!("_{}{tail}", Fingerprint::of(&name).short());
    format!("{}{tail}", clip(name, LIMIT - tail.len()))
}

/// Returns as many whole characters as there is room for.
pub(crate) fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_as_postgres_does() {
        assert_eq!(chosen("orders", Some("id"), "seq"), "orders_id_seq");
        assert_eq!(chosen("email", None, "not_null"), "email_not_null");
        let long = chosen(&"t".repeat(60), Some(&"c".repeat(40)), "seq");
        assert_eq!(long, format!("{}_{}_seq", "t".repeat(29), "c".repeat(29)));
    }

    #[test]
    fn names_multiranges_as_postgres_does() {
        assert_eq!(multirange("floatrange"), "floatmultirange");
        assert_eq!(multirange("span"), "span_multirange");
        assert_eq!(multirange(&"é".repeat(31)), format!("{}_multirange", "é".repeat(26)));
    }

    #[test]
    fn temporary_names_fit_and_differ() {
        assert_eq!(temporary("orders_note_idx", "new"), "orders_note_idx_trueup_new");
        let (one, two) = (format!("{}a", "é".repeat(31)), format!("{}b", "é".repeat(31)));
        assert_ne!(temporary(&one, "proof"), temporary(&two, "proof"));
        assert!(temporary(&one, "proof").len() <= LIMIT);
        assert!(temporary(&one, "proof").ends_with("_trueup_proof"));
    }

    #[test]
    fn aside_fits_and_tells_cut_names_apart() {
        let (one, two) = (format!("{}a", "x".repeat(62)), format!("{}b", "x".repeat(62)));
        assert_ne!(aside("s", &one), aside("s", &two));
        assert_eq!(aside("s", &one).len(), 63);
        assert!(aside("s", "mood").starts_with("mood_replaced_"));
    }
}
