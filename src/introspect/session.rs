//! The session that reads: one snapshot, deparsing settings that make text comparable, nothing written.

use postgres::Client;

use crate::error::Result;
use crate::kinds::Present;

/// Settings under which definitions are deparsed: an empty search path qualifies every name, and the rest makes
/// constants independent of the database's and the role's own settings. JIT and parallel workers cost more than they give
/// here, and the server has better use for them.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL jit = off; SET LOCAL quote_all_identifiers = off; \
     SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 3; \
     SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'; \
     SET LOCAL statement_timeout = 0; SET LOCAL enable_nestloop = on; SET LOCAL max_parallel_workers_per_gather = 0";

/// `pg_class` of a database with some hundred tables; below, a second connection costs more than it gives.
const LARGE: i64 = 200_000;
/// The same with a thousand tables; below, asking for rows in pieces saves little memory and costs round trips.
const HUGE: i64 = 2_000_000;

/// A reading transaction.
pub(super) struct Opened {
    /// Name of its exported snapshot.
    pub(super) snapshot: String,
    /// Whether the database is large enough for further connections to pay.
    pub(super) is_large: bool,
    /// Whether there are so many rows that they should not be held all at once.
    pub(super) is_huge: bool,
}

/// Opens the reading transaction and exports its snapshot.
pub(super) fn begin(client: &mut Client) -> Result<Opened> {
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {SETTINGS}"))?;
    let sql = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_relation_size('pg_catalog.pg_class')";
    let row = client.query_one(sql, &[])?;
    let size: i64 = row.try_get(1)?;
    Ok(Opened {
        snapshot: row.try_get(0)?,
        is_large: size > LARGE,
        is_huge: size > HUGE,
    })
}

/// Asks which system catalogs are worth a query.
pub(super) fn present(client: &mut Client) -> Result<Present> {
    Present::read(&client.query(&Present::query(), &[])?)
}

/// Opens a reading transaction on another connection's snapshot.
pub(super) fn join(client: &mut Client, snapshot: &str) -> Result<()> {
    let snapshot = crate::catalog::quote::literal(snapshot);
    client.batch_execute(&format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {snapshot}; {SETTINGS}"
    ))?;
    Ok(())
}

/// Closes the reading transaction.
pub(super) fn end(client: &mut Client) -> Result<()> {
    client.batch_execute("COMMIT")?;
    Ok(())
}
