//! Folding: what people would write inside `CREATE TABLE (…)` is said there, and what a drop implies is not said.
//!
//! A statement moves up to its host only if everything that must come before it stands at or before the host, and a
//! drop moves down to its host only if everything that must come after it stands at or behind the host: so folding
//! never breaks the order, and cycles (two tables with foreign keys to each other) stay spelt out.

use std::collections::BTreeMap;

use super::graph::{Graph, Role};
use crate::kinds::{Fold, Statement};

/// Folds the statements of the ordered nodes; returns, for each node, the node that says it now.
pub(super) fn fold(graph: &mut Graph, order: &[usize]) -> Vec<usize> {
    let mut place = vec![0; graph.nodes.len()];
    for (at, node) in order.iter().enumerate() {
        place[*node] = at;
    }
    let mut said_by: Vec<usize> = (0..graph.nodes.len()).collect();
    for node in order {
        if graph.nodes[*node].role == Role::Create {
            fold_up(graph, *node, &mut place, &mut said_by);
        }
    }
    let after = successors(graph);
    for node in order.iter().rev() {
        if graph.nodes[*node].role == Role::Drop {
            fold_down(graph, *node, &after, &mut place, &mut said_by);
        }
    }
    said_by
}

fn successors(graph: &Graph) -> BTreeMap<usize, Vec<usize>> {
    let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, before) in graph.before.iter().enumerate() {
        for first in before {
            out.entry(*first).or_default().push(node);
        }
    }
    out
}

/// Moves the foldable statements of a created object into its host's statement.
fn fold_up(graph: &mut Graph, node: usize, place: &mut [usize], said_by: &mut [usize]) {
    let statements = std::mem::take(&mut graph.nodes[node].statements);
    if statements.is_empty() {
        // What another statement says (an inherited column) is there as soon as what it needs is.
        let needs = graph.before[node].iter().map(|first| place[*first]);
        place[node] = needs.max().unwrap_or(place[node]);
        return;
    }
    let mut kept: Vec<Statement> = Vec::new();
    let mut host_of_all = None;
    for statement in statements {
        let host = statement
            .fold
            .as_ref()
            .filter(|fold| kept.is_empty() && !matches!(fold, Fold::Implied { .. }))
            .and_then(|fold| graph.node(fold.host(), Role::Create))
            .map(|host| said_by[host])
            .filter(|host| graph.before[node].iter().all(|first| place[*first] <= place[*host]));
        let taken = host.is_some_and(|host| absorb(graph, node, host, &statement));
        if taken {
            host_of_all = host;
        } else {
            kept.push(statement);
        }
    }
    if let Some(host) = host_of_all.filter(|_| kept.is_empty()) {
        place[node] = place[host];
        said_by[node] = host;
    }
    graph.nodes[node].statements = kept;
}

fn absorb(graph: &mut Graph, node: usize, host: usize, statement: &Statement) -> bool {
    let (object, position) = (graph.nodes[node].identity.clone(), graph.nodes[node].position);
    let Some(fold) = &statement.fold else { return false };
    for into in &mut graph.nodes[host].statements {
        if into.absorb(&object, position, fold) {
            lock_elsewhere(statement, into);
            if !into.has_list() {
                // A table that stands is written anew for it all the same (`ADD COLUMN … DEFAULT random()`).
                let rewrites = &statement.facts.rewrites;
                into.facts.rewrites.extend(rewrites.iter().cloned());
                into.facts.scans.extend(rewrites.iter().cloned());
            }
            return true;
        }
    }
    false
}

/// What a folded statement locks beside its host (the table that a foreign key references) it still locks.
fn lock_elsewhere(folded: &Statement, into: &mut Statement) {
    let host = folded.fold.as_ref().map(Fold::host);
    let elsewhere = folded.facts.locks.iter().filter(|(table, _)| Some(table) != host);
    let new: Vec<_> = elsewhere
        .filter(|lock| !into.facts.locks.contains(lock))
        .cloned()
        .collect();
    into.facts.locks.extend(new);
}

/// Leaves out the drop of an object that the drop of its host implies.
fn fold_down(
    graph: &mut Graph,
    node: usize,
    after: &BTreeMap<usize, Vec<usize>>,
    place: &mut [usize],
    said_by: &mut [usize],
) {
    let host = match graph.nodes[node].statements.as_slice() {
        [
            Statement {
                fold: Some(Fold::Implied { host }),
                ..
            },
        ] => graph.node(host, Role::Drop).map(|host| said_by[host]),
        _ => None,
    };
    let Some(host) = host.filter(|host| *host != node) else {
        return;
    };
    let view = View { graph, after, place };
    if view.free_until(node, host) && place[host] >= place[node] {
        let silent = std::mem::take(&mut graph.nodes[node].statements);
        let host_statement = graph.nodes[host].statements.first_mut();
        if let (Some(said), Some(into)) = (silent.first(), host_statement) {
            lock_elsewhere(said, into);
        }
        place[node] = place[host];
        said_by[node] = host;
    }
}

/// What a drop looks at before it moves down.
struct View<'a> {
    graph: &'a Graph,
    after: &'a BTreeMap<usize, Vec<usize>>,
    place: &'a [usize],
}

impl View<'_> {
    /// Tells whether nothing that must come after a node is said before the host. What says nothing is looked through,
    /// but for what takes a name that the node gives up: it takes it where another node says it (a key inside
    /// `CREATE TABLE`).
    fn free_until(&self, node: usize, host: usize) -> bool {
        let silent = |next: usize| {
            let statements = &self.graph.nodes[next].statements;
            statements.is_empty() && !self.graph.handovers.contains(&(node, next))
        };
        let mut next = self.after.get(&node).into_iter().flatten();
        next.all(|next| self.place[*next] >= self.place[host] || (silent(*next) && self.free_until(*next, host)))
    }
}
