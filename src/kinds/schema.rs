//! Schema: a namespace.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Name.
    pub name: String,
}

impl Object for Schema {
    const CLASS: u32 = 2615;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT n.oid, 0 AS sub, n.nspname AS name FROM pg_catalog.pg_namespace n
             WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "n.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Schema, [&self.name])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("CREATE SCHEMA {}", ident(&self.name)))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP SCHEMA {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self { name } = self;
        if *name == desired.name {
            Alter::Unchanged
        } else {
            Alter::Replace
        }
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![Statement::new(format!("ALTER SCHEMA {from} RENAME TO {to}"))])
    }
}
