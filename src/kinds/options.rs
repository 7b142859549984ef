//! Storage parameters and view options: `name=value` lists as `reloptions` holds them.

use super::Row;
use crate::catalog::quote::{ident, literal};
use crate::error::Result;

/// Options of a column `a` that were set, an expression; null for none. Since the minor versions of November 2026,
/// PostgreSQL keeps a version of each column among them, which is nobody's: `pg_dump` leaves it out too.
pub(super) const OF_COLUMN: &str = "CASE WHEN pg_catalog.cardinality(a.attoptions) > 1
              OR NOT pg_catalog.starts_with(a.attoptions[1], 'pg_attver=')
         THEN nullif(ARRAY(SELECT o FROM pg_catalog.unnest(a.attoptions) o
                           WHERE NOT pg_catalog.starts_with(o, 'pg_attver=')), '{}'::text[]) END";

/// Reads a `text[]` of options in the order in which they were set, so that they are said again as people said them.
pub(super) fn read(row: &Row, column: &str) -> Result<Vec<String>> {
    Ok(row.try_get::<_, Option<Vec<String>>>(column)?.unwrap_or_default())
}

/// Returns options in an order that is no difference.
pub(super) fn significant(mut options: Vec<String>) -> Vec<String> {
    options.sort();
    options
}

/// Returns ` WITH (name = 'value', …)`, or nothing for no options.
pub(super) fn with_clause(options: &[String]) -> String {
    if options.is_empty() {
        return String::new();
    }
    format!(" WITH ({})", list(options))
}

/// Returns `name = 'value', …`.
pub(super) fn list<'a>(options: impl IntoIterator<Item = &'a String>) -> String {
    let parts: Vec<String> = options.into_iter().map(|option| assignment(option)).collect();
    parts.join(", ")
}

/// Returns the actions `SET (…)` and `RESET (…)` that turn one list into another.
pub(super) fn changes(live: &[String], desired: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let set: Vec<&String> = desired.iter().filter(|option| !live.contains(option)).collect();
    if !set.is_empty() {
        out.push(format!("SET ({})", list(set)));
    }
    let kept: Vec<&str> = desired.iter().map(|option| name(option)).collect();
    let reset: Vec<String> = live
        .iter()
        .map(|option| name(option))
        .filter(|name| !kept.contains(name))
        .map(option_name)
        .collect();
    if !reset.is_empty() {
        out.push(format!("RESET ({})", reset.join(", ")));
    }
    out
}

fn name(option: &str) -> &str {
    option.split_once('=').map_or(option, |(name, _)| name)
}

fn option_name(name: &str) -> String {
    name.split('.').map(ident).collect::<Vec<_>>().join(".")
}

fn assignment(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !value.is_empty() => {
            format!("{}={value}", option_name(name))
        }
        Some((name, value)) => format!("{}={}", option_name(name), literal(value)),
        None => option_name(option),
    }
}

/// Returns options as PostgreSQL deparses them in definitions (`fillfactor='70', fastupdate=off`).
pub(super) fn deparsed(options: &[String]) -> String {
    let parts: Vec<String> = options
        .iter()
        .map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = if ident(value) == value {
                value.to_owned()
            } else {
                literal(value)
            };
            format!("{}={value}", ident(name))
        })
        .collect();
    parts.join(", ")
}
