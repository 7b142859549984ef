//! Spreads replacements: what depends on an object that is dropped and created again is rebuilt around it, or follows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::catalog::{Catalog, Identity};
use crate::diff::{Action, Actions};
use crate::kinds::{Alter, AnyObject, Context, Kind};

/// Actions with their consequences.
#[derive(Debug)]
pub(super) struct Rebuilt {
    /// Every action, rebuilt dependents included.
    pub(super) actions: Actions,
    /// Replaced objects that dependents follow while both versions exist.
    pub(super) aside: BTreeSet<Identity>,
}

/// Adds to the actions what they force on unchanged dependents, until nothing more follows.
pub(super) fn spread(mut actions: Actions, context: &Context) -> Rebuilt {
    let heirs = heirs(&actions, context);
    for identity in reread(&actions, context) {
        actions.insert(identity, Action::Replace);
    }
    if !actions
        .iter()
        .any(|(identity, action)| spreads(identity, action, &heirs))
    {
        return Rebuilt {
            actions,
            aside: BTreeSet::new(),
        };
    }
    let dependents = context.from.dependents();
    let mut aside = BTreeSet::new();
    let mut queue: VecDeque<Identity> = actions.keys().cloned().collect();
    while let Some(identity) = queue.pop_front() {
        let Some(action) = actions.get(&identity) else { continue };
        let cause = match action {
            Action::Replace => Cause::Replaced,
            Action::Alter { disturbs, .. } if !disturbs.is_empty() => Cause::Disturbed(disturbs.clone()),
            Action::Drop => match heirs.get(&identity) {
                Some(heir) => Cause::Inherited(heir.clone()),
                None => continue,
            },
            _ => continue,
        };
        for dependent in dependents.get(&identity).into_iter().flatten() {
            if !context.stays(dependent) {
                continue;
            }
            let reaction = cause.reaction(&identity, dependent, context);
            if matches!((&cause, &reaction), (Cause::Replaced, Alter::InPlace { .. })) {
                aside.insert(identity.clone());
            }
            if merge(&mut actions, dependent, reaction) {
                queue.push_back((*dependent).clone());
            }
        }
    }
    keep_below(&actions, &mut aside, context);
    Rebuilt { actions, aside }
}

/// Tells whether an action can force anything on what depends on its object.
fn spreads(identity: &Identity, action: &Action, heirs: &BTreeMap<Identity, Identity>) -> bool {
    match action {
        Action::Replace => true,
        Action::Alter { disturbs, .. } => !disturbs.is_empty(),
        Action::Drop => heirs.contains_key(identity),
        Action::Create => false,
    }
}

/// Keeps what an object that is set aside depends on: it cannot be dropped before the object is.
fn keep_below(actions: &Actions, aside: &mut BTreeSet<Identity>, context: &Context) {
    let mut queue: Vec<Identity> = aside.iter().cloned().collect();
    while let Some(identity) = queue.pop() {
        for on in context.from.dependencies_of(&identity) {
            if actions.get(on) == Some(&Action::Replace) && aside.insert(on.clone()) {
                queue.push(on.clone());
            }
        }
    }
}

/// Why dependents of an object are affected.
enum Cause {
    Replaced,
    /// It is dropped, and an object of another kind takes its name.
    Inherited(Identity),
    Disturbed(Vec<Kind>),
}

impl Cause {
    fn reaction(&self, identity: &Identity, dependent: &Identity, context: &Context) -> Alter {
        let (Some(live), Some(desired)) = (context.before(dependent), context.after(dependent)) else {
            return Alter::Unchanged;
        };
        match self {
            Self::Replaced if desired.parent().as_ref() == Some(identity) => Alter::Replace,
            // What no longer depends on it in the desired state has an action of its own that comes first.
            Self::Replaced if !context.to.dependencies_of(dependent).any(|on| on == identity) => Alter::Unchanged,
            Self::Replaced => live.follow(desired, identity, context),
            Self::Inherited(heir) if reads(dependent, heir, context) => Alter::Replace,
            Self::Inherited(_) => Alter::Unchanged,
            Self::Disturbed(kinds) => {
                let carried = live.carrier(context).as_ref() == Some(identity);
                // What it has from its like it keeps when the two part.
                let inherits = dependent.kind == identity.kind && live.dependencies().contains(identity);
                if kinds.contains(&dependent.kind) && !carried && !inherits {
                    Alter::Replace
                } else {
                    Alter::Unchanged
                }
            }
        }
    }
}

/// Tells whether an object will depend on another, or on a part of it.
fn reads(dependent: &Identity, whole: &Identity, context: &Context) -> bool {
    context.to.dependencies_of(dependent).any(|on| {
        let mut part = Some(on.clone());
        while let Some(identity) = part {
            if identity == *whole {
                return true;
            }
            part = context.after(&identity).and_then(AnyObject::parent);
        }
        false
    })
}

/// Returns the objects whose text stays while a call in it means another overload, because one comes or goes: they have
/// to be said again, and before the one that they meant can go.
fn reread(actions: &Actions, context: &Context) -> Vec<Identity> {
    let with = |wanted: Action| {
        let fits = move |(identity, action): &(&Identity, &Action)| **action == wanted && identity.kind.has_overloads();
        actions.iter().filter(fits).map(|(identity, _)| identity)
    };
    let users = |changed: Vec<&Identity>, catalog: &Catalog| -> BTreeSet<Identity> {
        if changed.is_empty() {
            return BTreeSet::new();
        }
        let all = catalog.dependents();
        let of_all = changed.into_iter().filter_map(|identity| all.get(identity));
        of_all.flatten().map(|dependent| (*dependent).clone()).collect()
    };
    let mut out = users(with(Action::Drop).collect(), context.from);
    out.extend(users(with(Action::Create).collect(), context.to));
    out.retain(|identity| !actions.contains_key(identity) && reads_another(identity, context));
    out.into_iter().collect()
}

fn reads_another(identity: &Identity, context: &Context) -> bool {
    let calls = |catalog: &Catalog| -> BTreeSet<Identity> {
        let edges = catalog.dependencies_of(identity);
        edges.filter(|on| on.kind.has_overloads()).cloned().collect()
    };
    let (before, after) = (calls(context.from), calls(context.to));
    // What holds rows is not dropped for it.
    let loses = |live: &AnyObject| {
        live.drop(context)
            .iter()
            .any(|statement| statement.facts.loss.is_some())
    };
    !before.is_subset(&after) && !after.is_subset(&before) && context.before(identity).is_some_and(|live| !loses(live))
}

/// Merges a reaction into the action of an object; true when the action changed.
fn merge(actions: &mut Actions, identity: &Identity, reaction: Alter) -> bool {
    let present = actions.get(identity);
    match (present, reaction) {
        (_, Alter::Unchanged) | (Some(Action::Replace | Action::Create | Action::Drop), _) => false,
        (_, Alter::Replace) => {
            actions.insert(identity.clone(), Action::Replace);
            true
        }
        (None, Alter::InPlace { statements, disturbs }) => {
            actions.insert(identity.clone(), Action::Alter { statements, disturbs });
            true
        }
        (
            Some(Action::Alter {
                statements: own,
                disturbs: more,
            }),
            Alter::InPlace {
                mut statements,
                mut disturbs,
            },
        ) => {
            if statements.iter().all(|statement| own.contains(statement)) {
                return false;
            }
            statements.extend(own.iter().cloned());
            disturbs.extend(more.iter().copied());
            disturbs.sort_unstable();
            disturbs.dedup();
            actions.insert(identity.clone(), Action::Alter { statements, disturbs });
            true
        }
    }
}

/// Returns, for each dropped object whose name (or whose whole's name) a created object takes, the taker: a view in
/// place of a table, say. What reads the name stays the same in text, but not in what it reads.
fn heirs(actions: &Actions, context: &Context) -> BTreeMap<Identity, Identity> {
    let created = actions.iter().filter(|(_, action)| **action == Action::Create);
    let takers = claims(created.filter_map(|(id, _)| Some((id, context.after(id)?.claims()))));
    let heir = |identity: &Identity| {
        let mut object = context.before(identity);
        while let Some(whole) = object {
            if let Some(taker) = whole.claims().iter().find_map(|name| takers.get(name)?.first()) {
                return Some((*taker).clone());
            }
            object = whole.parent().and_then(|parent| context.before(&parent));
        }
        None
    };
    let dropped = actions.iter().filter(|(_, action)| **action == Action::Drop);
    dropped
        .filter_map(|(identity, _)| Some((identity.clone(), heir(identity)?)))
        .collect()
}

/// Returns, for each name that an object of the map claims, the objects that claim it.
pub(super) fn claims<'a>(
    objects: impl Iterator<Item = (&'a Identity, Vec<(&'static str, String)>)>,
) -> BTreeMap<(&'static str, String), Vec<&'a Identity>> {
    let mut out: BTreeMap<(&'static str, String), Vec<&Identity>> = BTreeMap::new();
    for (identity, names) in objects {
        for name in names {
            out.entry(name).or_default().push(identity);
        }
    }
    out
}
