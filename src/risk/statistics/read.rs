//! Reads figures from the live database: one query per sort of object, whatever their number, and never a wait behind
//! somebody's ACCESS EXCLUSIVE lock.

use std::collections::BTreeSet;

use postgres::error::SqlState;
use postgres::{Client, Row, Transaction};

use super::words::whole;
use super::{Figures, Statistics};
use crate::catalog::{Identity, Name};
use crate::diff::Rename;
use crate::error::Result;
use crate::kinds::Kind;

/// Longest wait for a lock; it is met only by who takes the lock between two looks at `pg_locks`.
const PATIENCE: &str = "SET LOCAL lock_timeout = '500ms'";

/// Relations that somebody holds, or waits for, in ACCESS EXCLUSIVE, and those whose indexes are so: functions that open
/// them would wait.
const LOCKED: &str = "locked AS MATERIALIZED (
        SELECT l.relation AS oid FROM pg_catalog.pg_locks l
        WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
          AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
    ), closed AS MATERIALIZED (
        SELECT oid FROM locked
        UNION SELECT i.indrelid FROM pg_catalog.pg_index i JOIN locked ON locked.oid = i.indexrelid
    )";

/// `$3` tells whether the sizes of files may be asked for.
const TABLES: &str = "
    wanted AS (
        SELECT t.place, c.oid
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY t(schema, name, place)
        JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
    ), tree AS (
        SELECT place, oid FROM wanted
        UNION SELECT tree.place, h.inhrelid FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid
    ), part AS (
        SELECT tree.place, c.oid, c.reltuples, c.relpages::int8 AS pages, c.reltoastrelid,
               $3 AND closed.oid IS NULL AS free
        FROM tree
        JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind <> 'p'
        LEFT JOIN closed ON closed.oid = c.oid
    ), known AS (
        SELECT part.*, x.number, current_setting('block_size')::int8 * x.pages AS index_bytes,
               current_setting('block_size')::int8 AS block,
               (SELECT t.relpages::int8 FROM pg_catalog.pg_class t WHERE t.oid = part.reltoastrelid) AS toast_pages
        FROM part
        CROSS JOIN LATERAL (
            SELECT count(*) AS number, coalesce(sum(ic.relpages), 0)::int8 AS pages
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
            WHERE i.indrelid = part.oid) x
    ), sized AS (
        SELECT known.*,
               CASE WHEN free THEN pg_catalog.pg_relation_size(oid) ELSE block * pages END AS heap,
               CASE WHEN free THEN pg_catalog.pg_indexes_size(oid) ELSE index_bytes END AS indexes,
               CASE WHEN free THEN pg_catalog.pg_total_relation_size(oid)
                    ELSE block * (pages + coalesce(toast_pages, 0)) + index_bytes END AS total
        FROM known
    ), clock AS (
        -- Numbers of less than an hour tell of a load or a restore, not of a day's work.
        SELECT CASE WHEN now() - since.at >= interval '1 hour' THEN extract(epoch FROM now() - since.at)
                    ELSE 'infinity' END::float8 AS seconds
        FROM pg_catalog.pg_database d
        CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),
                                            pg_catalog.pg_postmaster_start_time()) AS at) since
        WHERE d.datname = pg_catalog.current_database()
    )
    SELECT w.place::int8,
           CASE WHEN bool_and(s.reltuples >= 0) THEN sum(s.reltuples)::float8 END AS rows,
           coalesce(sum(s.heap), 0)::int8 AS heap_bytes, coalesce(sum(s.indexes), 0)::int8 AS index_bytes,
           coalesce(sum(s.total), 0)::int8 AS bytes, coalesce(sum(s.number), 0)::int8 AS indexes,
           coalesce(sum(pg_catalog.pg_stat_get_tuples_inserted(s.oid) + pg_catalog.pg_stat_get_tuples_updated(s.oid)
                        + pg_catalog.pg_stat_get_tuples_deleted(s.oid)), 0)::float8
               / (SELECT seconds FROM clock) AS writes_per_second,
           floor(extract(epoch FROM now() - min(greatest(pg_catalog.pg_stat_get_last_analyze_time(s.oid),
                                                        pg_catalog.pg_stat_get_last_autoanalyze_time(s.oid))))
                 / 86400)::int8 AS analyzed_days_ago,
           coalesce(bool_and(s.free), true) AS measured
    FROM wanted w LEFT JOIN sized s ON s.place = w.place
    GROUP BY w.place";

const NULLS: &str = "
    SELECT t.place::int8, max(s.null_frac)::float8, bool_and(s.n_distinct = -1)
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY t(schema, name, attribute, place)
    JOIN pg_catalog.pg_stats s ON s.schemaname = t.schema AND s.tablename = t.name AND s.attname = t.attribute
    GROUP BY t.place";

/// A sequence that nobody has used, or that the role may not read, has no value.
const VALUES: &str = "
    SELECT t.place::int8, CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AND closed.oid IS NULL
                               THEN pg_catalog.pg_sequence_last_value(c.oid) END
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY t(schema, name, place)
    JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name AND c.relkind = 'S'
    LEFT JOIN closed ON closed.oid = c.oid";

const USES: &str = "
    tree AS (
        SELECT t.place, c.oid
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY t(schema, name, place)
        JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name AND c.relkind IN ('i', 'I')
        UNION SELECT tree.place, h.inhrelid FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid
    )
    SELECT place::int8, coalesce(sum(pg_catalog.pg_stat_get_numscans(oid)), 0)::int8 FROM tree GROUP BY place";

/// Reads the figures of tables, columns, sequences, and indexes or keys; objects of other kinds are passed over.
///
/// Objects are named as they will be after `renames`, and found under their former names.
pub fn statistics(client: &mut Client, objects: &BTreeSet<Identity>, renames: &[Rename]) -> Result<Statistics> {
    if objects.is_empty() {
        return Ok(Statistics::default());
    }
    let asked = Asked { objects, renames };
    match asked.read(client, true) {
        Err(error) if error.sqlstate.as_deref() == Some(SqlState::LOCK_NOT_AVAILABLE.code()) => {
            asked.read(client, false)
        }
        read => read,
    }
}

struct Asked<'a> {
    objects: &'a BTreeSet<Identity>,
    renames: &'a [Rename],
}

impl<'a> Asked<'a> {
    fn read(&self, client: &mut Client, free: bool) -> Result<Statistics> {
        let mut transaction = client.build_transaction().read_only(true).start()?;
        transaction.batch_execute(PATIENCE)?;
        let mut out = Statistics::default();
        self.tables(&mut transaction, free, &mut out)?;
        self.nulls(&mut transaction, &mut out)?;
        if free {
            self.values(&mut transaction, &mut out)?;
        }
        self.uses(&mut transaction, &mut out)?;
        transaction.commit()?;
        Ok(out)
    }

    /// Returns the objects of some kinds, each with its live path.
    fn of(&self, kinds: &[Kind]) -> (Vec<&'a Identity>, Vec<Vec<String>>) {
        let some = self.objects.iter().filter(|object| kinds.contains(&object.kind));
        some.map(|object| (object, live_path(object, self.renames))).unzip()
    }

    fn tables(&self, transaction: &mut Transaction, free: bool, out: &mut Statistics) -> Result<()> {
        let (objects, paths) = self.of(&[Kind::Table]);
        if objects.is_empty() {
            return Ok(());
        }
        let (schemas, names) = (column(&paths, 0), column(&paths, 1));
        let query = format!("WITH RECURSIVE {LOCKED}, {TABLES}");
        for row in transaction.query(&query, &[&schemas, &names, &free])? {
            out.insert(named(&objects, &row)?, figures(&row)?);
        }
        Ok(())
    }

    fn nulls(&self, transaction: &mut Transaction, out: &mut Statistics) -> Result<()> {
        let (objects, paths) = self.of(&[Kind::Column]);
        if objects.is_empty() {
            return Ok(());
        }
        let columns = (column(&paths, 0), column(&paths, 1), column(&paths, 2));
        for row in transaction.query(NULLS, &[&columns.0, &columns.1, &columns.2])? {
            if let Some(share) = row.try_get(1)? {
                out.insert_nulls(named(&objects, &row)?, share);
            }
            if let Some(distinct) = row.try_get(2)? {
                out.insert_distinct(named(&objects, &row)?, distinct);
            }
        }
        Ok(())
    }

    fn values(&self, transaction: &mut Transaction, out: &mut Statistics) -> Result<()> {
        let (objects, paths) = self.of(&[Kind::Sequence]);
        if objects.is_empty() {
            return Ok(());
        }
        let query = format!("WITH {LOCKED} {VALUES}");
        for row in transaction.query(&query, &[&column(&paths, 0), &column(&paths, 1)])? {
            if let Some(value) = row.try_get(1)? {
                out.insert_value(named(&objects, &row)?, value);
            }
        }
        Ok(())
    }

    fn uses(&self, transaction: &mut Transaction, out: &mut Statistics) -> Result<()> {
        let (objects, paths) = self.of(&[Kind::Index, Kind::Key]);
        if objects.is_empty() {
            return Ok(());
        }
        // A key is named below its table, its index is not.
        let names: Vec<&str> = paths
            .iter()
            .filter_map(|path| path.last())
            .map(String::as_str)
            .collect();
        let query = format!("WITH RECURSIVE {USES}");
        for row in transaction.query(&query, &[&column(&paths, 0), &names])? {
            out.insert_uses(named(&objects, &row)?, number(&row, 1)?);
        }
        Ok(())
    }
}

fn figures(row: &Row) -> Result<Figures> {
    let analyzed: Option<i64> = row.try_get("analyzed_days_ago")?;
    let indexes: i64 = row.try_get("indexes")?;
    Ok(Figures {
        rows: row.try_get::<_, Option<f64>>("rows")?.map(whole),
        heap_bytes: number(row, 2)?,
        index_bytes: number(row, 3)?,
        bytes: number(row, 4)?,
        indexes: u32::try_from(indexes).unwrap_or(u32::MAX),
        writes_per_second: row.try_get("writes_per_second")?,
        analyzed_days_ago: analyzed.map(|days| u64::try_from(days).unwrap_or_default()),
        measured: row.try_get("measured")?,
    })
}

fn number(row: &Row, column: usize) -> Result<u64> {
    Ok(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or_default())
}

/// Returns the object that a row is about: its first column is the place in the list, from 1.
fn named(objects: &[&Identity], row: &Row) -> Result<Identity> {
    let place = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default();
    Ok(objects[place - 1].clone())
}

/// Returns one part of each path.
fn column(paths: &[Vec<String>], at: usize) -> Vec<&str> {
    paths
        .iter()
        .map(|path| path.get(at).map_or("", String::as_str))
        .collect()
}

/// Returns the path that an object has before the renames.
pub(crate) fn live_path(object: &Identity, renames: &[Rename]) -> Vec<String> {
    let path = &object.path;
    for length in (1..=path.len()).rev() {
        let kind = match length {
            _ if length == path.len() => object.kind,
            1 => Kind::Schema,
            _ => Kind::Table,
        };
        let of = |rename: &&Rename| rename.to.kind == kind && rename.to.path[..] == path[..length];
        if let Some(rename) = renames.iter().find(of) {
            return (rename.from.path.iter().chain(&path[length..]))
                .map(Name::to_string)
                .collect();
        }
    }
    path.to_strings()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(kind: Kind, from: &[&str], to: &[&str]) -> Rename {
        Rename {
            from: Identity::new(kind, from.iter().copied()),
            former: Identity::new(kind, from.iter().copied()),
            to: Identity::new(kind, to.iter().copied()),
            subject: Identity::new(kind, to.iter().copied()),
            forward: Vec::new(),
            rollback: Vec::new(),
        }
    }

    #[test]
    fn figures_are_found_under_the_former_name() {
        let renames = [
            rename(Kind::Schema, &["old"], &["new"]),
            rename(Kind::Table, &["old", "a"], &["new", "b"]),
            rename(Kind::Column, &["old", "a", "x"], &["new", "b", "y"]),
        ];
        for (kind, path, expected) in [
            (Kind::Table, vec!["new", "b"], "old.a"),
            (Kind::Table, vec!["new", "c"], "old.c"),
            (Kind::Table, vec!["public", "b"], "public.b"),
            (Kind::Column, vec!["new", "b", "y"], "old.a.x"),
            (Kind::Column, vec!["new", "b", "z"], "old.a.z"),
            (Kind::Sequence, vec!["new", "s"], "old.s"),
        ] {
            let object = Identity::new(kind, path);
            assert_eq!(live_path(&object, &renames).join("."), expected);
        }
    }
}
