//! Reads the ledger.

use postgres::types::{Json, ToSql, Type};
use postgres::{Client, Row};

use super::record::{Execution, ExecutionKind, ExecutionStatus, ExecutionSummary, Reached, Snapshot, Status};
use super::version;
use crate::apply::advisory;
use crate::apply::watch::Party;
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::Area;
use crate::plan::{Plan, Step};

/// Columns of a summary; `e` is the execution.
pub(super) const SUMMARY: &str = "e.id, e.kind, e.of_execution, e.status, e.plan_fingerprint, e.tool, e.role,
    pg_catalog.to_jsonb(e) ->> 'environment' AS environment,
    pg_catalog.to_char(e.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS started_at,
    pg_catalog.to_char(e.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS finished_at,
    e.summary, e.error, e.sqlstate,
    (SELECT count(*) FROM trueup.statement s WHERE s.execution = e.id AND s.status = 'done') AS done,
    (SELECT count(*) FROM trueup.statement s WHERE s.execution = e.id) AS statements";

pub(super) fn summary(row: &Row, at_work: Option<&Party>) -> Result<ExecutionSummary> {
    let mut status = ExecutionStatus::parse(row.try_get("status")?);
    let mut error: Option<String> = row.try_get("error")?;
    if status == ExecutionStatus::Running && at_work.is_none() {
        status = ExecutionStatus::Failed;
        error = Some("the program or its connection ended".to_owned());
    }
    Ok(ExecutionSummary {
        id: row.try_get("id")?,
        kind: ExecutionKind::parse(row.try_get("kind")?),
        of_execution: row.try_get("of_execution")?,
        status,
        plan_fingerprint: row.try_get("plan_fingerprint")?,
        tool: row.try_get("tool")?,
        role: row.try_get("role")?,
        environment: row.try_get("environment")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        summary: row.try_get("summary")?,
        done: row.try_get("done")?,
        statements: row.try_get("statements")?,
        error,
        sqlstate: row.try_get("sqlstate")?,
    })
}

/// Returns every execution, newest first; none where there is no ledger.
pub fn history(url: &Url) -> Result<Vec<ExecutionSummary>> {
    Ok(read(url, None)?.1)
}

/// Returns the state of the ledger and its newest execution.
pub fn status(url: &Url) -> Result<Status> {
    let (mut status, newest) = read(url, Some(1))?;
    status.latest = newest.into_iter().next();
    Ok(status)
}

fn read(url: &Url, limit: Option<i64>) -> Result<(Status, Vec<ExecutionSummary>)> {
    let mut client = advisory::reader(url)?;
    let server = Server::read(&mut client)?;
    let mut status = Status {
        ledger_version: version::version(&mut client, &server)?,
        latest: None,
        at_work: advisory::holder(&mut client)?,
    };
    if status.ledger_version.is_none() {
        return Ok((status, Vec::new()));
    }
    let sql = format!("SELECT {SUMMARY} FROM trueup.execution e ORDER BY e.id DESC LIMIT $1");
    let rows = client
        .query_typed(&sql, &[(&limit, Type::INT8)])
        .map_err(|error| version::explain(error, &server, true))?;
    // Read again: an execution that ended in between must not look as if its session were gone.
    status.at_work = status.at_work.or(advisory::holder(&mut client)?);
    let executions = rows.iter().map(|row| summary(row, status.at_work.as_ref()));
    let executions = executions.collect::<Result<_>>()?;
    Ok((status, executions))
}

/// Returns the number and status of the newest execution, of one kind where it is given, that was not rolled back.
pub(in crate::apply) fn newest(
    client: &mut Client,
    kind: Option<ExecutionKind>,
) -> Result<Option<(i64, ExecutionStatus)>> {
    let row = client.query_typed_opt(
        "SELECT id, status FROM trueup.execution
         WHERE status <> 'rolled_back' AND ($1::text IS NULL OR kind = $1) ORDER BY id DESC LIMIT 1",
        &[(&kind.map(ExecutionKind::word), Type::TEXT)],
    )?;
    row.map(|row| Ok((row.try_get(0)?, ExecutionStatus::parse(row.try_get(1)?))))
        .transpose()
}

/// Returns the number of the execution that is paused. Only where [`Server::keeps_paces`] says that the ledger can be read.
pub(crate) fn paused(client: &mut Client) -> Result<Option<i64>> {
    let newest = newest(client, None)?;
    Ok(newest
        .filter(|(_, status)| *status == ExecutionStatus::Paused)
        .map(|(id, _)| id))
}

/// Reads one execution whole. Waits for a backend of a killed session that is still committing.
pub(in crate::apply) fn load(client: &mut Client, id: i64) -> Result<Execution> {
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&id, Type::INT8)];
    let row = client
        .query_typed_opt(
            "SELECT e.kind, e.of_execution, e.status, e.plan, e.steps, e.before,
                    EXISTS (SELECT 1 FROM trueup.execution r WHERE r.of_execution = e.id AND r.status = 'failed')
                        AS half_rolled_back
             FROM trueup.execution e WHERE e.id = $1",
            &parameters,
        )?
        .ok_or_else(|| unknown(id))?;
    let unreadable = |error: postgres::Error| {
        Error::usage(format!(
            "execution {id} was recorded by another version of trueup: {error}"
        ))
        .hint("Use the version that ran it; `trueup history` shows which.")
    };
    let kind = ExecutionKind::parse(row.try_get("kind")?);
    if kind == ExecutionKind::Migrate {
        return Err(Error::usage(format!("execution {id} ran migration files"))
            .hint("`trueup migrate up` goes on with them, `trueup migrate down` takes them back."));
    }
    let Json(plan): Json<Plan> = row.try_get("plan").map_err(unreadable)?;
    Area::manage_those_of(plan.scope.iter().map(|(object, _)| object));
    let steps: Option<Json<Vec<Step>>> = row.try_get("steps").map_err(unreadable)?;
    let before: Option<Json<Snapshot>> = row.try_get("before").map_err(unreadable)?;
    let own = || match kind {
        ExecutionKind::Apply | ExecutionKind::Migrate => plan.forward.clone(),
        ExecutionKind::Rollback => plan.rollback.clone(),
    };
    let statements = client.query_typed(
        "SELECT ordinal, status FROM trueup.statement WHERE execution = $1 FOR UPDATE",
        &parameters,
    )?;
    Ok(Execution {
        id,
        kind,
        of_execution: row.try_get("of_execution")?,
        status: ExecutionStatus::parse(row.try_get("status")?),
        steps: steps.map_or_else(own, |Json(steps)| steps),
        before: before.map(|Json(before)| before).unwrap_or_default(),
        statements: statements
            .iter()
            .map(|row| Ok((row.try_get(0)?, reached(row.try_get(1)?))))
            .collect::<Result<_>>()?,
        half_rolled_back: row.try_get("half_rolled_back")?,
        plan,
    })
}

fn reached(status: &str) -> Reached {
    match status {
        "done" => Reached::Done,
        "running" | "failed" => Reached::Begun,
        _ => Reached::Pending,
    }
}

pub(super) fn unknown(id: i64) -> Error {
    Error::usage(format!("the ledger has no execution {id}")).hint("`trueup history` lists the executions.")
}
