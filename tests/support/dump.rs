//! `pg_dump --schema-only` as an independent observer: what it says of a database, in a form that can be compared.

use std::env;
use std::process::Command;

/// Returns the statements of a schema dump, sorted; none where there is no `pg_dump` of `PostgreSQL` 18.
///
/// Left out is what belongs to the session; the columns in `CREATE TABLE` are sorted, since no column can be moved.
pub(crate) fn pg_dump(url: &str) -> Option<Vec<String>> {
    let program = env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty())?;
    let done = Command::new(program)
        .args(["--schema-only", "--exclude-schema=trueup*", "--restrict-key=test", url])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(normal(&String::from_utf8(done.stdout).unwrap()))
}

fn normal(dump: &str) -> Vec<String> {
    let lines = dump.lines().filter(|line| !line.starts_with('\\'));
    let sql: String = lines.flat_map(|line| [line, "\n"]).collect();
    let statements = pg_query::split_with_parser(&sql).unwrap();
    let mut out: Vec<String> = statements
        .iter()
        .map(|statement| without_comments(statement))
        .filter(|statement| !statement.starts_with("SET ") && !statement.starts_with("SELECT pg_catalog.set_config("))
        .map(|statement| with_sorted_columns(&statement))
        .collect();
    out.sort();
    out
}

/// Removes the comments that stand above a statement.
fn without_comments(statement: &str) -> String {
    let lines = statement
        .lines()
        .skip_while(|line| line.is_empty() || line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

fn with_sorted_columns(statement: &str) -> String {
    let is_table = ["CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE FOREIGN TABLE "]
        .iter()
        .any(|start| statement.starts_with(start));
    match (statement.split_once(" (\n"), statement.rfind("\n)")) {
        (Some((head, body)), Some(end)) if is_table && end > head.len() + 2 => {
            let length = end - head.len() - 3;
            let mut columns: Vec<&str> = body[..length].split(",\n").collect();
            columns.sort_unstable();
            format!("{head} (\n{}{}", columns.join(",\n"), &body[length..])
        }
        _ => statement.to_owned(),
    }
}
