//! Numbers as UUIDs and back. PostgreSQL has no cast between them, and identifiers change from one to the other.
//!
//! Number 5 becomes `00000000-0000-8000-8000-000000000005`: version 8, which RFC 9562 leaves to whoever makes it, with the 64
//! bits of the number around the version. The same number gives the same UUID in every table, so foreign keys need no look-up;
//! the order of the numbers stays; and no UUID that is drawn at random has version 8.

/// Types that are numbers.
pub(crate) const NUMBERS: [&str; 3] = ["smallint", "integer", "bigint"];

/// Tells whether one type is a number and the other a UUID.
pub(crate) fn between(from: &str, to: &str) -> bool {
    to_uuid(from, to) || to_uuid(to, from)
}

/// Tells whether numbers become UUIDs.
pub(crate) fn to_uuid(from: &str, to: &str) -> bool {
    NUMBERS.contains(&from) && to == "uuid"
}

/// Returns the expression for a value of another type; nothing where neither type is a UUID and the other a number. A UUID
/// that no number became gives a null. Names are not qualified: `pg_catalog` has to come first.
pub(crate) fn convert(value: &str, from: &str, to: &str) -> Option<String> {
    if to_uuid(from, to) {
        return Some(format!(
            "('00000000' || overlay(lpad(to_hex({value}::bigint), 16, '0') PLACING '80008000' FROM 5 FOR 0))::uuid"
        ));
    }
    between(from, to).then(|| format!("CASE {} END", number(value, to)))
}

/// The same for a value that is there, where a UUID that no number became is an error.
pub(crate) fn convert_all(value: &str, from: &str, to: &str) -> Option<String> {
    if between(from, to) && from == "uuid" {
        // The text of a UUID is no number: PostgreSQL says so.
        return Some(format!("CASE {} ELSE {value}::text::{to} END", number(value, to)));
    }
    convert(value, from, to)
}

fn number(value: &str, to: &str) -> String {
    let narrowed = if to == "bigint" {
        String::new()
    } else {
        format!("::{to}")
    };
    format!(
        "WHEN starts_with({value}::text, '00000000-') AND substr({value}::text, 14, 11) = '-8000-8000-' \
         THEN ('x' || substr({value}::text, 10, 4) || right({value}::text, 12))::bit(64)::bigint{narrowed}"
    )
}
