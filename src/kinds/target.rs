//! What a comment, an owner or a grant is attached to: how rows of queries over [`super::sources`] name it, and how SQL
//! does.

use super::{Kind, Row};
use crate::catalog::{
    Addresses, Identity, Name,
    quote::{ident, qualified},
};
use crate::error::Result;

/// Returns the kind of a row's `words`, if it is modelled.
pub(super) fn kind(row: &Row) -> Result<Option<Kind>> {
    let words: Option<String> = row.try_get("words")?;
    Ok(words.and_then(|words| Kind::ALL.iter().copied().find(|kind| kind.words() == words)))
}

/// Returns the object that a row is attached to (columns `words` and `path`), if its kind is modelled.
pub(super) fn identity(row: &Row) -> Result<Option<Identity>> {
    let path: Vec<String> = row.try_get("path")?;
    Ok(kind(row)?.map(|kind| Identity::new(kind, path)))
}

/// Returns the modelled object that stands at a row's address (columns `class`, `oid` and `sub`), or that holds it.
pub(super) fn holder(row: &Row, addresses: &Addresses) -> Result<Option<Identity>> {
    let address = addresses.resolve(row.try_get("class")?, row.try_get("oid")?, row.try_get("sub")?);
    Ok(address.cloned())
}

/// Returns the path of something attached: the target's kind in snake case, then the target's path.
pub(super) fn attached_path(target: &Identity) -> Vec<String> {
    let mut path = vec![target.kind.words().replace([' ', '-'], "_")];
    path.extend(target.path.to_strings());
    path
}

/// Returns the word that SQL says before the name of an object.
pub(super) fn sql_word(kind: Kind) -> String {
    match kind.words() {
        "enum" | "range type" | "composite type" | "base type" | "shell type" => "TYPE".to_owned(),
        "check constraint" | "key" | "foreign key" | "not-null constraint" | "domain constraint" => {
            "CONSTRAINT".to_owned()
        }
        "extended statistics" => "STATISTICS".to_owned(),
        "foreign-data wrapper" => "FOREIGN DATA WRAPPER".to_owned(),
        "foreign server" => "SERVER".to_owned(),
        words => words.to_uppercase(),
    }
}

/// Returns the name of an object as SQL says it behind [`sql_word`].
pub(super) fn sql_name(identity: &Identity) -> String {
    let path: Vec<&str> = identity.path.iter().map(Name::as_str).collect();
    match (identity.kind.words(), path.as_slice()) {
        ("function" | "procedure" | "aggregate", [schema, signature]) => {
            let (name, arguments) = split_signature(signature);
            format!("{}({arguments})", qualified([*schema, name]))
        }
        ("operator", [schema, signature]) => {
            let (name, operands) = split_signature(signature);
            format!("{}.{name} ({operands})", ident(schema))
        }
        ("operator class" | "operator family", [schema, name, method]) => {
            format!("{} USING {}", qualified([*schema, *name]), ident(method))
        }
        ("domain constraint", [schema, domain, name]) => {
            format!("{} ON DOMAIN {}", ident(name), qualified([*schema, *domain]))
        }
        (
            "check constraint" | "key" | "foreign key" | "not-null constraint" | "trigger" | "policy" | "rule",
            [schema, table, name],
        ) => format!("{} ON {}", ident(name), qualified([*schema, *table])),
        ("cast", [from, to]) => format!("({from} AS {to})"),
        ("transform", [data_type, language]) => format!("FOR {data_type} LANGUAGE {}", ident(language)),
        _ => qualified(path),
    }
}

/// Returns word and name of an object as `COMMENT ON` and `ALTER` say them.
pub(super) fn sql_target(identity: &Identity) -> String {
    let name = sql_name(identity);
    // COMMENT ON AGGREGATE and ALTER AGGREGATE say (*) for no arguments; every other statement says ().
    let name = match (identity.kind.words(), name.strip_suffix("()")) {
        ("aggregate", Some(name)) => format!("{name}(*)"),
        _ => name,
    };
    format!("{} {name}", sql_word(identity.kind))
}

/// Splits `name(type, type)` into the name and what is between its last pair of parentheses; type names are quoted, so
/// that theirs do not count.
pub(super) fn split_signature(signature: &str) -> (&str, &str) {
    let Some(inner) = signature.strip_suffix(')') else {
        return (signature, "");
    };
    let (mut depth, mut in_quotes) = (0, false);
    for (at, character) in inner.char_indices().rev() {
        match character {
            '"' => in_quotes = !in_quotes,
            ')' if !in_quotes => depth += 1,
            '(' if !in_quotes && depth == 0 => return (&inner[..at], &inner[at + 1..]),
            '(' if !in_quotes => depth -= 1,
            _ => {}
        }
    }
    (signature, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_signatures() {
        assert_eq!(split_signature("f()"), ("f", ""));
        assert_eq!(split_signature("f(integer, text[])"), ("f", "integer, text[]"));
        assert_eq!(
            split_signature("odd(name(public.\"T(x\")"),
            ("odd(name", "public.\"T(x\"")
        );
        assert_eq!(split_signature("+(NONE, integer)"), ("+", "NONE, integer"));
    }

    #[test]
    fn names_targets_as_sql_does() {
        let target = |kind, path: &[&str]| sql_target(&Identity::new(kind, path.iter().copied()));
        assert_eq!(target(Kind::Table, &["s", "T"]), "TABLE s.\"T\"");
        assert_eq!(target(Kind::Column, &["s", "t", "order"]), "COLUMN s.t.\"order\"");
        assert_eq!(
            target(Kind::NotNull, &["s", "t", "t_a_not_null"]),
            "CONSTRAINT t_a_not_null ON s.t"
        );
        assert_eq!(target(Kind::Schema, &["s"]), "SCHEMA s");
    }
}
