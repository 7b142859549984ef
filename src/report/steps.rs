//! The steps with what is said about each: its name, its risk, who waits meanwhile, how far a rollback restores.

use std::collections::{BTreeMap, BTreeSet};

use super::duration;
use super::name;
use super::words::{reversal, verb, waits};
use crate::catalog::Identity;
use crate::kinds::{Lock, Transaction};
use crate::plan::{Plan, Step, Verb};
use crate::risk::Risk;

/// One step as reports show it.
pub(super) struct StepView<'a> {
    /// Number, from 1.
    pub(super) number: usize,
    /// The step.
    pub(super) step: &'a Step,
    /// What it does: `alter column shop.orders.id (1 of 2)`.
    pub(super) title: String,
    /// Highest risk of its findings.
    pub(super) risk: Option<Risk>,
    /// Label of its rollback.
    pub(super) rollback: &'static str,
    /// Who waits, what is rewritten or read from end to end, what a rollback cannot restore.
    pub(super) consequences: Vec<String>,
}

/// Returns all steps of the way forward.
pub(super) fn steps(plan: &Plan) -> Vec<StepView<'_>> {
    let created: BTreeSet<&Identity> = plan
        .changes
        .iter()
        .filter(|detail| detail.change.verb == Verb::Create)
        .map(|detail| &detail.change.object)
        .collect();
    let mut risks: BTreeMap<usize, Risk> = BTreeMap::new();
    for finding in &plan.findings {
        let risk = risks.entry(finding.step).or_insert(finding.risk);
        *risk = (*risk).max(finding.risk);
    }
    let titles = titles(plan);
    let view = |((at, step), title)| StepView {
        number: at + 1,
        step,
        title,
        risk: risks.get(&at).copied(),
        rollback: reversal(&step.reversal).0,
        consequences: consequences(step, &created),
    };
    plan.forward.iter().enumerate().zip(titles).map(view).collect()
}

/// Names every step by its first change, with its place among the steps about the same object.
fn titles(plan: &Plan) -> Vec<String> {
    let mut numbers: BTreeMap<&Identity, usize> = BTreeMap::new();
    for change in plan.forward.iter().filter_map(|step| step.changes.first()) {
        *numbers.entry(&change.object).or_default() += 1;
    }
    let mut places: BTreeMap<&Identity, usize> = BTreeMap::new();
    let mut title = |step: &'_ Step| {
        let Some(change) = step.changes.first() else {
            return String::new();
        };
        let mut text = format!("{} {}", verb(change.verb), name::full(&change.object));
        let of = numbers.get_key_value(&change.object);
        if let Some((object, of)) = of.filter(|(_, of)| **of > 1) {
            let place = places.entry(object).or_default();
            *place += 1;
            text.push_str(&format!(" ({place} of {of})"));
        }
        text
    };
    plan.forward.iter().map(&mut title).collect()
}

impl StepView<'_> {
    /// Returns where the step runs: `transaction 2`.
    pub(super) fn place(&self) -> String {
        let outside = |step: &Step| {
            let mut statements = step.statements.iter();
            statements.any(|sentence| sentence.facts.transaction == Transaction::Outside)
        };
        if outside(self.step) {
            "outside of a transaction".to_owned()
        } else {
            format!("transaction {}", self.step.transaction + 1)
        }
    }
}

fn consequences(step: &Step, created: &BTreeSet<&Identity>) -> Vec<String> {
    let mut locks: BTreeMap<&Identity, Lock> = BTreeMap::new();
    let mut work: BTreeMap<&Identity, &str> = BTreeMap::new();
    for facts in step.statements.iter().map(|sentence| &sentence.facts) {
        for (object, lock) in &facts.locks {
            let strongest = locks.entry(object).or_insert(*lock);
            *strongest = (*strongest).max(*lock);
        }
        for object in &facts.scans {
            work.entry(object).or_insert("read from end to end");
        }
        for object in &facts.rewrites {
            work.insert(object, "written anew");
        }
    }
    let objects: BTreeSet<&Identity> = locks.keys().chain(work.keys()).copied().collect();
    let mut out: Vec<String> = objects
        .into_iter()
        .filter(|object| !created.contains(object))
        .filter_map(|object| {
            let waits = locks.get(object).and_then(|lock| waits(*lock));
            let parts: Vec<&str> = work.get(object).copied().into_iter().chain(waits).collect();
            (!parts.is_empty()).then(|| format!("{}: {}", object.path_text(), parts.join(", ")))
        })
        .collect();
    out.extend(duration::lines(step));
    out.extend(step.form.clone());
    out.extend(reversal(&step.reversal).1.map(str::to_owned));
    out
}
