//! ## What it finds
//!
//! A statement that reads a standing table from end to end while it holds a lock that blocks writes or more, and does
//! not write it anew: the validation of a constraint, `SET NOT NULL` without proof, the attachment of a partition.
//! Builds of indexes are TU303.
//!
//! ## Why it is dangerous
//!
//! Writers wait until the last row is read; under ACCESS EXCLUSIVE readers too. Everything that queues behind the lock
//! holds its own locks and its connection. It is `dangerous`, `caution` up to 16 MiB, and not reported for an empty
//! table.
//!
//! ## Safer way
//!
//! Add constraints `NOT VALID` and validate them in another transaction, which takes only SHARE UPDATE EXCLUSIVE. Prove
//! `SET NOT NULL` by a validated check first.
//!
//! ## PostgreSQL versions
//!
//! All. Since 12 a validated `CHECK (c IS NOT NULL)` spares `SET NOT NULL` its scan; 18 has `NOT NULL … NOT VALID`.

use std::collections::BTreeSet;

use crate::kinds::{Kind, Lock};
use crate::risk::look::{Hit, Look, lock_on};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        let Some(change) = step.changes.first().filter(|change| !builds_index(change.object.kind)) else {
            continue;
        };
        for table in sentence.facts.scans.iter().filter(|table| look.stands(table)) {
            let strong = lock_on(sentence, table).filter(|lock| *lock >= Lock::Share);
            let (Some(lock), Some(risk)) = (strong, look.grade(table)) else {
                continue;
            };
            if !sentence.facts.rewrites.contains(table) && seen.insert((at, table)) {
                let blocked = if lock == Lock::AccessExclusive {
                    "reads and writes wait"
                } else {
                    "writes wait"
                };
                let message = format!("{} is read from end to end while {blocked}.", look.sized(table));
                out.push(
                    Hit::new(risk, at, &change.object, message)
                        .hint("Add the constraint `NOT VALID` and validate it in another transaction."),
                );
            }
        }
    }
    out
}

/// Tells whether creating an object of the kind builds an index.
pub(super) fn builds_index(kind: Kind) -> bool {
    matches!(kind, Kind::Index | Kind::Key)
}
