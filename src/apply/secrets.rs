//! The values behind the marks of a plan's statements, before the first of them runs.

use super::session::Session;
use crate::desired::secrets::learn;
use crate::desired::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{Loss, needs_secrets, unknown_secrets};
use crate::plan::{Plan, Step};

/// Makes sure that the values of all secrets in steps are known: from the caller, from the live database, which may be
/// about to forget them, or from the target files that the plan was made from.
///
/// # Errors
/// A value is known nowhere; nothing was changed yet.
pub(super) fn know(session: &mut Session, plan: &Plan, steps: &[Step]) -> Result<()> {
    let missing = missing(session, plan, steps)?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(unknown_secrets(&missing))
}

/// Returns the marks in steps behind which nothing is known.
pub(super) fn missing(session: &mut Session, plan: &Plan, steps: &[Step]) -> Result<Vec<String>> {
    let has_marks = |steps: &[Step]| sentences(steps).any(needs_secrets);
    if ![&plan.forward, &plan.rollback].into_iter().any(|way| has_marks(way)) && !has_marks(steps) {
        return Ok(Vec::new());
    }
    let secrets = &session.options.secrets;
    secrets.learn_live(&mut session.client, &session.server)?;
    let missing = || -> Vec<String> { sentences(steps).flat_map(|sql| secrets.missing(sql)).collect() };
    let recorded = plan.secrets_from.as_deref().filter(|_| !missing().is_empty());
    if let Some(source) = recorded.and_then(|text| Source::parse(text).ok()) {
        learn(secrets, &source)?;
    }
    Ok(missing())
}

/// Refuses a way back that needs values which nobody knows any more.
pub(super) fn refuse_forgotten(session: &mut Session, plan: &Plan, steps: &[Step], execution: i64) -> Result<()> {
    if missing(session, plan, steps)?.is_empty() {
        return Ok(());
    }
    let is_secret = |step: &&Step| forgets(step);
    let objects = plan
        .forward
        .iter()
        .filter(is_secret)
        .filter_map(|step| step.changes.first());
    let objects: Vec<String> = objects.map(|change| change.object.to_string()).collect();
    let message = format!(
        "execution {execution} cannot be rolled back: it replaced secrets, and nobody knows the former ones ({})",
        objects.join(", ")
    );
    Err(Error::new(ErrorKind::Blocked, message).hint(
        "Name target files that state the former values, for example `--schema git:REF:schema`, or go forward instead.",
    ))
}

/// Tells whether a step makes the server forget a secret.
pub(super) fn forgets(step: &Step) -> bool {
    let mut facts = step.statements.iter().map(|sentence| &sentence.facts);
    facts.any(|facts| matches!(facts.loss, Some(Loss::Secret(_))))
}

fn sentences(steps: &[Step]) -> impl Iterator<Item = &str> {
    let sentences = steps.iter().flat_map(|step| &step.statements);
    sentences.map(|sentence| sentence.sql.as_str())
}
