//! What is in quarantine, since when, and its end.

use std::collections::BTreeMap;

use pg_query::NodeEnum;
use postgres::Client;
use serde::Serialize;

use crate::catalog::quote::{ident, qualified};
use crate::db::Url;
use crate::error::Result;

/// A table in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Schema of quarantine.
    pub schema: String,
    /// Name there.
    pub name: String,
    /// Size in bytes.
    pub bytes: i64,
    /// Whole seconds since it was put there, and when that was, in UTC; none where the ledger does not know.
    pub since: Option<(i64, String)>,
    /// Execution that put it there.
    pub execution: Option<i64>,
    /// Whether that execution has not ended, or is half rolled back: it may need the rows at any moment.
    pub in_use: bool,
}

/// Returns what is in quarantine, oldest first.
pub fn list(url: &Url) -> Result<Vec<Kept>> {
    let mut client = url.connect()?;
    let known = known(&mut client)?;
    let rows = client.query_typed(
        "SELECT n.nspname::text, c.relname::text, pg_catalog.pg_total_relation_size(c.oid)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname ~ '^trueup_quarantine' AND c.relkind = 'r' ORDER BY 1, 2",
        &[],
    )?;
    let mut out = Vec::new();
    for row in rows {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let put = known.get(&(schema.clone(), name.clone())).cloned();
        out.push(Kept {
            schema,
            name,
            bytes: row.try_get(2)?,
            since: put.as_ref().map(|put| (put.age, put.at.clone())),
            in_use: put.as_ref().is_some_and(|put| put.in_use),
            execution: put.map(|put| put.execution),
        });
    }
    out.sort_by_key(|kept| std::cmp::Reverse(kept.since.as_ref().map(|(age, _)| *age)));
    Ok(out)
}

/// What the ledger knows of something that was put into quarantine.
#[derive(Debug, Clone)]
struct Put {
    execution: i64,
    /// Whole seconds since then.
    age: i64,
    /// When, in UTC.
    at: String,
    in_use: bool,
}

/// By schema and name.
type Known = BTreeMap<(String, String), Put>;

/// Returns what the ledger knows.
fn known(client: &mut Client) -> Result<Known> {
    let has_ledger = client.query_typed_opt(
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'trueup' AND c.relname = 'statement'",
        &[],
    )?;
    if has_ledger.is_none() {
        return Ok(Known::new());
    }
    let rows = client.query_typed(
        "SELECT s.sql, s.execution, extract(epoch FROM pg_catalog.now() - s.finished_at)::int8,
                pg_catalog.to_char(s.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                CASE e.status WHEN 'rolled_back' THEN false
                     WHEN 'succeeded' THEN EXISTS (SELECT FROM trueup.execution r
                                                   WHERE r.of_execution = e.id AND r.status <> 'succeeded')
                     ELSE true END
         FROM trueup.statement s JOIN trueup.execution e ON e.id = s.execution
         WHERE s.status = 'done' AND s.direction = 'forward' AND pg_catalog.strpos(s.sql, 'trueup_quarantine') > 0
         ORDER BY s.finished_at",
        &[],
    )?;
    let mut out = Known::new();
    for row in rows {
        if let Some(place) = place(row.try_get(0)?) {
            let put = Put {
                execution: row.try_get(1)?,
                age: row.try_get(2)?,
                at: row.try_get(3)?,
                in_use: row.try_get(4)?,
            };
            out.insert(place, put);
        }
    }
    Ok(out)
}

/// Returns where a statement puts something.
fn place(sql: &str) -> Option<(String, String)> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    match parsed.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()? {
        NodeEnum::AlterObjectSchemaStmt(moved) => {
            Some((moved.newschema.clone(), moved.relation.as_ref()?.relname.clone()))
        }
        NodeEnum::CreateTableAsStmt(copied) => {
            let table = copied.into.as_ref()?.rel.as_ref()?;
            Some((table.schemaname.clone(), table.relname.clone()))
        }
        // What takes the old values of a column that changes in stages.
        NodeEnum::CreateStmt(made) => {
            let table = made.relation.as_ref()?;
            Some((table.schemaname.clone(), table.relname.clone()))
        }
        _ => None,
    }
}

/// Drops tables of quarantine, each in a transaction of its own; rows are gone then.
pub fn purge(url: &Url, kept: &[Kept]) -> Result<()> {
    let mut client = url.connect()?;
    for one in kept {
        client.batch_execute(&format!(
            "BEGIN; SET LOCAL lock_timeout = '5s'; DROP TABLE {}; COMMIT",
            qualified([&one.schema, &one.name])
        ))?;
        // What still holds something stays; nobody minds an empty schema.
        let _ = client.batch_execute(&format!("DROP SCHEMA {}", ident(&one.schema)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_where_they_put_things() {
        let found = |sql: &str| place(sql).map(|(schema, name)| format!("{schema}/{name}"));
        assert_eq!(
            found("ALTER TABLE shop.\"Old\" SET SCHEMA trueup_quarantine").as_deref(),
            Some("trueup_quarantine/Old")
        );
        assert_eq!(
            found("CREATE TABLE trueup_quarantine_2.\"a.b.c\" AS SELECT id FROM a.b").as_deref(),
            Some("trueup_quarantine_2/a.b.c")
        );
        assert_eq!(
            found("CREATE TABLE trueup_quarantine.\"a.b.c\" (id uuid, old text)").as_deref(),
            Some("trueup_quarantine/a.b.c")
        );
        assert_eq!(found("CREATE SCHEMA IF NOT EXISTS trueup_quarantine"), None);
    }
}
