//! Text search template.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A text search template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchTemplate {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Functions as `CREATE` says them: `INIT = …, LEXIZE = …`.
    pub functions: String,
}

impl TextSearchTemplate {
    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }
}

impl Object for TextSearchTemplate {
    const CLASS: u32 = 3764;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, t.tmplname AS name,
                    CASE WHEN t.tmplinit <> 0 THEN 'INIT = ' || t.tmplinit::text || ', ' ELSE '' END
                    || 'LEXIZE = ' || t.tmpllexize::text AS functions
             FROM pg_catalog.pg_ts_template t JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            functions: row.try_get("functions")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::TextSearchTemplate, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "CREATE TEXT SEARCH TEMPLATE {} ({})",
            self.sql_name(),
            self.functions
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP TEXT SEARCH TEMPLATE {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            functions,
        } = self;
        if *functions == desired.functions {
            Alter::Unchanged
        } else {
            Alter::Replace
        }
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "TEXT SEARCH TEMPLATE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
