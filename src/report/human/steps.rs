//! The steps in their order: phase, transaction, SQL, who waits meanwhile, how far a rollback restores.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{phase, reversal, verb, waits};
use crate::catalog::Identity;
use crate::kinds::{Lock, Transaction};
use crate::plan::{Change, Plan, Step, Verb};
use crate::report::name;
use crate::report::paint::Style;
use crate::report::text::{indent, wrap};

/// Returns all steps.
pub(super) fn steps(plan: &Plan, style: &Style) -> String {
    if plan.forward.is_empty() {
        return String::new();
    }
    let created: BTreeSet<&Identity> = plan
        .changes
        .iter()
        .filter(|detail| detail.change.verb == Verb::Create)
        .map(|detail| &detail.change.object)
        .collect();
    let mut out = format!("{}\n", style.heading("Steps"));
    let mut seen: BTreeMap<&Identity, usize> = BTreeMap::new();
    let mut last = None;
    for (at, step) in plan.forward.iter().enumerate() {
        let group = (step.phase, step.transaction);
        if last != Some(group) {
            out.push_str(&format!("{}\n", style.dim(&rule(step, style.width))));
            last = Some(group);
        }
        out.push_str(&title(plan, at, step, &mut seen, style));
        for sentence in &step.statements {
            let sql = style.sql(&format!("{};", sentence.sql));
            out.push_str(&format!("{}\n", indent(&sql, 6)));
        }
        for line in consequences(step, &created) {
            let lines = wrap(&line, style.width.saturating_sub(8).max(20)).join("\n  ");
            out.push_str(&format!("{}\n", style.dim(&indent(&format!("· {lines}"), 6))));
        }
    }
    out
}

fn rule(step: &Step, width: usize) -> String {
    let outside = step
        .statements
        .iter()
        .any(|sentence| sentence.facts.transaction == Transaction::Outside);
    let transaction = if outside {
        "outside of a transaction".to_owned()
    } else {
        format!("transaction {}", step.transaction + 1)
    };
    let text = format!("── {} · {transaction} ", phase(step.phase));
    let fill = width.min(100).saturating_sub(text.chars().count());
    format!("{text}{}", "─".repeat(fill))
}

/// Returns the line that names a step; the label of its rollback stands at the right edge.
fn title<'a>(
    plan: &Plan,
    at: usize,
    step: &'a Step,
    seen: &mut BTreeMap<&'a Identity, usize>,
    style: &Style,
) -> String {
    let Some(change) = step.changes.first() else {
        return format!("{:>4}.\n", at + 1);
    };
    let place = seen.entry(&change.object).or_default();
    *place += 1;
    let mut text = format!("{} {}", verb(change.verb), name::full(&change.object));
    let steps = plan.forward.iter().filter(|step| is_about(step, change)).count();
    if steps > 1 {
        text.push_str(&format!(" ({place} of {steps})"));
    }
    let mut wide = 6 + text.chars().count();
    let mut line = format!("{:>4}. {}", at + 1, style.heading(&text));
    let findings = plan.findings.iter().filter(|finding| finding.step == at);
    if let Some(risk) = findings.map(|finding| finding.risk).max() {
        wide += 4 + risk.word().len();
        line.push_str(&format!("  [{}]", style.risk(risk)));
    }
    let (label, _) = reversal(&step.reversal);
    let rollback = format!("rollback {label}");
    let gap = style.width.saturating_sub(wide + rollback.chars().count());
    if gap < 2 {
        return format!("{line}\n      {}\n", style.dim(&format!("· {rollback}")));
    }
    format!("{line}{}{}\n", " ".repeat(gap), style.dim(&rollback))
}

fn is_about(step: &Step, change: &Change) -> bool {
    step.changes.first().is_some_and(|first| first.object == change.object)
}

/// Says who waits while the step runs, what is rewritten or read from end to end, and what a rollback cannot restore.
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
    out.extend(reversal(&step.reversal).1.map(str::to_owned));
    out
}
