//! Setting that a routine carries (`SET name TO value`), from PostgreSQL's stored `name=value`.

use crate::catalog::quote::{ident, literal, qualified};

/// Settings whose value is a list of quoted names, which must not be written as one string (`GUC_LIST_QUOTE`).
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Returns the `SET` clause of one stored setting.
pub(super) fn clause(setting: &str) -> String {
    let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
    let value = match parts(name, value) {
        Some(parts) => parts.iter().map(|part| literal(part)).collect::<Vec<_>>().join(", "),
        None => literal(value),
    };
    format!("SET {} TO {value}", qualified(name.split('.')))
}

/// Returns the names of a setting whose value is a list of names.
pub(crate) fn parts(parameter: &str, value: &str) -> Option<Vec<String>> {
    let is_list = LISTS.contains(&parameter.to_ascii_lowercase().as_str());
    is_list.then(|| split(value))
}

/// Returns the value that is stored for a list.
pub(crate) fn of_parts<'a>(parameter: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let is_list = parts(parameter, "").is_some();
    let quoted = values
        .into_iter()
        .map(|part| if is_list { ident(part) } else { part.to_owned() });
    quoted.collect::<Vec<_>>().join(", ")
}

/// Splits a stored list at its commas; parts may stand in double quotes. An empty list is one empty name.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(last) = parts.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                last.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            _ if !quoted && character.is_whitespace() => {}
            _ => last.push(character),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_lists_and_plain_values() {
        for (stored, sql) in [
            ("search_path=public, pg_temp", "SET search_path TO 'public', 'pg_temp'"),
            ("search_path=\"\"", "SET search_path TO ''"),
            (
                "search_path=\"$user\", \"a,\"\"b\"",
                "SET search_path TO '$user', 'a,\"b'",
            ),
            ("work_mem=64MB", "SET work_mem TO '64MB'"),
            ("app.Tenant=a=b", "SET app.\"Tenant\" TO 'a=b'"),
        ] {
            assert_eq!(clause(stored), sql);
        }
    }
}
