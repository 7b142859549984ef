//! Options of foreign-data objects: `name=value` lists. Secrets among them are never read out of the database; they are
//! neither compared nor written, and what a statement does not name stays as it is.

use postgres::Row;

use crate::catalog::quote::{ident, literal};
use crate::error::Result;

/// Words that name an option whose value is a secret.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "access_key",
    "api_key",
];

/// Returns the SQL that leaves secrets out of a `text[]` of options, on the server already.
pub(super) fn column(options: &str) -> String {
    let secret: Vec<String> = SECRETS
        .iter()
        .map(|word| {
            format!(
                "pg_catalog.split_part(o, '=', 1) NOT ILIKE {}",
                literal(&format!("%{word}%"))
            )
        })
        .collect();
    format!(
        "(SELECT array_agg(o ORDER BY o) FROM pg_catalog.unnest({options}) o WHERE {})",
        secret.join(" AND ")
    )
}

/// Reads what [`column`] selected.
pub(super) fn read(row: &Row, name: &str) -> Result<Vec<String>> {
    Ok(row.try_get::<_, Option<Vec<String>>>(name)?.unwrap_or_default())
}

fn split(option: &str) -> (&str, &str) {
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
    let has = |list: &[String], name: &str| list.iter().any(|option| split(option).0 == name);
    let gone = live
        .iter()
        .map(|option| split(option).0)
        .filter(|name| !has(desired, name));
    let mut parts: Vec<String> = gone.map(|name| format!("DROP {}", ident(name))).collect();
    for option in desired.iter().filter(|option| !live.contains(option)) {
        let verb = if has(live, split(option).0) { "SET" } else { "ADD" };
        parts.push(format!("{verb} {}", said(option)));
    }
    (!parts.is_empty()).then(|| format!("OPTIONS ({})", parts.join(", ")))
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
