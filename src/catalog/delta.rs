//! What leads from one state of a database to another, object by object: how a series of snapshots is kept small.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Catalog, Edges, Identity};
use crate::kinds::{AnyObject, Area, Packed, PackedRef};

/// A difference; generic over how objects and identities are held.
#[derive(Serialize, Deserialize)]
struct Form<Object, Names, On> {
    version_num: i32,
    role: String,
    /// Objects that are new or differ.
    set: Vec<Object>,
    gone: Vec<Names>,
    edges: Vec<(Names, On)>,
    casts: Option<Vec<(String, String, char)>>,
    unmodelled: Option<BTreeSet<(String, String)>>,
}

/// A difference as text.
pub(crate) struct Delta {
    /// JSON.
    pub(crate) text: String,
    /// Objects that are new, differ, or are gone.
    pub(crate) changed: usize,
}

/// Returns what leads from one state to another. What is not looked after now stays as it was.
pub(crate) fn between(from: &Catalog, to: &Catalog) -> serde_json::Result<Delta> {
    let is_new = |(identity, object): &(&Identity, &AnyObject)| from.get(identity) != Some(*object);
    let set: Vec<PackedRef> = to
        .objects
        .iter()
        .filter(is_new)
        .map(|(_, object)| object.into())
        .collect();
    let gone = from.objects.keys().filter(|identity| !to.contains(identity));
    let gone: Vec<&Identity> = gone.filter(|identity| Area::looks_after(identity)).collect();
    let edges = to
        .dependencies
        .iter()
        .filter(|(identity, on)| from.dependencies.get(identity) != Some(*on));
    let casts = (from.casts != to.casts).then(|| {
        let casts = to.casts.iter();
        casts
            .map(|((from, to), how)| (from.clone(), to.clone(), *how))
            .collect()
    });
    let changed = set.len() + gone.len();
    let form: Form<PackedRef, &Identity, &Edges> = Form {
        version_num: to.version_num,
        role: to.role.clone(),
        set,
        gone,
        edges: edges.collect(),
        casts,
        unmodelled: (from.unmodelled != to.unmodelled).then(|| to.unmodelled.clone()),
    };
    Ok(Delta {
        text: serde_json::to_string(&form)?,
        changed,
    })
}

/// Leads a state on to the one that a difference was taken to.
pub(crate) fn lead(catalog: &mut Catalog, text: &str) -> serde_json::Result<()> {
    let form: Form<Packed, Identity, Edges> = serde_json::from_str(text)?;
    catalog.version_num = form.version_num;
    catalog.role = form.role;
    for identity in &form.gone {
        catalog.remove(identity);
    }
    for object in form.set.into_iter().map(AnyObject::from) {
        catalog.objects.insert(object.identity(), object);
    }
    catalog.dependencies.extend(form.edges);
    if let Some(casts) = form.casts {
        catalog.casts = casts.into_iter().map(|(from, to, how)| ((from, to), how)).collect();
    }
    if let Some(unmodelled) = form.unmodelled {
        catalog.unmodelled = unmodelled;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str) -> AnyObject {
        serde_json::from_value(serde_json::json!({"kind": "schema", "name": name})).unwrap()
    }

    #[test]
    fn a_difference_leads_from_one_state_to_the_other() {
        let mut from = Catalog {
            version_num: 170_000,
            role: "me".to_owned(),
            ..Catalog::default()
        };
        from.insert(schema("stays"));
        from.insert(schema("goes"));
        let mut to = from.clone();
        to.remove(&schema("goes").identity());
        to.insert(schema("comes"));
        let on = schema("elsewhere").identity();
        let edges = to.dependencies.entry(schema("stays").identity()).or_default();
        edges.insert(on);
        to.casts.insert(("x".to_owned(), "y".to_owned()), 'i');
        to.role = "you".to_owned();
        let delta = between(&from, &to).unwrap();
        assert_eq!(delta.changed, 2);
        let mut led = from.clone();
        lead(&mut led, &delta.text).unwrap();
        assert_eq!(led, to);
        assert_eq!(between(&to, &led).unwrap().changed, 0);
    }
}
