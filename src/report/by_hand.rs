//! What trueup leaves to people: what to save before, what to do after, what it does not touch.

use std::collections::{BTreeMap, BTreeSet};

use super::name;
use super::words::reversal;
use crate::catalog::Identity;

use crate::plan::{Plan, Verb};

/// Names that a sentence lists.
const NAMED: usize = 5;

/// Returns what to do by hand, as sentences in the order of doing.
pub(super) fn by_hand(plan: &Plan) -> Vec<String> {
    let mut out = saves(plan);
    out.extend(analyses(plan));
    out.extend(plan.unmodelled.iter().map(|(kind, name)| {
        format!("Look after {kind} {name} yourself: trueup does not model it and leaves it as it is.")
    }));
    out
}

/// What no rollback brings back is to be saved before.
fn saves(plan: &Plan) -> Vec<String> {
    let mut worths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (at, step) in plan.forward.iter().enumerate() {
        if let (Some(change), (label, Some(reason))) = (step.changes.first(), reversal(&step.reversal)) {
            let what = format!("{} (step {}: {reason})", name::full(&change.object), at + 1);
            worths.entry(label).or_default().push(what);
        }
    }
    let say = |(label, objects): (&str, Vec<String>)| {
        format!("Before: save what you need of {}; rollback is {label}.", some(&objects))
    };
    worths.into_iter().map(say).collect()
}

/// Lists the first few.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// A rewrite for another type removes the columns' statistics, and nothing collects them before rows change (manual:
/// ALTER TABLE, SET DATA TYPE).
fn analyses(plan: &Plan) -> Option<String> {
    let gone: BTreeSet<&Identity> = plan
        .changes
        .iter()
        .filter(|detail| matches!(detail.change.verb, Verb::Create | Verb::Drop))
        .map(|detail| &detail.change.object)
        .collect();
    let statements = plan.forward.iter().flat_map(|step| &step.statements);
    let tables: BTreeSet<&Identity> = statements
        .flat_map(|sentence| &sentence.facts.rewrites)
        .filter(|table| !gone.contains(table))
        .collect();
    let names: Vec<String> = tables.iter().map(|table| name::path(&table.path)).collect();
    (!names.is_empty()).then(|| {
        format!(
            "After: run ANALYZE for {}; a table that is written anew loses statistics that queries are planned with.",
            some(&names)
        )
    })
}
