//! Asks the rows, in one read-only transaction with one snapshot, and says what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres::{Client, IsolationLevel, Transaction};

use super::reading::{Reading, marked, state};
use super::trial::{Count, References, Trial};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::risk::{Finding, Risk};
use crate::words::{grouped, of_several};

/// How long one question may take where nothing else is said.
pub const LIMIT: Duration = Duration::from_secs(5);
/// Most keys that are shown.
const SHOWN: usize = 5;

/// How rows are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Limit of one question.
    pub limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { limit: LIMIT }
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// No row is wrong, of so many.
    Holds(i64),
    /// So many rows are wrong, of so many, with the keys of some.
    Fails(i64, i64, Vec<String>),
    /// At least one is wrong, with the keys of some.
    FailsSomewhere(Vec<String>),
    /// Nobody knows, and why.
    Unknown(String),
}

impl Answer {
    fn fails(&self) -> bool {
        matches!(self, Self::Fails(..) | Self::FailsSomewhere(_))
    }
}

/// Puts into each finding what the rows say.
pub fn rate(client: &mut Client, plan: &mut Plan, options: Options) -> Result<()> {
    if plan.trials.is_empty() {
        return Ok(());
    }
    let answers = ask(client, &plan.trials, options)?;
    let answered: Vec<(&Trial, &Answer)> = plan.trials.iter().zip(&answers).collect();
    for finding in &mut plan.findings {
        let about = |(trial, _): &&(&Trial, &Answer)| finding.code == trial.code && finding.object == trial.object;
        let own: Vec<_> = answered.iter().filter(about).copied().collect();
        if !own.is_empty() {
            tell(finding, &own);
        }
    }
    Ok(())
}

/// A finding may depend on several tables: one that fails is enough, and all must hold.
fn tell(finding: &mut Finding, answered: &[(&Trial, &Answer)]) {
    let mut said: Vec<String> = answered.iter().map(|(trial, answer)| words(trial, answer)).collect();
    // Several columns of one table may hold.
    said.dedup();
    finding.message.push_str(&format!(" Counted now: {}.", said.join("; ")));
    // Rows may change until the plan is applied; then they are counted again.
    let holds = |(trial, answer): &(&Trial, &Answer)| trial.keeps_values && matches!(answer, Answer::Holds(_));
    if answered.iter().any(|(_, answer)| answer.fails()) {
        finding.risk = Risk::Critical;
    } else if answered.iter().all(holds) {
        finding.risk = finding.risk.min(Risk::Caution);
    }
}

/// Refuses a plan that the rows would not let through.
pub fn refuse(client: &mut Client, plan: &Plan, options: Options) -> Result<()> {
    if plan.trials.is_empty() {
        return Ok(());
    }
    let answers = ask(client, &plan.trials, options)?;
    let failing: Vec<String> = plan
        .trials
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.fails())
        .map(|(trial, answer)| format!("{}: {}", trial.object, words(trial, answer)))
        .collect();
    if failing.is_empty() {
        return Ok(());
    }
    let message = "rows stand in the way of the plan; nothing was changed";
    let error = Error::new(ErrorKind::Blocked, message)
        .hint("Correct the rows, or change the declaration. --no-preflight applies without looking at them.");
    Err(failing.into_iter().fold(error, Error::detail))
}

fn words(trial: &Trial, answer: &Answer) -> String {
    let table = trial.table.path_text();
    match answer {
        Answer::Holds(rows) => format!("holds for all {} of `{table}`", rows_of(*rows)),
        Answer::Fails(bad, all, keys) => {
            let wrong = match bad {
                1 => trial.wrong.clone(),
                _ => of_several(&trial.wrong),
            };
            format!(
                "fails, since {} of {} in `{table}` {wrong}{}",
                grouped(*bad),
                rows_of(*all),
                shown(keys)
            )
        }
        Answer::FailsSomewhere(keys) => {
            format!(
                "fails, since at least one row of `{table}` {}{}",
                trial.wrong,
                shown(keys)
            )
        }
        Answer::Unknown(why) => format!("nobody knows, since {why}"),
    }
}

fn shown(keys: &[String]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let more = if keys.len() > SHOWN { ", …" } else { "" };
    format!(" (key {}{more})", keys[..keys.len().min(SHOWN)].join(", "))
}

fn rows_of(count: i64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "row" } else { "rows" })
}

fn ask(client: &mut Client, trials: &[Trial], options: Options) -> Result<Vec<Answer>> {
    let mut transaction = client
        .build_transaction()
        .read_only(true)
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    // Rows that a policy hides must make the question fail, not look as if they were not there.
    transaction.batch_execute(&format!(
        "SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL lock_timeout = '1s'; {}",
        limited(options.limit)
    ))?;
    let counted = together(&mut transaction, trials, options)?;
    let answers = trials
        .iter()
        .zip(counted)
        .map(|(trial, counted)| answer(&mut transaction, trial, counted, options))
        .collect();
    transaction.rollback()?;
    answers
}

/// Numbers of wrong rows and of all.
type Counted = (i64, i64);

/// Reads each table once for all that is asked of its single rows. Where that fails, nothing is known: the questions are then
/// asked one by one, which tells them apart.
fn together(transaction: &mut Transaction, trials: &[Trial], options: Options) -> Result<Vec<Option<Counted>>> {
    let mut out = vec![None; trials.len()];
    let mut of_table: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, trial) in trials.iter().enumerate() {
        if let Count::Rows { table, .. } | Count::References(References { table, .. }) = &trial.count {
            of_table.entry(table).or_default().push(at);
        }
    }
    for (table, all) in of_table.into_iter().filter(|(_, all)| all.len() > 1) {
        let limit = options
            .limit
            .saturating_mul(u32::try_from(all.len()).unwrap_or(u32::MAX));
        let mut savepoint = transaction.transaction()?;
        savepoint.batch_execute(&limited(limit))?;
        let Ok(counted) = Reading::new(table, all.iter().map(|at| &trials[*at].count)).count(&mut savepoint) else {
            savepoint.rollback()?;
            continue;
        };
        if let [wrong @ .., total] = counted.as_slice() {
            for (at, wrong) in all.iter().zip(wrong) {
                out[*at] = Some((*wrong, *total));
            }
        }
        // So that the limit is the one of a single question again.
        savepoint.rollback()?;
    }
    Ok(out)
}

fn limited(limit: Duration) -> String {
    format!("SET LOCAL statement_timeout = {}", limit.as_millis().max(1))
}

fn answer(transaction: &mut Transaction, trial: &Trial, counted: Option<Counted>, options: Options) -> Result<Answer> {
    let mut savepoint = transaction.transaction()?;
    let counted = counted.map_or_else(|| count(&mut savepoint, trial), Ok);
    let (bad, all) = match counted {
        Ok(counted) => counted,
        Err(error) => {
            savepoint.rollback()?;
            return Ok(unanswered(&error, trial, options));
        }
    };
    if trial.attempt || bad == 0 {
        savepoint.commit()?;
        return Ok(Answer::Holds(all));
    }
    let keys = match &trial.keys {
        Some(sql) => savepoint.query_typed(&marked(sql), &[]).unwrap_or_default(),
        None => Vec::new(),
    };
    let keys = keys
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?;
    savepoint.rollback()?;
    Ok(if trial.existence {
        Answer::FailsSomewhere(keys)
    } else {
        Answer::Fails(bad, all, keys)
    })
}

fn count(savepoint: &mut Transaction, trial: &Trial) -> std::result::Result<Counted, postgres::Error> {
    let counted = match &trial.count {
        Count::Query(sql) => {
            let row = savepoint.query_typed_one(&marked(sql), &[])?;
            return Ok((row.try_get(0)?, row.try_get(1)?));
        }
        count @ (Count::Rows { table, .. } | Count::References(References { table, .. })) => {
            Reading::new(table, std::iter::once(count)).count(savepoint)?
        }
    };
    Ok((counted[0], counted[1]))
}

/// The message of an error about data holds values of rows, and is not kept.
fn unanswered(error: &postgres::Error, trial: &Trial, options: Options) -> Answer {
    let state = state(error);
    Answer::Unknown(match state {
        "57014" => format!("counting takes longer than {:.0} s", options.limit.as_secs_f64()),
        "42501" => format!("the role may not read all of `{}`", trial.table.path_text()),
        "55P03" => "somebody locks the table".to_owned(),
        // A value that cannot be converted, or that the domain refuses which it is converted to.
        _ if trial.attempt && (state.starts_with("22") || state.starts_with("23")) => {
            return Answer::FailsSomewhere(Vec::new());
        }
        _ => format!("the question failed (SQLSTATE {state})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(4_210_331), "4,210,331");
        assert_eq!(rows_of(1), "1 row");
    }
}
