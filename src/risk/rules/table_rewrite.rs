//! ## What it finds
//!
//! A statement that writes a standing table anew with all its indexes: most changes of type, another access method or
//! tablespace. A column that is filled row by row is TU305, a stored generated one TU306, `SET LOGGED` and `SET
//! UNLOGGED` TU307.
//!
//! ## Why it is dangerous
//!
//! The table is locked with ACCESS EXCLUSIVE from the first row to the last index: nobody reads or writes it. It needs
//! the space of the table and its indexes a second time, writes all of it to the log, and replicas fall behind. It is
//! `dangerous`, `critical` where a large table is busy, `caution` up to 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Add a new column, fill it in batches and switch over. Where it must be this statement, choose a quiet hour.
//!
//! ## PostgreSQL versions
//!
//! All. `SET ACCESS METHOD` exists since 15.

use std::collections::BTreeSet;

use super::{filled_column, logging, stored_generation};
use crate::kinds::Kind;
use crate::plan::{Change, Step};
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        if is_said(look, step) {
            continue;
        }
        for table in sentence.facts.rewrites.iter().filter(|table| look.stands(table)) {
            let (Some(risk), Some(change)) = (look.grade(table), step.changes.first()) else {
                continue;
            };
            if seen.insert((at, table)) {
                let message = format!(
                    "{} is written anew with all its indexes under ACCESS EXCLUSIVE: nobody reads or writes it meanwhile.",
                    look.sized(table)
                );
                out.push(
                    Hit::new(risk, at, &change.object, message)
                        .hint("Add a new column, fill it in batches and switch over, or choose a quiet hour."),
                );
            }
        }
    }
    out
}

/// Tells whether a rule that knows more about the reason reports the rewrite.
fn is_said(look: &Look, step: &Step) -> bool {
    let logging =
        |change: &Change| change.object.kind == Kind::Table && logging::change(look, &change.object).is_some();
    !filled_column::filled(look, step).is_empty()
        || !stored_generation::computed(look, step).is_empty()
        || step.changes.iter().any(logging)
}
