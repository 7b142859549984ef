//! Drafts a plan: both routes, what each change looks like, and the scope that the gate watches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::build::{Route, route};
use super::file::{Database, Detail, Difference, FORMAT, Plan};
use super::references::references;
use super::steps::{Change, Phase, Step, Verb, go_on, transactions};
use crate::backfill::Backfills;
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::diff::Rename;
use crate::kinds::{AnyObject, Context, Large, OldValues, Statement};
use crate::staged::stages;

/// The states that a plan stands between.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// Live state as the live server deparses it.
    pub live: &'a Catalog,
    /// Live state as the scratch server deparses it, with the renames carried out.
    pub from: &'a Catalog,
    /// Desired state.
    pub to: &'a Catalog,
    /// Renames, which come before everything else.
    pub renames: &'a [Rename],
    /// Tables that are too large to be locked while they are read or written, under the names that they will have.
    pub large: &'a Large,
    /// Columns that are filled.
    pub backfills: &'a Backfills,
    /// Where old values of columns that change in stages are kept.
    pub old_values: &'a OldValues,
}

/// Plans the way from one catalog to another, and back. Findings, notes and places are added by the caller.
pub fn draft(sides: Sides, database: Database) -> Plan {
    let Sides {
        live,
        from,
        to,
        renames,
        large,
        backfills,
        old_values,
    } = sides;
    let version_num = database.version_num;
    let context = Context::new(from, to, version_num)
        .with_large(large)
        .with_backfills(backfills)
        .with_old_values(old_values);
    let inverse = Context::new(to, from, version_num)
        .with_large(large)
        .with_old_values(old_values);
    let (mut forward, mut rollback) = rayon::join(|| way(&context), || way(&inverse));
    let mut scope = scope(&[&forward, &rollback], from, to);
    for rename in renames {
        scope.extend([rename.from.clone(), rename.to.clone()]);
    }
    let steps = forward.steps.iter().chain(&rollback.steps);
    scope.extend(steps.flat_map(|step| &step.temporary).cloned());
    prepend(&mut forward, renames);
    append(&mut rollback, renames);
    let before = fingerprints(&scope, live);
    // What another version deparses cannot be told equal by its text: there only what is gone is expected.
    let same_version = live.version_num / 10_000 == to.version_num / 10_000;
    let expected = fingerprints(&scope, to)
        .into_iter()
        .filter(|(_, print)| same_version || print.is_none());
    Plan {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        fingerprint: Fingerprint::of(&before),
        expected: expected.collect(),
        renamed: (!renames.is_empty()).then(|| snapshot(&before, from)),
        scope: before,
        references: references(forward.changes.iter().map(|change| &change.object), &[from, to]),
        changes: forward
            .changes
            .into_iter()
            .map(|change| detail(change, &context, renames))
            .collect(),
        forward: forward.steps,
        rollback: rollback.steps,
        large: large.clone(),
        old_values: old_values.clone(),
        findings: Vec::new(),
        questions: Vec::new(),
        trials: Vec::new(),
        secrets_from: None,
        proof: None,
        notes: Vec::new(),
        unmodelled: live.unmodelled.iter().cloned().collect(),
    }
}

/// Plans the way between the two states of a context: what has to be done in stages first, then the rest.
pub(crate) fn way(context: &Context) -> Route {
    let Some(staged) = stages(context) else {
        return route(context);
    };
    let rest = route(&Context {
        from: &staged.reached,
        ..*context
    });
    let (mut steps, mut changes) = (staged.steps, staged.changes);
    go_on(&mut steps, rest.steps);
    let said: BTreeSet<Identity> = rest.changes.iter().map(|change| change.object.clone()).collect();
    changes.retain(|change| !said.contains(&change.object));
    changes.extend(rest.changes);
    changes.sort();
    changes.dedup_by(|one, other| one.object == other.object);
    Route { steps, changes }
}

/// Returns the objects of a scope with their edges, as they stand in a catalog.
fn snapshot(scope: &[(Identity, Option<Fingerprint>)], catalog: &Catalog) -> Value {
    let names = || scope.iter().map(|(identity, _)| identity);
    let objects: Vec<&AnyObject> = names().filter_map(|identity| catalog.get(identity)).collect();
    let edges: Vec<_> = names()
        .filter_map(|identity| catalog.dependencies.get_key_value(identity))
        .collect();
    serde_json::json!({ "objects": objects, "dependencies": edges })
}

/// Puts the renames before everything else, in one transaction: what they leave half done would be planned again as
/// drop and create.
fn prepend(route: &mut Route, renames: &[Rename]) {
    if renames.is_empty() {
        return;
    }
    for step in &mut route.steps {
        step.transaction += 1;
    }
    let steps = renames.iter().map(|rename| step(rename, &rename.forward, 0));
    route.steps.splice(..0, steps);
    let own = renames.iter().map(|rename| Change {
        object: rename.subject.clone(),
        verb: Verb::Rename,
    });
    route.changes.splice(..0, own);
}

/// Puts the inverse renames behind everything else, outermost objects first as on the way forward: each statement names
/// what holds its object as it will be called.
fn append(route: &mut Route, renames: &[Rename]) {
    let transaction = transactions(&route.steps);
    route
        .steps
        .extend(renames.iter().map(|rename| step(rename, &rename.rollback, transaction)));
}

fn step(rename: &Rename, statements: &[Statement], transaction: usize) -> Step {
    let change = Change {
        object: rename.subject.clone(),
        verb: Verb::Rename,
    };
    Step {
        transaction,
        ..Step::new(vec![change], Phase::Structure, statements)
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
    // What a filter left out is on neither side.
    let known = |identity: &&Identity| from.contains(identity) || to.contains(identity);
    for identity in touched {
        let needs = from.dependencies_of(identity).chain(to.dependencies_of(identity));
        out.extend(needs.filter(known).cloned());
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

fn detail(change: Change, context: &Context, renames: &[Rename]) -> Detail {
    let sides = (context.before(&change.object), context.after(&change.object));
    let rename = renames.iter().find(|rename| rename.subject == change.object);
    let differences = match (rename, sides) {
        (Some(rename), _) if change.verb == Verb::Rename => vec![named_anew(rename)],
        (_, (Some(before), Some(after))) => differences(before, after),
        _ => Vec::new(),
    };
    let parent = sides.1.or(sides.0).and_then(AnyObject::parent);
    Detail {
        change,
        differences,
        parent,
        declared_at: None,
    }
}

/// Shows a rename as a difference: names alone, with what they stand in where that differs too.
fn named_anew(rename: &Rename) -> Difference {
    let place = |object: &Identity| object.path.split_last().map(|(_, place)| place.to_vec());
    let name = |object: &Identity| {
        if place(&rename.former) == place(&rename.subject) {
            object.name().to_owned()
        } else {
            object.path_text()
        }
    };
    Difference {
        attribute: "name".to_owned(),
        before: Some(name(&rename.former)),
        after: Some(name(&rename.subject)),
    }
}

/// Compares the attributes of two forms of one object, by their serialised form.
pub(crate) fn differences(before: &AnyObject, after: &AnyObject) -> Vec<Difference> {
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
