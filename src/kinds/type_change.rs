//! Facts about changing a column's type: base and modifier, casts, rewrites, losses.
//!
//! Source of what rewrites: the manual (ALTER TABLE, Notes) and measurements on PostgreSQL 15.

use super::{Context, number_as_uuid};

/// A type name as `format_type()` gives it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TypeName {
    /// Name without modifier and brackets.
    base: String,
    /// Modifier numbers (`numeric(10,2)` has two).
    modifier: Vec<i32>,
    /// Whether it is an array.
    array: bool,
}

impl TypeName {
    fn parse(text: &str) -> Self {
        let (text, array) = text.strip_suffix("[]").map_or((text, false), |element| (element, true));
        let quoted_until = text.rfind('"').map_or(0, |at| at + 1);
        let open = text[quoted_until..].find('(').map(|at| at + quoted_until);
        let Some((open, close)) = open.and_then(|open| Some((open, text[open..].find(')')? + open))) else {
            return Self {
                base: text.to_owned(),
                modifier: Vec::new(),
                array,
            };
        };
        let modifier = text[open + 1..close]
            .split(',')
            .filter_map(|number| number.trim().parse().ok())
            .collect();
        Self {
            base: format!("{}{}", &text[..open], &text[close + 1..]),
            modifier,
            array,
        }
    }

    fn is_string(&self) -> bool {
        matches!(self.base.as_str(), "text" | "character varying" | "character")
    }
}

/// Returns the type without its modifier (`numeric(10,2)[]` → `numeric[]`).
pub(super) fn base(data_type: &str) -> String {
    let parsed = TypeName::parse(data_type);
    format!("{}{}", parsed.base, if parsed.array { "[]" } else { "" })
}

/// Returns the type to which a cast cuts nothing that an assignment would refuse.
pub(crate) fn unlimited(data_type: &str) -> String {
    match base(data_type).as_str() {
        "character" => "pg_catalog.bpchar".to_owned(),
        "character[]" => "pg_catalog.bpchar[]".to_owned(),
        "bit" => "pg_catalog.varbit".to_owned(),
        "bit[]" => "pg_catalog.varbit[]".to_owned(),
        base => base.to_owned(),
    }
}

/// Returns the `USING` expression that the change needs, if any.
///
/// Where PostgreSQL casts by assignment none is needed; where it casts explicitly, or there is no cast at all, the value
/// goes through its text form to the type without its limits, and the assignment behind it fails on a value that does not fit
/// rather than losing it.
pub(crate) fn using(column: &str, from: &str, to: &str, context: &Context) -> Option<String> {
    let (live, desired) = (TypeName::parse(from), TypeName::parse(to));
    if live.base == desired.base && live.array == desired.array {
        return None;
    }
    if desired.is_string() && !desired.array && !live.array {
        return None;
    }
    match context.cast(&live.base, &desired.base) {
        Some('i' | 'a') if live.array == desired.array => None,
        Some(_) if live.array == desired.array => Some(format!("{column}::{to}")),
        _ if number_as_uuid::between(from, to) => number_as_uuid::convert_all(column, from, to),
        _ if !live.array && desired.array => {
            let element = unlimited(to.trim_end_matches("[]"));
            Some(format!("ARRAY[{column}::text::{element}]"))
        }
        _ => Some(format!("{column}::text::{}", unlimited(to))),
    }
}

/// Tells whether PostgreSQL writes the table anew for the change.
pub(crate) fn rewrites(from: &str, to: &str) -> bool {
    let (live, desired) = (TypeName::parse(from), TypeName::parse(to));
    if live.array != desired.array {
        return true;
    }
    let widens = |index: usize| match (live.modifier.get(index), desired.modifier.get(index)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(before), Some(after)) => after >= before,
    };
    match (live.base.as_str(), desired.base.as_str()) {
        ("character varying" | "text", "text") | ("cidr", "inet") => false,
        ("text", "character varying") => !desired.modifier.is_empty(),
        (before, after) if before != after => true,
        ("character varying" | "bit varying", _) => !widens(0),
        ("numeric", _) => {
            !desired.modifier.is_empty() && (!widens(0) || live.modifier.get(1) != desired.modifier.get(1))
        }
        (base, _) if base.starts_with("time") || base.starts_with("interval") => !widens(0),
        _ => live.modifier != desired.modifier,
    }
}

/// Returns how values can change or fail to convert, or nothing when every value survives.
pub(crate) fn loses(from: &str, to: &str) -> Option<String> {
    let (live, desired) = (TypeName::parse(from), TypeName::parse(to));
    let arrow = format!("{from} → {to}");
    if live.array != desired.array {
        return Some(format!("{arrow} changes between array and element"));
    }
    let narrower = |index: usize| match (live.modifier.get(index), desired.modifier.get(index)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before,
    };
    if live.base == desired.base {
        let whole_digits = |name: &TypeName| Some(name.modifier.first()? - name.modifier.get(1).unwrap_or(&0));
        let numeric =
            live.base == "numeric" && whole_digits(&desired) < whole_digits(&live) && !desired.modifier.is_empty();
        return (narrower(0) || narrower(1) || numeric).then(|| format!("{arrow} narrows values"));
    }
    let order = ["smallint", "integer", "bigint", "numeric"];
    let rank = |name: &str| order.iter().position(|known| *known == name);
    if let (Some(before), Some(after)) = (rank(&live.base), rank(&desired.base)) {
        return (after < before || (after == 3 && !desired.modifier.is_empty()))
            .then(|| format!("{arrow} narrows values"));
    }
    let safe = match (live.base.as_str(), desired.base.as_str()) {
        (_, "text") | ("real", "double precision") | ("cidr", "inet") | ("date", "timestamp without time zone") => true,
        (before, after) if number_as_uuid::to_uuid(before, after) => true,
        ("text", "character varying") => desired.modifier.is_empty(),
        ("character", "character varying") => !narrower(0),
        ("smallint", "real" | "double precision") | ("integer", "double precision") => true,
        _ => false,
    };
    (!safe).then(|| format!("{arrow} may fail or change values"))
}

/// Tells whether a value is the same number afterwards, or refused.
pub(crate) fn is_of_numbers(from: &str, to: &str) -> bool {
    [from, to].iter().all(|name| number_as_uuid::NUMBERS.contains(name))
}

/// Returns how values become others where they are not the same numbers afterwards, or refused, or nothing where none does.
pub(crate) fn alters(from: &str, to: &str) -> Option<String> {
    let is_exact = is_of_numbers(from, to) || number_as_uuid::between(from, to);
    loses(from, to).filter(|_| !is_exact)
}

/// Tells whether the time zone of the session decides what a value becomes, and whether the table is written anew.
pub(crate) fn reads_time_zone(from: &str, to: &str) -> bool {
    let [live, desired] = [from, to].map(|name| TypeName::parse(name).base);
    let is_zoned = |name: &str| name.ends_with("with time zone");
    let is_bare = |name: &str| name.ends_with("without time zone") || name == "date";
    (is_zoned(&live) && is_bare(&desired)) || (is_bare(&live) && is_zoned(&desired))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_type_names_apart() {
        assert_eq!(base("numeric(10,2)[]"), "numeric[]");
        assert_eq!(base("timestamp(3) without time zone"), "timestamp without time zone");
        assert_eq!(base("public.\"odd(type)\""), "public.\"odd(type)\"");
    }

    #[test]
    fn knows_what_rewrites() {
        for (from, to, expected) in [
            ("character varying(10)", "character varying(20)", false),
            ("character varying(20)", "character varying(10)", true),
            ("character varying(20)", "text", false),
            ("text", "character varying", false),
            ("text", "character varying(9)", true),
            ("numeric(10,2)", "numeric(12,2)", false),
            ("numeric(10,2)", "numeric(12,3)", true),
            ("numeric(10,2)", "numeric", false),
            ("integer", "bigint", true),
            (
                "timestamp(3) without time zone",
                "timestamp(6) without time zone",
                false,
            ),
            ("integer", "integer[]", true),
        ] {
            assert_eq!(rewrites(from, to), expected, "{from} → {to}");
        }
    }

    #[test]
    fn knows_what_loses() {
        for (from, to, expected) in [
            ("integer", "bigint", false),
            ("bigint", "integer", true),
            ("text", "character varying(9)", true),
            ("character varying(9)", "text", false),
            ("numeric(10,2)", "numeric(10,4)", true),
            ("numeric(10,2)", "numeric(12,4)", false),
            ("uuid", "text", false),
            ("text", "uuid", true),
            ("integer", "uuid", false),
            ("uuid", "bigint", true),
        ] {
            assert_eq!(loses(from, to).is_some(), expected, "{from} → {to}");
        }
    }
}
