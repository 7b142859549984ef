//! Shell type: a name that is said to be a type, on its own or ahead of the base type that it becomes, or of the range
//! type whose canonical function names it.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, base_type, range_type, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A shell type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellType {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Attributes of the type that it becomes; `None` when it stays a shell.
    pub becomes: Option<Vec<String>>,
}

impl ShellType {
    /// Returns the identity of a shell type by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::ShellType, [schema, name])
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }
}

impl Object for ShellType {
    const CLASS: u32 = 1247;
    // A type that functions of its own are made for was a shell first.
    const AMONG: (u32, &'static str) = (1247, "-br");

    fn query(_server: &Server) -> String {
        // Sub-object -1: what the functions of such a type depend on, while everything else depends on the type.
        format!(
            "SELECT t.oid, CASE WHEN t.typisdefined THEN -1 ELSE 0 END AS sub, n.nspname AS schema, t.typname AS name,
                    CASE WHEN r.rngtypid IS NOT NULL THEN {} WHEN t.typisdefined THEN {} END AS becomes
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid AND r.rngcanonical <> 0
             WHERE (NOT t.typisdefined OR r.rngtypid IS NOT NULL
                    OR t.typtype = 'b' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)) AND {} AND {}",
            range_type::ATTRIBUTES,
            base_type::ATTRIBUTES,
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            becomes: row.try_get("becomes")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("CREATE TYPE {}", self.sql_name()))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        // The type takes its shell along.
        if self.becomes.is_some() {
            return Vec::new();
        }
        vec![Statement::new(format!("DROP TYPE {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            becomes,
        } = self;
        if *becomes == desired.becomes || becomes.is_none() {
            // A shell becomes a type where it stands.
            Alter::Unchanged
        } else {
            Alter::Replace
        }
    }
}
