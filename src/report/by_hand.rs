//! What trueup leaves to people: what to save before, what to do after, what it does not touch.

use std::collections::BTreeSet;

use super::name;
use super::words::reversal;
use crate::catalog::{Identity, quote};
use crate::plan::{Plan, Reversal, Verb};

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
    let mut out = Vec::new();
    for (at, step) in plan.forward.iter().enumerate() {
        let (Some(change), (label, Some(reason))) = (step.changes.first(), reversal(&step.reversal)) else {
            continue;
        };
        let what = name::full(&change.object);
        let worth = match step.reversal {
            Reversal::Impossible(_) => "cannot be rolled back".to_owned(),
            _ => format!("has a rollback that is {label}"),
        };
        out.push(format!(
            "Before: save what you need of {what}; step {} {worth}: {reason}.",
            at + 1
        ));
    }
    out
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
    let names: Vec<String> = tables
        .iter()
        .map(|table| {
            table
                .path
                .iter()
                .map(|name| quote::ident(name))
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "After: run `ANALYZE {}`; tables that are written anew lose the statistics that queries are planned with.",
            names.join(", ")
        )
    })
}
