//! ## What it finds
//!
//! An index that is built on a standing table without `CONCURRENTLY`, that of a primary key, unique or exclusion
//! constraint included.
//!
//! ## Why it is dangerous
//!
//! `CREATE INDEX` takes SHARE: reads go on, writes wait until the index is built. `ADD PRIMARY KEY` and `ADD UNIQUE` take
//! ACCESS EXCLUSIVE: reads wait too. It is `dangerous`, `critical` where a large table is busy, `caution` up to 16 MiB, and
//! not reported for an empty table.
//!
//! ## Safer way
//!
//! `CREATE INDEX CONCURRENTLY` blocks nobody; it runs outside of a transaction, takes longer, and leaves an invalid
//! index behind when it fails. Attach a unique one with `ADD CONSTRAINT … USING INDEX`.
//!
//! ## PostgreSQL versions
//!
//! All. On a partitioned table build the indexes of the partitions concurrently and attach them.

use std::collections::BTreeSet;

use super::locked_scan::builds_index;
use crate::kinds::{Lock, Transaction};
use crate::risk::look::{Hit, Look, lock_on};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (at, step, sentence) in look.statements() {
        let Some(change) = step.changes.first().filter(|change| builds_index(change.object.kind)) else {
            continue;
        };
        let outside = sentence.facts.transaction == Transaction::Outside;
        for table in sentence
            .facts
            .scans
            .iter()
            .filter(|table| look.stands(table) && !outside)
        {
            let strong = lock_on(sentence, table).filter(|lock| *lock >= Lock::Share);
            let (Some(strongest), Some(risk)) = (strong, look.grade(table)) else {
                continue;
            };
            if seen.insert((at, table)) {
                let blocked = if strongest == Lock::AccessExclusive {
                    "reads and writes"
                } else {
                    "writes"
                };
                let message = format!(
                    "The index of `{}` is built while {blocked} of {} wait.",
                    change.object.path_text(),
                    look.sized(table)
                );
                out.push(Hit::new(risk, at, &change.object, message).hint(
                    "Build it with `CREATE INDEX CONCURRENTLY` by hand before this plan, or choose a quiet hour.",
                ));
            }
        }
    }
    out
}
