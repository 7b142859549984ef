//! View, with the defaults that rows inserted through it get.

use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{Alter, Context, Kind, Lock, Object, Row, Statement, options, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
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
    /// Options (`security_barrier`, `security_invoker`, `check_option`).
    pub options: Vec<String>,
    /// Defaults of columns, for rows inserted through the view: column and expression.
    pub defaults: Vec<(String, String)>,
    /// Query as PostgreSQL deparses it, without the final semicolon; it names the columns.
    pub definition: String,
}

impl View {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn declaration(&self, create: &str) -> Statement {
        let with = options::with_clause(&self.options);
        Statement::new(format!(
            "{create} VIEW {}{with} AS\n{}",
            self.sql_name(),
            self.definition
        ))
    }

    fn action(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER VIEW {} {action}", self.sql_name())).locks(self.identity(), Lock::AccessExclusive)
    }

    /// Returns what turns defaults into this view's own.
    fn default_changes(&self, live: &[(String, String)]) -> Vec<Statement> {
        let has = |list: &[(String, String)], column: &String| list.iter().any(|(name, _)| name == column);
        let gone = live.iter().filter(|(column, _)| !has(&self.defaults, column));
        let stands = |(column, value): &(String, String)| {
            live.iter()
                .any(|(name, expression)| name == column && same(expression, value))
        };
        let new = self.defaults.iter().filter(|default| !stands(default));
        gone.map(|(column, _)| format!("ALTER COLUMN {} DROP DEFAULT", ident(column)))
            .chain(new.map(|(column, value)| format!("ALTER COLUMN {} SET DEFAULT {value}", ident(column))))
            .map(|action| self.action(&action))
            .collect()
    }
}

impl Object for View {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "v");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, c.reloptions,
                    pg_catalog.pg_get_viewdef(c.oid) AS definition, a.names, a.types, d.columns, d.defaults
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (
                 SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names,
                        array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) || ' '
                                  || a.attcollation::pg_catalog.regcollation::text ORDER BY a.attnum) AS types
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0) a
             CROSS JOIN LATERAL (
                 SELECT array_agg(a.attname::text ORDER BY d.adnum) AS columns,
                        array_agg(pg_catalog.pg_get_expr(d.adbin, d.adrelid) ORDER BY d.adnum) AS defaults
                 FROM pg_catalog.pg_attrdef d
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                 WHERE d.adrelid = c.oid) d
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
            defaults: sql::pairs(row, "columns", "defaults")?,
            definition: definition.trim_end().trim_end_matches(';').to_owned(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::View, [&self.schema, &self.name])
    }

    fn significant(self) -> Self {
        let defaults = self.defaults.into_iter();
        Self {
            definition: settle(&self.definition),
            options: options::significant(self.options),
            defaults: defaults.map(|(column, value)| (column, settle(&value))).collect(),
            ..self
        }
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name()), ("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut out = vec![self.declaration("CREATE")];
        out.extend(self.default_changes(&[]));
        out
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
            defaults,
            definition,
        } = self;
        // CREATE OR REPLACE keeps names, types and collations of the columns, and appends others.
        if !desired.columns.starts_with(columns) {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if *columns != desired.columns || !same(definition, &desired.definition) {
            let replace = desired.declaration("CREATE OR REPLACE");
            out.push(replace.locks(self.identity(), Lock::AccessExclusive));
        } else {
            let changes = options::changes(options, &desired.options);
            out.extend(changes.iter().map(|change| self.action(change)));
        }
        out.extend(desired.default_changes(defaults));
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "VIEW",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
