//! Options of foreign-data objects: `name=value` lists. A secret among them never leaves the server: a mark stands for it.

use super::{Loss, Row, Statement, secret};
use crate::catalog::quote::{ident, literal};
use crate::error::Result;

/// Returns the SQL that puts marks in the place of secrets in a `text[]` of options, on the server already.
pub(super) fn column(options: &str) -> String {
    format!(
        "(SELECT array_agg(CASE WHEN {} THEN p.name || '=' || {} ELSE o END)
          FROM pg_catalog.unnest({options}) o,
               LATERAL (SELECT pg_catalog.split_part(o, '=', 1) AS name,
                               pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1) AS value) p)",
        secret::is_secret_sql("p.name"),
        secret::mark_sql("p.name", "p.value"),
    )
}

/// Reads what [`column`] selected.
pub(super) fn read(row: &Row, name: &str) -> Result<Vec<String>> {
    let mut options = row.try_get::<_, Option<Vec<String>>>(name)?.unwrap_or_default();
    options.sort();
    Ok(options)
}

/// Returns name and value of an option.
pub(super) fn split(option: &str) -> (&str, &str) {
    option.split_once('=').unwrap_or((option, ""))
}

fn said(option: &str) -> String {
    let (name, value) = split(option);
    format!("{} {}", ident(name), literal(value))
}

/// Returns ` OPTIONS (name 'value', …)`, or nothing for no options.
pub(super) fn clause(options: &[String]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = options.iter().map(|option| said(option)).collect();
    format!(" OPTIONS ({})", parts.join(", "))
}

/// Returns `OPTIONS (ADD …, SET …, DROP …)` that turns one list into another.
pub(super) fn change(live: &[String], desired: &[String]) -> Option<String> {
    let gone = live
        .iter()
        .map(|option| split(option).0)
        .filter(|name| !names(desired, name));
    let mut parts: Vec<String> = gone.map(|name| format!("DROP {}", ident(name))).collect();
    for option in desired.iter().filter(|option| !live.contains(option)) {
        let verb = if names(live, split(option).0) { "SET" } else { "ADD" };
        parts.push(format!("{verb} {}", said(option)));
    }
    (!parts.is_empty()).then(|| format!("OPTIONS ({})", parts.join(", ")))
}

/// States which secrets of `live` are not in `desired`: nobody but the server knows them.
pub(super) fn forgets(statement: Statement, live: &[String], desired: &[String]) -> Statement {
    let lost = live.iter().filter(|option| !desired.contains(option));
    let lost: Vec<&str> = lost
        .map(|option| split(option))
        .filter(|(_, value)| secret::is_mark(value))
        .map(|(name, _)| name)
        .collect();
    if lost.is_empty() {
        return statement;
    }
    statement.loses(Loss::Secret(format!("the value of option {}", lost.join(", "))))
}

fn names(options: &[String], name: &str) -> bool {
    options.iter().any(|option| split(option).0 == name)
}

/// Takes the secrets that are not declared over from the live object.
pub(super) fn keep_secrets(desired: &mut Vec<String>, live: &[String]) {
    let kept = live.iter().filter(|option| {
        let (name, value) = split(option);
        secret::is_mark(value) && !names(desired, name)
    });
    let kept: Vec<String> = kept.cloned().collect();
    desired.extend(kept);
    desired.sort();
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_one_list_into_another() {
        let list = |options: &[&str]| -> Vec<String> { options.iter().map(|o| (*o).to_owned()).collect() };
        let (live, desired) = (list(&["a=1", "b=2", "c=x=y"]), list(&["b=3", "c=x=y", "D=it's"]));
        assert_eq!(
            change(&live, &desired).as_deref(),
            Some("OPTIONS (DROP a, SET b '3', ADD \"D\" 'it''s')")
        );
        assert_eq!(change(&live, &live), None);
        assert_eq!(clause(&live), " OPTIONS (a '1', b '2', c 'x=y')");
        assert_eq!(clause(&[]), "");
    }
}
