//! ## What it finds
//!
//! A table that becomes a partition without a proof that its rows fit the bound, so that PostgreSQL reads all of them;
//! and a new partition beside a default partition, which is read for rows that belong to the new one.
//!
//! ## Why it is dangerous
//!
//! `ATTACH PARTITION` holds ACCESS EXCLUSIVE on the table, and on the default partition, while it reads. One row outside
//! of the bound, or one in the default partition that belongs to the new one, makes it fail. It is `dangerous`, `caution`
//! up to 16 MiB, `critical` where a large table is busy, and not reported for empty tables.
//!
//! ## Safer way
//!
//! Add a `CHECK` that says what the bound says, `NOT VALID`, validate it in another transaction, attach, and drop it. For
//! the default partition a check that excludes the new bound does the same.
//!
//! ## PostgreSQL versions
//!
//! All. Since 12 the partitioned table itself is locked only with SHARE UPDATE EXCLUSIVE.

use std::collections::BTreeSet;

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
        .filter(|change| change.object.kind == Kind::Partition)?;
    let read: BTreeSet<&Identity> = step
        .statements
        .iter()
        .flat_map(|sentence| {
            let locked = |table: &&Identity| lock_on(sentence, table) == Some(Lock::AccessExclusive);
            sentence.facts.scans.iter().filter(locked)
        })
        .filter(|table| look.stands(table))
        .collect();
    let graded = read.iter().filter_map(|table| Some((look.grade(table)?, *table)));
    let (risk, tables): (Vec<Risk>, Vec<String>) = graded.map(|(risk, table)| (risk, look.sized(table))).unzip();
    let risk = risk.into_iter().max()?;
    let are = if tables.len() == 1 { "is" } else { "are" };
    let message = format!(
        "Partition `{}` is attached without a proof: {} {are} read from end to end while reads and writes wait, and one row \
         out of bounds makes it fail.",
        change.object.path_text(),
        tables.join(" and ")
    );
    Some(
        Hit::new(risk, at, &change.object, message).hint(
            "Add a check that says what the bound says, validate it in another transaction, attach, and drop it.",
        ),
    )
}
