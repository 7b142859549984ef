//! Schemas whose contents reappear in another one, and objects that reappear under another name with the same definition.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Candidate, Moves, Rows, Sides, likeness};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Kind};

/// Kinds that are worth a rename: building them anew takes time, loses a value, or makes columns change their type.
const WORTH: &[Kind] = &[
    Kind::Index,
    Kind::Key,
    Kind::Check,
    Kind::ForeignKey,
    Kind::Sequence,
    Kind::MaterializedView,
    Kind::EnumType,
    Kind::Domain,
    Kind::CompositeType,
    Kind::RangeType,
];

/// Returns the pairs of schemas.
pub(super) fn schemas(moves: &Moves, sides: Sides) -> Vec<Candidate> {
    moves
        .pairs(Kind::Schema)
        .filter_map(|(gone, new)| {
            let (old, own) = (contents(sides.from, gone), contents(sides.to, new));
            let both = old.intersection(&own).count();
            let most = old.len().max(own.len());
            if both * 2 < most || both == 0 {
                return None;
            }
            let (points, said) = likeness::points(gone.name(), new.name(), likeness::MOST);
            let share = u32::try_from(both * 75 / most).unwrap_or_default();
            Some(Candidate {
                former: gone.clone(),
                object: new.clone(),
                score: share + points,
                evidence: std::iter::once(format!("{both} of {most} objects in it have the same names"))
                    .chain(said)
                    .collect(),
                rows: Rows::Unknown,
            })
        })
        .collect()
}

/// Returns the relations, types and routines in a schema, by kind and name.
fn contents<'a>(catalog: &'a Catalog, schema: &Identity) -> BTreeSet<(Kind, &'a str)> {
    let holds = |object: &&Identity| object.path.len() == 2 && object.path[0] == schema.path[0];
    let own = catalog.objects.keys().filter(holds);
    own.filter(|object| {
        WORTH.contains(&object.kind) || matches!(object.kind, Kind::Table | Kind::View | Kind::Function)
    })
    .map(|object| (object.kind, object.name()))
    .collect()
}

/// Returns the pairs of objects that are the same but for their names.
pub(super) fn definitions(moves: &Moves, sides: Sides) -> Vec<Candidate> {
    WORTH
        .iter()
        .flat_map(|kind| moves.pairs(*kind))
        .filter(|(gone, new)| stands_alone(gone, sides) && stands_alone(new, sides))
        .filter_map(|(gone, new)| {
            let (old, own) = (sides.from.get(gone)?, sides.to.get(new)?);
            if old.parent() != own.parent() || nameless(old)? != nameless(own)? {
                return None;
            }
            let (points, said) = likeness::points(gone.name(), new.name(), likeness::MOST);
            Some(Candidate {
                former: gone.clone(),
                object: new.clone(),
                score: 60 + points,
                evidence: std::iter::once("same definition".to_owned()).chain(said).collect(),
                rows: Rows::None,
            })
        })
        .collect()
}

/// Tells whether an object comes or goes by itself, not with what it belongs to or that owns it.
fn stands_alone(object: &Identity, sides: Sides) -> bool {
    let parent_stays = |found: &AnyObject| {
        let parent = found.parent();
        parent.is_none_or(|parent| sides.from.contains(&parent) && sides.to.contains(&parent))
    };
    let owned = Identity::new(Kind::SequenceOwner, &object.path);
    let on_either = |identity: &Identity| sides.from.contains(identity) || sides.to.contains(identity);
    let found = sides.from.get(object).or_else(|| sides.to.get(object));
    found.is_some_and(parent_stays) && !on_either(&owned)
}

/// Returns what an object says of itself, without its name.
fn nameless(object: &AnyObject) -> Option<Value> {
    let mut value = serde_json::to_value(object.clone().significant()).ok()?;
    let fields = value.as_object_mut()?;
    fields.remove("name");
    Some(value)
}
