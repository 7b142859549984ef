//! Tables that are too large to be locked while they are read or written, each with its size in words.

use serde::{Deserialize, Serialize};

use crate::catalog::Identity;

/// Large tables and materialized views by identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Large(Vec<(Identity, String)>);

impl Large {
    /// No table is large.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Makes the set from tables and their sizes in words.
    pub fn new(tables: impl IntoIterator<Item = (Identity, String)>) -> Self {
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort();
        tables.dedup_by(|one, other| one.0 == other.0);
        Self(tables)
    }

    /// Returns the set with more tables in it.
    #[must_use]
    pub fn with(self, more: impl IntoIterator<Item = (Identity, String)>) -> Self {
        Self::new(self.0.into_iter().chain(more))
    }

    /// Tells whether no table is large.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the size of a large table in words.
    pub fn get(&self, table: &Identity) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| known.cmp(table)).ok()?;
        Some(&self.0[at].1)
    }
}
