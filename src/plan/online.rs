//! Online forms in the order of a plan: a node whose statements differ in their stand to transactions is said in several
//! steps, and what may not run between the parts of a rebuild runs before or behind it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::graph::{Graph, Node, Role};
use super::rebuild::Rebuilt;
use crate::catalog::Identity;
use crate::diff::Action;
use crate::kinds::{AnyObject, Context, Statement, Transaction};

/// When a part of a node runs, seen from the transaction that the node shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before it: what is built beside.
    Before,
    /// In it.
    Within,
    /// Behind it: what is validated or cleared away.
    After,
}

impl Stage {
    /// In order.
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::Within, Self::After];
}

/// Tells whether the size of a table gave a node its form.
fn is_online(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| statement.form.is_some())
}

fn is_inside(statement: &Statement) -> bool {
    statement.facts.transaction == Transaction::Inside
}

/// Splits a node's statements: what comes before the first one that can share a transaction, those that follow it and
/// can, and the rest. What cannot share a transaction is a part of its own. A node without an online form is not split.
pub(super) fn parts(statements: &[Statement]) -> Vec<(Stage, &[Statement])> {
    if statements.is_empty() {
        return Vec::new();
    }
    if !is_online(statements) {
        return vec![(Stage::Within, statements)];
    }
    let mut stage = Stage::Before;
    let mut out = Vec::new();
    for part in statements.chunk_by(|one, next| is_inside(one) && is_inside(next)) {
        let of = match stage {
            Stage::Before if is_inside(&part[0]) => Stage::Within,
            Stage::Before => Stage::Before,
            Stage::Within | Stage::After => Stage::After,
        };
        stage = of;
        out.push((of, part));
    }
    out
}

/// Takes back the online form of what cannot have it: an object that is made anew with its parent, and one with
/// something in the same transaction that its first part would have to wait for, or that waits for its last part.
pub(super) fn settle(
    graph: &mut Graph,
    order: &[usize],
    groups: &[Range<usize>],
    rebuilt: &Rebuilt,
    context: &Context,
) {
    let mut plain: BTreeSet<Identity> = BTreeSet::new();
    for group in groups {
        let nodes: BTreeSet<usize> = order[group.clone()].iter().copied().collect();
        for at in &nodes {
            let node = &graph.nodes[*at];
            if is_online(&node.statements)
                && (hangs_together(graph, *at, &nodes) || falls_with_parent(node, rebuilt, context))
            {
                plain.insert(node.identity.clone());
            }
        }
    }
    for identity in plain {
        for role in [Role::Drop, Role::Alter, Role::Create] {
            if let Some(node) = graph.node(&identity, role) {
                make_plain(&mut graph.nodes[node], &identity, context);
            }
        }
    }
}

fn hangs_together(graph: &Graph, node: usize, group: &BTreeSet<usize>) -> bool {
    let identity = &graph.nodes[node].identity;
    let parts = parts(&graph.nodes[node].statements);
    let has = |wanted: Stage| parts.iter().any(|(stage, _)| *stage == wanted);
    let is_other = |other: &&usize| group.contains(other) && graph.nodes[**other].identity != *identity;
    let waits = || graph.before[node].iter().any(|first| is_other(&first));
    let is_waited_for = || {
        let mut others = group.iter().filter(is_other);
        others.any(|next| graph.before[*next].contains(&node))
    };
    (has(Stage::Before) && waits()) || (has(Stage::After) && is_waited_for())
}

fn falls_with_parent(node: &Node, rebuilt: &Rebuilt, context: &Context) -> bool {
    let object = context.after(&node.identity).or_else(|| context.before(&node.identity));
    let parent = object.and_then(AnyObject::parent);
    parent.is_some_and(|parent| rebuilt.actions.get(&parent) == Some(&Action::Replace))
}

fn make_plain(node: &mut Node, identity: &Identity, context: &Context) {
    if node.identity != *identity || !is_online(&node.statements) {
        return;
    }
    match node.role {
        Role::Create => {
            if let Some(desired) = context.after(identity) {
                node.statements = desired.create(&context.plain());
            }
        }
        Role::Drop => {
            if let Some(live) = context.before(identity) {
                node.statements = live.drop(&context.plain());
            }
        }
        _ => {
            for statement in &mut node.statements {
                statement.form = None;
                if statement.facts.transaction == Transaction::Alone {
                    statement.facts.transaction = Transaction::Inside;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_each_stand_to_transactions() {
        let statement = |sql: &str, transaction| Statement::new(sql).transaction(transaction).form("large");
        let all = [
            statement("a", Transaction::Outside),
            statement("b", Transaction::Alone),
            statement("c", Transaction::Inside),
            statement("d", Transaction::Inside),
            statement("e", Transaction::Alone),
            statement("f", Transaction::Inside),
        ];
        let said: Vec<(Stage, String)> = parts(&all)
            .into_iter()
            .map(|(stage, part)| (stage, part.iter().map(Statement::sql).collect()))
            .collect();
        let expected = [
            (Stage::Before, "a"),
            (Stage::Before, "b"),
            (Stage::Within, "cd"),
            (Stage::After, "e"),
            (Stage::After, "f"),
        ];
        assert_eq!(said, expected.map(|(stage, sql)| (stage, sql.to_owned())));
        let plain = all.map(|mut statement| {
            statement.form = None;
            statement
        });
        assert_eq!(parts(&plain).len(), 1);
    }
}
