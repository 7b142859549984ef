//! Writes to the ledger: few round trips, each an autocommitted statement unless the caller has a transaction open.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use postgres::types::{Json, Type};
use postgres::{Client, Transaction};

use super::record::{ExecutionKind, Snapshot};
use crate::apply::advisory;
use crate::apply::approvals::Approvals;
use crate::apply::batch::Item;
use crate::apply::checks::Checked;
use crate::apply::event::{Kept, Record};
use crate::apply::failure::Failure;
use crate::db::Url;
use crate::error::{Error, Result};
use crate::plan::{Plan, Step};
use crate::risk::Finding;

/// What a new execution is.
pub(in crate::apply) struct Opening<'a> {
    /// Sort.
    pub(in crate::apply) kind: ExecutionKind,
    /// Execution that it rolls back.
    pub(in crate::apply) of_execution: Option<i64>,
    /// Its plan.
    pub(in crate::apply) plan: &'a Plan,
    /// Its steps, where they are not the plan's.
    pub(in crate::apply) steps: Option<&'a [Step]>,
    /// What is there before, for an apply.
    pub(in crate::apply) before: Option<&'a Snapshot>,
    /// What was approved.
    pub(in crate::apply) approvals: &'a Approvals,
    /// Its statements.
    pub(in crate::apply) items: &'a [Item<'a>],
    /// Findings that need an approval.
    pub(in crate::apply) findings: &'a [Finding],
    /// Who runs it where and why.
    pub(in crate::apply) record: &'a Record,
}

/// A statement that ran: when it started and when it ended.
pub(in crate::apply) struct Progress {
    /// Place in the execution.
    pub(in crate::apply) ordinal: i32,
    /// Start.
    pub(in crate::apply) started: Instant,
    /// Time that it took.
    pub(in crate::apply) elapsed: Duration,
    /// Whether that was its own time: nobody stood in its way, and no earlier run had done a part of it.
    pub(in crate::apply) is_own: bool,
}

/// The rows of one execution.
#[derive(Debug, Clone, Copy)]
pub(in crate::apply) struct Ledger {
    /// Number of the execution.
    pub(in crate::apply) execution: i64,
}

/// Returns what history shows of a plan: counts, and findings by code.
fn summary(opening: &Opening) -> serde_json::Value {
    let mut findings: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &opening.plan.findings {
        *findings.entry(&finding.code).or_default() += 1;
    }
    let steps: std::collections::BTreeSet<usize> = opening.items.iter().map(|item| item.step).collect();
    serde_json::json!({
        "changes": opening.plan.changes.len(),
        "steps": steps.len(),
        "statements": opening.items.len(),
        "findings": findings,
    })
}

/// Records the approval of each finding that needs one.
fn approve(transaction: &mut Transaction, execution: i64, opening: &Opening) -> Result<()> {
    let record = opening.record;
    let needing: Vec<(&Finding, String)> = opening
        .findings
        .iter()
        .filter_map(|finding| Some((finding, opening.approvals.given(finding, record.allowed)?)))
        .collect();
    if needing.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&(&Finding, String)) -> String| needing.iter().map(of).collect::<Vec<String>>();
    transaction.query_typed(
        "INSERT INTO trueup.approval (execution, person, reason, code, object, risk, given)
         SELECT $1, $2, coalesce(u.waiver, $3), u.code, u.object, u.risk, u.given
         FROM unnest($4, $5, $6, $7, $8) AS u (code, object, risk, given, waiver)",
        &[
            (&execution, Type::INT8),
            (&record.person, Type::TEXT),
            (&record.reason, Type::TEXT),
            (&texts(|(finding, _)| finding.code.clone()), Type::TEXT_ARRAY),
            (&texts(|(finding, _)| finding.object.to_string()), Type::TEXT_ARRAY),
            (&texts(|(finding, _)| finding.risk.to_string()), Type::TEXT_ARRAY),
            (&texts(|(_, given)| given.clone()), Type::TEXT_ARRAY),
            (
                &needing
                    .iter()
                    .map(|(finding, _)| {
                        let ruling = finding.ruling.as_ref().filter(|ruling| ruling.waived);
                        ruling.map(|ruling| ruling.reason.clone())
                    })
                    .collect::<Vec<Option<String>>>(),
                Type::TEXT_ARRAY,
            ),
        ],
    )?;
    Ok(())
}

fn number(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Returns the work of a statement, and the seconds that it should take.
fn expected(item: &Item) -> (Option<&'static str>, Option<f64>) {
    let expected = item.sentence.estimate.as_ref().and_then(|estimate| estimate.expected);
    let seconds = |millis: u64| Duration::from_millis(millis).as_secs_f64();
    (
        expected.map(|expected| expected.work.words()),
        expected.map(|expected| seconds(expected.millis)),
    )
}

impl Ledger {
    /// Records a new execution with all its statements, in one transaction.
    pub(in crate::apply) fn open(client: &mut Client, opening: &Opening) -> Result<Self> {
        let record = opening.record;
        let mut transaction = client.transaction()?;
        let row = transaction.query_typed_one(
            "INSERT INTO trueup.execution (kind, of_execution, plan_fingerprint, tool, summary, plan, steps, before, approvals,
                 environment, host, person, reason, overrides, backup)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
            &[
                (&opening.kind.word(), Type::TEXT),
                (&opening.of_execution, Type::INT8),
                (&opening.plan.fingerprint.to_string(), Type::TEXT),
                (&env!("CARGO_PKG_VERSION"), Type::TEXT),
                (&summary(opening), Type::JSONB),
                (&Json(opening.plan), Type::JSONB),
                (&opening.steps.map(Json), Type::JSONB),
                (&opening.before.map(Json), Type::JSONB),
                (&Json(opening.approvals), Type::JSONB),
                (&record.environment, Type::TEXT),
                (&record.host, Type::TEXT),
                (&record.person, Type::TEXT),
                (&record.reason, Type::TEXT),
                (&Json(&record.overrides), Type::JSONB),
                (&record.backup.as_ref().map(Json), Type::JSONB),
            ],
        )?;
        let execution: i64 = row.try_get(0)?;
        let items = opening.items;
        let places = |of: fn(&Item) -> usize| items.iter().map(|item| number(of(item))).collect::<Vec<i32>>();
        let transactions: Vec<i32> = items
            .iter()
            .map(|item| number(opening.steps_of(item).transaction))
            .collect();
        let ordinals: Vec<i32> = items.iter().map(|item| item.ordinal).collect();
        let texts: Vec<&str> = items.iter().map(|item| item.sentence.sql.as_str()).collect();
        let (works, seconds): (Vec<Option<&str>>, Vec<Option<f64>>) = items.iter().map(expected).unzip();
        transaction.query_typed(
            "INSERT INTO trueup.statement
                 (execution, direction, ordinal, transaction, step, statement, sql, work, expected_seconds)
             SELECT $1, $2, u.* FROM unnest($3, $4, $5, $6, $7, $8, $9) AS u",
            &[
                (&execution, Type::INT8),
                (&opening.kind.direction(), Type::TEXT),
                (&ordinals, Type::INT4_ARRAY),
                (&transactions, Type::INT4_ARRAY),
                (&places(|item| item.step), Type::INT4_ARRAY),
                (&places(|item| item.statement), Type::INT4_ARRAY),
                (&texts, Type::TEXT_ARRAY),
                (&works, Type::TEXT_ARRAY),
                (&seconds, Type::FLOAT8_ARRAY),
            ],
        )?;
        approve(&mut transaction, execution, opening)?;
        transaction.commit()?;
        Ok(Self { execution })
    }

    /// Says that the execution is at work again.
    pub(in crate::apply) fn reopen(self, client: &mut Client) -> Result<()> {
        client.batch_execute(&format!(
            "UPDATE trueup.execution SET status = 'running', finished_at = NULL, error = NULL, sqlstate = NULL
             WHERE id = {};
             UPDATE trueup.statement SET error = NULL, sqlstate = NULL WHERE execution = {0} AND status <> 'done'",
            self.execution
        ))?;
        Ok(())
    }

    /// Says that statements are about to run.
    pub(in crate::apply) fn begin(
        self,
        client: &mut Client,
        ordinals: &[i32],
    ) -> std::result::Result<(), postgres::Error> {
        let sql = "UPDATE trueup.statement SET status = 'running', started_at = pg_catalog.clock_timestamp(), finished_at = NULL
                   WHERE execution = $1 AND ordinal = ANY ($2)";
        let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 2] =
            [(&self.execution, Type::INT8), (&ordinals, Type::INT4_ARRAY)];
        client.execute_typed(sql, &parameters).map(drop)
    }

    /// Says that statements are done; inside their transaction, so that it is true exactly when they last.
    pub(in crate::apply) fn done(
        self,
        client: &mut Client,
        progress: &[Progress],
    ) -> std::result::Result<(), postgres::Error> {
        let ordinals: Vec<i32> = progress.iter().map(|one| one.ordinal).collect();
        // Distances back from the server's clock: the two machines' clocks need not agree.
        let started: Vec<i64> = progress.iter().map(|one| micros(one.started.elapsed())).collect();
        let finished: Vec<i64> = progress
            .iter()
            .map(|one| micros(one.started.elapsed().saturating_sub(one.elapsed)))
            .collect();
        let sql = "UPDATE trueup.statement s
                   SET status = 'done', error = NULL, sqlstate = NULL, work = CASE WHEN u.is_own THEN s.work END,
                       started_at = pg_catalog.clock_timestamp() - u.started * interval '1 microsecond',
                       finished_at = pg_catalog.clock_timestamp() - u.finished * interval '1 microsecond'
                   FROM unnest($2, $3, $4, $5) AS u (ordinal, started, finished, is_own)
                   WHERE s.execution = $1 AND s.ordinal = u.ordinal";
        let own: Vec<bool> = progress.iter().map(|one| one.is_own).collect();
        let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 5] = [
            (&self.execution, Type::INT8),
            (&ordinals, Type::INT4_ARRAY),
            (&started, Type::INT8_ARRAY),
            (&finished, Type::INT8_ARRAY),
            (&own, Type::BOOL_ARRAY),
        ];
        client.execute_typed(sql, &parameters).map(drop)
    }

    /// Says that the execution stopped. Statements that were running and are not done return to pending, but for the
    /// one that failed. Waits for a backend that is still committing, so that a late commit is not overwritten.
    pub(in crate::apply) fn fail(self, client: &mut Client, ordinal: Option<i32>, failure: &Failure) -> Result<()> {
        let mut transaction = client.transaction()?;
        transaction.execute_typed(
            "UPDATE trueup.statement
             SET status = CASE WHEN ordinal = $2 THEN 'failed' ELSE 'pending' END,
                 started_at = CASE WHEN ordinal = $2 THEN started_at END,
                 finished_at = CASE WHEN ordinal = $2 THEN pg_catalog.clock_timestamp() END,
                 error = CASE WHEN ordinal = $2 THEN $3 END, sqlstate = CASE WHEN ordinal = $2 THEN $4 END
             WHERE execution = $1 AND status = 'running'",
            &[
                (&self.execution, Type::INT8),
                (&ordinal, Type::INT4),
                (&failure.message, Type::TEXT),
                (&failure.sqlstate, Type::TEXT),
            ],
        )?;
        transaction.execute_typed(
            "UPDATE trueup.execution
             SET status = 'failed', finished_at = pg_catalog.clock_timestamp(), error = $2, sqlstate = $3 WHERE id = $1",
            &[
                (&self.execution, Type::INT8),
                (&failure.message, Type::TEXT),
                (&failure.sqlstate, Type::TEXT),
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Says that the execution stands still until it is resumed.
    pub(in crate::apply) fn pause(self, client: &mut Client) -> std::result::Result<(), postgres::Error> {
        client
            .execute_typed(
                "UPDATE trueup.execution SET status = 'paused', finished_at = pg_catalog.clock_timestamp() WHERE id = $1",
                &[(&self.execution, Type::INT8)],
            )
            .map(drop)
    }

    /// Says that the execution succeeded and, for a rollback, that the other one and every earlier attempt at it are
    /// settled.
    pub(in crate::apply) fn succeed(self, client: &mut Client, of_execution: Option<i64>) -> Result<()> {
        let mut transaction = client.transaction()?;
        transaction.execute_typed(
            "UPDATE trueup.execution SET status = 'succeeded', finished_at = pg_catalog.clock_timestamp() WHERE id = $1",
            &[(&self.execution, Type::INT8)],
        )?;
        if let Some(of_execution) = of_execution {
            transaction.execute_typed(
                "UPDATE trueup.execution SET status = 'rolled_back' WHERE id = $1",
                &[(&of_execution, Type::INT8)],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Returns how many statements are done, and how many there are.
    pub(in crate::apply) fn count(self, client: &mut Client) -> Result<(i64, i64)> {
        let row = client.query_typed_one(
            "SELECT count(*) FILTER (WHERE status = 'done'), count(*) FROM trueup.statement WHERE execution = $1",
            &[(&self.execution, Type::INT8)],
        )?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}

impl Opening<'_> {
    fn steps_of(&self, item: &Item) -> &Step {
        let own = match self.kind {
            ExecutionKind::Apply | ExecutionKind::Migrate => &self.plan.forward,
            ExecutionKind::Rollback => &self.plan.rollback,
        };
        &self.steps.unwrap_or(own)[item.step]
    }
}

/// Says that executions whose session is gone have failed; the advisory lock is held, so none can be at work.
pub(in crate::apply) fn close_interrupted(client: &mut Client) -> Result<()> {
    client
        .batch_execute(
            "UPDATE trueup.execution
             SET status = 'failed', finished_at = pg_catalog.clock_timestamp(), error = 'the program or its connection ended'
             WHERE status = 'running'",
        )
        .map_err(Error::from)
}

/// Records a backup that was made before an execution goes on.
pub(in crate::apply) fn record_backup(url: &Url, execution: i64, backup: &Kept) -> Result<()> {
    let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 2] =
        [(&execution, Type::INT8), (&Json(backup), Type::JSONB)];
    advisory::recorder(url)?.execute_typed("UPDATE trueup.execution SET backup = $2 WHERE id = $1", &parameters)?;
    Ok(())
}

/// Records what the checks after an execution said.
pub(in crate::apply) fn record_checks(url: &Url, execution: i64, checked: &[Checked]) -> Result<()> {
    let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 2] =
        [(&execution, Type::INT8), (&Json(checked), Type::JSONB)];
    advisory::recorder(url)?.execute_typed("UPDATE trueup.execution SET checks = $2 WHERE id = $1", &parameters)?;
    Ok(())
}
