//! ## What it finds
//!
//! A transaction that locks more than one standing table against writes or more.
//!
//! ## Why it is dangerous
//!
//! The lock on the first table is held while the transaction waits for the second one. Everybody who needs the first
//! table waits along, and an application that takes the two in the other order meets it in a deadlock. It is `caution`,
//! and `dangerous` where the transaction also reads or writes a large table from end to end. Empty tables do not count.
//!
//! ## Safer way
//!
//! One table per transaction, where the change allows it. A foreign key always locks both of its tables: add it
//! `NOT VALID`, which is over in a moment. trueup sets `lock_timeout` and tries again, so that nobody waits long.
//!
//! ## PostgreSQL versions
//!
//! All.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Identity;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look, names};
use crate::risk::statistics::Size;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let mut transactions: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, step) in look.steps.iter().enumerate() {
        transactions.entry(step.transaction).or_default().push(at);
    }
    transactions.values().filter_map(|steps| hit(look, steps)).collect()
}

fn hit(look: &Look, steps: &[usize]) -> Option<Hit> {
    let mut locked: BTreeSet<&Identity> = BTreeSet::new();
    let mut second = None;
    for at in steps {
        let step = &look.steps[*at];
        locked.extend(
            look.strong_locks(step)
                .map(|(table, _)| table)
                .filter(|table| look.size(table) != Size::Empty),
        );
        if locked.len() > 1 && second.is_none() {
            second = step.changes.first().map(|change| (*at, &change.object));
        }
    }
    let (at, object) = second?;
    let risk = if is_long(look, steps) {
        Risk::Dangerous
    } else {
        Risk::Caution
    };
    let message = format!(
        "One transaction locks {} tables against writes or more: {}.",
        locked.len(),
        names(locked)
    );
    Some(
        Hit::new(risk, at, object, message)
            .hint("Where the change allows it, plan one table at a time; a foreign key can be added `NOT VALID`."),
    )
}

fn is_long(look: &Look, steps: &[usize]) -> bool {
    steps
        .iter()
        .flat_map(|at| &look.steps[*at].statements)
        .flat_map(|sentence| sentence.facts.scans.iter().chain(&sentence.facts.rewrites))
        .any(|table| look.stands(table) && look.grade(table) >= Some(Risk::Dangerous))
}
