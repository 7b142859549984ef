//! Counts of scans and writes, and sessions that hold a lock.

use postgres::types::{ToSql, Type};
use postgres::{Error, Row, Transaction};

use super::subject::{Sort, Subject};
use super::{Evidence, Found, Source};
use crate::words::grouped;

/// Relations by name, each with its partitions and heirs, and the indexes of their indexes.
const TREE: &str = "RECURSIVE wanted AS (
        SELECT t.place, c.oid, c.relkind
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY t(schema, name, place)
        JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name AND c.relkind IN ('r', 'p', 'm', 'v', 'i', 'I')
    ), tree AS (
        SELECT place, oid, relkind FROM wanted
        UNION SELECT tree.place, h.inhrelid, tree.relkind FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid
    )";

/// First major version that knows when something was last scanned.
const LAST_SCAN: i32 = 16;

fn relations(subjects: &[Subject]) -> (Vec<&str>, Vec<&str>) {
    // What is no relation finds none, and keeps its place.
    let name = |subject: &Subject| matches!(subject.sort, Sort::Relation | Sort::Column | Sort::Index);
    let all = subjects.iter();
    all.map(|subject| {
        if name(subject) {
            (subject.schema.as_str(), subject.name.as_str())
        } else {
            ("", "")
        }
    })
    .unzip()
}

fn ask(transaction: &mut Transaction, sql: &str, subjects: &[Subject]) -> Result<Vec<Row>, Error> {
    let (schemas, names) = relations(subjects);
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    transaction.query_typed(sql, &parameters)
}

/// Returns how much tables were read and written, and indexes read, since the statistics began.
pub(super) fn used(transaction: &mut Transaction, subjects: &[Subject], version_num: i32) -> Result<Found, Error> {
    let last = |oid: &str| {
        if version_num / 10_000 >= LAST_SCAN {
            format!("pg_catalog.pg_stat_get_lastscan({oid})")
        } else {
            "NULL::timestamptz".to_owned()
        }
    };
    let days = |moment: &str| format!("floor(extract(epoch FROM now() - {moment}) / 86400)::int8");
    let sql = format!(
        "WITH {TREE}
         SELECT tree.place::int8, bool_or(tree.relkind IN ('i', 'I')),
                coalesce(sum(pg_catalog.pg_stat_get_numscans(tree.oid)), 0)::int8, {own},
                coalesce(sum(x.scans), 0)::int8, {of_indexes},
                coalesce(sum(pg_catalog.pg_stat_get_tuples_inserted(tree.oid) + pg_catalog.pg_stat_get_tuples_updated(tree.oid)
                             + pg_catalog.pg_stat_get_tuples_deleted(tree.oid)), 0)::int8,
                (SELECT {since} FROM pg_catalog.pg_database d
                 CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),
                                                     pg_catalog.pg_postmaster_start_time()) AS at) since
                 WHERE d.datname = pg_catalog.current_database())
         FROM tree
         CROSS JOIN LATERAL (SELECT sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) AS scans, max({last_index}) AS last
                             FROM pg_catalog.pg_index i WHERE i.indrelid = tree.oid) x
         WHERE tree.relkind <> 'v' GROUP BY tree.place",
        own = days(&format!("max({})", last("tree.oid"))),
        of_indexes = days("max(x.last)"),
        since = days("since.at"),
        last_index = last("i.indexrelid"),
    );
    let rows = ask(transaction, &sql, subjects)?;
    rows.iter().map(|row| Ok((place(row)?, figure(row)?))).collect()
}

fn place(row: &Row) -> Result<usize, Error> {
    let place: i64 = row.try_get(0)?;
    Ok(usize::try_from(place - 1).unwrap_or(usize::MAX))
}

fn figure(row: &Row) -> Result<Evidence, Error> {
    let (scans, of_indexes, writes): (i64, i64, i64) = (row.try_get(2)?, row.try_get(4)?, row.try_get(6)?);
    let (last, last_index, since): (Option<i64>, Option<i64>, Option<i64>) =
        (row.try_get(3)?, row.try_get(5)?, row.try_get(7)?);
    let counted = match since {
        None => "counted on this server".to_owned(),
        Some(0) => "counted on this server for less than a day".to_owned(),
        Some(1) => "counted on this server for 1 day".to_owned(),
        Some(days) => format!("counted on this server for {} days", grouped(days)),
    };
    if row.try_get(1)? {
        let used = match scans {
            0 => "never used".to_owned(),
            _ => format!("used by {}", scanned(scans, "scan", last)),
        };
        return Ok(Evidence {
            source: Source::IndexStatistics,
            text: format!("{used}, {counted}"),
        });
    }
    let reads: Vec<String> = [(scans, "sequential scan", last), (of_indexes, "index scan", last_index)]
        .into_iter()
        .filter(|(scans, ..)| *scans > 0)
        .map(|(scans, words, last)| scanned(scans, words, last))
        .collect();
    let read = match reads.as_slice() {
        [] => "never read".to_owned(),
        reads => format!("read by {}", reads.join(" and ")),
    };
    let written = match writes {
        0 => "never written".to_owned(),
        1 => "1 row written".to_owned(),
        rows => format!("{} rows written", grouped(rows)),
    };
    Ok(Evidence {
        source: Source::TableStatistics,
        text: format!("the table was {read}, {written}, {counted}"),
    })
}

fn scanned(scans: i64, words: &str, last: Option<i64>) -> String {
    let last = match last {
        None => String::new(),
        Some(0) => " (last within a day)".to_owned(),
        Some(1) => " (last a day ago)".to_owned(),
        Some(days) => format!(" (last {} days ago)", grouped(days)),
    };
    format!("{} {words}{}{last}", grouped(scans), if scans == 1 { "" } else { "s" })
}

/// Returns who holds a lock on a relation now.
pub(super) fn held(transaction: &mut Transaction, subjects: &[Subject]) -> Result<Found, Error> {
    let sql = format!(
        "WITH {TREE}
         SELECT tree.place::int8, coalesce(nullif(a.application_name, ''), 'without a name'), count(DISTINCT l.pid)
         FROM tree
         JOIN pg_catalog.pg_locks l ON l.locktype = 'relation' AND l.relation = tree.oid AND l.granted
          AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
         JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.backend_type = 'client backend'
         WHERE l.pid <> pg_catalog.pg_backend_pid() AND coalesce(a.application_name, '') !~ '^trueup'
         GROUP BY 1, 2 ORDER BY 1, 2"
    );
    let mut out = Found::new();
    for row in ask(transaction, &sql, subjects)? {
        let (name, number): (String, i64) = (row.try_get(1)?, row.try_get(2)?);
        let who = format!(
            "{} of `{name}`",
            if number == 1 {
                "a session".to_owned()
            } else {
                format!("{number} sessions")
            }
        );
        let held = out.entry(place(&row)?).or_insert_with(|| Evidence {
            source: Source::Sessions,
            text: String::new(),
        });
        held.text = if held.text.is_empty() {
            format!("locked now by {who}")
        } else {
            format!("{}, {who}", held.text)
        };
    }
    Ok(out)
}
