//! ## What it finds
//!
//! A statement that reads a standing table from end to end while it holds a lock that blocks writes or more, and does
//! not write it anew: the validation of a constraint, `SET NOT NULL` without proof. Builds of indexes are TU303, the
//! attachment of a partition is TU204.
//!
//! ## Why it is dangerous
//!
//! Writers wait until the last row is read; under ACCESS EXCLUSIVE readers too. Everything that queues behind the lock
//! holds its own locks and its connection. It is `dangerous`, `critical` where a large table is busy,
//! `caution` up to 16 MiB, and not reported for an empty table.
//!
//! ## Safer way
//!
//! Add constraints `NOT VALID` and validate them in another transaction, which takes only SHARE UPDATE EXCLUSIVE. Prove
//! `SET NOT NULL` by a validated check first.
//!
//! ## PostgreSQL versions
//!
//! All. Since 12 a validated `CHECK (c IS NOT NULL)` spares `SET NOT NULL` its scan; 18 has `NOT NULL … NOT VALID`.

use std::collections::BTreeMap;

use crate::catalog::Identity;
use crate::kinds::{Kind, Lock};
use crate::plan::Step;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, lock_on};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let steps = look.steps.iter().enumerate();
    steps.filter_map(|(at, step)| hit(look, at, step)).collect()
}

fn hit(look: &Look, at: usize, step: &Step) -> Option<Hit> {
    let change = step
        .changes
        .first()
        .filter(|change| !builds_index(change.object.kind) && change.object.kind != Kind::Partition)?;
    let scanned = scanned(look, step);
    let risk = scanned.values().map(|(risk, _)| *risk).max()?;
    let strongest = scanned.values().map(|(_, lock)| *lock).max()?;
    let tables: Vec<String> = scanned.keys().map(|table| look.sized(table)).collect();
    let are = if tables.len() == 1 { "is" } else { "are" };
    let blocked = if strongest == Lock::AccessExclusive {
        "reads and writes wait"
    } else {
        "writes wait"
    };
    let message = format!("{} {are} read from end to end while {blocked}.", tables.join(" and "));
    Some(
        Hit::new(risk, at, &change.object, message)
            .hint("Add the constraint `NOT VALID` and validate it in another transaction."),
    )
}

/// Returns the standing tables that the step reads but does not write anew, with their grade and lock.
fn scanned<'a>(look: &Look, step: &'a Step) -> BTreeMap<&'a Identity, (Risk, Lock)> {
    let mut out = BTreeMap::new();
    for sentence in &step.statements {
        let read = sentence.facts.scans.iter();
        for table in read.filter(|table| look.stands(table) && !sentence.facts.rewrites.contains(table)) {
            let strong = lock_on(sentence, table).filter(|lock| *lock >= Lock::Share);
            if let (Some(lock), Some(risk)) = (strong, look.grade(table)) {
                out.insert(table, (risk, lock));
            }
        }
    }
    out
}

/// Tells whether creating an object of the kind builds an index.
pub(in crate::risk) fn builds_index(kind: Kind) -> bool {
    matches!(kind, Kind::Index | Kind::Key)
}
