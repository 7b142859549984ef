//! Empties a database of development and applies every file anew.

use super::outlook::Migrator;
use crate::apply::Options;
use crate::apply::files::Engine;
use crate::apply::ledger::migrations;
use crate::catalog::quote::ident;
use crate::error::{Error, Result};

impl Migrator<'_> {
    /// Drops everything that users made in the database, and records every migration as rolled back. Returns the schemas
    /// that were dropped. For development only: refused where the database is protected.
    pub fn empty(&self, is_protected: bool, options: &Options) -> Result<Vec<String>> {
        if is_protected {
            return Err(
                Error::usage("this environment is protected, and a reset drops everything in it")
                    .hint("Name another environment, or take migrations back with `trueup migrate down`."),
            );
        }
        let mut ignore = |_| {};
        let mut engine = Engine::open(self.url, options, &mut ignore)?;
        let rows = engine.client().query_typed(
            "SELECT nspname::text FROM pg_catalog.pg_namespace
             WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trueup')
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                               WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = pg_namespace.oid
                                 AND d.deptype = 'e')
             ORDER BY nspname",
            &[],
        )?;
        let schemas: Vec<String> = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<_>>()?;
        if options.dry_run {
            return Ok(schemas);
        }
        let mut statements: Vec<String> = schemas
            .iter()
            .map(|schema| format!("DROP SCHEMA {} CASCADE", ident(schema)))
            .collect();
        statements.push("CREATE SCHEMA public".to_owned());
        statements.push("GRANT USAGE ON SCHEMA public TO PUBLIC".to_owned());
        statements.push("COMMENT ON SCHEMA public IS 'standard public schema'".to_owned());
        let major = engine.server().major();
        if major >= 15 {
            statements.push("ALTER SCHEMA public OWNER TO pg_database_owner".to_owned());
        } else {
            statements.push("GRANT CREATE ON SCHEMA public TO PUBLIC".to_owned());
        }
        statements.push(
            "UPDATE trueup.migration SET status = 'rolled_back', running = false, rolling_back = false,
                 rolled_back_at = pg_catalog.clock_timestamp(), rolled_back_by = current_user,
                 note = concat_ws(E'\\n', note, 'reset')
             WHERE status <> 'rolled_back'"
                .to_owned(),
        );
        migrations::write(engine.client(), &statements)?;
        Ok(schemas)
    }
}
