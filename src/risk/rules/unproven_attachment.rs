//! ## What it finds
//!
//! A table that becomes a partition, so that its rows must fit the bound; and a new partition beside a default partition,
//! which must hold no row that belongs to the new one. PostgreSQL reads all of them.
//!
//! ## Why it is dangerous
//!
//! `ATTACH PARTITION` holds ACCESS EXCLUSIVE on the table, and on the default partition, while it reads. One row outside
//! of the bound, or one in the default partition that belongs to the new one, makes it fail. It is `dangerous`, `caution`
//! up to 16 MiB, `critical` where a large table is busy, and not reported for empty tables. Where a check proves it first, which
//! plans add for large tables, nobody waits, but a wrong row makes the plan fail all the same: `caution`.
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
    let name = change.object.path_text();
    let read = |blocks: bool| -> Vec<(Risk, String)> {
        let scans = step.statements.iter().flat_map(|sentence| {
            let locked = move |table: &&Identity| {
                (lock_on(sentence, table) == Some(Lock::AccessExclusive)) == blocks && look.stands(table)
            };
            sentence.facts.scans.iter().filter(locked)
        });
        let tables: BTreeSet<&Identity> = scans.collect();
        let graded = tables.into_iter();
        graded
            .filter_map(|table| Some((look.grade(table)?, look.sized(table))))
            .collect()
    };
    let are = |tables: &[String]| if tables.len() == 1 { "is" } else { "are" };
    let (risks, tables): (Vec<Risk>, Vec<String>) = read(true).into_iter().unzip();
    if let Some(risk) = risks.into_iter().max() {
        let message = format!(
            "Partition `{name}` is attached without a proof: {} {} read from end to end while reads and writes wait, and one \
             row out of bounds makes it fail.",
            tables.join(" and "),
            are(&tables)
        );
        return Some(Hit::new(risk, at, &change.object, message).hint(
            "Add a check that says what the bound says, validate it in another transaction, attach, and drop it.",
        ));
    }
    let (_, tables): (Vec<Risk>, Vec<String>) = read(false).into_iter().unzip();
    if tables.is_empty() {
        return None;
    }
    let message = format!(
        "Before partition `{name}` is attached, {} {} read from end to end while others go on; one row out of bounds makes it \
         fail.",
        tables.join(" and "),
        are(&tables)
    );
    Some(
        Hit::new(Risk::Caution, at, &change.object, message).hint("Count the rows out of bounds first, and move them."),
    )
}
