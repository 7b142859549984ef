//! Drafts a plan: both routes, what each change looks like, and the scope that the gate watches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::build::{Route, route};
use super::file::{Database, Detail, Difference, FORMAT, Plan};
use super::steps::Change;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::kinds::{AnyObject, Context};

/// Plans the way from one catalog to another, and back. Findings, notes and places are added by the caller.
pub fn draft(from: &Catalog, to: &Catalog, database: Database) -> Plan {
    let version_num = database.version_num;
    let context = Context { from, to, version_num };
    let inverse = Context {
        from: to,
        to: from,
        version_num,
    };
    let (forward, rollback) = rayon::join(|| route(&context), || route(&inverse));
    let scope = scope(&[&forward, &rollback], from, to);
    let before = fingerprints(&scope, from);
    Plan {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        fingerprint: Fingerprint::of(&before),
        expected: fingerprints(&scope, to),
        scope: before,
        changes: forward
            .changes
            .into_iter()
            .map(|change| detail(change, &context))
            .collect(),
        forward: forward.steps,
        rollback: rollback.steps,
        findings: Vec::new(),
        notes: Vec::new(),
        unmodelled: from.unmodelled.iter().cloned().collect(),
    }
}

/// Returns what the routes touch and what that depends on, on either side.
fn scope(routes: &[&Route], from: &Catalog, to: &Catalog) -> BTreeSet<Identity> {
    let touched: BTreeSet<&Identity> = routes
        .iter()
        .flat_map(|route| &route.changes)
        .map(|change| &change.object)
        .collect();
    let mut out = BTreeSet::new();
    for identity in touched {
        out.extend(from.dependencies_of(identity).cloned());
        out.extend(to.dependencies_of(identity).cloned());
        out.insert(identity.clone());
    }
    out
}

fn fingerprints(scope: &BTreeSet<Identity>, catalog: &Catalog) -> Vec<(Identity, Option<Fingerprint>)> {
    scope
        .iter()
        .map(|identity| (identity.clone(), catalog.get(identity).map(AnyObject::fingerprint)))
        .collect()
}

fn detail(change: Change, context: &Context) -> Detail {
    let sides = (context.before(&change.object), context.after(&change.object));
    let differences = match sides {
        (Some(before), Some(after)) => differences(before, after),
        _ => Vec::new(),
    };
    Detail {
        change,
        differences,
        declared_at: None,
    }
}

/// Compares the attributes of two forms of one object, by their serialised form.
fn differences(before: &AnyObject, after: &AnyObject) -> Vec<Difference> {
    let (before, after) = (attributes(before), attributes(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Difference {
            attribute: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

fn attributes(object: &AnyObject) -> BTreeMap<String, String> {
    let Ok(Value::Object(fields)) = serde_json::to_value(object.clone().significant()) else {
        return BTreeMap::new();
    };
    fields
        .into_iter()
        .filter_map(|(name, value)| {
            let text = match value {
                Value::Null => return None,
                Value::String(text) => text,
                other => other.to_string(),
            };
            Some((name, text))
        })
        .collect()
}
