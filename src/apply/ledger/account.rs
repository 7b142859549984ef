//! One execution told whole, for people and programs.

use postgres::Client;
use postgres::types::{Json, Type};
use serde::Serialize;

use super::read::{SUMMARY, summary, unknown};
use super::record::ExecutionSummary;
use super::snapshots::{self, SnapshotFacts};
use super::version;
use crate::apply::advisory;
use crate::apply::checks::Checked;
use crate::apply::event::Kept;
use crate::db::{Server, Url};
use crate::error::Result;

/// First version of the ledger that knows who, where and why.
const SINCE: i32 = 3;

/// Everything that the ledger says about one execution, but for the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: ExecutionSummary,
    /// Machine.
    pub host: Option<String>,
    /// Account on that machine.
    pub person: Option<String>,
    /// Reason that was given.
    pub reason: Option<String>,
    /// Safeguards that were overridden.
    pub overrides: Vec<String>,
    /// Backup that was made before.
    pub backup: Option<Kept>,
    /// What the checks after it said.
    pub checks: Option<Vec<Checked>>,
    /// Snapshot of the schema after it.
    pub snapshot: Option<SnapshotFacts>,
    /// Findings that needed an approval, and who gave it.
    pub approvals: Vec<Approved>,
    /// Its statements in order.
    pub statements: Vec<Ran>,
}

/// A finding that needed an approval, and got one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// Code of the rule.
    pub code: String,
    /// Object.
    pub object: String,
    /// Grade.
    pub risk: String,
    /// What approved it.
    pub given: String,
    /// Account on the machine.
    pub person: Option<String>,
    /// Role.
    pub role: String,
    /// When, in UTC.
    pub given_at: String,
    /// Why.
    pub reason: Option<String>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ran {
    /// Place in the execution, from 0.
    pub ordinal: i32,
    /// Index of its step.
    pub step: i32,
    /// SQL.
    pub sql: String,
    /// How far it came.
    pub status: String,
    /// How long it took, in milliseconds.
    pub millis: Option<f64>,
    /// What stopped it.
    pub error: Option<String>,
    /// SQLSTATE of that.
    pub sqlstate: Option<String>,
}

/// Tells an execution whole.
pub fn account(url: &Url, id: i64) -> Result<Account> {
    let mut client = advisory::reader(url)?;
    let server = Server::read(&mut client)?;
    let version = version::version(&mut client, &server)?.ok_or_else(|| unknown(id))?;
    let explained = |error| version::explain(error, &server, true);
    let at_work = advisory::holder(&mut client)?;
    let sql = format!("SELECT {SUMMARY} FROM trueup.execution e WHERE e.id = $1");
    let row = client.query_typed_opt(&sql, &[(&id, Type::INT8)]).map_err(explained)?;
    let row = row.ok_or_else(|| unknown(id))?;
    let mut out = Account {
        summary: summary(&row, at_work.as_ref())?,
        host: None,
        person: None,
        reason: None,
        overrides: Vec::new(),
        backup: None,
        checks: None,
        snapshot: None,
        approvals: Vec::new(),
        statements: statements(&mut client, id)?,
    };
    if version < SINCE {
        return Ok(out);
    }
    let row = client.query_typed_one(
        "SELECT host, person, reason, overrides, backup, checks FROM trueup.execution WHERE id = $1",
        &[(&id, Type::INT8)],
    )?;
    out.host = row.try_get(0)?;
    out.person = row.try_get(1)?;
    out.reason = row.try_get(2)?;
    out.overrides = row.try_get::<_, Json<Vec<String>>>(3)?.0;
    out.backup = row.try_get::<_, Option<Json<Kept>>>(4)?.map(|Json(backup)| backup);
    out.checks = row
        .try_get::<_, Option<Json<Vec<Checked>>>>(5)?
        .map(|Json(checks)| checks);
    out.approvals = approvals(&mut client, id)?;
    if version >= version::SNAPSHOTS_SINCE {
        out.snapshot = snapshots::facts(&mut client, id)?;
    }
    Ok(out)
}

/// Returns the backup that was made before an execution, and which safeguards were overridden.
pub(in crate::apply) fn backup(client: &mut Client, id: i64) -> Result<(Option<Kept>, Vec<String>)> {
    let row = client.query_typed_one(
        "SELECT pg_catalog.to_jsonb(e) -> 'backup', coalesce(pg_catalog.to_jsonb(e) -> 'overrides', '[]')
         FROM trueup.execution e WHERE e.id = $1",
        &[(&id, Type::INT8)],
    )?;
    // In a row, what is null is a null of JSON.
    let backup = row
        .try_get::<_, Option<Json<Option<Kept>>>>(0)?
        .and_then(|Json(backup)| backup);
    Ok((backup, row.try_get::<_, Json<Vec<String>>>(1)?.0))
}

fn approvals(client: &mut Client, id: i64) -> Result<Vec<Approved>> {
    let rows = client.query_typed(
        "SELECT code, object, risk, given, person, role,
                pg_catalog.to_char(given_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), reason
         FROM trueup.approval WHERE execution = $1 ORDER BY code, object",
        &[(&id, Type::INT8)],
    )?;
    let approved = rows.iter().map(|row| {
        Ok(Approved {
            code: row.try_get(0)?,
            object: row.try_get(1)?,
            risk: row.try_get(2)?,
            given: row.try_get(3)?,
            person: row.try_get(4)?,
            role: row.try_get(5)?,
            given_at: row.try_get(6)?,
            reason: row.try_get(7)?,
        })
    });
    approved.collect()
}

fn statements(client: &mut Client, id: i64) -> Result<Vec<Ran>> {
    let rows = client.query_typed(
        "SELECT ordinal, step, sql, status, error, sqlstate,
                (extract(epoch FROM finished_at - started_at) * 1000)::float8
         FROM trueup.statement WHERE execution = $1 ORDER BY ordinal",
        &[(&id, Type::INT8)],
    )?;
    let ran = rows.iter().map(|row| {
        Ok(Ran {
            ordinal: row.try_get(0)?,
            step: row.try_get(1)?,
            sql: row.try_get(2)?,
            status: row.try_get(3)?,
            error: row.try_get(4)?,
            sqlstate: row.try_get(5)?,
            millis: row.try_get(6)?,
        })
    });
    ran.collect()
}
