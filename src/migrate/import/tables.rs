//! The history tables of other runners: where they are, and what they say.

use postgres::Client;
use postgres::types::Type;

use super::{History, Line, Tool};
use crate::catalog::Identity;
use crate::catalog::quote::qualified;
use crate::error::{Error, Result};

/// Columns by which a table is known: runner, usual name, columns that it has, columns that it does not have.
const TABLES: [(Tool, &str, &[&str], &[&str]); 9] = [
    (
        Tool::Flyway,
        "flyway_schema_history",
        &["installed_rank", "script", "success"],
        &[],
    ),
    (
        Tool::Liquibase,
        "databasechangelog",
        &["id", "author", "filename", "orderexecuted"],
        &[],
    ),
    (Tool::GolangMigrate, "schema_migrations", &["version", "dirty"], &[]),
    (Tool::Sqlx, "_sqlx_migrations", &["version", "success", "checksum"], &[]),
    (
        Tool::Refinery,
        "refinery_schema_history",
        &["version", "name", "applied_on"],
        &[],
    ),
    (
        Tool::Prisma,
        "_prisma_migrations",
        &["migration_name", "finished_at"],
        &[],
    ),
    (Tool::Drizzle, "__drizzle_migrations", &["hash", "created_at"], &[]),
    (Tool::Dbmate, "schema_migrations", &["version"], &["dirty"]),
    (Tool::Alembic, "alembic_version", &["version_num"], &[]),
];

/// Other things that runners make for themselves.
const BESIDE: [&str; 4] = [
    "databasechangeloglock",
    "ar_internal_metadata",
    "drizzle",
    "__drizzle_migrations_id_seq",
];

/// Tells whether something belongs to another runner, to go by its name: the table of its history, and what goes with it.
pub(in crate::migrate) fn is_of_runner(object: &Identity) -> bool {
    let name = object.path.get(1).or(object.path.first());
    let mut names = TABLES.iter().map(|(_, name, ..)| *name).chain(BESIDE);
    name.is_some_and(|name| names.any(|own| own == name.as_str()))
}

/// Finds the history table; where several runners could have made it, the one that is wanted, or an error.
pub(super) fn find(client: &mut Client, wanted: Option<Tool>) -> Result<(Tool, String)> {
    let names: Vec<&str> = TABLES.iter().map(|(_, name, ..)| *name).collect();
    let rows = client.query_typed(
        "SELECT n.nspname::text, c.relname::text,
                (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND c.relname = ANY ($1) AND n.nspname <> 'trueup'
         ORDER BY 1, 2",
        &[(&names, Type::TEXT_ARRAY)],
    )?;
    let is_rails = client
        .query_typed_opt(
            "SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'ar_internal_metadata' AND relkind = 'r'",
            &[],
        )?
        .is_some();
    let mut found: Vec<(Tool, String)> = Vec::new();
    for row in rows {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let columns: Vec<String> = row.try_get(2)?;
        let has = |column: &&str| columns.iter().any(|own| own == column);
        let fits = TABLES
            .iter()
            .find(|(_, own, with, without)| *own == name && with.iter().all(has) && !without.iter().any(has));
        if let Some((tool, ..)) = fits {
            let tool = if *tool == Tool::Dbmate && (is_rails || wanted == Some(Tool::Rails)) {
                Tool::Rails
            } else {
                *tool
            };
            found.push((tool, qualified([schema, name])));
        }
    }
    found.retain(|(tool, _)| wanted.is_none_or(|wanted| *tool == wanted));
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::usage(match wanted {
            Some(tool) => format!("there is no history table of {tool} in this database"),
            None => "there is no history table of another runner in this database".to_owned(),
        })
        .hint("Name the database in which the other runner worked; `trueup migrate baseline VERSION` needs no table.")),
        several => {
            let tables: Vec<String> = several
                .iter()
                .map(|(tool, table)| format!("{table} ({tool})"))
                .collect();
            Err(
                Error::usage(format!("there are several history tables: {}", tables.join(", ")))
                    .hint("Name the runner with --from."),
            )
        }
    }
}

/// Reads a history. Values are read as text, since runners disagree about types.
pub(super) fn read(client: &mut Client, tool: Tool, table: &str) -> Result<History> {
    let (sql, refused) = query(tool, table);
    let mut out = History {
        lines: Vec::new(),
        is_mark: matches!(tool, Tool::GolangMigrate | Tool::Alembic),
    };
    for row in client.query_typed(&sql, &[])? {
        let line = Line {
            id: row.try_get::<_, Option<String>>(0)?.unwrap_or_default(),
            name: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
            checksum: row.try_get(2)?,
            at: row.try_get(3)?,
            by: row.try_get(4)?,
        };
        if row.try_get::<_, bool>(5)? {
            return Err(Error::usage(format!("{tool} stopped half-way in `{}`", line.id)).hint(refused));
        }
        if line.id.is_empty() {
            continue;
        }
        out.lines.push(line);
    }
    Ok(out)
}

/// Returns the query of a history (identifier, name, checksum, time, person, whether it stopped half-way), and what to do
/// about the last.
fn query(tool: Tool, table: &str) -> (String, &'static str) {
    let finish = "Finish or repair it with that runner first; then take its history over.";
    let sql = match tool {
        // A row of type BASELINE stands for everything before it. Repeatable migrations have no version; the last row of each
        // says how it is.
        Tool::Flyway => format!(
            "SELECT coalesce(version::text, pg_catalog.regexp_replace(script::text, '^.*/|[.]sql$', '', 'g')),
                    description::text, CASE WHEN type::text LIKE '%SQL%' THEN checksum::text END,
                    installed_on::text, installed_by::text, NOT success
             FROM {table}
             WHERE (version IS NOT NULL OR (type::text = 'SQL' AND NOT EXISTS
                    (SELECT FROM {table} l WHERE l.version IS NULL AND l.script = {table}.script
                     AND l.installed_rank > {table}.installed_rank)))
               AND type::text NOT LIKE 'UNDO%' AND type::text <> 'DELETE'
               AND (version IS NULL OR version NOT IN (SELECT u.version FROM {table} u WHERE (u.type::text LIKE 'UNDO%' OR u.type::text = 'DELETE')
                                   AND u.version IS NOT NULL AND u.success AND NOT EXISTS
                                   (SELECT FROM {table} l WHERE l.version = u.version AND l.installed_rank > u.installed_rank)))
             ORDER BY installed_rank"
        ),
        Tool::Liquibase => format!(
            "SELECT id::text, filename::text, NULL::text, dateexecuted::text, author::text,
                    exectype::text NOT IN ('EXECUTED', 'RERAN', 'MARK_RAN')
             FROM {table} ORDER BY orderexecuted"
        ),
        Tool::Dbmate | Tool::Rails => {
            format!("SELECT version::text, '', NULL::text, NULL::text, NULL::text, false FROM {table} ORDER BY 1")
        }
        Tool::GolangMigrate => {
            format!("SELECT version::text, '', NULL::text, NULL::text, NULL::text, dirty FROM {table} ORDER BY 1")
        }
        Tool::Sqlx => format!(
            "SELECT version::text, description::text, pg_catalog.encode(checksum, 'hex'), installed_on::text, NULL::text, NOT success
             FROM {table} ORDER BY version"
        ),
        Tool::Refinery => format!(
            "SELECT version::text, name::text, NULL::text, applied_on::text, NULL::text, false FROM {table} ORDER BY version"
        ),
        Tool::Prisma => format!(
            "SELECT pg_catalog.split_part(migration_name, '_', 1), pg_catalog.substr(migration_name,
                        pg_catalog.strpos(migration_name, '_') + 1), checksum::text, finished_at::text, NULL::text, finished_at IS NULL
             FROM {table} WHERE rolled_back_at IS NULL ORDER BY started_at"
        ),
        Tool::Drizzle => format!(
            "SELECT created_at::text, '', hash::text, pg_catalog.to_timestamp(created_at::float8 / 1000)::text, NULL::text, false
             FROM {table} ORDER BY created_at"
        ),
        Tool::Alembic => format!("SELECT version_num::text, '', NULL::text, NULL::text, NULL::text, false FROM {table}"),
    };
    (sql, finish)
}
