//! The part of the live state that a proof needs: what the plan touches, or files name, whole; what hangs on it; and what
//! both need.

use std::collections::BTreeSet;

use crate::backfill::Batches;
use crate::catalog::{Catalog, Identity};
use crate::kinds::AnyObject;
use crate::plan::Plan;

/// Returns the part of `from` on which the plan can run.
pub(super) fn part(plan: &Plan, from: &Catalog, to: &Catalog) -> Catalog {
    let touched = touched(plan);
    let tops: BTreeSet<Identity> = touched.iter().map(|object| top(object, from, to)).collect();
    // What a statement locks it looks into: the columns of a partitioned table, say, that gets another partition.
    let mut locked: BTreeSet<Identity> = locked(plan).map(|object| top(object, from, to)).collect();
    locked.extend(mentioned(plan, from));
    let (mut whole, mut looked_into) = (Vec::new(), Vec::new());
    for object in from.objects.keys() {
        let top = top(object, from, to);
        if touched.contains(object) || tops.contains(&top) {
            whole.push(object);
        } else if locked.contains(&top) {
            looked_into.push(object);
        }
    }
    let mut wanted = with_dependents(&whole, from, |object| touched.contains(object));
    wanted.extend(looked_into);
    let scope = plan.scope.iter().map(|(object, _)| object);
    wanted.extend(scope.filter(|object| from.contains(object)));
    with_needs(wanted, from, to)
}

/// Returns the part of a state that statements can touch which use these words: what is called so, whole, with all that
/// hangs on it and all that both need, and what no schema holds. What routines speak of that come along comes too; `None`
/// where one of them puts statements together from pieces, so that nobody can tell.
pub(crate) fn named(words: &BTreeSet<String>, from: &Catalog) -> Option<Catalog> {
    let mut words = words.clone();
    loop {
        let part = called(&words, from);
        let routines = part
            .objects
            .iter()
            .filter(|(identity, object)| is_routine(identity, object));
        let more: BTreeSet<String> = routines.flat_map(|(_, object)| spoken(object)).collect();
        if more.contains("execute") {
            return None;
        }
        let known = words.len();
        words.extend(more);
        if words.len() == known {
            return Some(part);
        }
    }
}

fn called(words: &BTreeSet<String>, from: &Catalog) -> Catalog {
    let is_called = |object: &&Identity| bare(&top(object, from, from)).is_none_or(|name| words.contains(name));
    let whole: Vec<&Identity> = from.objects.keys().filter(is_called).collect();
    with_needs(with_dependents(&whole, from, |_| false), from, from)
}

/// Returns the name of something that a schema holds, without its arguments.
fn bare(object: &Identity) -> Option<&str> {
    let name = object.path.get(1)?;
    Some(name.split_once('(').map_or(name.as_str(), |(bare, _)| bare))
}

/// Tells whether an object is a routine, and no privilege or comment of one.
fn is_routine(identity: &Identity, object: &AnyObject) -> bool {
    object.parent().is_none() && identity.path.get(1).is_some_and(|name| name.contains('('))
}

/// Returns all words of an object's definition.
fn spoken(object: &AnyObject) -> Vec<String> {
    let text = serde_json::to_string(object).unwrap_or_default().replace("\\n", " ");
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Returns objects with what hangs on them.
fn with_dependents<'a>(
    whole: &[&'a Identity],
    from: &'a Catalog,
    changes: impl Fn(&Identity) -> bool,
) -> BTreeSet<&'a Identity> {
    // What stands in a schema does not hang on the schema's comment: of what holds others by name alone, only a change
    // of itself is followed.
    let roots = whole.iter().copied();
    let roots = roots.filter(|object| changes(object) || object.path.len() > 1);
    let dependents = from.dependents();
    let mut out = closure(roots, |object| dependents.get(object).cloned().unwrap_or_default());
    out.extend(whole);
    out
}

/// Returns the part of a state with these objects and all that they need.
fn with_needs<'a>(mut wanted: BTreeSet<&'a Identity>, from: &'a Catalog, to: &Catalog) -> Catalog {
    // Whoever is granted something has to be there; stubs would be in the way.
    wanted.extend(shared(from));
    let needed = |object: &Identity| {
        let made_with = from
            .get(object)
            .map(|object| object.made_with(from))
            .unwrap_or_default();
        let parts = made_with
            .into_iter()
            .filter_map(|part| from.objects.get_key_value(&part));
        let parts = parts.map(|(part, _)| part);
        from.dependencies_of(object).chain(parts).collect()
    };
    let mut wanted = closure(wanted, needed);
    loop {
        let links = links(from, to, &wanted);
        if links.is_empty() {
            return restrict(from, &wanted);
        }
        wanted.extend(links);
    }
}

/// Returns what connects two things that are wanted and is not wanted yet: a part of the one that needs the other. A
/// table and its partition are no longer the same two when the link between them is missing.
fn links<'a>(from: &'a Catalog, to: &Catalog, wanted: &BTreeSet<&'a Identity>) -> Vec<&'a Identity> {
    let is_link = |(identity, object): &(&'a Identity, &AnyObject)| {
        let is_part = !wanted.contains(identity) && object.parent().is_some_and(|parent| wanted.contains(&parent));
        is_part && {
            let own = top(identity, from, to);
            let mut elsewhere = from.dependencies_of(identity).map(|on| top(on, from, to));
            elsewhere.any(|on| on != own) && from.dependencies_of(identity).all(|on| wanted.contains(on))
        }
    };
    let links = from.objects.iter().filter(is_link);
    links.map(|(identity, _)| identity).collect()
}

/// Returns what belongs to no database, or is one.
fn shared(from: &Catalog) -> impl Iterator<Item = &Identity> {
    from.objects.keys().filter(|object| object.kind.is_shared())
}

fn locked(plan: &Plan) -> impl Iterator<Item = &Identity> {
    let steps = plan.forward.iter().chain(&plan.rollback);
    let facts = steps.flat_map(|step| &step.statements).map(|sentence| &sentence.facts);
    facts.flat_map(|facts| facts.locks.iter().map(|(object, _)| object))
}

/// Returns what the values are made of that a plan fills in.
fn mentioned<'a>(plan: &Plan, from: &'a Catalog) -> impl Iterator<Item = Identity> + use<'a> {
    let sentences = plan.forward.iter().flat_map(|step| &step.statements);
    let batches = sentences.filter_map(|sentence| sentence.facts.batches.as_ref());
    let names: BTreeSet<String> = batches.flat_map(Batches::mentions).collect();
    let is_named = move |object: &&Identity| match &object.path[..] {
        [schema, name] => {
            let bare = name.split_once('(').map_or(name.as_str(), |(bare, _)| bare);
            names.contains(&format!("{schema}.{bare}"))
        }
        _ => false,
    };
    from.objects.keys().filter(is_named).cloned()
}

/// Returns the objects that either way changes.
pub(super) fn touched(plan: &Plan) -> BTreeSet<&Identity> {
    let steps = plan.forward.iter().chain(&plan.rollback);
    let changes = steps.flat_map(|step| &step.changes);
    changes.map(|change| &change.object).collect()
}

/// Returns what an object is a part of, however deep.
fn top(object: &Identity, from: &Catalog, to: &Catalog) -> Identity {
    let parent = |object: &Identity| {
        let found = from.get(object).or_else(|| to.get(object));
        found.and_then(AnyObject::parent)
    };
    let mut out = object.clone();
    while let Some(next) = parent(&out) {
        out = next;
    }
    out
}

/// Returns the given objects and everything that `next` leads to.
fn closure<'a>(
    from: impl IntoIterator<Item = &'a Identity>,
    next: impl Fn(&Identity) -> Vec<&'a Identity>,
) -> BTreeSet<&'a Identity> {
    let mut open: Vec<&Identity> = from.into_iter().collect();
    let mut out: BTreeSet<&Identity> = open.iter().copied().collect();
    while let Some(object) = open.pop() {
        open.extend(next(object).into_iter().filter(|object| out.insert(object)));
    }
    out
}

fn restrict(catalog: &Catalog, wanted: &BTreeSet<&Identity>) -> Catalog {
    let objects = catalog.objects.iter().filter(|(object, _)| wanted.contains(object));
    let edges = catalog
        .dependencies
        .iter()
        .filter(|(object, _)| wanted.contains(object));
    Catalog {
        version_num: catalog.version_num,
        role: catalog.role.clone(),
        database: catalog.database.clone(),
        objects: objects
            .map(|(identity, object)| (identity.clone(), object.clone()))
            .collect(),
        dependencies: edges
            .map(|(identity, on)| {
                let on = on.iter().filter(|on| wanted.contains(on)).cloned().collect();
                (identity.clone(), on)
            })
            .collect(),
        casts: catalog.casts.clone(),
        unmodelled: BTreeSet::new(),
    }
}
