//! What an object may look at, beyond itself, while it writes its statements.

use super::{AnyObject, Kind, Large, OldValues};
use crate::backfill::Backfills;
use crate::catalog::{Catalog, Identity};

/// The two states that a change stands between, and the server that will run it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// State before the plan.
    pub from: &'a Catalog,
    /// State after the plan.
    pub to: &'a Catalog,
    /// `server_version_num` of the server that runs the statements.
    pub version_num: i32,
    /// Tables that are too large to be locked while they are read or written; none for a replay or a creation.
    pub large: &'a Large,
    /// Columns that are filled when they are made, or made `NOT NULL`; none for a replay or a way back.
    pub backfills: &'a Backfills,
    /// Where old values of columns that change in stages are kept; none for a replay or a creation.
    pub old_values: &'a OldValues,
}

impl<'a> Context<'a> {
    /// Makes a context in which every statement has its plain form.
    pub fn new(from: &'a Catalog, to: &'a Catalog, version_num: i32) -> Self {
        Self {
            from,
            to,
            version_num,
            large: Large::NONE,
            backfills: Backfills::NONE,
            old_values: OldValues::NONE,
        }
    }

    /// Returns the same context with these large tables.
    #[must_use]
    pub fn with_large(self, large: &'a Large) -> Self {
        Self { large, ..self }
    }

    /// Returns the same context with these backfills.
    #[must_use]
    pub fn with_backfills(self, backfills: &'a Backfills) -> Self {
        Self { backfills, ..self }
    }

    /// Returns the same context with these old values kept.
    #[must_use]
    pub fn with_old_values(self, old_values: &'a OldValues) -> Self {
        Self { old_values, ..self }
    }

    /// Returns the same context in which every statement has its plain form.
    #[must_use]
    pub fn plain(self) -> Self {
        self.with_large(Large::NONE).with_backfills(Backfills::NONE)
    }

    /// Returns the name of a table with its size in words when it is large: the reason for an online form.
    pub fn large(&self, table: &Identity) -> Option<String> {
        let size = self.large.get(table)?;
        Some(format!("{} ({size})", table.path_text()))
    }
    /// Returns an object of the state after the plan.
    pub fn after(&self, identity: &Identity) -> Option<&'a AnyObject> {
        self.to.get(identity)
    }

    /// Returns an object of the state before the plan.
    pub fn before(&self, identity: &Identity) -> Option<&'a AnyObject> {
        self.from.get(identity)
    }

    /// Tells whether the plan creates the object (or creates it again under the same name).
    pub fn is_created(&self, identity: &Identity) -> bool {
        self.to.contains(identity) && !self.from.contains(identity)
    }

    /// Returns the objects of a kind that are dropped for good.
    pub fn leaving(&self, kind: Kind) -> Vec<Identity> {
        let known = self.from.objects.range(Identity::new(kind, [""; 0])..);
        let known = known
            .map(|(identity, _)| identity)
            .take_while(|identity| identity.kind == kind);
        known.filter(|identity| !self.to.contains(identity)).cloned().collect()
    }

    /// Tells whether the object stands on both sides.
    pub fn stays(&self, identity: &Identity) -> bool {
        self.to.contains(identity) && self.from.contains(identity)
    }

    /// Returns how PostgreSQL casts between two types as their names are formatted: `i`mplicit, `a`ssignment,
    /// `e`xplicit, or nothing.
    pub fn cast(&self, from: &str, to: &str) -> Option<char> {
        let key = (from.to_owned(), to.to_owned());
        self.to.casts.get(&key).or_else(|| self.from.casts.get(&key)).copied()
    }
}
