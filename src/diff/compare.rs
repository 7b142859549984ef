//! Compares two catalogs object by object.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::catalog::{Identity, Name};
use crate::kinds::{Alter, AnyObject, Context, Kind, Statement};

/// What has to happen to one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Only desired has it.
    Create,
    /// Only live has it.
    Drop,
    /// Both have it, and it changes where it stands.
    Alter {
        /// In order.
        statements: Vec<Statement>,
        /// Kinds of direct dependents that are rebuilt around the statements.
        disturbs: Vec<Kind>,
    },
    /// Both have it, and it is dropped and created.
    Replace,
}

/// Actions by object.
pub type Actions = BTreeMap<Identity, Action>;

/// An object as it stands on the two sides; at least one is there.
type Pair<'a> = (&'a Identity, Option<&'a AnyObject>, Option<&'a AnyObject>);

/// Compares the two catalogs of the context; objects that are equal are left out.
///
/// Deterministic whatever the number of threads: the result is ordered by identity.
pub fn diff(context: &Context) -> Actions {
    groups(context)
        .into_par_iter()
        .flat_map_iter(|(_, pairs)| {
            pairs
                .into_iter()
                .filter_map(|pair| Some((pair.0.clone(), compare(pair, context)?)))
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

/// Groups what differs by the first two names of the path: a table with all that belongs to it.
fn groups<'a>(context: &Context<'a>) -> BTreeMap<&'a [Name], Vec<Pair<'a>>> {
    let mut out: BTreeMap<&[Name], Vec<Pair>> = BTreeMap::new();
    let key = |identity: &'a Identity| &identity.path[..identity.path.len().min(2)];
    let mut desired = context.to.objects.iter().peekable();
    let mut push = |pair: Pair<'a>| out.entry(key(pair.0)).or_default().push(pair);
    for (identity, live) in &context.from.objects {
        while let Some((new, object)) = desired.next_if(|(new, _)| *new < identity) {
            push((new, None, Some(object)));
        }
        match desired.next_if(|(same, _)| *same == identity) {
            Some((_, object)) if live.shares(object) || live == object => {}
            Some((_, object)) => push((identity, Some(live), Some(object))),
            None => push((identity, Some(live), None)),
        }
    }
    desired.for_each(|(new, object)| push((new, None, Some(object))));
    out
}

fn compare((_, live, desired): Pair, context: &Context) -> Option<Action> {
    match (live, desired) {
        (None, Some(_)) => Some(Action::Create),
        (Some(_), None) => Some(Action::Drop),
        (Some(live), Some(desired)) => match live.alter(desired, context) {
            Alter::Unchanged => None,
            Alter::InPlace { statements, disturbs } => Some(Action::Alter { statements, disturbs }),
            Alter::Replace => Some(Action::Replace),
        },
        (None, None) => None,
    }
}
