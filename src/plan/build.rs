//! One direction of a plan: from one catalog to another, as ordered steps.

use super::fold::fold;
use super::graph::Graph;
use super::order::order;
use super::rebuild::{Rebuilt, spread};
use super::steps::{Change, Sentence, Step, Verb, phase, reversal};
use super::transactions;
use crate::catalog::Identity;
use crate::diff::{Action, Actions, diff};
use crate::kinds::Context;

/// The way from one catalog to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// In order.
    pub steps: Vec<Step>,
    /// Every change by object, rebuilt objects included.
    pub changes: Vec<Change>,
}

/// Plans the way between the two catalogs of the context.
pub fn route(context: &Context) -> Route {
    let own = diff(context);
    let rebuilt = spread(own.clone(), context);
    let changes = rebuilt
        .actions
        .iter()
        .map(|(identity, action)| change(identity, action, &own))
        .collect();
    let mut graph = Graph::build(&rebuilt, context);
    let order = order(&graph);
    let spans = transactions::spans(&graph, &order);
    let said_by = fold(&mut graph, &order);
    let mut folded: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for node in order.iter().filter(|node| said_by[**node] != **node) {
        folded[said_by[*node]].push(*node);
    }
    let mut steps = Vec::new();
    let mut step_at: Vec<usize> = vec![0; order.len()];
    for (at, node) in order.iter().enumerate() {
        step_at[at] = steps.len().saturating_sub(1);
        let statements = &graph.nodes[*node].statements;
        if statements.is_empty() {
            continue;
        }
        step_at[at] = steps.len();
        let statements: Vec<Sentence> = statements.iter().map(Sentence::from).collect();
        steps.push(Step {
            changes: said(&graph, *node, &folded[*node], &rebuilt, &own),
            phase: phase(&graph.nodes[*node]),
            transaction: 0,
            reversal: reversal(&statements),
            statements,
        });
    }
    let mut step_span: Vec<usize> = (0..steps.len()).collect();
    for (at, last) in spans.iter().enumerate() {
        if let Some(span) = step_span.get_mut(step_at[at]) {
            *span = (*span).max(step_at[*last]);
        }
    }
    transactions::number(&mut steps, &step_span, context.from);
    Route { steps, changes }
}

fn change(identity: &Identity, action: &Action, own: &Actions) -> Change {
    let verb = match action {
        Action::Create => Verb::Create,
        Action::Drop => Verb::Drop,
        Action::Alter { .. } => Verb::Alter,
        Action::Replace if own.get(identity) == Some(&Action::Replace) => Verb::Replace,
        // Changed in place by itself, but something below it forces a rebuild: people see a change.
        Action::Replace if own.contains_key(identity) => Verb::Replace,
        Action::Replace => Verb::Rebuild,
    };
    Change {
        object: identity.clone(),
        verb,
    }
}

/// Returns the changes that a node says: its own, and those folded into it, in order.
fn said(graph: &Graph, node: usize, folded: &[usize], rebuilt: &Rebuilt, own: &Actions) -> Vec<Change> {
    std::iter::once(&node)
        .chain(folded)
        .filter_map(|node| {
            let identity = &graph.nodes[*node].identity;
            rebuilt
                .actions
                .get(identity)
                .map(|action| change(identity, action, own))
        })
        .collect()
}
