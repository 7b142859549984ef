//! ## What it finds
//!
//! A statement that writes a standing table anew with all its indexes: most changes of type, a column with a volatile
//! default or a stored generated one, `SET UNLOGGED`, `SET LOGGED`, another access method or tablespace.
//!
//! ## Why it is dangerous
//!
//! The table is locked with ACCESS EXCLUSIVE from the first row to the last index: nobody reads or writes it. It needs
//! the space of the table and its indexes a second time, writes all of it to the log, and replicas fall behind. It is
//! `dangerous`, `caution` up to 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Add a new column, fill it in batches and switch over. For a default: add the column without one, set the default,
//! fill old rows in batches. Where it must be this statement, choose a quiet hour.
//!
//! ## PostgreSQL versions
//!
//! All. Virtual generated columns (18) need no rewrite; `SET ACCESS METHOD` exists since 15.

use std::collections::BTreeSet;

use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
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
