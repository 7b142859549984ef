//! Catalog addresses (class, OID, sub-object) to identities, while one database is being read.

use std::collections::HashMap;

use super::Identity;
use crate::kinds::KeyWords;

/// Maps `pg_depend`-style addresses of one database to identities; OIDs never leave it.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Number of what stands at an address.
    known: ByNumber<Address, u32>,
    /// What has an address, and its place among those that were read.
    named: Vec<(Identity, usize)>,
    noted: Noted,
}

/// A map whose keys are the server's own numbers: nobody can choose them so that they collide.
type ByNumber<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Class, OID and sub-object, as `pg_depend` has them.
pub type Address = (u32, u32, i32);

/// What other objects need to know of a column.
#[derive(Debug, Clone, Copy)]
pub struct ColumnFacts {
    /// OID of its type; of a domain, that of the type it stands for.
    pub data_type: u32,
    /// OID of its collation.
    pub collation: u32,
    /// Whether it is computed.
    pub generated: bool,
}

/// What objects need to know of others beyond their identity, by OID.
#[derive(Debug, Default)]
pub struct Noted {
    /// Columns, by table and number.
    pub columns: ByNumber<(u32, i16), ColumnFacts>,
    /// Operator classes and collations.
    pub words: KeyWords,
}

impl Noted {
    /// Tells whether the column of a table with a number is computed.
    pub fn is_generated(&self, table: u32, number: i32) -> bool {
        let column = i16::try_from(number)
            .ok()
            .and_then(|number| self.columns.get(&(table, number)));
        column.is_some_and(|column| column.generated)
    }
}

impl Addresses {
    /// Records the identity of an address, and the object's place among those that were read; the first one recorded
    /// stays.
    pub fn insert(&mut self, address: Address, identity: Identity, place: usize) {
        self.point(address, u32::try_from(self.named.len()).unwrap_or(u32::MAX));
        self.named.push((identity, place));
    }

    fn point(&mut self, address: Address, number: u32) {
        self.known.entry(address).or_insert(number);
    }

    fn number(&self, (class, oid, sub): Address) -> Option<u32> {
        let of_whole = || self.known.get(&(class, oid, 0)).filter(|_| sub != 0);
        self.known.get(&(class, oid, sub)).or_else(of_whole).copied()
    }

    fn numbered(&self, number: u32) -> Option<&(Identity, usize)> {
        self.named.get(usize::try_from(number).ok()?)
    }

    /// Records that an address stands for the object at another one, if that one is known.
    pub fn alias(&mut self, address: Address, target: Address) {
        if let Some(number) = self.number(target) {
            self.point(address, number);
        }
    }

    /// Returns what is known beyond identities.
    pub fn noted(&self) -> &Noted {
        &self.noted
    }

    /// Adds what is known of columns.
    pub fn note_columns(&mut self, columns: Vec<((u32, i16), ColumnFacts)>) {
        self.noted.columns.extend(columns);
    }

    /// Takes the words of operator classes and collations.
    pub fn note_words(&mut self, words: KeyWords) {
        self.noted.words = words;
    }

    /// Returns the object at exactly this address.
    pub fn exact(&self, class: u32, oid: u32, sub: i32) -> Option<&Identity> {
        self.numbered(*self.known.get(&(class, oid, sub))?)
            .map(|(identity, _)| identity)
    }

    /// Returns the object at this address, or for an unknown sub-object (a view's column) the object that holds it.
    pub fn resolve(&self, class: u32, oid: u32, sub: i32) -> Option<&Identity> {
        self.locate((class, oid, sub)).map(|(identity, _)| identity)
    }

    /// The same with the object's place.
    pub fn locate(&self, address: Address) -> Option<(&Identity, usize)> {
        let (identity, place) = self.numbered(self.number(address)?)?;
        Some((identity, *place))
    }
}
