//! The catalog itself: objects by identity, dependency edges, and what could not be modelled.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Edges, Fingerprint, Identity};
use crate::kinds::AnyObject;

/// State of one database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// `server_version_num` of the server that deparsed the definitions.
    pub version_num: i32,
    /// Role that new objects belong to: the connected one.
    pub role: String,
    /// Database, where its name is part of what is looked after; empty otherwise.
    pub database: String,
    /// Every modelled object.
    pub objects: BTreeMap<Identity, AnyObject>,
    /// For each object, what it depends on (`pg_depend`, parents, and what the object itself names).
    pub dependencies: BTreeMap<Identity, Edges>,
    /// Explicit and implicit casts between types by formatted name: how a value is converted (`pg_cast.castcontext`).
    pub casts: BTreeMap<(String, String), char>,
    /// Objects of kinds that trueup does not model: kind in words, and name.
    pub unmodelled: BTreeSet<(String, String)>,
}

/// An object with its identity and what it depends on, before it is a part of a catalog.
pub(crate) struct Part {
    pub(crate) identity: Identity,
    pub(crate) object: AnyObject,
    pub(crate) edges: Edges,
}

impl Part {
    /// Makes a part of an object, with the edges that follow from the object itself. `last` is the parent of the one
    /// before: what belongs together is read together, and shares one copy of its parent's names.
    pub(crate) fn of(object: AnyObject, last: &mut Option<Identity>) -> Self {
        let identity = object.identity();
        let parent = object.parent();
        if parent != *last {
            *last = parent;
        }
        let mut edges: Edges = last.iter().cloned().collect();
        edges.extend(object.dependencies());
        edges.remove(&identity);
        Self {
            identity,
            object,
            edges,
        }
    }
}

/// A catalog as it stands in a snapshot file.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    version_num: i32,
    role: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    database: String,
    objects: Vec<AnyObject>,
    dependencies: Vec<(Identity, Edges)>,
    casts: Vec<(String, String, char)>,
    unmodelled: BTreeSet<(String, String)>,
}

impl Catalog {
    /// Returns the object of an identity.
    pub fn get(&self, identity: &Identity) -> Option<&AnyObject> {
        self.objects.get(identity)
    }

    /// Tells whether the object is there.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.objects.contains_key(identity)
    }

    /// Adds an object with the edges that follow from the object itself.
    pub fn insert(&mut self, object: AnyObject) {
        let part = Part::of(object, &mut None);
        let edges = self.dependencies.entry(part.identity.clone()).or_default();
        edges.extend(part.edges.iter().cloned());
        self.objects.insert(part.identity, part.object);
    }

    /// Takes in objects that were read apart; fastest in the order of their identities. Of two with one identity the last
    /// one stays.
    pub(crate) fn assemble(&mut self, parts: Vec<Vec<Part>>) {
        let count = parts.iter().map(Vec::len).sum();
        let (mut edges, mut objects) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for part in parts.into_iter().flatten() {
            edges.push((part.identity.clone(), part.edges));
            objects.push((part.identity, part.object));
        }
        (self.dependencies, self.objects) =
            rayon::join(|| edges.into_iter().collect(), || objects.into_iter().collect());
    }

    /// Removes an object and its own edges.
    pub fn remove(&mut self, identity: &Identity) -> Option<AnyObject> {
        self.dependencies.remove(identity);
        self.objects.remove(identity)
    }

    /// Returns what an object depends on.
    pub fn dependencies_of(&self, identity: &Identity) -> impl Iterator<Item = &Identity> {
        self.dependencies.get(identity).into_iter().flatten()
    }

    /// Returns, for every object, the objects that depend on it directly.
    pub fn dependents(&self) -> BTreeMap<&Identity, Vec<&Identity>> {
        let mut out: BTreeMap<&Identity, Vec<&Identity>> = BTreeMap::new();
        for (dependent, edges) in &self.dependencies {
            for on in edges {
                out.entry(on).or_default().push(dependent);
            }
        }
        out
    }

    /// Returns the fingerprint of all objects; what the files cannot declare (casts, unmodelled kinds) is left out.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.objects.values().collect::<Vec<_>>())
    }
}

impl Serialize for Catalog {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Snapshot {
            version_num: self.version_num,
            role: self.role.clone(),
            database: self.database.clone(),
            objects: self.objects.values().cloned().collect(),
            dependencies: self.dependencies.clone().into_iter().collect(),
            casts: self
                .casts
                .iter()
                .map(|((a, b), c)| (a.clone(), b.clone(), *c))
                .collect(),
            unmodelled: self.unmodelled.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Catalog {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let snapshot = Snapshot::deserialize(deserializer)?;
        Ok(Self {
            version_num: snapshot.version_num,
            role: snapshot.role,
            database: snapshot.database,
            objects: snapshot
                .objects
                .into_iter()
                .map(|object| (object.identity(), object))
                .collect(),
            dependencies: snapshot.dependencies.into_iter().collect(),
            casts: snapshot.casts.into_iter().map(|(a, b, c)| ((a, b), c)).collect(),
            unmodelled: snapshot.unmodelled,
        })
    }
}
