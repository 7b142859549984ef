//! The graph of one plan: nodes that create, drop or alter one object, and what has to come before what.

use std::collections::{BTreeMap, BTreeSet};

use super::rebuild::{Rebuilt, claims};
use crate::catalog::Identity;
use crate::diff::{Action, Actions};
use crate::kinds::{Context, Fold, Statement, settle_default_privileges};

/// What a node does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Renames it out of the way.
    Aside,
    /// Drops it.
    Drop,
    /// Changes it where it stands.
    Alter,
    /// Creates it.
    Create,
    /// Drops what was renamed out of the way.
    DropAside,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) identity: Identity,
    pub(super) role: Role,
    pub(super) statements: Vec<Statement>,
    /// Whether the object is dropped and created again in this plan.
    pub(super) rebuilds: bool,
    /// Whether dependents were taken away for it.
    pub(super) disturbs: bool,
    /// Place among siblings.
    pub(super) position: i32,
}

/// Nodes and edges; an edge leads from what comes first.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Per node, the nodes that must come before it.
    pub(super) before: Vec<BTreeSet<usize>>,
    /// Per node, the nodes that should come before it, unless that makes a cycle.
    pub(super) preferred: Vec<BTreeSet<usize>>,
    /// Pairs of nodes of which the second takes a name that the first gives up.
    pub(super) handovers: BTreeSet<(usize, usize)>,
    /// Nodes by object and role; several objects may share one node.
    index: BTreeMap<(Identity, Role), usize>,
}

impl Graph {
    /// Returns the node of an object's role.
    pub(super) fn node(&self, identity: &Identity, role: Role) -> Option<usize> {
        self.index.get(&(identity.clone(), role)).copied()
    }

    /// Returns the node that brings the object to its desired form.
    fn arrives(&self, identity: &Identity) -> Option<usize> {
        self.node(identity, Role::Create)
            .or_else(|| self.node(identity, Role::Alter))
    }

    /// Builds the graph of all actions.
    pub(super) fn build(rebuilt: &Rebuilt, context: &Context) -> Self {
        let mut graph = Self::default();
        for (identity, action) in &rebuilt.actions {
            graph.add_nodes(identity, action, rebuilt, context);
        }
        graph.share_carried(&rebuilt.actions, context);
        graph.before = vec![BTreeSet::new(); graph.nodes.len()];
        graph.preferred = graph.before.clone();
        for identity in rebuilt.actions.keys() {
            graph.add_arrival_edges(identity, context);
            graph.add_departure_edges(identity, context);
            graph.add_own_edges(identity);
        }
        graph.add_claim_edges(context);
        graph.add_host_edges();
        graph
    }

    fn add_nodes(&mut self, identity: &Identity, action: &Action, rebuilt: &Rebuilt, context: &Context) {
        let (before, after) = (context.before(identity), context.after(identity));
        let rebuilds = *action == Action::Replace;
        let disturbs = matches!(action, Action::Alter { disturbs, .. } if !disturbs.is_empty());
        let position = after.or(before).map_or(0, crate::kinds::AnyObject::position);
        let mut add = |role, statements| {
            let node = Node {
                identity: identity.clone(),
                role,
                statements,
                rebuilds,
                disturbs,
                position,
            };
            self.index.insert((identity.clone(), role), self.nodes.len());
            self.nodes.push(node);
        };
        if let Action::Alter { statements, .. } = action {
            add(Role::Alter, statements.clone());
        }
        let aside = before
            .filter(|_| rebuilt.aside.contains(identity))
            .and_then(|live| live.set_aside(context));
        if let Some((rename, drop)) = aside {
            add(Role::Aside, rename);
            add(Role::DropAside, drop);
        } else if let (Action::Drop | Action::Replace, Some(live)) = (action, before) {
            add(Role::Drop, live.drop(context));
        }
        if let (Action::Create | Action::Replace, Some(desired)) = (action, after) {
            let mut statements = desired.create(context);
            statements.extend(settle_default_privileges(identity, context));
            add(Role::Create, statements);
        }
    }

    /// Lets an object whose carrier undergoes the same role share the carrier's node; its own statements go.
    fn share_carried(&mut self, actions: &Actions, context: &Context) {
        for identity in actions.keys() {
            let Some(object) = context.after(identity).or_else(|| context.before(identity)) else {
                continue;
            };
            let Some(carrier) = object.carrier(context) else {
                continue;
            };
            for role in [Role::Drop, Role::Alter, Role::Create] {
                let (Some(own), Some(carrying)) = (self.node(identity, role), self.node(&carrier, role)) else {
                    continue;
                };
                self.nodes[own].statements.clear();
                for shared in self.index.values_mut().filter(|node| **node == own) {
                    *shared = carrying;
                }
            }
        }
    }

    fn require(&mut self, first: Option<usize>, second: Option<usize>) {
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            self.before[second].insert(first);
        }
    }

    fn prefer(&mut self, first: Option<usize>, second: Option<usize>) {
        if let (Some(first), Some(second)) = (first, second)
            && first != second
        {
            self.preferred[second].insert(first);
        }
    }

    /// What an object depends on in the desired state arrives before it.
    fn add_arrival_edges(&mut self, identity: &Identity, context: &Context) {
        let Some(arrival) = self.arrives(identity) else { return };
        for on in context.to.dependencies_of(identity) {
            self.require(self.node(on, Role::Create), Some(arrival));
            let altered = self.node(on, Role::Alter);
            if altered.is_some_and(|node| self.nodes[node].disturbs) {
                self.require(altered, Some(arrival));
            } else {
                self.prefer(altered, Some(arrival));
            }
        }
        let after = context
            .after(identity)
            .map(|object| object.after(context))
            .unwrap_or_default();
        for first in after {
            for role in [Role::Drop, Role::Alter, Role::Create] {
                self.require(self.node(&first, role), Some(arrival));
            }
        }
    }

    /// What depended on an object in the live state departs, or changes over, before the object departs.
    fn add_departure_edges(&mut self, identity: &Identity, context: &Context) {
        let drop = self.node(identity, Role::Drop);
        let alter = self.node(identity, Role::Alter);
        for on in context.from.dependencies_of(identity) {
            let departs = self.node(on, Role::Drop);
            self.require(drop, departs);
            if on.kind.has_overloads() && !context.to.dependencies_of(identity).any(|still| still == on) {
                // Said again any sooner, it would mean the same one again.
                self.require(departs, self.node(identity, Role::Create));
            }
            self.require(alter, departs);
            self.require(drop, self.node(on, Role::Aside));
            self.require(alter, self.node(on, Role::DropAside));
            self.require(self.node(identity, Role::DropAside), self.node(on, Role::DropAside));
            self.require(self.node(identity, Role::DropAside), departs);
            let altered = self.node(on, Role::Alter);
            if altered.is_some_and(|node| self.nodes[node].disturbs) {
                self.require(drop, altered);
            } else {
                self.prefer(drop, altered);
            }
        }
        if drop.is_none() {
            return;
        }
        let later = context
            .before(identity)
            .map(|object| object.drops_before(context))
            .unwrap_or_default();
        for second in later {
            for role in [Role::Drop, Role::Alter, Role::Create] {
                self.require(drop, self.node(&second, role));
            }
        }
    }

    fn add_own_edges(&mut self, identity: &Identity) {
        let create = self.node(identity, Role::Create);
        self.require(self.node(identity, Role::Drop), create);
        self.require(self.node(identity, Role::Aside), create);
        self.require(create, self.node(identity, Role::DropAside));
    }

    /// A name is free only after the object that holds it is gone.
    fn add_claim_edges(&mut self, context: &Context) {
        let created: Vec<(Identity, usize)> = self.of_role(Role::Create);
        let dropped: Vec<(Identity, usize)> = self.of_role(Role::Drop);
        let holders = claims(
            dropped
                .iter()
                .filter_map(|(id, _)| Some((id, context.before(id)?.claims()))),
        );
        let wanted = claims(
            created
                .iter()
                .filter_map(|(id, _)| Some((id, context.after(id)?.claims()))),
        );
        let mut edges = Vec::new();
        for (name, takers) in &wanted {
            for (holder, taker) in holders
                .get(name)
                .into_iter()
                .flatten()
                .flat_map(|h| takers.iter().map(move |t| (h, t)))
            {
                edges.push((self.node(holder, Role::Drop), self.node(taker, Role::Create)));
            }
        }
        for (first, second) in edges {
            self.require(first, second);
            self.handovers.extend(first.zip(second));
        }
    }

    fn of_role(&self, role: Role) -> Vec<(Identity, usize)> {
        self.index
            .iter()
            .filter(|((_, r), _)| *r == role)
            .map(|((id, _), node)| (id.clone(), *node))
            .collect()
    }

    /// What an object needs that could be said inside its host's statement should come before the host, so that it can.
    fn add_host_edges(&mut self) {
        for node in (0..self.nodes.len()).rev() {
            if self.nodes[node].role != Role::Create {
                continue;
            }
            let hosts: Vec<usize> = self.nodes[node]
                .statements
                .iter()
                .filter_map(|statement| statement.fold.as_ref())
                .filter(|fold| !matches!(fold, Fold::Implied { .. }))
                .filter_map(|fold| self.node(fold.host(), Role::Create))
                .collect();
            for host in hosts {
                let needs: Vec<usize> = self.before[node].union(&self.preferred[node]).copied().collect();
                for need in needs {
                    if need != host && !self.before[need].contains(&host) {
                        self.prefer(Some(need), Some(host));
                    }
                }
            }
        }
    }
}
