//! Access method: how tables or indexes are stored.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// An access method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessMethod {
    /// Name.
    pub name: String,
    /// Whether it stores tables; else indexes.
    pub of_tables: bool,
    /// Handler, qualified and quoted.
    pub handler: String,
}

impl Object for AccessMethod {
    const CLASS: u32 = 2601;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT a.oid, 0 AS sub, a.amname AS name, a.amtype = 't' AS of_tables,
                    a.amhandler::pg_catalog.regproc::text AS handler
             FROM pg_catalog.pg_am a WHERE a.oid >= 16384 AND {}",
            sql::no_extension_member(Self::CLASS, "a.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            of_tables: row.try_get("of_tables")?,
            handler: row.try_get("handler")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::AccessMethod, [&self.name])
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let sort = if self.of_tables { "TABLE" } else { "INDEX" };
        vec![Statement::new(format!(
            "CREATE ACCESS METHOD {} TYPE {sort} HANDLER {}",
            ident(&self.name),
            self.handler
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP ACCESS METHOD {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            of_tables,
            handler,
        } = self;
        if *of_tables == desired.of_tables && *handler == desired.handler {
            Alter::Unchanged
        } else {
            Alter::Replace
        }
    }
}
