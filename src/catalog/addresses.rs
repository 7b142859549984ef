//! Catalog addresses (class, OID, sub-object) to identities, while one database is being read.

use std::collections::HashMap;

use super::Identity;
use crate::kinds::KeyWords;

/// Maps `pg_depend`-style addresses of one database to identities; OIDs never leave it.
#[derive(Debug, Default)]
pub struct Addresses {
    known: HashMap<(u32, u32, i32), Identity>,
    noted: Noted,
}

/// OIDs of a column's type, a domain's being the one that it stands for, and of its collation.
pub type TypeAndCollation = (u32, u32);

/// What objects need to know of others beyond their identity, by OID.
#[derive(Debug, Default)]
pub struct Noted {
    /// Columns, by table and number.
    pub columns: HashMap<(u32, i16), TypeAndCollation>,
    /// Operator classes and collations.
    pub words: KeyWords,
}

impl Addresses {
    /// Records the identity of an address; the first one recorded stays.
    pub fn insert(&mut self, class: u32, oid: u32, sub: i32, identity: Identity) {
        self.known.entry((class, oid, sub)).or_insert(identity);
    }

    /// Records that an address stands for the object at another one, if that one is known.
    pub fn alias(&mut self, address: (u32, u32, i32), target: (u32, u32, i32)) {
        if let Some(identity) = self.resolve(target.0, target.1, target.2) {
            let identity = identity.clone();
            self.insert(address.0, address.1, address.2, identity);
        }
    }

    /// Returns what is known beyond identities.
    pub fn noted(&self) -> &Noted {
        &self.noted
    }

    /// Adds what is known of columns.
    pub fn note_columns(&mut self, columns: HashMap<(u32, i16), TypeAndCollation>) {
        if self.noted.columns.is_empty() {
            self.noted.columns = columns;
        } else {
            self.noted.columns.extend(columns);
        }
    }

    /// Takes the words of operator classes and collations.
    pub fn note_words(&mut self, words: KeyWords) {
        self.noted.words = words;
    }

    /// Returns the object at exactly this address.
    pub fn exact(&self, class: u32, oid: u32, sub: i32) -> Option<&Identity> {
        self.known.get(&(class, oid, sub))
    }

    /// Returns the object at this address, or for an unknown sub-object (a view's column) the object that holds it.
    pub fn resolve(&self, class: u32, oid: u32, sub: i32) -> Option<&Identity> {
        self.exact(class, oid, sub)
            .or_else(|| if sub == 0 { None } else { self.exact(class, oid, 0) })
    }
}
