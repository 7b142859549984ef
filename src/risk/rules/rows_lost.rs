//! ## What it finds
//!
//! A table, column or sequence that is dropped and created again because PostgreSQL has no statement for the change: a
//! table that gets another partition key, a column that becomes a generated one.
//!
//! ## Why it is dangerous
//!
//! The name stays, so the plan looks harmless, but the rows or values are gone in the middle of it. It is `critical`,
//! and `caution` where the table is certainly empty or the values were computed.
//!
//! ## Safer way
//!
//! Create the new form under another name, copy the rows, and rename both in one short transaction:
//! `-- trueup: renamed from NAME` above a declaration tells trueup to rename. Drop the old form in a later plan.
//!
//! ## PostgreSQL versions
//!
//! All. PostgreSQL 17 can change the expression of a stored generated column in place.

use crate::kinds::Loss;
use crate::plan::Verb;
use crate::quarantine::copies;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        let (Some(Loss::Values(what)), Some(change)) = (&sentence.facts.loss, step.changes.first()) else {
            continue;
        };
        if !matches!(change.verb, Verb::Replace | Verb::Rebuild) {
            continue;
        }
        let empty = look.size(&table_of(&change.object)) == Size::Empty;
        let risk = if empty { Risk::Caution } else { Risk::Critical };
        // The copy is for the rollback: the new form begins without them all the same.
        let fate = if copies(step) {
            "are only in a copy in quarantine, from which a rollback brings them back"
        } else {
            "are lost"
        };
        let message = format!(
            "The {} is dropped and created again, because PostgreSQL cannot change it where it stands: {what} {fate}.",
            named(&change.object)
        );
        out.push(
            Hit::new(risk, at, &change.object, message).hint(
                "Create the new form under another name, copy the rows, and rename both in one short transaction.",
            ),
        );
    }
    out
}

fn named(object: &crate::catalog::Identity) -> String {
    format!("{} `{}`", object.kind, object.path_text())
}
