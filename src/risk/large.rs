//! Which tables are too large to be locked while they are read or written: what decides between a statement's plain form
//! and its online one.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::statistics::Statistics;
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Kind, Large};
use crate::plan::Plan;

/// Bytes from which on a table is large, where nobody says otherwise.
pub const ONLINE_ABOVE: u64 = 64 * 1024 * 1024;

/// When statements get their online form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Online {
    /// On every table that is there.
    Always,
    /// Never.
    Never,
    /// On tables of this many bytes and more, partitions, indexes and out-of-line values included, and on those whose
    /// size nobody knows.
    Above(u64),
}

impl Default for Online {
    fn default() -> Self {
        Self::Above(ONLINE_ABOVE)
    }
}

impl Online {
    /// Returns the large ones of the tables and materialized views that a plan, in its plain form, touches.
    pub fn large(self, plan: &Plan, from: &Catalog, statistics: &Statistics) -> Large {
        if self == Self::Never {
            return Large::default();
        }
        let size = |relation: &Identity| statistics.get(&as_table(relation)).map(|figures| figures.bytes);
        let is_large = |relation: &Identity| match (self, size(relation)) {
            (Self::Above(limit), Some(bytes)) => bytes >= limit,
            _ => true,
        };
        let relations = relations(plan, from).into_iter().filter(is_large);
        Large::new(relations.map(|relation| {
            let size = statistics.describe(&as_table(&relation));
            (relation, size)
        }))
    }
}

/// Returns what has to be measured, besides what rules ask for, before [`Online::large`] can tell.
pub fn measured(plan: &Plan, from: &Catalog) -> BTreeSet<Identity> {
    relations(plan, from).iter().map(as_table).collect()
}

/// Figures know every relation as a table.
fn as_table(relation: &Identity) -> Identity {
    Identity::new(Kind::Table, &relation.path)
}

/// Returns the tables and materialized views with rows of their own, or of partitions, that a plan locks, either way.
fn relations(plan: &Plan, from: &Catalog) -> BTreeSet<Identity> {
    let steps = plan.forward.iter().chain(&plan.rollback);
    let locks = steps
        .flat_map(|step| &step.statements)
        .flat_map(|sentence| &sentence.facts.locks);
    let has_rows = |relation: &&Identity| match from.get(relation) {
        Some(AnyObject::Table(table)) => table.foreign.is_none(),
        Some(AnyObject::MaterializedView(_)) => true,
        _ => false,
    };
    locks.map(|(relation, _)| relation).filter(has_rows).cloned().collect()
}

/// A number of bytes as people write it: `64MiB`, `1 GB`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return Err(format!("`{text}` is no size")),
        };
        let number: u64 = number.parse().map_err(|_| format!("`{text}` is no size"))?;
        number
            .checked_mul(1 << shift)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is larger than any table"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [("0", 0), ("64MiB", ONLINE_ABOVE), (" 1 gb ", 1 << 30), ("3k", 3072)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "MiB", "12 parsecs", "-1", "99999999999999999999", "99999999999TiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
