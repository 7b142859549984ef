//! View.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Lock, Object, Statement, options, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{list, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Columns: name, and type with collation as formatted; they decide whether the view can be replaced in place.
    pub columns: Vec<(String, String)>,
    /// Options (`security_barrier`, `security_invoker`, `check_option`), sorted.
    pub options: Vec<String>,
    /// Query as PostgreSQL deparses it, without the final semicolon.
    pub definition: String,
}

impl View {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn declaration(&self, create: &str) -> Statement {
        let columns = list(self.columns.iter().map(|(name, _)| name));
        let with = options::with_clause(&self.options);
        Statement::new(format!(
            "{create} VIEW {} ({columns}){with} AS\n{}",
            self.sql_name(),
            self.definition
        ))
    }
}

impl Object for View {
    const CLASS: u32 = 1259;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, c.reloptions,
                    pg_catalog.pg_get_viewdef(c.oid) AS definition, a.names, a.types
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN LATERAL (
                 SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
                        array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) || ' ' || a.attcollation::pg_catalog.regcollation::text ORDER BY a.attnum) AS types
                 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) a ON true
             WHERE c.relkind = 'v' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let definition: String = row.try_get("definition")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            columns: sql::pairs(row, "names", "types")?,
            options: options::read(row, "reloptions")?,
            definition: definition.trim_end().trim_end_matches(';').to_owned(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::View, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name()), ("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.declaration("CREATE")]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP VIEW {}", self.sql_name())).locks(self.identity(), Lock::AccessExclusive)]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            columns,
            options,
            definition,
        } = self;
        if *columns != desired.columns && !desired.columns.starts_with(columns) {
            return Alter::Replace;
        }
        if *columns != desired.columns || *definition != desired.definition {
            let replace = desired
                .declaration("CREATE OR REPLACE")
                .locks(self.identity(), Lock::AccessExclusive);
            return Alter::in_place(vec![replace]);
        }
        let changes = options::changes(options, &desired.options);
        Alter::in_place(
            changes
                .iter()
                .map(|change| {
                    Statement::new(format!("ALTER VIEW {} {change}", self.sql_name()))
                        .locks(self.identity(), Lock::AccessExclusive)
                })
                .collect(),
        )
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "VIEW",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
