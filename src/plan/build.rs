//! One direction of a plan: from one catalog to another, as ordered steps.

use super::fold::fold;
use super::graph::{Graph, Node};
use super::online::{self, Stage};
use super::order::order;
use super::rebuild::{Rebuilt, spread};
use super::steps::{Change, Phase, Step, Verb, phase, phase_of};
use super::transactions;
use crate::catalog::Identity;
use crate::diff::{Action, Actions, diff};
use crate::kinds::{Context, Statement};

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
    let groups = transactions::groups(&spans);
    online::settle(&mut graph, &order, &groups, &rebuilt, context);
    let said_by = fold(&mut graph, &order);
    let mut folded: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for node in order.iter().filter(|node| said_by[**node] != **node) {
        folded[said_by[*node]].push(*node);
    }
    let (mut steps, mut reach): (Vec<Step>, Vec<usize>) = (Vec::new(), Vec::new());
    for group in groups {
        let parts: Vec<_> = order[group]
            .iter()
            .flat_map(|node| {
                online::parts(&graph.nodes[*node].statements)
                    .into_iter()
                    .map(move |part| (*node, part))
            })
            .collect();
        for stage in Stage::ALL {
            for (node, (_, statements)) in parts.iter().filter(|(_, (of, _))| *of == stage) {
                let phase = part_phase(&graph.nodes[*node], stage, statements);
                let said = said(&graph, *node, &folded[*node], &rebuilt, &own);
                steps.push(Step::new(said, phase, statements));
                reach.push(steps.len() - 1);
            }
            if stage == Stage::Within {
                let last = steps.len().saturating_sub(1);
                let of_group = parts.iter().filter(|(_, (of, _))| *of == stage).count();
                reach.iter_mut().rev().take(of_group).for_each(|reach| *reach = last);
            }
        }
    }
    transactions::number(&mut steps, &reach, context.from);
    Route { steps, changes }
}

/// What runs beside a rebuild is no part of it.
fn part_phase(node: &Node, stage: Stage, statements: &[Statement]) -> Phase {
    if stage == Stage::Within || !node.rebuilds {
        phase(node)
    } else {
        phase_of(node.role, statements)
    }
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
