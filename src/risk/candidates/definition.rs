//! Schemas whose contents reappear in another one, and objects that reappear under another name with the same definition.

use std::collections::{BTreeMap, BTreeSet};

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

/// A definition that more new objects share tells nothing.
const COMMON: usize = 20;

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
    let alone = |object: &&&Identity| WORTH.contains(&object.kind) && stands_alone(object, sides);
    let mut by_definition: BTreeMap<(Kind, Option<Identity>, String), Vec<&Identity>> = BTreeMap::new();
    for new in moves.new.iter().filter(alone) {
        if let Some(key) = sides.to.get(new).and_then(nameless) {
            by_definition.entry(key).or_default().push(new);
        }
    }
    let mut out = Vec::new();
    for gone in moves.gone.iter().filter(alone) {
        let key = sides.from.get(gone).and_then(nameless);
        let same = key.and_then(|key| by_definition.get(&key));
        let same = same.filter(|same| same.len() <= COMMON).into_iter().flatten();
        out.extend(same.map(|new| {
            let (points, said) = likeness::points(gone.name(), new.name(), likeness::MOST);
            Candidate {
                former: (*gone).clone(),
                object: (*new).clone(),
                score: 60 + points,
                evidence: std::iter::once("same definition".to_owned()).chain(said).collect(),
                rows: Rows::None,
            }
        }));
    }
    out
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

/// Returns what an object belongs to and says of itself, without its name.
fn nameless(object: &AnyObject) -> Option<(Kind, Option<Identity>, String)> {
    let mut value = serde_json::to_value(object.clone().significant()).ok()?;
    value.as_object_mut()?.remove("name");
    Some((object.kind(), object.parent(), value.to_string()))
}
