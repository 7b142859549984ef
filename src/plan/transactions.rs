//! Which steps share a transaction.
//!
//! A rebuilt object is missing between its drop and its creation, so everything in between is one transaction. Beyond
//! that a transaction takes a strong lock on at most one table that was there before, so that no lock is held while
//! another one is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::graph::{Graph, Role};
use super::steps::Step;
use crate::catalog::{Catalog, Identity};
use crate::kinds::{Lock, Transaction};

/// Most steps in one transaction that holds no strong lock on anything that was there before.
const MOST: usize = 200;

/// Returns, for each place of the order, the last place that must be in the same transaction.
pub(super) fn spans(graph: &Graph, order: &[usize]) -> Vec<usize> {
    let mut open: BTreeMap<&Identity, usize> = BTreeMap::new();
    let mut out: Vec<usize> = (0..order.len()).collect();
    for (at, node) in order.iter().enumerate() {
        let node = &graph.nodes[*node];
        if !node.rebuilds {
            continue;
        }
        match node.role {
            Role::Drop | Role::Aside => {
                open.insert(&node.identity, at);
            }
            Role::Create | Role::DropAside => {
                if let Some(first) = open.get(&node.identity) {
                    out[*first] = at;
                }
            }
            Role::Alter => {}
        }
    }
    out
}

/// Merges spans that overlap; returns the places of each transaction that must be one, in order.
pub(super) fn groups(spans: &[usize]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for (at, last) in spans.iter().enumerate() {
        match out.last_mut().filter(|open| at < open.end) {
            Some(open) => open.end = open.end.max(last + 1),
            None => out.push(at..last + 1),
        }
    }
    out
}

/// Numbers the transactions of the steps; `span` gives for each step the index of the last one it must stay with.
pub(super) fn number(steps: &mut [Step], span: &[usize], before: &Catalog) {
    let mut number = 0;
    let mut held: BTreeSet<Identity> = BTreeSet::new();
    let (mut must_reach, mut count) = (0, 0);
    for at in 0..steps.len() {
        let strong: BTreeSet<Identity> = strong_locks(&steps[at], before);
        let alone = |step: &Step| {
            step.statements
                .iter()
                .any(|s| s.facts.transaction != Transaction::Inside)
        };
        let joins = at > 0
            && (at <= must_reach
                || (!alone(&steps[at])
                    && !alone(&steps[at - 1])
                    && count < MOST
                    && (strong.is_subset(&held) || held.is_empty() && count == 0)));
        if at > 0 && !joins {
            number += 1;
            held.clear();
            count = 0;
        }
        held.extend(strong);
        count += 1;
        must_reach = must_reach.max(span[at]);
        steps[at].transaction = number;
    }
}

/// Returns the tables that were there before and that the step locks against writes or more.
fn strong_locks(step: &Step, before: &Catalog) -> BTreeSet<Identity> {
    let locks = step.statements.iter().flat_map(|sentence| &sentence.facts.locks);
    locks
        .filter(|(table, lock)| *lock >= Lock::Share && before.contains(table))
        .map(|(table, _)| table.clone())
        .collect()
}
