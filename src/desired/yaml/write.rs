//! What is to be said of a catalog, and how its parts hang together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::attached::privilege_words;
use super::want::Fields;
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, KeyType, Kind, Partition, Privilege};

/// What is known of a catalog while it is written.
pub(super) struct Writer<'a> {
    /// Catalog.
    pub(super) catalog: &'a Catalog,
    /// The statements that create each object.
    pub(super) creations: &'a BTreeMap<Identity, Vec<String>>,
    parts: BTreeMap<Identity, Vec<&'a AnyObject>>,
    attached: BTreeMap<&'a Identity, Vec<&'a AnyObject>>,
    primary: BTreeSet<[&'a str; 3]>,
    /// Objects that the forms cannot say.
    pub(super) excluded: BTreeSet<Identity>,
}

impl<'a> Writer<'a> {
    /// Prepares to write a catalog.
    pub(super) fn new(catalog: &'a Catalog, creations: &'a BTreeMap<Identity, Vec<String>>) -> Self {
        let mut out = Self {
            catalog,
            creations,
            parts: BTreeMap::new(),
            attached: BTreeMap::new(),
            primary: BTreeSet::new(),
            excluded: BTreeSet::new(),
        };
        for object in catalog.objects.values() {
            match object {
                AnyObject::Comment(comment) => out.attached.entry(&comment.target).or_default().push(object),
                AnyObject::Owner(owner) => out.attached.entry(&owner.target).or_default().push(object),
                AnyObject::Privilege(privilege) => out.attached.entry(&privilege.target).or_default().push(object),
                _ => {
                    if let Some(parent) = object.parent() {
                        out.parts.entry(parent).or_default().push(object);
                    }
                }
            }
            if let AnyObject::Key(key) = object
                && key.constraint == KeyType::Primary
            {
                let columns = key.columns.iter();
                out.primary
                    .extend(columns.map(|column| [key.schema.as_str(), &key.table, column]));
            }
        }
        for parts in out.parts.values_mut() {
            parts.sort_by_key(|part| part.position());
        }
        out
    }

    /// Says that the forms cannot say some objects.
    pub(super) fn exclude(&mut self, objects: BTreeSet<Identity>) {
        self.excluded.extend(objects);
    }

    /// Tells whether nothing is to say of an object: it comes by itself with others.
    pub(super) fn is_silent(&self, object: &AnyObject) -> bool {
        let identity = object.identity();
        match object {
            AnyObject::Trigger(trigger) => trigger.clone_of.as_ref().is_some_and(|origin| {
                matches!(self.catalog.get(origin), Some(AnyObject::Trigger(origin)) if origin.firing == trigger.firing)
            }),
            AnyObject::Owner(owner) if is_public(&owner.target) => {
                [self.catalog.role.as_str(), "pg_database_owner"].contains(&owner.role.as_str())
            }
            AnyObject::Comment(comment) if is_public(&comment.target) => comment.text == "standard public schema",
            AnyObject::Privilege(privilege) if is_public(&privilege.target) => self.is_public_default(privilege),
            _ => self.creations.get(&identity).is_none_or(Vec::is_empty),
        }
    }

    fn is_public_default(&self, privilege: &Privilege) -> bool {
        let names: Vec<&str> = privilege.privileges.keys().map(String::as_str).collect();
        match privilege.grantee.as_str() {
            "public" if self.catalog.version_num < 15_00_00 => names == ["CREATE", "USAGE"],
            "public" => names == ["USAGE"],
            _ => privilege.privileges == privilege.initial,
        }
    }

    /// Returns the parts of an object that are to be said, in their order.
    pub(super) fn parts(&self, of: &Identity) -> impl Iterator<Item = &'a AnyObject> {
        let parts = self.parts.get(of).map(Vec::as_slice).unwrap_or_default();
        parts.iter().copied().filter(|part| {
            !self.excluded.contains(&part.identity()) && (part.kind() == Kind::Column || !self.is_silent(part))
        })
    }

    /// Returns comment, owner and privileges of something.
    pub(super) fn attached(&self, of: &Identity) -> impl Iterator<Item = &'a AnyObject> {
        let all = self.attached.get(of).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .copied()
            .filter(|object| !self.excluded.contains(&object.identity()) && !self.is_silent(object))
    }

    /// Returns the comment on an object.
    pub(super) fn comment(&self, of: &Identity) -> Option<&'a str> {
        self.attached(of).find_map(|object| match object {
            AnyObject::Comment(comment) => Some(comment.text.as_str()),
            _ => None,
        })
    }

    /// Returns the role that owns an object.
    pub(super) fn owner(&self, of: &Identity) -> Option<&'a str> {
        self.attached(of).find_map(|object| match object {
            AnyObject::Owner(owner) => Some(owner.role.as_str()),
            _ => None,
        })
    }

    /// Returns the privileges on something by role.
    pub(super) fn grants(&self, of: &Identity) -> Option<Json> {
        let privileges = self.attached(of).filter_map(|object| match object {
            AnyObject::Privilege(privilege) => Some(privilege),
            _ => None,
        });
        let mut grants: Fields = privileges
            .map(|privilege| (privilege.grantee.clone(), json!(privilege_words(&privilege.privileges))))
            .collect();
        let all = self.attached.get(of).map(Vec::as_slice).unwrap_or_default();
        let is_to_public =
            |object: &&AnyObject| matches!(object, AnyObject::Privilege(found) if found.grantee == "public");
        if is_public(of) && !all.iter().any(is_to_public) {
            grants.insert("public".to_owned(), json!([]));
        }
        (!grants.is_empty()).then_some(Json::Object(grants))
    }

    /// Returns what is said of a column that is no object of its own.
    pub(super) fn column(&self, path: &[&str]) -> Fields {
        let target = Identity::new(Kind::Column, path.iter().copied());
        let mut out = Fields::new();
        out.extend(self.comment(&target).map(|text| ("comment".to_owned(), json!(text))));
        out.extend(self.grants(&target).map(|grants| ("grants".to_owned(), grants)));
        out
    }

    /// Tells whether a role inherits by itself; nothing where that is not known.
    pub(super) fn inherits(&self, role: &str) -> Option<bool> {
        inherits(self.catalog, role)
    }

    /// Tells whether a column belongs to the primary key, which refuses null by itself.
    pub(super) fn is_in_primary_key(&self, schema: &str, table: &str, column: &str) -> bool {
        self.primary.contains(&[schema, table, column])
    }

    /// Returns what a table is a partition of.
    pub(super) fn partition(&self, schema: &str, table: &str) -> Option<&'a Partition> {
        let identity = Identity::new(Kind::Partition, [schema, table]);
        match self
            .catalog
            .get(&identity)
            .filter(|_| !self.excluded.contains(&identity))
        {
            Some(AnyObject::Partition(partition)) if !partition.detaching => Some(partition),
            _ => None,
        }
    }

    /// Tells whether a partition is said below its table.
    pub(super) fn is_nested(&self, partition: &Partition) -> bool {
        let table = Identity::new(Kind::Table, [&partition.schema, &partition.table]);
        let parent = Identity::new(Kind::Table, [&partition.parent_schema, &partition.parent_table]);
        let is_typed = matches!(self.catalog.get(&table), Some(AnyObject::Table(table)) if table.of_type.is_some());
        partition.schema == partition.parent_schema
            && self.catalog.contains(&parent)
            && !self.excluded.contains(&parent)
            && !is_typed
    }
}

/// Tells whether a role of a catalog inherits by itself; nothing where the catalog does not have it.
pub(super) fn inherits(catalog: &Catalog, role: &str) -> Option<bool> {
    match catalog.get(&Identity::new(Kind::Role, [role])) {
        Some(AnyObject::Role(role)) => Some(role.inherit),
        _ => None,
    }
}

/// Tells whether an object is the schema that every database begins with.
pub(super) fn is_public(identity: &Identity) -> bool {
    identity.kind == Kind::Schema && identity.path == ["public"]
}
