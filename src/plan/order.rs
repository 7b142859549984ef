//! Topological order of a graph, deterministic, with preferences dropped where they would make a cycle.

use super::graph::{Graph, Node, Role};
use super::steps::{Phase, phase};
use crate::catalog::Name;
use crate::kinds::Transaction;

/// Returns the nodes in an order that keeps every edge.
pub(super) fn order(graph: &Graph) -> Vec<usize> {
    let mut walk = Walk {
        graph,
        predecessors: predecessors(graph),
        successors: vec![Vec::new(); graph.nodes.len()],
        state: vec![State::New; graph.nodes.len()],
        out: Vec::with_capacity(graph.nodes.len()),
    };
    for (node, before) in walk.predecessors.iter().enumerate() {
        for first in before {
            walk.successors[*first].push(node);
        }
    }
    let mut nodes: Vec<usize> = (0..graph.nodes.len()).collect();
    nodes.sort_by(|a, b| key(&graph.nodes[*a]).cmp(&key(&graph.nodes[*b])));
    for node in nodes {
        walk.visit(node);
    }
    walk.out
}

/// Sort key of nodes between which no edge decides: phase, then departures (latest kind first), then arrivals by kind,
/// by name, the columns of a table in their order.
fn key(node: &Node) -> (Phase, bool, bool, i32, &[Name], i32, &[Name], Role) {
    // What must commit before it is used goes first, before a transaction is open around it.
    let together = node
        .statements
        .iter()
        .all(|statement| statement.facts.transaction == Transaction::Inside);
    // What is rebuilt is taken away only when the change that needs it pulls it, so that the gap stays short.
    let pulled = node.rebuilds && matches!(node.role, Role::Drop | Role::Aside);
    let rank = i32::try_from(node.identity.kind as usize).unwrap_or(i32::MAX);
    let departs = matches!(node.role, Role::Drop | Role::Aside | Role::DropAside);
    let path = &node.identity.path;
    let siblings = if node.position == 0 {
        &path[..]
    } else {
        &path[..path.len().saturating_sub(1)]
    };
    (
        phase(node),
        together,
        pulled,
        if departs { -rank } else { rank },
        siblings,
        node.position,
        path,
        node.role,
    )
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    graph: &'a Graph,
    predecessors: Vec<Vec<usize>>,
    successors: Vec<Vec<usize>>,
    state: Vec<State>,
    out: Vec<usize>,
}

impl Walk<'_> {
    /// Emits what must come before a node, then the node, then what was rebuilt around it and is free to come back.
    fn visit(&mut self, node: usize) {
        if self.state[node] != State::New {
            return;
        }
        self.state[node] = State::Open;
        let mut before = self.predecessors[node].clone();
        before.sort_by(|a, b| key(&self.graph.nodes[*a]).cmp(&key(&self.graph.nodes[*b])));
        for first in before {
            self.visit(first);
        }
        self.state[node] = State::Done;
        self.out.push(node);
        let ready: Vec<usize> = self.successors[node]
            .iter()
            .copied()
            .filter(|next| {
                let candidate = &self.graph.nodes[*next];
                candidate.rebuilds && matches!(candidate.role, Role::Create | Role::DropAside)
            })
            .filter(|next| {
                self.predecessors[*next]
                    .iter()
                    .all(|first| self.state[*first] == State::Done)
            })
            .collect();
        for next in ready {
            self.visit(next);
        }
    }
}

/// Returns required and preferred predecessors; a preference inside a cycle is left out.
fn predecessors(graph: &Graph) -> Vec<Vec<usize>> {
    let all: Vec<Vec<usize>> = graph
        .before
        .iter()
        .zip(&graph.preferred)
        .map(|(before, preferred)| before.union(preferred).copied().collect())
        .collect();
    let component = components(&all);
    graph
        .before
        .iter()
        .zip(&graph.preferred)
        .enumerate()
        .map(|(node, (before, preferred))| {
            let kept = preferred.iter().filter(|first| component[**first] != component[node]);
            let mut out: Vec<usize> = before.iter().chain(kept).copied().collect();
            out.sort_unstable();
            out.dedup();
            out
        })
        .collect()
}

/// Returns the strongly connected component of each node (Tarjan's algorithm, with a stack of its own).
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let (mut number, mut low) = (vec![UNSEEN; edges.len()], vec![0; edges.len()]);
    let (mut component, mut found, mut next) = (vec![UNSEEN; edges.len()], 0, 0);
    let (mut stack, mut calls): (Vec<usize>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    for root in 0..edges.len() {
        if number[root] != UNSEEN {
            continue;
        }
        calls.push((root, 0));
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                number[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
            } else {
                low[node] = low[node].min(low[edges[node][edge - 1]]);
            }
            let unfinished = (edge..edges[node].len()).find(|at| {
                let target = edges[node][*at];
                if number[target] == UNSEEN {
                    return true;
                }
                if component[target] == UNSEEN {
                    low[node] = low[node].min(number[target]);
                }
                false
            });
            if let Some(at) = unfinished {
                calls.push((node, at + 1));
                calls.push((edges[node][at], 0));
            } else if low[node] == number[node] {
                while let Some(member) = stack.pop() {
                    component[member] = found;
                    if member == node {
                        break;
                    }
                }
                found += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn finds_cycles() {
        let found = components(&[vec![1], vec![2], vec![0], vec![0, 4], vec![]]);
        assert_eq!(found[0], found[1]);
        assert_eq!(found[1], found[2]);
        assert_ne!(found[3], found[0]);
        assert_ne!(found[3], found[4]);
    }
}
