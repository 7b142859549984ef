//! The last change of one object that the ledger knows of.

use postgres::types::Type;
use postgres::{Client, Row};
use serde::Serialize;
use serde_json::{Value, json};

use super::version;
use crate::catalog::Identity;
use crate::db::Server;
use crate::error::Result;

/// Most statements that are returned.
const MOST_STATEMENTS: i64 = 20;

/// What an execution did to one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastChange {
    /// Number of the execution.
    pub execution: i64,
    /// `apply` or `rollback`.
    pub kind: String,
    /// How far the execution came.
    pub status: String,
    /// Start, in UTC.
    pub started_at: String,
    /// Role that ran it.
    pub role: String,
    /// Statements that carried the change out, and what came with it.
    pub statements: Vec<String>,
}

/// Returns the newest execution that changed an object.
pub fn last_change(client: &mut Client, server: &Server, object: &Identity) -> Result<Option<LastChange>> {
    if version::version(client, server)?.is_none() {
        return Ok(None);
    }
    let explained = |error| version::explain(error, server, true);
    let wanted: Value = json!(object);
    let row = client
        .query_typed_opt(
            "SELECT e.id, e.kind, e.status, e.role,
                    pg_catalog.to_char(e.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
             FROM trueup.execution e
             WHERE EXISTS (SELECT FROM jsonb_array_elements(e.plan -> 'changes') c WHERE c -> 'object' = $1)
             ORDER BY e.id DESC LIMIT 1",
            &[(&wanted, Type::JSONB)],
        )
        .map_err(explained)?;
    let Some(row) = row else { return Ok(None) };
    let execution: i64 = row.try_get(0)?;
    let statements = client
        .query_typed(
            "SELECT s.sql FROM trueup.statement s JOIN trueup.execution e ON e.id = s.execution
             WHERE e.id = $1 AND EXISTS (
                 SELECT FROM jsonb_array_elements(
                     coalesce(e.steps, e.plan -> CASE e.kind WHEN 'apply' THEN 'forward' ELSE 'rollback' END)
                         -> s.step -> 'changes') c
                 WHERE c -> 'object' = $2)
             ORDER BY s.ordinal LIMIT $3",
            &[
                (&execution, Type::INT8),
                (&wanted, Type::JSONB),
                (&MOST_STATEMENTS, Type::INT8),
            ],
        )
        .map_err(explained)?;
    Ok(Some(LastChange {
        execution,
        kind: row.try_get(1)?,
        status: row.try_get::<_, String>(2)?.replace('_', " "),
        role: row.try_get(3)?,
        started_at: row.try_get(4)?,
        statements: statements
            .iter()
            .map(|row: &Row| Ok(row.try_get(0)?))
            .collect::<Result<_>>()?,
    }))
}
