//! Rolls an execution back, from the ledger alone.

use std::collections::BTreeSet;

use super::approvals::{Approvals, refuse};
use super::batch::{Item, items};
use super::event::{Event, Options, Outcome};
use super::forward::{Work, outcome};
use super::gate;
use super::ledger::{self, Execution, ExecutionKind, ExecutionStatus, Ledger, Opening, Reached, Snapshot};
use super::resume::touched;
use super::secrets;
use super::session::Session;
use crate::catalog::{Catalog, Identity};
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{Context, Loss, Secrets};
use crate::plan::{Phase, Reversal, Step, Verb, go_on, transactions, way};
use crate::risk::{Finding, Risk};
use crate::{quarantine, staged};

/// Code of the finding that a rollback loses data.
pub const LOSS_CODE: &str = "TU901";

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Execution that is rolled back.
    pub execution: i64,
    /// Whether it stopped part-way, so that the way back was planned from the live catalog.
    pub is_partial: bool,
    /// Way back.
    pub steps: Vec<Step>,
    /// What has to be approved.
    pub findings: Vec<Finding>,
}

/// Returns what a rollback would do, with all its checks but the approvals; nothing is written and nothing is locked.
pub fn preview(url: &Url, execution: Option<i64>, secrets: &Secrets) -> Result<Preview> {
    let options = Options {
        dry_run: true,
        secrets: secrets.clone(),
        ..Options::default()
    };
    let mut ignore = |_| {};
    let mut session = Session::open(url, &options, &mut ignore)?;
    let way = find(&mut session, execution)?;
    Ok(Preview {
        execution: way.execution.id,
        is_partial: way.is_partial,
        findings: findings(&way.steps),
        steps: way.steps,
    })
}

/// Rolls back an execution; the newest apply that is not rolled back when none is named.
///
/// One that succeeded goes back by its plan's rollback, which was proven with it. One that stopped part-way goes back
/// from the live catalog to the objects as the ledger recorded them before the first statement.
pub fn rollback(
    url: &Url,
    execution: Option<i64>,
    approvals: &Approvals,
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    let mut session = Session::open(url, options, events)?;
    session.lock()?;
    let way = find(&mut session, execution)?;
    let Way { execution, steps, .. } = &way;
    let findings = findings(steps);
    let is_open = |finding: &&Finding| {
        !approvals.cover(finding) && options.record.allowed.is_none_or(|allowed| finding.risk > allowed)
    };
    let open: Vec<&Finding> = findings.iter().filter(is_open).collect();
    refuse(&open)?;
    let items = items(steps);
    let of_execution = Some(execution.id);
    if options.dry_run {
        return Ok(outcome(None, of_execution, &items));
    }
    let opening = Opening {
        kind: ExecutionKind::Rollback,
        of_execution,
        plan: &execution.plan,
        steps: way.is_partial.then_some(steps),
        before: None,
        approvals,
        items: &items,
        findings: &findings,
        record: &options.record,
    };
    let work = Work {
        ledger: Ledger::open(&mut session.client, &opening)?,
        of_execution,
        steps,
        items: &items,
        plan: &execution.plan,
        target: &execution.plan.scope,
        was_paused: false,
        before: Some(&way.live),
    };
    work.run(&mut session)
}

/// The way back of one execution.
struct Way {
    execution: Execution,
    is_partial: bool,
    steps: Vec<Step>,
    /// The database before the first of them.
    live: Catalog,
}

fn find(session: &mut Session, wanted: Option<i64>) -> Result<Way> {
    session.find_ledger()?;
    let execution = choose(session, wanted)?;
    let plan = &execution.plan;
    session.meet(&plan.database)?;
    refuse_impossible(&execution)?;
    let live = session.introspect()?;
    let is_complete =
        execution.status == ExecutionStatus::Succeeded && gate::deviations(&live, &plan.expected).is_empty();
    if is_complete {
        quarantine::refuse_purged(&mut session.client, &plan.rollback)?;
        secrets::refuse_forgotten(session, plan, &plan.rollback, execution.id)?;
        return Ok(Way {
            steps: plan.rollback.clone(),
            is_partial: false,
            execution,
            live,
        });
    }
    if execution.status == ExecutionStatus::Succeeded && !execution.half_rolled_back {
        gate::unmoved_since(&live, plan, execution.id)?;
    }
    gate::untouched(&live, plan, &touched(&execution), execution.id)?;
    let steps = from_here(&live, &execution, session.server.version_num);
    quarantine::refuse_purged(&mut session.client, &steps)?;
    secrets::refuse_forgotten(session, plan, &steps, execution.id)?;
    Ok(Way {
        steps,
        is_partial: true,
        execution,
        live,
    })
}

/// Plans the way from the live catalog to the objects as they were.
fn from_here(live: &Catalog, execution: &Execution, version_num: i32) -> Vec<Step> {
    let renamed = renamed(live, execution);
    let snapshot = renamed.as_ref().unwrap_or(&execution.before);
    let clear = cleared(live, execution);
    let mut steps = clear
        .as_ref()
        .map_or_else(Vec::new, |clear| way(&Context::new(live, clear, version_num)).steps);
    let start = clear.as_ref().unwrap_or(live);
    let before = snapshot.restore(start, &execution.plan);
    let context = Context::new(start, &before, version_num)
        .with_large(&execution.plan.large)
        .with_old_values(&execution.plan.old_values);
    go_on(
        &mut steps,
        quarantine::take_back(way(&context).steps, &execution.plan, &context),
    );
    clear_quarantine(&mut steps, execution);
    // What stood only on the way holds nothing that is not elsewhere.
    let ways = execution.plan.forward.iter().chain(&execution.plan.rollback);
    let temporary: BTreeSet<&Identity> = ways.flat_map(|step| &step.temporary).collect();
    for step in &mut steps {
        if step.changes.iter().all(|change| temporary.contains(&change.object)) {
            step.statements
                .iter_mut()
                .for_each(|sentence| sentence.facts.loss = None);
        }
    }
    if renamed.is_some() {
        // As in the whole rollback: names go back when everything else has.
        let transaction = transactions(&steps);
        let back = execution.plan.rollback.iter().filter(|step| renames(step));
        steps.extend(back.map(|step| Step {
            transaction,
            ..step.clone()
        }));
    }
    steps
}

/// Drops what an execution has put into quarantine beside the columns that it was about to change, where the way back does
/// not do so anyway.
fn clear_quarantine(steps: &mut Vec<Step>, execution: &Execution) {
    let plan = &execution.plan;
    let all = items(&plan.forward);
    let begun = all
        .iter()
        .filter(|item| execution.reached(item.ordinal) != Reached::Pending);
    let made: Vec<&str> = begun
        .map(|item| plan.forward[item.step].statements[item.statement].sql.as_str())
        .collect();
    let left = staged::left_behind(&plan.old_values, &made, steps);
    let Some(about) = plan
        .forward
        .iter()
        .find_map(|step| step.changes.first())
        .filter(|_| !left.is_empty())
    else {
        return;
    };
    go_on(steps, vec![Step::new(vec![about.clone()], Phase::Contract, &left)]);
}

/// Returns the live catalog without what an execution that stopped part-way has left of what only stands on the way: the way
/// back makes the like of it. Nothing where it has left nothing.
fn cleared(live: &Catalog, execution: &Execution) -> Option<Catalog> {
    let plan = &execution.plan;
    let ways = plan.forward.iter().chain(&plan.rollback);
    let temporary: BTreeSet<&Identity> = ways.flat_map(|step| &step.temporary).collect();
    let was_there = |identity: &Identity| {
        let known = plan.scope.iter().find(|(known, _)| known == identity);
        known.is_some_and(|(_, print)| print.is_some())
    };
    let is_left = |identity: &Identity| temporary.iter().any(|top| identity.path.starts_with(&top.path));
    let all = live.objects.keys();
    let left: Vec<&Identity> = all
        .filter(|identity| is_left(identity) && !was_there(identity))
        .collect();
    (!left.is_empty()).then(|| {
        let mut out = live.clone();
        for identity in left {
            out.remove(identity);
        }
        out
    })
}

fn renames(step: &Step) -> bool {
    step.changes.first().is_some_and(|change| change.verb == Verb::Rename)
}

/// Returns the objects as they were, under the names that they have by now; nothing where they have their first names.
fn renamed(live: &Catalog, execution: &Execution) -> Option<Snapshot> {
    let plan = &execution.plan;
    let snapshot = serde_json::from_value(plan.renamed.clone()?).ok()?;
    let items = items(&plan.forward);
    let mut of_renames = items.iter().filter(|item| renames(&plan.forward[item.step]));
    let is_done = of_renames.all(|item| execution.reached(item.ordinal) == Reached::Done);
    // A rollback that failed late may have given the first names back.
    let subjects = plan
        .forward
        .iter()
        .filter(|step| renames(step))
        .flat_map(|step| &step.changes);
    let mut new = subjects.map(|change| &change.object).filter(|object| {
        let before = plan.scope.iter().find(|(identity, _)| identity == *object);
        before.is_none_or(|(_, print)| print.is_none())
    });
    (is_done && new.all(|object| live.contains(object))).then_some(snapshot)
}

fn choose(session: &mut Session, wanted: Option<i64>) -> Result<Execution> {
    let id = match wanted {
        Some(id) => id,
        None => {
            ledger::newest(&mut session.second, Some(ExecutionKind::Apply))?
                .ok_or_else(|| {
                    Error::usage("there is nothing to roll back")
                        .hint("Every execution is rolled back already; `trueup history` lists them.")
                })?
                .0
        }
    };
    let execution = ledger::load(&mut session.second, id)?;
    let refused = |what: &str, hint: &str| Err(Error::usage(format!("execution {id} {what}")).hint(hint));
    if execution.kind == ExecutionKind::Rollback {
        return refused(
            "is a rollback itself",
            "Apply the plan again to undo a rollback, or resume this one if it stopped part-way.",
        );
    }
    match execution.status {
        ExecutionStatus::RolledBack => refused("is rolled back already", "`trueup history` lists the executions."),
        _ => Ok(execution),
    }
}

/// Refuses when something that ran cannot be undone.
fn refuse_impossible(execution: &Execution) -> Result<()> {
    let ran = |item: &Item| execution.reached(item.ordinal) != Reached::Pending;
    let mut reasons: Vec<String> = Vec::new();
    for item in items(&execution.steps)
        .iter()
        .filter(|item| item.statement == 0 && ran(item))
    {
        let step = &execution.steps[item.step];
        if let (Reversal::Impossible(reason), false) = (&step.reversal, secrets::forgets(step)) {
            let object = step.changes.first().map(|change| change.object.to_string());
            reasons.push(format!("{}: {reason}", object.unwrap_or_default()));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let message = format!(
        "execution {} cannot be rolled back: {}",
        execution.id,
        reasons.join("; ")
    );
    Err(Error::new(ErrorKind::Blocked, message).hint(
        "PostgreSQL cannot undo this: restore a backup, or go forward with target files that say how it shall be.",
    ))
}

/// Returns a finding for each statement of the way back that loses data.
fn findings(steps: &[Step]) -> Vec<Finding> {
    let losses = steps.iter().enumerate().flat_map(|(at, step)| {
        let losses = step
            .statements
            .iter()
            .filter_map(|sentence| sentence.facts.loss.as_ref());
        losses.filter_map(move |loss| Some((at, &step.changes.first()?.object, loss)))
    });
    losses
        .filter_map(|(step, object, loss)| match loss {
            Loss::Values(what) | Loss::Precision(what) => Some((step, object, what)),
            // What the apply set is still where it came from.
            Loss::Secret(_) => None,
        })
        .map(|(step, object, what)| Finding {
            code: LOSS_CODE.to_owned(),
            risk: Risk::Dangerous,
            object: object.clone(),
            step,
            message: format!("Rolling back loses data: {what}."),
            hint: "Save what was written since, before rolling back.".to_owned(),
            evidence: Vec::new(),
            ruling: None,
        })
        .collect()
}
