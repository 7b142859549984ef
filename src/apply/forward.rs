//! Applies a plan.

use super::approvals::{Approvals, refuse, settles_questions, unapproved};
use super::batch::{Item, batches, items};
use super::event::{Event, Options, Outcome};
use super::gate::{self, State};
use super::ledger::{self, Cause, ExecutionKind, Ledger, Opening, Snapshot};
use super::run::Runner;
use super::secrets;
use super::session::Session;
use crate::catalog::Catalog;
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Plan, Step};
use crate::preflight;
use crate::risk::Finding;

/// Executes a plan against the database that it was made for.
///
/// Refuses, before anything is changed: another database (usage), open questions and findings that are not approved (blocked), a database
/// that moved (moved), an execution that is paused (blocked). After that a failure is
/// [`Partial`](crate::error::ErrorKind::Partial), and the ledger says how far it came.
pub fn apply(
    plan: &Plan,
    url: &Url,
    approvals: &Approvals,
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    if !settles_questions(plan, approvals) {
        plan.must_be_answered()?;
    }
    plan.must_hold()?;
    let mut session = Session::open(url, options, events)?;
    session.meet(&plan.database)?;
    refuse(&open(plan, approvals, options))?;
    session.lock()?;
    none_paused(&mut session)?;
    let live = session.introspect()?;
    gate::unmoved(&live, plan)?;
    secrets::know(&mut session, plan, &plan.forward)?;
    preflight::must_have(&mut session.client, &plan.forward)?;
    if options.preflight {
        preflight::refuse(&mut session.client, plan, preflight::Options::default())?;
    }
    let items = items(&plan.forward);
    nothing_before(plan, &items, options)?;
    // A plan with nothing to do is recorded too: rolling it back then undoes just as little.
    if options.dry_run {
        return Ok(outcome(None, None, &items));
    }
    session.prepare_ledger()?;
    let opening = Opening {
        kind: ExecutionKind::Apply,
        of_execution: None,
        plan,
        steps: None,
        before: Some(&Snapshot::take(&live, plan)),
        approvals,
        items: &items,
        findings: &plan.findings,
        record: &options.record,
    };
    let ledger = Ledger::open(&mut session.client, &opening)?;
    let work = Work {
        ledger,
        of_execution: None,
        steps: &plan.forward,
        items: &items,
        plan,
        target: &plan.expected,
        was_paused: false,
        before: Some(&live),
    };
    work.run(&mut session)
}

/// Refuses to begin something else while an execution is paused: what stands half-way would be planned away.
fn none_paused(session: &mut Session) -> Result<()> {
    if !ledger::is_there(&mut session.client, &session.server)? {
        return Ok(());
    }
    match ledger::paused(&mut session.client)? {
        Some(id) => Err(Error::new(
            ErrorKind::Blocked,
            format!("execution {id} is paused; nothing was changed"),
        )
        .hint("`trueup apply --resume` goes on with it, `trueup rollback` goes back; then apply this plan.")),
        None => Ok(()),
    }
}

/// Refuses to pause before what a plan begins with: to run it all would not be what was asked for.
fn nothing_before(plan: &Plan, items: &[Item], options: &Options) -> Result<()> {
    let batches = batches(&plan.forward, items);
    let first = batches.first().into_iter().flat_map(|batch| &batch.items);
    let mut phases = first.map(|item| plan.forward[item.step].phase);
    match options.pause_before {
        Some(phase) if phases.any(|first| first == phase) => Err(Error::usage(
            "there is nothing to do before that phase: the plan begins with it",
        )
        .hint("Apply it without --pause-before at the time that you chose for it.")),
        _ => Ok(()),
    }
}

/// Returns the findings that neither an approval nor the environment covers.
fn open<'a>(plan: &'a Plan, approvals: &Approvals, options: &Options) -> Vec<&'a Finding> {
    let mut open = unapproved(plan, approvals);
    open.retain(|finding| options.record.allowed.is_none_or(|allowed| finding.risk > allowed));
    open
}

/// What an execution has to do, once its rows are in the ledger.
pub(super) struct Work<'a> {
    /// Its rows.
    pub(super) ledger: Ledger,
    /// Execution that it rolls back.
    pub(super) of_execution: Option<i64>,
    /// All its steps.
    pub(super) steps: &'a [Step],
    /// Statements that are still to run.
    pub(super) items: &'a [Item<'a>],
    /// Its plan.
    pub(super) plan: &'a Plan,
    /// How the live objects must be in the end.
    pub(super) target: &'a State,
    /// Whether it stood still where it was told to.
    pub(super) was_paused: bool,
    /// The database before its first statement; nothing where some ran in an earlier run.
    pub(super) before: Option<&'a Catalog>,
}

impl Work<'_> {
    /// Runs the statements and looks at the result.
    pub(super) fn run(&self, session: &mut Session) -> Result<Outcome> {
        (session.events)(Event::Opened {
            execution: self.ledger.execution,
            statements: self.items.len(),
        });
        let before = self.before.filter(|before| self.snapshot_before(session, before));
        let mut runner = Runner {
            session,
            ledger: self.ledger,
            steps: self.steps,
        };
        let batches = batches(self.steps, self.items);
        if let Some(at) = runner.run(&batches, self.was_paused)? {
            let ran = batches[..at].iter().map(|batch| batch.items.len()).sum();
            return Ok(Outcome {
                paused_before: Some(batches[at].items[0].step + 1),
                ..outcome(Some(self.ledger.execution), self.of_execution, &self.items[..ran])
            });
        }
        let live = match verify(runner.session, self.target) {
            Ok(live) => live,
            Err(error) => {
                runner.fail(&error)?;
                return Err(error);
            }
        };
        let execution = (self.ledger.execution, self.plan);
        ledger::record(&mut session.client, &session.server, &live, execution)?;
        let cause = Cause::After(self.ledger.execution);
        if let Err(error) = ledger::record_snapshot(&mut session.client, cause, before, &live) {
            untaken(session, &error);
        }
        self.ledger.succeed(&mut session.client, self.of_execution)?;
        Ok(outcome(Some(self.ledger.execution), self.of_execution, self.items))
    }

    /// Keeps the state that the ledger does not have yet; tells whether it has it now.
    fn snapshot_before(&self, session: &mut Session, before: &Catalog) -> bool {
        let taken = ledger::snapshot_before(&mut session.client, self.ledger.execution, before);
        if let Err(error) = &taken {
            untaken(session, error);
        }
        taken.is_ok()
    }
}

/// Says that a snapshot is missing, which is no reason against the statements.
fn untaken(session: &mut Session, error: &Error) {
    let text = format!("warning: the ledger keeps no snapshot of the schema: {}", error.message);
    (session.events)(Event::Noted { text });
}

/// Reads the live catalog again and compares it.
fn verify(session: &mut Session, target: &State) -> Result<Catalog> {
    let live = session.introspect().map_err(|error| Error {
        kind: ErrorKind::Partial,
        ..error.context("every statement ran, but the result could not be looked at")
    })?;
    let deviations = gate::deviations(&live, target);
    if !deviations.is_empty() {
        return Err(gate::unverified(&deviations));
    }
    (session.events)(Event::Verified { objects: target.len() });
    Ok(live)
}

pub(super) fn outcome(execution: Option<i64>, of_execution: Option<i64>, items: &[Item]) -> Outcome {
    Outcome {
        execution,
        of_execution,
        statements: items.iter().map(|item| item.sentence.sql.clone()).collect(),
        paused_before: None,
    }
}
