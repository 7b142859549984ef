//! A cheap fingerprint of the system catalogs: equal prints mean that no definition has changed.
//!
//! Every change of a definition writes or deletes rows of system catalogs, and each row says which transaction wrote it
//! (`xmin`). Numbers of rows and sums over `xmin` are read ten times faster than the definitions themselves.

use postgres::Client;

use crate::catalog::Fingerprint;
use crate::db::Server;
use crate::error::Result;

/// System catalogs that definitions stand in and that everybody may read. What is new in a version is added by
/// [`since`].
const CATALOGS: [&str; 42] = [
    "pg_aggregate",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_attrdef",
    "pg_attribute",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_inherits",
    "pg_language",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_partitioned_table",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_rel",
    "pg_range",
    "pg_rewrite",
    "pg_seclabel",
    "pg_sequence",
    "pg_statistic_ext",
    "pg_tablespace",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config",
    "pg_type",
];

/// More of them, which no line of the list above has room for.
const TEXT_SEARCH: [&str; 4] = ["pg_ts_config_map", "pg_ts_dict", "pg_ts_parser", "pg_ts_template"];

/// Returns the catalogs that came with a later version than the oldest supported one.
fn since(major: i32) -> &'static [&'static str] {
    if major >= 15 {
        &["pg_publication_namespace"]
    } else {
        &[]
    }
}

/// Returns the print of a database as one role sees it; none where something is defined whose rows not everybody may
/// read (subscriptions, user mappings).
pub fn print(client: &mut Client, server: &Server) -> Result<Option<Fingerprint>> {
    let catalogs = CATALOGS.iter().chain(&TEXT_SEARCH).chain(since(server.major()));
    let sums: Vec<String> = catalogs
        .map(|catalog| {
            format!(
                "SELECT '{catalog}' AS catalog, count(*) AS rows, coalesce(sum(c.xmin::text::int8), 0) AS writers,
                        coalesce(max(c.xmin::text::int8), 0) AS last
                 FROM pg_catalog.{catalog} c"
            )
        })
        .collect();
    // Another timeline may give the same numbers to other transactions, but not without a restart.
    let sql = format!(
        "SELECT (SELECT string_agg(pg_catalog.concat_ws(' ', s.catalog, s.rows, s.writers, s.last), ',' ORDER BY s.catalog)
                 FROM ({}) s),
                (SELECT string_agg(r.oid || ' ' || pg_catalog.quote_ident(r.rolname), ',' ORDER BY r.oid)
                 FROM pg_catalog.pg_roles r
                 WHERE r.oid = 10 OR r.oid IN (SELECT p.refobjid FROM pg_catalog.pg_shdepend p
                                               WHERE p.dbid = d.oid AND p.refclassid = 1260)),
                pg_catalog.pg_postmaster_start_time()::text, d.oid::int8,
                EXISTS (SELECT FROM pg_catalog.pg_user_mappings)
                  OR EXISTS (SELECT s.oid FROM pg_catalog.pg_subscription s WHERE s.subdbid = d.oid)
         FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()",
        sums.join("\nUNION ALL\n")
    );
    let row = client.query_one(&sql, &[])?;
    if row.try_get(4)? {
        return Ok(None);
    }
    let (catalogs, roles, start): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let database: i64 = row.try_get(3)?;
    let server = (server.version_num, server.system_identifier, &server.user);
    Ok(Some(Fingerprint::of(&(server, database, catalogs, roles, start))))
}
