//! What the doctor looks at inside the live database.

use postgres::Client;

use super::Check;
use crate::catalog::quote::{ident, qualified};
use crate::db::Server;
use crate::error::Result;

/// Most names that one line holds.
const SHOWN: usize = 5;

/// Used share of a sequence's range, in percent, from which it is reported.
const NEAR: i64 = 75;
/// Used share from which it fails.
const AT_THE_END: i64 = 95;

/// Schemas that nobody declares.
const OURS: &str = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'trueup'";

/// Runs all checks; one that fails says why.
pub(super) fn checks(client: &mut Client, server: &Server) -> Vec<Check> {
    type Run = fn(&mut Client, &Server) -> Result<Check>;
    let all: [(&'static str, Run); 5] = [
        ("privileges", privileges),
        ("ownership", ownership),
        ("indexes", invalid_indexes),
        ("constraints", unvalidated),
        ("sequences", sequences),
    ];
    all.iter()
        .map(|(name, run)| run(client, server).unwrap_or_else(|error| Check::of(name, &error)))
        .collect()
}

/// Joins names for a sentence.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn privileges(client: &mut Client, server: &Server) -> Result<Check> {
    let name = "privileges";
    let (role, database) = (ident(&server.user), ident(&server.database));
    let row = client.query_one(
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
                EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'trueup'),
                coalesce((SELECT pg_catalog.has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace
                          WHERE nspname = 'trueup'), false),
                coalesce((SELECT bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')
                                          AND pg_catalog.has_table_privilege(c.oid, 'INSERT'))
                          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                          WHERE n.nspname = 'trueup' AND c.relkind = 'r'), false)",
        &[],
    )?;
    let (may_create, has_ledger): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let may_write = row.try_get::<_, bool>(2)? && row.try_get::<_, bool>(3)?;
    Ok(match (has_ledger, may_write, may_create) {
        (true, true, _) => Check::ok(name, format!("Role {role} may plan, and write the ledger.")),
        (false, _, true) => Check::ok(name, format!("Role {role} may plan, and make the ledger.")),
        (true, false, _) => Check::warn(
            name,
            format!("Role {role} may plan, but not write the ledger, which `trueup apply` needs."),
            format!(
                "The owner of schema trueup must run: GRANT USAGE, CREATE ON SCHEMA trueup TO {role}; GRANT SELECT, INSERT, \
                 UPDATE ON ALL TABLES IN SCHEMA trueup TO {role};"
            ),
        ),
        (false, _, false) => Check::warn(
            name,
            format!("Role {role} may plan, but not make the ledger, which `trueup apply` needs."),
            format!("The owner of the database must run: GRANT CREATE ON DATABASE {database} TO {role};"),
        ),
    })
}

fn ownership(client: &mut Client, server: &Server) -> Result<Check> {
    let rows = client.query(
        &format!(
            "SELECT pg_catalog.pg_get_userbyid(c.relowner)::text, count(*)
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND {OURS}
               AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 1259 AND d.objid = c.oid AND d.deptype = 'e')
             GROUP BY 1 ORDER BY 2 DESC, 1"
        ),
        &[],
    )?;
    let name = "ownership";
    let role = ident(&server.user);
    if rows.is_empty() {
        return Ok(Check::ok(
            name,
            format!("Role {role} may change every table, view and sequence."),
        ));
    }
    let mut count = 0;
    let mut owners: Vec<String> = Vec::new();
    for row in &rows {
        count += row.try_get::<_, i64>(1)?;
        owners.push(ident(&row.try_get::<_, String>(0)?));
    }
    Ok(Check::warn(
        name,
        format!(
            "Role {role} cannot change {count} tables, views or sequences: they belong to {}.",
            some(&owners)
        ),
        format!(
            "To apply changes to them, run trueup as their owner, or: GRANT {} TO {role};",
            owners[0]
        ),
    ))
}

fn names(client: &mut Client, sql: &str) -> Result<Vec<[String; 3]>> {
    let rows = client.query(sql, &[])?;
    let row = |row: &postgres::Row| Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]);
    rows.iter().map(row).collect()
}

fn invalid_indexes(client: &mut Client, _server: &Server) -> Result<Check> {
    // The index of a partitioned table is invalid until all partitions have theirs.
    let found = names(
        client,
        &format!(
            "SELECT n.nspname::text, c.relname::text, c.relkind::text
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT i.indisvalid AND {OURS}
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
             ORDER BY 1, 2"
        ),
    )?;
    let name = "indexes";
    let Some([schema, index, kind]) = found.first() else {
        return Ok(Check::ok(name, "Every index is valid."));
    };
    let all: Vec<String> = found
        .iter()
        .map(|[schema, index, _]| qualified([schema, index]))
        .collect();
    let first = qualified([schema, index]);
    let advice = if kind == "I" {
        format!("Give each partition an index and attach it: ALTER INDEX {first} ATTACH PARTITION …;")
    } else {
        format!(
            "Build it again with REINDEX INDEX CONCURRENTLY {first}; or remove it with DROP INDEX CONCURRENTLY {first};"
        )
    };
    Ok(Check::warn(
        name,
        format!(
            "Invalid, so that no query uses them, though every write maintains them: {}.",
            some(&all)
        ),
        advice,
    ))
}

fn unvalidated(client: &mut Client, server: &Server) -> Result<Check> {
    // What is not enforced (PostgreSQL 18) is never valid, and means to be so.
    let enforced = if server.major() >= 18 { "AND k.conenforced" } else { "" };
    let found = names(
        client,
        &format!(
            "SELECT n.nspname::text, c.relname::text, k.conname::text
             FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT k.convalidated {enforced} AND {OURS} ORDER BY 1, 2, 3"
        ),
    )?;
    let name = "constraints";
    let Some([schema, table, constraint]) = found.first() else {
        return Ok(Check::ok(name, "Every constraint is validated."));
    };
    let all: Vec<String> = found
        .iter()
        .map(|[schema, table, constraint]| qualified([schema, table, constraint]))
        .collect();
    Ok(Check::warn(
        name,
        format!("Not validated, so that old rows may violate them: {}.", some(&all)),
        format!(
            "Reads and writes go on during: ALTER TABLE {} VALIDATE CONSTRAINT {};",
            qualified([schema, table]),
            ident(constraint)
        ),
    ))
}

/// Looks at what is left of each sequence, and of the column that it numbers: an integer column ends before its bigint
/// sequence does.
fn sequences(client: &mut Client, _server: &Server) -> Result<Check> {
    let rows = client.query(
        &format!(
            "WITH s AS (
                 SELECT n.nspname, c.relname, q.seqincrement AS step, q.seqstart AS start,
                        CASE c.relkind WHEN 'S' THEN
                            CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT')
                                 THEN pg_catalog.pg_sequence_last_value(c.oid) END END AS last,
                        CASE WHEN q.seqincrement < 0 THEN q.seqmin::numeric
                             ELSE least(q.seqmax::numeric, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647
                                                           ELSE 9223372036854775807 END::numeric) END AS final,
                        CASE WHEN q.seqincrement < 0 THEN q.seqmax ELSE q.seqmin END AS first
                 FROM pg_catalog.pg_sequence q JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 LEFT JOIN pg_catalog.pg_depend d ON d.classid = 1259 AND d.objid = c.oid AND d.refclassid = 1259
                      AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
                 LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE NOT q.seqcycle AND {OURS})
             SELECT nspname::text, relname::text,
                    floor(100 * abs(last - first::numeric) / nullif(abs(final - first::numeric), 0))::int8
             FROM s WHERE last IS NOT NULL ORDER BY 3 DESC NULLS LAST, 1, 2"
        ),
        &[],
    )?;
    let mut near: Vec<(i64, String)> = Vec::new();
    for row in &rows {
        let used: Option<i64> = row.try_get(2)?;
        if let Some(used) = used.filter(|used| *used >= NEAR) {
            near.push((
                used,
                qualified([&row.try_get::<_, String>(0)?, &row.try_get::<_, String>(1)?]),
            ));
        }
    }
    let name = "sequences";
    let Some((worst, _)) = near.first() else {
        return Ok(Check::ok(name, "No sequence is near its end."));
    };
    let all: Vec<String> = near
        .iter()
        .map(|(used, sequence)| format!("{sequence} ({used} % used)"))
        .collect();
    let message = format!("Near their end: {}.", some(&all));
    let advice = "Widen the column and its sequence to bigint before inserts fail: declare it so, and let `trueup plan` show \
                  the way.";
    Ok(if *worst >= AT_THE_END {
        Check::fail(name, message, advice)
    } else {
        Check::warn(name, message, advice)
    })
}
