//! Nothing of `pg_catalog` is lost in silence: every column of every system table, on each supported major, is read by the
//! query of a kind or listed in `fixtures/catalog_columns.txt` with the reason why it needs no reading.

use std::collections::{BTreeMap, BTreeSet};

use trueup::db::Server;
use trueup::kinds::{Present, readers};

use crate::support::{Database, servers};

/// Reasons by column (`pg_class.relpages`) or by table (`pg_class.*`).
fn listed() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string("fixtures/catalog_columns.txt").unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (column, reason) = line.split_once(": ").unwrap_or_else(|| panic!("no reason: {line}"));
            (column.to_owned(), reason.to_owned())
        })
        .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect()
}

fn columns(server: &str) -> Vec<(String, String)> {
    let database = Database::new(server);
    let rows = database.connect().query(
        "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY 1, a.attnum",
        &[],
    );
    rows.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
fn every_column_of_the_catalogs_is_read_or_left_out_for_a_reason() {
    let listed = listed();
    let mut used = BTreeSet::new();
    let mut lost = BTreeSet::new();
    let mut needless = BTreeSet::new();
    for (major, server) in servers() {
        let version = Server {
            version_num: i32::try_from(major).unwrap() * 10_000,
            superuser: true,
            ..Server::default()
        };
        let queries: Vec<String> = readers()
            .iter()
            .map(|reader| (reader.query)(&version, &Present::everything()))
            .collect();
        let queries: Vec<BTreeSet<&str>> = queries.iter().map(|query| words(query)).collect();
        for (table, column) in columns(&server) {
            let name = format!("{table}.{column}");
            let whole = format!("{table}.*");
            let is_read = queries
                .iter()
                .any(|words| words.contains(table.as_str()) && words.contains(column.as_str()));
            let entry = [&name, &whole].into_iter().find(|entry| listed.contains_key(*entry));
            match entry.cloned() {
                Some(entry) if is_read => _ = needless.insert(entry),
                Some(entry) => _ = used.insert(entry),
                None if is_read => {}
                None => _ = lost.insert(format!("{major}: {name}")),
            }
        }
    }
    assert!(lost.is_empty(), "neither read nor listed:\n{lost:#?}");
    needless.retain(|entry| !entry.ends_with(".*") && !used.contains(entry));
    assert!(needless.is_empty(), "listed though a kind reads it:\n{needless:#?}");
    if servers().len() == 5 {
        let stale: Vec<&String> = listed.keys().filter(|entry| !used.contains(*entry)).collect();
        assert!(stale.is_empty(), "listed, but no server has it unread:\n{stale:#?}");
    }
}
