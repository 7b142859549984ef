//! Resumes an execution that stopped part-way, from the ledger alone.

use std::collections::BTreeSet;

use super::batch::{Item, items};
use super::event::{Event, Kept, NO_BACKUP, Options, Outcome};
use super::forward::{Work, outcome};
use super::gate::{self, State};
use super::ledger::{self, Execution, ExecutionKind, ExecutionStatus, Ledger, Reached};
use super::run::Runner;
use super::secrets;
use super::session::Session;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::db::Url;
use crate::error::{Error, Result};
use crate::kinds::AnyObject;
use crate::kinds::Transaction;
use crate::plan::{Plan, Step};

/// Goes on with an execution that failed or paused (the newest one when none is named) at its first statement that is not done.
///
/// What it does was approved when it began.
pub fn resume(url: &Url, execution: Option<i64>, options: &Options, events: &mut dyn FnMut(Event)) -> Result<Outcome> {
    let mut session = Session::open(url, options, events)?;
    session.lock()?;
    session.find_ledger()?;
    let execution = choose(&mut session, execution)?;
    let plan = &execution.plan;
    session.meet(&plan.database)?;
    let live = session.introspect()?;
    gate::untouched(&live, plan, &touched(&execution), execution.id)?;
    secrets::know(&mut session, plan, &execution.steps)?;
    let all = items(&execution.steps);
    let (begun, open) = remaining(&execution, &all);
    if options.dry_run {
        return Ok(outcome(None, execution.of_execution, &open));
    }
    let ledger = Ledger {
        execution: execution.id,
    };
    ledger.reopen(&mut session.client)?;
    let settled = match begun {
        Some(item) => {
            let mut runner = Runner {
                session: &mut session,
                ledger,
                steps: &execution.steps,
            };
            settle(&mut runner, &item, &live, &execution).map_err(|error| runner.fail(&error).err().unwrap_or(error))?
        }
        None => false,
    };
    let work = Work {
        ledger,
        of_execution: execution.of_execution,
        steps: &execution.steps,
        items: &open[usize::from(settled)..],
        plan: &execution.plan,
        target: target(&execution),
        was_paused: execution.status == ExecutionStatus::Paused,
        before: None,
    };
    work.run(&mut session)
}

/// An execution that stopped part-way, with what is done around an apply.
#[derive(Debug, Clone)]
pub struct Resumable {
    /// Its number.
    pub execution: i64,
    /// Its plan, where it is an apply.
    pub plan: Option<Plan>,
    /// Backup that was made before its first statement.
    pub backup: Option<Kept>,
    /// Whether it was told to make none.
    pub is_without_backup: bool,
}

/// Finds the execution that [`resume`] would go on with; nothing is written and nothing is locked.
pub fn resumable(url: &Url, execution: Option<i64>) -> Result<Resumable> {
    let options = Options {
        dry_run: true,
        ..Options::default()
    };
    let mut ignore = |_| {};
    let mut session = Session::open(url, &options, &mut ignore)?;
    session.find_ledger()?;
    let execution = choose(&mut session, execution)?;
    let (backup, overrides) = ledger::backup(&mut session.client, execution.id)?;
    Ok(Resumable {
        execution: execution.id,
        plan: (execution.kind == ExecutionKind::Apply).then_some(execution.plan),
        is_without_backup: overrides.iter().any(|text| text == NO_BACKUP),
        backup,
    })
}

/// Returns the execution that can be resumed.
fn choose(session: &mut Session, wanted: Option<i64>) -> Result<Execution> {
    let none =
        || Error::usage("there is nothing to resume").hint("`trueup history` lists the executions and how they ended.");
    let id = match wanted {
        Some(id) => id,
        None => ledger::newest(&mut session.second, None)?.ok_or_else(none)?.0,
    };
    let execution = ledger::load(&mut session.second, id)?;
    match execution.status {
        // Only a dry run, which holds no lock, can meet one that is at work.
        ExecutionStatus::Failed | ExecutionStatus::Paused | ExecutionStatus::Running => Ok(execution),
        _ if wanted.is_none() => Err(none()),
        status => Err(
            Error::usage(format!("execution {id} has not failed: it {}", ended(status)))
                .hint("Only an execution that stopped part-way can be resumed; `trueup history` lists them."),
        ),
    }
}

fn ended(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::RolledBack => "was rolled back",
        _ => "succeeded",
    }
}

/// Returns how the live objects must be when an execution is through.
fn target(execution: &Execution) -> &State {
    match execution.kind {
        ExecutionKind::Apply | ExecutionKind::Migrate => &execution.plan.expected,
        ExecutionKind::Rollback => &execution.plan.scope,
    }
}

/// Returns how the live objects were when an execution began.
fn start(execution: &Execution) -> &State {
    match execution.kind {
        ExecutionKind::Apply | ExecutionKind::Migrate => &execution.plan.scope,
        ExecutionKind::Rollback => &execution.plan.expected,
    }
}

/// Returns the objects that an execution may have changed already. A rollback goes back over what its apply did.
pub(super) fn touched(execution: &Execution) -> BTreeSet<&Identity> {
    let all = |steps| objects(steps, |_| true);
    if execution.kind == ExecutionKind::Rollback {
        return all(&execution.plan.forward).chain(all(&execution.steps)).collect();
    }
    if execution.half_rolled_back {
        return all(&execution.steps).collect();
    }
    let begun: BTreeSet<usize> = items(&execution.steps)
        .iter()
        .filter(|item| execution.reached(item.ordinal) != Reached::Pending)
        .map(|item| item.step)
        .collect();
    objects(&execution.steps, move |step| begun.contains(&step)).collect()
}

fn objects(steps: &[Step], wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = &Identity> {
    let steps = steps.iter().enumerate().filter(move |(at, _)| wanted(*at));
    steps.flat_map(|(_, step)| step.changes.iter().map(|change| &change.object).chain(&step.temporary))
}

/// Returns the statements that are not done. The first of them is also returned when it was begun outside a transaction:
/// it may have ended, or left something behind.
fn remaining<'a>(execution: &Execution, all: &[Item<'a>]) -> (Option<Item<'a>>, Vec<Item<'a>>) {
    let open: Vec<Item> = all
        .iter()
        .filter(|item| execution.reached(item.ordinal) != Reached::Done)
        .copied()
        .collect();
    let begun = open.first().copied().filter(|item| {
        item.sentence.facts.transaction == Transaction::Outside && execution.reached(item.ordinal) == Reached::Begun
    });
    (begun, open)
}

/// Finds out whether a statement outside a transaction was completed by an earlier attempt, and clears away what it
/// left behind when it was not.
fn settle(runner: &mut Runner, item: &Item, live: &Catalog, execution: &Execution) -> Result<bool> {
    if item.sentence.facts.batches.is_some() {
        // Its batches are in the ledger: it goes on behind the last of them.
        return Ok(false);
    }
    if runner.clear(item)? {
        return Ok(true);
    }
    let objects: BTreeSet<&Identity> = objects(&execution.steps, |step| step == item.step).collect();
    // What the plan does not change is as it should be whether or not the statement ran.
    let unchanged: BTreeSet<&(Identity, Option<Fingerprint>)> = start(execution).iter().collect();
    let wanted = || {
        let of_step = target(execution)
            .iter()
            .filter(|(identity, _)| objects.contains(identity));
        of_step.filter(|state| !unchanged.contains(state))
    };
    let step = &execution.steps[item.step];
    // The object of a step that is one of several may be as wanted before the last of them ran.
    let is_about = |other: &&Step| other.changes.first() == step.changes.first();
    let is_last = step.statements.len() == item.statement + 1 && execution.steps.iter().filter(is_about).count() == 1;
    let was_reached = || wanted().all(|(identity, wanted)| *wanted == live.get(identity).map(AnyObject::fingerprint));
    if is_last && wanted().next().is_some() && was_reached() {
        runner.settle(item)?;
        return Ok(true);
    }
    Ok(false)
}
