//! The way back from quarantine, put in the place of the statements that would create what is still there.

use std::collections::BTreeSet;

use super::{BACK, REFILLED, SCHEMA, narrowed, sentences};
use postgres::Client;
use postgres::types::Type;

use crate::backfill::Batches;
use crate::catalog::Identity;
use crate::catalog::quote::qualified;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{Context, Kind, Statement};
use crate::plan::{Change, Plan, Step, Verb};

/// Puts a step that brings something back in the place of the one that creates it; what comes with it is created no more.
/// `context` leads from where the steps begin to where they lead.
pub(super) fn take_over(steps: Vec<Step>, back: &Step, context: &Context) -> Vec<Step> {
    let covered: BTreeSet<&Identity> = back.changes.iter().map(|change| &change.object).collect();
    let Some(subject) = back.changes.first().map(|change| &change.object) else {
        return steps;
    };
    let mut out = Vec::with_capacity(steps.len());
    let mut is_placed = false;
    // What is made anew is dropped first, by a step that stays.
    let is_anew = |step: &Step| {
        step.changes
            .iter()
            .any(|change| change.object == *subject && change.verb != Verb::Create)
    };
    let first = steps.iter().rposition(is_anew).unwrap_or(0);
    for (at, step) in steps.into_iter().enumerate() {
        if at < first || !step.changes.iter().any(|change| covered.contains(&change.object)) {
            out.push(step);
            continue;
        }
        let rest: Vec<Change> = step
            .changes
            .iter()
            .filter(|change| !covered.contains(&change.object))
            .cloned()
            .collect();
        let is_place = !is_placed && step.changes.iter().any(|change| change.object == *subject);
        is_placed |= is_place;
        let created: Vec<Statement> = rest
            .iter()
            .filter_map(|change| context.after(&change.object))
            .flat_map(|object| object.create(context))
            .collect();
        if is_place {
            let mut whole = back.clone();
            whole.transaction = step.transaction;
            whole.phase = step.phase;
            whole.changes.extend(rest);
            whole.statements.extend(sentences(&created));
            out.push(whole);
        } else if !rest.is_empty() {
            out.push(Step {
                changes: rest,
                statements: sentences(&created),
                ..step
            });
        }
    }
    renumber(&mut out);
    out
}

/// Closes the gaps that steps leave which are no more.
fn renumber(steps: &mut [Step]) {
    let numbers: BTreeSet<usize> = steps.iter().map(|step| step.transaction).collect();
    for step in steps {
        step.transaction = numbers.range(..step.transaction).count();
    }
}

/// Puts a step that fills an object behind the last one that makes it, in the same transaction; tells whether there is one.
pub(super) fn refill(steps: &mut Vec<Step>, mut filling: Step) -> bool {
    let Some(subject) = filling.changes.first().map(|change| change.object.clone()) else {
        return false;
    };
    let is_own = |change: &Change| {
        let of_table = subject.kind.is_table() && change.object.kind == Kind::Column;
        change.object == subject || (of_table && change.object.path.starts_with(&subject.path))
    };
    let makes = |step: &Step| {
        let converts = || {
            step.statements
                .iter()
                .any(|sentence| narrowed::changes_values(&sentence.sql))
        };
        let is_filled = |change: &Change| match change.verb {
            Verb::Drop | Verb::Rename => false,
            Verb::Alter => change.object == subject && (subject.kind != Kind::Column || converts()),
            Verb::Create | Verb::Replace | Verb::Rebuild => subject.kind != Kind::Column,
        };
        step.changes.iter().any(|change| is_own(change) && is_filled(change))
    };
    let Some(at) = steps.iter().rposition(makes) else {
        return false;
    };
    filling.transaction = steps[at].transaction;
    // Others that fill something else of the same step stand there already; they keep their order.
    let behind = steps[at + 1..].iter().take_while(|step| fills(step)).count();
    steps.insert(at + 1 + behind, filling);
    true
}

fn fills(step: &Step) -> bool {
    step.form.as_ref().is_some_and(|form| form.starts_with(REFILLED))
}

/// Refuses a way back from quarantine when what it would bring back was purged.
pub fn refuse_purged(client: &mut Client, steps: &[Step]) -> Result<()> {
    let said = steps.iter().filter_map(|step| {
        let form = step.form.as_ref()?;
        form.strip_prefix(BACK).or_else(|| form.strip_prefix(REFILLED))
    });
    let sentences = steps.iter().flat_map(|step| &step.statements);
    let batches = sentences.filter_map(|sentence| sentence.facts.batches.as_ref());
    let read: BTreeSet<String> = batches
        .flat_map(Batches::mentions)
        .filter_map(|name| in_quarantine(&name))
        .collect();
    for place in said.map(str::to_owned).chain(read) {
        let row = client.query_typed_one("SELECT pg_catalog.to_regclass($1) IS NULL", &[(&place, Type::TEXT)])?;
        if row.try_get(0)? {
            return Err(Error::new(
                ErrorKind::Blocked,
                format!("the rows that the rollback would bring back are gone: `{place}` was purged"),
            )
            .hint("Restore them from a backup (`trueup restore`), or go forward with target files that say how it shall be."));
        }
    }
    Ok(())
}

/// Returns the quoted name of a table of quarantine from `schema.name`.
fn in_quarantine(name: &str) -> Option<String> {
    let (schema, table) = name.split_once('.')?;
    schema.starts_with(SCHEMA).then(|| qualified([schema, table]))
}

/// Puts the way back from quarantine into steps that were planned from a live catalog, as far as what a plan has moved is
/// there no more.
pub fn take_back(steps: Vec<Step>, plan: &Plan, context: &Context) -> Vec<Step> {
    let back = plan
        .rollback
        .iter()
        .filter(|step| step.form.as_ref().is_some_and(|form| form.starts_with(BACK)));
    let is_made = |change: &Change| matches!(change.verb, Verb::Create | Verb::Replace | Verb::Rebuild);
    let mut steps = back.fold(steps, |steps, step| {
        let Some(subject) = step.changes.first().map(|change| &change.object) else {
            return steps;
        };
        let mut changes = steps.iter().flat_map(|step| &step.changes);
        if changes.any(|change| change.object == *subject && is_made(change)) {
            return take_over(steps, step, context);
        }
        steps
    });
    for step in plan.rollback.iter().filter(|step| fills(step)) {
        refill(&mut steps, step.clone());
    }
    steps
}
