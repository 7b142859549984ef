//! Conversion between two encodings.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{literal, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Whether it is the one that is used for its encodings.
    pub is_default: bool,
    /// Encoding that is converted.
    pub from: String,
    /// Encoding that it becomes.
    pub to: String,
    /// Function, qualified and quoted.
    pub function: String,
}

impl Object for Conversion {
    const CLASS: u32 = 2607;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.conname AS name, c.condefault AS is_default,
                    pg_catalog.pg_encoding_to_char(c.conforencoding)::text AS from_encoding,
                    pg_catalog.pg_encoding_to_char(c.contoencoding)::text AS to_encoding,
                    c.conproc::pg_catalog.regproc::text AS function
             FROM pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            is_default: row.try_get("is_default")?,
            from: row.try_get("from_encoding")?,
            to: row.try_get("to_encoding")?,
            function: row.try_get("function")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Conversion, [&self.schema, &self.name])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let default = if self.is_default { "DEFAULT " } else { "" };
        vec![Statement::new(format!(
            "CREATE {default}CONVERSION {} FOR {} TO {} FROM {}",
            qualified([&self.schema, &self.name]),
            literal(&self.from),
            literal(&self.to),
            self.function
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let name = qualified([&self.schema, &self.name]);
        vec![Statement::new(format!("DROP CONVERSION {name}"))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            is_default,
            from,
            to,
            function,
        } = self;
        let same = *is_default == desired.is_default
            && *from == desired.from
            && *to == desired.to
            && *function == desired.function;
        if same { Alter::Unchanged } else { Alter::Replace }
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "CONVERSION",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
