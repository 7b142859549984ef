//! Sizes of the tables of a live database, in one query.

use postgres::Client;
use serde::Serialize;

use crate::catalog::Identity;
use crate::error::Result;
use crate::kinds::Kind;

/// Size of one table, or of a partitioned one with all its partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// Table or materialized view.
    pub object: Identity,
    /// Estimate of the planner's statistics; none where it was never analysed.
    pub rows: Option<i64>,
    /// Bytes of the rows.
    pub heap_bytes: i64,
    /// Bytes of all indexes.
    pub index_bytes: i64,
    /// Bytes in all, with indexes and out-of-line values.
    pub bytes: i64,
    /// Dead rows that wait for `VACUUM`, as the statistics count them.
    pub dead_rows: i64,
}

/// Reads the sizes of all tables but those of the system and of the ledger, largest first.
pub fn sizes(client: &mut Client) -> Result<Vec<Size>> {
    let rows = client.query(
        "SELECT n.nspname::text, c.relname::text, c.relkind = 'm',
                CASE WHEN bool_and(p.reltuples >= 0) THEN sum(p.reltuples)::int8 END,
                coalesce(sum(pg_catalog.pg_relation_size(p.oid)), 0)::int8,
                coalesce(sum(pg_catalog.pg_indexes_size(p.oid)), 0)::int8,
                coalesce(sum(pg_catalog.pg_total_relation_size(p.oid)), 0)::int8,
                coalesce(sum(pg_catalog.pg_stat_get_dead_tuples(p.oid)), 0)::int8
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)) part(oid)
         JOIN pg_catalog.pg_class p ON p.oid = part.oid AND (p.relkind <> 'p' OR p.oid = c.oid AND p.reltuples > 0)
         WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
           AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'trueup'
         GROUP BY n.nspname, c.relname, c.relkind
         ORDER BY 7 DESC, 1, 2",
        &[],
    )?;
    let size = |row: &postgres::Row| {
        let path: [String; 2] = [row.try_get(0)?, row.try_get(1)?];
        let kind = if row.try_get(2)? {
            Kind::MaterializedView
        } else {
            Kind::Table
        };
        Ok(Size {
            object: Identity::new(kind, path),
            rows: row.try_get(3)?,
            heap_bytes: row.try_get(4)?,
            index_bytes: row.try_get(5)?,
            bytes: row.try_get(6)?,
            dead_rows: row.try_get(7)?,
        })
    };
    rows.iter().map(size).collect()
}
