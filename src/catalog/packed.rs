//! The form in which caches hold a catalog: small and read fast; edges are numbers, and kinds stand before their objects.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Catalog, Identity};
use crate::kinds::{AnyObject, Packed, PackedRef};

/// A catalog; generic over how objects and other identities are held.
#[derive(Serialize, Deserialize)]
struct Form<Object, Names> {
    version_num: i32,
    role: String,
    database: String,
    objects: Vec<Object>,
    /// Identities that objects depend on and that are no objects.
    elsewhere: Vec<Names>,
    /// For each object, the numbers of what it depends on: of objects, then of those elsewhere.
    edges: Vec<Vec<usize>>,
    casts: Vec<(String, String, char)>,
    unmodelled: BTreeSet<(String, String)>,
}

/// Writes a catalog.
pub(crate) fn serialize<S: Serializer>(catalog: &Catalog, serializer: S) -> Result<S::Ok, S::Error> {
    let mut numbers: HashMap<&Identity, usize> = catalog.objects.keys().zip(0..).collect();
    let mut elsewhere = Vec::new();
    let mut edges = Vec::with_capacity(catalog.objects.len());
    for identity in catalog.objects.keys() {
        let mut own = Vec::new();
        for on in catalog.dependencies_of(identity) {
            let next = catalog.objects.len() + elsewhere.len();
            own.push(*numbers.entry(on).or_insert_with(|| {
                elsewhere.push(on);
                next
            }));
        }
        edges.push(own);
    }
    Form {
        version_num: catalog.version_num,
        role: catalog.role.clone(),
        database: catalog.database.clone(),
        objects: catalog.objects.values().map(PackedRef::from).collect(),
        elsewhere,
        edges,
        casts: catalog
            .casts
            .iter()
            .map(|((from, to), context)| (from.clone(), to.clone(), *context))
            .collect(),
        unmodelled: catalog.unmodelled.clone(),
    }
    .serialize(serializer)
}

/// Reads a catalog.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Catalog, D::Error> {
    let form: Form<Packed, Identity> = Form::deserialize(deserializer)?;
    let objects = form.objects.into_iter().map(AnyObject::from);
    let objects: Vec<(Identity, AnyObject)> = objects.map(|object| (object.identity(), object)).collect();
    let known: Vec<Identity> = objects
        .iter()
        .map(|(identity, _)| identity.clone())
        .chain(form.elsewhere)
        .collect();
    let edges = form.edges.iter().enumerate().map(|(object, edges)| {
        let on = edges.iter().filter_map(|number| known.get(*number).cloned());
        Some((known.get(object)?.clone(), on.collect()))
    });
    Ok(Catalog {
        version_num: form.version_num,
        role: form.role,
        database: form.database,
        dependencies: edges.flatten().collect(),
        objects: objects.into_iter().collect(),
        casts: form
            .casts
            .into_iter()
            .map(|(from, to, context)| ((from, to), context))
            .collect(),
        unmodelled: form.unmodelled,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            #[serde(with = "super")]
            catalog: Catalog,
        }
        let mut catalog = Catalog {
            version_num: 170_000,
            role: "me".to_owned(),
            database: "shop".to_owned(),
            ..Catalog::default()
        };
        let [a, b, elsewhere] = ["a", "b", "elsewhere"].map(|name| {
            let object = serde_json::json!({"kind": "schema", "name": name});
            serde_json::from_value::<AnyObject>(object).unwrap()
        });
        let on = [a.identity(), b.identity(), elsewhere.identity()];
        catalog.insert(a);
        catalog.insert(b);
        for at in 0..2 {
            catalog
                .dependencies
                .entry(on[at].clone())
                .or_default()
                .insert(on[at + 1].clone());
        }
        catalog.casts.insert(("x".to_owned(), "y".to_owned()), 'i');
        catalog.unmodelled.insert(("thing".to_owned(), "z".to_owned()));
        let text = serde_json::to_string(&Holder {
            catalog: catalog.clone(),
        })
        .unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap().catalog, catalog);
    }
}
