//! Migration files in the ledger: what was applied, and the statements that record it inside the files' transactions.

use std::time::Duration;

use postgres::types::{Json, Type};
use postgres::{Client, Row};
use serde::Serialize;

use super::version;
use crate::apply::event::Record;
use crate::catalog::quote::literal;
use crate::db::Server;
use crate::error::{Error, Result};

/// How a migration came into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// trueup ran it.
    Run,
    /// It was there before: `migrate baseline`.
    Baseline,
    /// Another runner ran it: `migrate import`.
    Import,
}

impl Origin {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Baseline => "baseline",
            Self::Import => "import",
        }
    }
}

/// How far a recorded migration came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was applied.
    Applied,
    /// It stopped part-way, in a file that does not commit at once.
    Partial,
    /// It was rolled back.
    RolledBack,
}

/// A migration as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Number of the row.
    #[serde(skip)]
    pub id: i64,
    /// Version as it was written.
    pub version: String,
    /// Version without the ways of writing it.
    #[serde(skip)]
    pub key: String,
    /// Name.
    pub name: String,
    /// Name of its file; none where another runner applied it and no file says so.
    pub file: Option<String>,
    /// Checksum of the SQL.
    pub checksum: Option<String>,
    /// Checksum of the bytes.
    pub checksum_raw: Option<String>,
    /// Batch.
    pub batch: i32,
    /// How it came here.
    pub origin: Origin,
    /// How far it came.
    pub standing: Standing,
    /// Number of its statements, or of its rollback's while that is at work.
    pub statements: i32,
    /// Those that are done, where it is partial.
    pub done: i32,
    /// Whether the next one was begun.
    #[serde(skip)]
    pub running: bool,
    /// Whether it stopped on the way back.
    pub rolling_back: bool,
    /// Who applied it.
    pub role: String,
    /// When, in UTC.
    pub applied_at: String,
    /// How long it took, in microseconds.
    pub microseconds: Option<i64>,
    /// Execution that applied it.
    pub execution: Option<i64>,
    /// When it was rolled back, in UTC.
    pub rolled_back_at: Option<String>,
    /// Who rolled it back.
    pub rolled_back_by: Option<String>,
    /// Reasons of repairs.
    pub note: Option<String>,
}

const COLUMNS: &str =
    "id, version, version_key, name, file, checksum, checksum_raw, batch, origin, status, statements, done,
    running, rolling_back, role,
    pg_catalog.to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS applied_at,
    microseconds, execution,
    pg_catalog.to_char(rolled_back_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS rolled_back_at,
    rolled_back_by, note";

/// Returns every recorded migration in the order in which they were recorded; none where there is no ledger.
pub(crate) fn read(client: &mut Client, server: &Server) -> Result<Vec<Recorded>> {
    if !version::exists(client, "migration")? {
        return Ok(Vec::new());
    }
    let rows = client
        .query_typed(&format!("SELECT {COLUMNS} FROM trueup.migration ORDER BY id"), &[])
        .map_err(|error| version::explain(error, server, true))?;
    rows.iter().map(recorded).collect()
}

fn recorded(row: &Row) -> Result<Recorded> {
    Ok(Recorded {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        key: row.try_get("version_key")?,
        name: row.try_get("name")?,
        file: row.try_get("file")?,
        checksum: row.try_get("checksum")?,
        checksum_raw: row.try_get("checksum_raw")?,
        batch: row.try_get("batch")?,
        origin: match row.try_get("origin")? {
            "baseline" => Origin::Baseline,
            "import" => Origin::Import,
            _ => Origin::Run,
        },
        standing: match row.try_get("status")? {
            "applied" => Standing::Applied,
            "rolled_back" => Standing::RolledBack,
            _ => Standing::Partial,
        },
        statements: row.try_get("statements")?,
        done: row.try_get("done")?,
        running: row.try_get("running")?,
        rolling_back: row.try_get("rolling_back")?,
        role: row.try_get("role")?,
        applied_at: row.try_get("applied_at")?,
        microseconds: row.try_get("microseconds")?,
        execution: row.try_get("execution")?,
        rolled_back_at: row.try_get("rolled_back_at")?,
        rolled_back_by: row.try_get("rolled_back_by")?,
        note: row.try_get("note")?,
    })
}

/// Returns the rollback of a migration as it was when it was applied.
pub(crate) fn rollback_sql(client: &mut Client, id: i64) -> Result<Option<String>> {
    let row = client.query_typed_one(
        "SELECT rollback_sql FROM trueup.migration WHERE id = $1",
        &[(&id, Type::INT8)],
    )?;
    Ok(row.try_get(0)?)
}

/// What a new row says.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// Version as written, and its key.
    pub(crate) version: (&'a str, String),
    /// Name.
    pub(crate) name: &'a str,
    /// Name of the file.
    pub(crate) file: Option<&'a str>,
    /// Checksums: of the SQL, of the bytes.
    pub(crate) checksums: Option<(&'a str, &'a str)>,
    /// Batch.
    pub(crate) batch: i32,
    /// How it comes here.
    pub(crate) origin: Origin,
    /// Number of its statements.
    pub(crate) statements: usize,
    /// Rollback as it is now.
    pub(crate) rollback_sql: Option<&'a str>,
    /// Execution.
    pub(crate) execution: Option<i64>,
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_owned(), literal)
}

/// Name of the column in which a record tells the time that the server measured.
pub(crate) const MICROSECONDS: &str = "trueup_microseconds";

/// Time that a file took.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Took {
    /// As it was measured here.
    Measured(Duration),
    /// As the server measures it, from the beginning of the transaction.
    SinceBegin,
}

impl Took {
    /// Returns what has the server tell the time that it measured.
    fn returning(self) -> String {
        match self {
            Self::SinceBegin => format!(" RETURNING microseconds AS {MICROSECONDS}"),
            Self::Measured(_) => String::new(),
        }
    }

    /// Returns SQL for it in microseconds.
    fn micros(self) -> String {
        match self {
            Self::Measured(time) => i64::try_from(time.as_micros()).unwrap_or(i64::MAX).to_string(),
            Self::SinceBegin => {
                "(extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.now()) \
                 OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8"
                    .to_owned()
            }
        }
    }
}

impl Entry<'_> {
    /// Returns SQL that records a migration that was applied before: the same row says how it is now.
    pub(crate) fn update(&self, took: Option<Took>) -> String {
        let (normal, raw) = self.checksums.unzip();
        let execution = self
            .execution
            .map_or_else(|| "NULL".to_owned(), |execution| execution.to_string());
        format!(
            "UPDATE trueup.migration SET file = {}, checksum = {}, checksum_raw = {}, batch = {}, origin = {}, status = {}, \
             statements = {}, done = {}, microseconds = {}, execution = {execution}, running = false, role = current_user, \
             applied_at = pg_catalog.clock_timestamp() WHERE {}{}",
            optional(self.file),
            optional(normal),
            optional(raw),
            self.batch,
            literal(self.origin.word()),
            literal(if took.is_some() { "applied" } else { "partial" }),
            self.statements,
            if took.is_some() { self.statements } else { 0 },
            took.map_or_else(|| "NULL".to_owned(), Took::micros),
            of(&self.version.1),
            took.map_or_else(String::new, Took::returning),
        )
    }

    /// Returns SQL that records the migration: as applied with the time that it took, or as begun.
    pub(crate) fn insert(&self, took: Option<Took>) -> String {
        self.insert_at(took, None)
    }

    /// The same with the time at which another runner says that it was applied, and by whom.
    pub(crate) fn insert_at(&self, took: Option<Took>, applied: Option<(&str, Option<&str>)>) -> String {
        let done = took.is_some() || self.origin != Origin::Run;
        let (at, by) = applied.map_or((None, None), |(at, by)| (Some(at), by));
        format!(
            "INSERT INTO trueup.migration (version, version_key, name, file, checksum, checksum_raw, batch, origin, status, \
             statements, done, microseconds, rollback_sql, execution, applied_at, role) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, \
             {}, {}, {}, {}, {}, {}, {}, {}){}",
            literal(self.version.0),
            literal(&self.version.1),
            literal(self.name),
            optional(self.file),
            optional(self.checksums.map(|(normal, _)| normal)),
            optional(self.checksums.map(|(_, raw)| raw)),
            self.batch,
            literal(self.origin.word()),
            literal(if done { "applied" } else { "partial" }),
            self.statements,
            if done { self.statements } else { 0 },
            took.map_or_else(|| "NULL".to_owned(), Took::micros),
            optional(self.rollback_sql),
            self.execution
                .map_or_else(|| "NULL".to_owned(), |execution| execution.to_string()),
            at.map_or_else(
                || "pg_catalog.clock_timestamp()".to_owned(),
                |at| format!("{}::pg_catalog.timestamptz", literal(at))
            ),
            by.map_or_else(|| "current_user".to_owned(), literal),
            took.map_or_else(String::new, Took::returning),
        )
    }
}

fn of(key: &str) -> String {
    format!("version_key = {} AND status <> 'rolled_back'", literal(key))
}

/// Returns SQL that says that a statement of a migration is about to run outside a transaction.
pub(crate) fn begun(key: &str) -> String {
    format!("UPDATE trueup.migration SET running = true WHERE {}", of(key))
}

/// Returns SQL that says how many statements of a migration are done.
pub(crate) fn reached(key: &str, done: usize) -> String {
    format!(
        "UPDATE trueup.migration SET done = {done}, running = false WHERE {}",
        of(key)
    )
}

/// Returns SQL that says that a migration is applied whose statements were recorded one by one.
pub(crate) fn finished(key: &str, took: Took) -> String {
    format!(
        "UPDATE trueup.migration SET status = 'applied', done = statements, running = false, rolling_back = false,
             applied_at = pg_catalog.clock_timestamp(), microseconds = coalesce(microseconds, 0) + {} WHERE {}",
        took.micros(),
        of(key)
    )
}

/// Returns SQL that says that a rollback of several blocks begins.
pub(crate) fn going_back(key: &str, statements: usize) -> String {
    format!(
        "UPDATE trueup.migration SET status = 'partial', rolling_back = true, statements = {statements}, done = 0,
             running = false WHERE {}",
        of(key)
    )
}

/// Returns SQL that says that a migration was rolled back.
pub(crate) fn rolled_back(key: &str, execution: i64) -> String {
    format!(
        "UPDATE trueup.migration SET status = 'rolled_back', running = false, rolling_back = false,
             rolled_back_at = pg_catalog.clock_timestamp(), rolled_back_by = current_user, rollback_execution = {execution}
         WHERE {}",
        of(key)
    )
}

/// Returns how many of these migrations an execution has applied, or taken back.
pub(crate) fn done_by(client: &mut Client, execution: i64, keys: &[String]) -> Result<usize> {
    let row = client.query_typed_one(
        "SELECT count(*) FROM trueup.migration WHERE version_key = ANY ($2)
         AND ((execution = $1 AND status = 'applied') OR rollback_execution = $1)",
        &[(&execution, Type::INT8), (&keys, Type::TEXT_ARRAY)],
    )?;
    let count: i64 = row.try_get(0)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Records an execution that runs migration files; returns its number.
pub(crate) fn open(
    client: &mut Client,
    fingerprint: &str,
    summary: &serde_json::Value,
    record: &Record,
) -> Result<i64> {
    let row = client.query_typed_one(
        "INSERT INTO trueup.execution (kind, plan_fingerprint, tool, summary, approvals, environment, host, person, reason,
             overrides, backup)
         VALUES ('migrate', $1, $2, $3, '[]', $4, $5, $6, $7, $8, $9) RETURNING id",
        &[
            (&fingerprint, Type::TEXT),
            (&env!("CARGO_PKG_VERSION"), Type::TEXT),
            (summary, Type::JSONB),
            (&record.environment, Type::TEXT),
            (&record.host, Type::TEXT),
            (&record.person, Type::TEXT),
            (&record.reason, Type::TEXT),
            (&Json(&record.overrides), Type::JSONB),
            (&record.backup.as_ref().map(Json), Type::JSONB),
        ],
    )?;
    Ok(row.try_get(0)?)
}

/// Says how an execution ended.
pub(crate) fn close(client: &mut Client, execution: i64, failure: Option<(&str, Option<&str>)>) -> Result<()> {
    let status = if failure.is_some() { "failed" } else { "succeeded" };
    let (error, sqlstate) = failure.map_or((None, None), |(error, sqlstate)| (Some(error), sqlstate));
    client.execute_typed(
        "UPDATE trueup.execution SET status = $2, finished_at = pg_catalog.clock_timestamp(), error = $3, sqlstate = $4
         WHERE id = $1",
        &[
            (&execution, Type::INT8),
            (&status, Type::TEXT),
            (&error, Type::TEXT),
            (&sqlstate, Type::TEXT),
        ],
    )?;
    Ok(())
}

/// Runs statements that write the ledger, in one transaction.
pub(crate) fn write(client: &mut Client, statements: &[String]) -> Result<()> {
    let sql = format!("BEGIN;\n{};\nCOMMIT", statements.join(";\n"));
    client.batch_execute(&sql).map_err(|error| {
        let _ = client.batch_execute("ROLLBACK");
        Error::from(error).context("write the ledger")
    })
}
