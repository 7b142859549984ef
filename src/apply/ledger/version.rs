//! Creates the ledger and brings it up to date from the files in `schema/ledger`.

use postgres::Client;
use postgres::types::Type;

use crate::catalog::quote::{ident, literal};
use crate::db::Server;
use crate::error::{Error, ErrorKind, Result};

const SCHEMA: &str = include_str!("../../../schema/ledger/schema.sql");

/// Files by version: the one at index n brings version n to n + 1.
const VERSIONS: [&str; 7] = [
    include_str!("../../../schema/ledger/0001_executions.sql"),
    include_str!("../../../schema/ledger/0002_applied.sql"),
    include_str!("../../../schema/ledger/0003_safety.sql"),
    include_str!("../../../schema/ledger/0004_migrations.sql"),
    include_str!("../../../schema/ledger/0005_backfills.sql"),
    include_str!("../../../schema/ledger/0006_snapshots.sql"),
    include_str!("../../../schema/ledger/0007_pauses.sql"),
];

/// What keeps finished rows as they are, in the form that knows the statuses of version 7.
const KEEP_HISTORY: &str = include_str!("../../../schema/ledger/keep_history.sql");

/// Its triggers; version 3 comes with them.
const APPEND_ONLY: &str = include_str!("../../../schema/ledger/append_only.sql");
const APPEND_ONLY_SINCE: usize = 3;

/// The same for version 5.
const APPEND_ONLY_BACKFILLS: &str = include_str!("../../../schema/ledger/append_only_backfills.sql");
const BACKFILLS_SINCE: usize = 5;

/// The same for version 6.
const APPEND_ONLY_SNAPSHOTS: &str = include_str!("../../../schema/ledger/append_only_snapshots.sql");
pub(super) const SNAPSHOTS_SINCE: i32 = 6;

/// Name of the ledger's schema.
const NAME: &str = "trueup";

/// Returns the ledger's version, `None` where there is none.
pub(super) fn version(client: &mut Client, server: &Server) -> Result<Option<i32>> {
    if !exists(client, "ledger_version")? {
        return Ok(None);
    }
    let row = client
        .query_typed_one("SELECT coalesce(max(version), 0) FROM trueup.ledger_version", &[])
        .map_err(|error| explain(error, server, true))?;
    let version: i32 = row.try_get(0)?;
    if usize::try_from(version).is_ok_and(|version| version > VERSIONS.len()) {
        let known = VERSIONS.len();
        return Err(Error::usage(format!(
            "the ledger has version {version}, this trueup knows versions up to {known}"
        ))
        .hint("Use the newer trueup that brought the ledger up, or a later one."));
    }
    Ok(Some(version))
}

/// Tells whether there is a ledger.
pub(in crate::apply) fn is_there(client: &mut Client, server: &Server) -> Result<bool> {
    Ok(version(client, server)?.is_some())
}

/// Makes the ledger up to date; returns its version when there was something to do. The advisory lock is held.
pub(in crate::apply) fn ensure(client: &mut Client, server: &Server) -> Result<Option<i32>> {
    let from = usize::try_from(version(client, server)?.unwrap_or(0)).unwrap_or(0);
    if from == VERSIONS.len() {
        return Ok(None);
    }
    let has_schema = has_schema(client)?;
    let mut script = format!("BEGIN;\n{};\n", quiet(server.major()));
    if !has_schema {
        script.push_str(SCHEMA);
    }
    for (at, file) in VERSIONS.iter().enumerate().skip(from) {
        script.push_str(file);
        script.push_str(&format!(
            "\nINSERT INTO trueup.ledger_version (version) VALUES ({});\n",
            at + 1
        ));
    }
    let is_new = from < APPEND_ONLY_SINCE && has_plpgsql(client)?;
    let keeps_history = is_new || keeps_history(client)?;
    // Whatever is below the newest version has an older form of it.
    if keeps_history {
        script.push_str(KEEP_HISTORY);
    }
    if is_new {
        script.push_str(APPEND_ONLY);
    }
    if from < BACKFILLS_SINCE && keeps_history {
        script.push_str(APPEND_ONLY_BACKFILLS);
    }
    if usize::try_from(SNAPSHOTS_SINCE).is_ok_and(|since| from < since) && keeps_history {
        script.push_str(APPEND_ONLY_SNAPSHOTS);
    }
    script.push_str("COMMIT");
    if let Err(error) = client.batch_execute(&script) {
        let error = explain(error, server, has_schema);
        client.batch_execute("ROLLBACK")?;
        return Err(error);
    }
    Ok(i32::try_from(VERSIONS.len()).ok())
}

/// Returns the statement that keeps event triggers from firing, as far as the role may, until the transaction ends: what
/// they enforce is meant for what users declare, and one that refuses DDL would keep the ledger out.
fn quiet(major: i32) -> &'static str {
    match major {
        17.. => {
            "SELECT pg_catalog.set_config('event_triggers', 'off', true)
             WHERE pg_catalog.has_parameter_privilege('event_triggers', 'SET')"
        }
        15 | 16 => {
            "SELECT pg_catalog.set_config('session_replication_role', 'replica', true)
             WHERE pg_catalog.has_parameter_privilege('session_replication_role', 'SET')"
        }
        _ => {
            "SELECT pg_catalog.set_config('session_replication_role', 'replica', true)
             WHERE pg_catalog.current_setting('is_superuser') = 'on'"
        }
    }
}

/// It is there unless somebody has dropped it.
fn has_plpgsql(client: &mut Client) -> Result<bool> {
    let sql = "SELECT 1 FROM pg_catalog.pg_language WHERE lanname = 'plpgsql'";
    Ok(client.query_typed_opt(sql, &[])?.is_some())
}

fn keeps_history(client: &mut Client) -> Result<bool> {
    let sql = "SELECT 1 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = $1 AND p.proname = 'keep_history'";
    Ok(client.query_typed_opt(sql, &[(&NAME, Type::TEXT)])?.is_some())
}

fn has_schema(client: &mut Client) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {}",
        literal(NAME)
    );
    Ok(client.query_typed_opt(&sql, &[])?.is_some())
}

/// Looks a table up without needing USAGE on the schema, which `to_regclass` asks for.
pub(super) fn exists(client: &mut Client, table: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relname = $2";
    let parameters: [(&(dyn postgres::types::ToSql + Sync), Type); 2] = [(&NAME, Type::TEXT), (&table, Type::TEXT)];
    Ok(client.query_typed_opt(sql, &parameters)?.is_some())
}

/// Explains a refusal with the grant that is missing.
pub(super) fn explain(error: postgres::Error, server: &Server, has_schema: bool) -> Error {
    let error = Error::from(error);
    if error.sqlstate.as_deref() != Some("42501") {
        return error.context("ledger");
    }
    let (role, database) = (ident(&server.user), ident(&server.database));
    let hint = if has_schema {
        format!(
            "The owner of schema {NAME} must run: GRANT USAGE, CREATE ON SCHEMA {NAME} TO {role}; GRANT SELECT, INSERT, UPDATE \
             ON ALL TABLES IN SCHEMA {NAME} TO {role};"
        )
    } else {
        format!("The owner of the database must run: GRANT CREATE ON DATABASE {database} TO {role};")
    };
    let mut out = Error::new(
        ErrorKind::Database,
        format!("role `{}` may not keep the ledger: {}", server.user, error.message),
    )
    .hint(hint);
    out.sqlstate = error.sqlstate;
    out
}
