//! Live figures of the tables that a plan touches: how many rows, how many bytes.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;

use crate::catalog::{Catalog, Identity};
use crate::error::Result;
use crate::kinds::Kind;
use crate::plan::Step;

/// Up to this many bytes, indexes included, a scan or a rewrite is over before anybody notices.
const SMALL: u64 = 16 * 1024 * 1024;

/// Figures of one table, its partitions included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Estimate of the planner's statistics; `None` where the table was never analysed.
    pub rows: Option<u64>,
    /// Bytes of the heap; none means that there is certainly no row.
    pub heap_bytes: u64,
    /// Bytes in all, with indexes and out-of-line values.
    pub bytes: u64,
}

/// Figures by table; a table that is missing is unknown, and taken for large.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    tables: BTreeMap<Identity, Figures>,
}

/// Class of a table's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// No row.
    Empty,
    /// Read or written in no time.
    Small,
    /// Takes its time.
    Large,
    /// Nobody knows.
    Unknown,
}

impl Statistics {
    /// Adds the figures of a table.
    pub fn insert(&mut self, table: Identity, figures: Figures) {
        self.tables.insert(table, figures);
    }

    /// Returns the figures of a table.
    pub fn get(&self, table: &Identity) -> Option<&Figures> {
        self.tables.get(table)
    }

    /// Returns the class of a table's size.
    pub(super) fn size(&self, table: &Identity) -> Size {
        match self.get(table) {
            None => Size::Unknown,
            Some(figures) if figures.heap_bytes == 0 => Size::Empty,
            Some(figures) if figures.bytes <= SMALL => Size::Small,
            Some(_) => Size::Large,
        }
    }

    /// Returns the size of a table in words.
    pub(super) fn describe(&self, table: &Identity) -> String {
        let Some(figures) = self.get(table) else {
            return "size unknown".to_owned();
        };
        let bytes = readable_bytes(figures.bytes);
        match figures.rows {
            _ if figures.heap_bytes == 0 => "empty".to_owned(),
            Some(1) => format!("about 1 row, {bytes}"),
            Some(rows) => format!("about {} rows, {bytes}", grouped(rows)),
            None => format!("{bytes}, never analysed"),
        }
    }
}

/// Returns the tables of the state before that the steps name: as a change, a lock, a scan or a rewrite.
pub fn touched(steps: &[Step], from: &Catalog) -> BTreeSet<Identity> {
    let mut out = BTreeSet::new();
    for step in steps {
        out.extend(step.changes.iter().map(|change| super::look::table_of(&change.object)));
        for facts in step.statements.iter().map(|sentence| &sentence.facts) {
            out.extend(facts.locks.iter().map(|(table, _)| table.clone()));
            out.extend(facts.scans.iter().chain(&facts.rewrites).cloned());
        }
    }
    out.retain(|table| table.kind == Kind::Table && from.contains(table));
    out
}

/// Reads the figures of tables in one query. Sizes are read from the files, since `pg_class` knows them only as of the
/// last `VACUUM` or `ANALYZE`.
pub fn statistics(client: &mut Client, tables: &BTreeSet<Identity>) -> Result<Statistics> {
    let mut out = Statistics::default();
    let relations = tables.iter().filter(|table| table.path.len() == 2);
    let (schemas, names): (Vec<&str>, Vec<&str>) = relations
        .map(|table| (table.path[0].as_str(), table.path[1].as_str()))
        .unzip();
    if schemas.is_empty() {
        return Ok(out);
    }
    let rows = client.query(
        "SELECT n.nspname, c.relname,
                CASE WHEN bool_and(p.reltuples >= 0) THEN sum(p.reltuples)::float8 END AS rows,
                coalesce(sum(pg_catalog.pg_relation_size(p.oid)), 0)::int8 AS heap_bytes,
                coalesce(sum(pg_catalog.pg_total_relation_size(p.oid)), 0)::int8 AS bytes
         FROM unnest($1::text[], $2::text[]) t(schema, name)
         JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
         CROSS JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)) part(oid)
         JOIN pg_catalog.pg_class p ON p.oid = part.oid AND (p.relkind <> 'p' OR p.oid = c.oid AND p.reltuples > 0)
         GROUP BY n.nspname, c.relname",
        &[&schemas, &names],
    )?;
    for row in rows {
        let path: [String; 2] = [row.try_get(0)?, row.try_get(1)?];
        let figures = Figures {
            rows: row.try_get::<_, Option<f64>>(2)?.map(estimate),
            heap_bytes: u64::try_from(row.try_get::<_, i64>(3)?).unwrap_or_default(),
            bytes: u64::try_from(row.try_get::<_, i64>(4)?).unwrap_or_default(),
        };
        out.insert(Identity::new(Kind::Table, path), figures);
    }
    Ok(out)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate that is never negative here and far below 2^52"
)]
fn estimate(rows: f64) -> u64 {
    rows.max(0.0) as u64
}

/// Groups digits by thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Says bytes in the largest unit that leaves a whole number.
fn readable_bytes(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in units {
        // Below ten of a unit the next smaller one says more.
        if bytes >> shift >= 10 {
            return format!("{} {unit}", grouped(bytes >> shift));
        }
    }
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes >= 1024 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_words() {
        let table = Identity::new(Kind::Table, ["shop", "orders"]);
        let mut statistics = Statistics::default();
        assert_eq!(statistics.describe(&table), "size unknown");
        let mut figures = Figures {
            rows: Some(2_104_233),
            heap_bytes: 300 << 20,
            bytes: 340 << 20,
        };
        statistics.insert(table.clone(), figures);
        assert_eq!(statistics.describe(&table), "about 2,104,233 rows, 340 MiB");
        assert_eq!(statistics.size(&table), Size::Large);
        figures = Figures {
            rows: None,
            heap_bytes: 8192,
            bytes: 16384,
        };
        statistics.insert(table.clone(), figures);
        assert_eq!(statistics.describe(&table), "16 KiB, never analysed");
        assert_eq!(statistics.size(&table), Size::Small);
        figures.heap_bytes = 0;
        statistics.insert(table.clone(), figures);
        assert_eq!(statistics.describe(&table), "empty");
        assert_eq!(statistics.size(&table), Size::Empty);
    }
}
