//! ## What it finds
//!
//! A partition that is detached from its table and stays as a table of its own, or moves to other bounds or another parent.
//!
//! ## Why it is dangerous
//!
//! From the commit on, queries on the partitioned table no longer see the rows, and nothing fails. `DETACH PARTITION`
//! takes ACCESS EXCLUSIVE on the partitioned table, that is on everything in it, and waits for every query on it. It is
//! `dangerous`, `caution` for an empty partition.
//!
//! ## Safer way
//!
//! `DETACH PARTITION … CONCURRENTLY` lets reads and writes go on. Make sure that nobody needs the rows below the parent.
//!
//! ## PostgreSQL versions
//!
//! All. `CONCURRENTLY` exists since 14, outside of a transaction, and not beside a default partition.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Kind, Lock};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, lock_on, table_of};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| change.object.kind == Kind::Partition)
        .filter(|(_, change)| matches!(change.verb, Verb::Drop | Verb::Replace))
        .filter_map(|(at, change)| hit(look, at, change))
        .collect()
}

fn hit(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let table = table_of(&change.object);
    let Some(AnyObject::Partition(partition)) = look.from.get(&change.object) else {
        return None;
    };
    if !look.stands(&table) {
        return None;
    }
    let parent = Identity::new(Kind::Table, [&partition.parent_schema, &partition.parent_table]);
    let risk = if look.is_empty(&table) {
        Risk::Caution
    } else {
        Risk::Dangerous
    };
    let own = look.steps[at..]
        .iter()
        .filter(|step| step.changes.iter().any(|said| said.object == change.object));
    let mut statements = own.flat_map(|step| &step.statements);
    let blocks = statements.any(|sentence| lock_on(sentence, &parent) == Some(Lock::AccessExclusive));
    let sees = if change.verb == Verb::Drop {
        "queries on it no longer see these rows"
    } else {
        "until it is attached again, queries on it do not see these rows"
    };
    let waits = if blocks {
        ", and everything in it is locked for a moment"
    } else {
        ""
    };
    let message = format!(
        "Partition {} is detached from `{}`: {sees}{waits}.",
        look.sized(&table),
        parent.path_text()
    );
    Some(
        Hit::new(risk, at, &change.object, message)
            .hint("Make sure that nobody needs the rows below the partitioned table."),
    )
}
