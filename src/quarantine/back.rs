//! The way back from quarantine, put in the place of the statements that would create what is still there.

use std::collections::BTreeSet;

use super::{BACK, sentences};
use postgres::Client;
use postgres::types::Type;

use crate::catalog::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{Context, Statement};
use crate::plan::{Change, Plan, Step};

/// Puts a step that brings something back in the place of the one that creates it; what comes with it is created no more.
/// `context` leads from where the steps begin to where they lead.
pub(super) fn take_over(steps: Vec<Step>, back: &Step, context: &Context) -> Vec<Step> {
    let covered: BTreeSet<&Identity> = back.changes.iter().map(|change| &change.object).collect();
    let Some(subject) = back.changes.first().map(|change| &change.object) else {
        return steps;
    };
    let mut out = Vec::with_capacity(steps.len());
    let mut is_placed = false;
    for step in steps {
        if !step.changes.iter().any(|change| covered.contains(&change.object)) {
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

/// Refuses a way back from quarantine when what it would bring back was purged.
pub fn refuse_purged(client: &mut Client, steps: &[Step]) -> Result<()> {
    let places = steps.iter().filter_map(|step| step.form.as_ref()?.strip_prefix(BACK));
    for place in places {
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

/// Puts the way back from quarantine into steps that were planned from a live catalog, as far as what a plan has moved is
/// there no more.
pub fn take_back(steps: Vec<Step>, plan: &Plan, context: &Context) -> Vec<Step> {
    let back = plan
        .rollback
        .iter()
        .filter(|step| step.form.as_ref().is_some_and(|form| form.starts_with(BACK)));
    let missing = back.filter(|step| {
        let subject = step.changes.first().map(|change| &change.object);
        subject.is_some_and(|subject| context.before(subject).is_none() && context.after(subject).is_some())
    });
    missing.fold(steps, |steps, step| take_over(steps, step, context))
}
