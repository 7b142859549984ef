//! Extension: what `CREATE EXTENSION` installs as a whole; its members are no objects of their own.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// An installed extension.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Name.
    pub name: String,
    /// Schema that holds its members.
    pub schema: String,
    /// Installed version. Target files seldom declare one, and the scratch server may offer another default than the
    /// live one, so that it does not count as a difference.
    pub version: String,
    /// Whether its members can be moved to another schema.
    pub relocatable: bool,
}

impl PartialEq for Extension {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            name,
            schema,
            version: _,
            relocatable: _,
        } = self;
        *name == other.name && *schema == other.schema
    }
}

impl Object for Extension {
    const CLASS: u32 = 3079;
    const AMONG: (u32, &'static str) = (0, "");

    fn query(_server: &Server) -> String {
        // The system installs `plpgsql` itself in every database.
        "SELECT e.oid, 0 AS sub, e.extname AS name, n.nspname AS schema, e.extversion AS version,
                e.extrelocatable AS relocatable
         FROM pg_catalog.pg_extension e
         JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname <> 'plpgsql'"
            .to_owned()
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            schema: row.try_get("schema")?,
            version: row.try_get("version")?,
            relocatable: row.try_get("relocatable")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Extension, [&self.name])
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.version == other.version && self.relocatable == other.relocatable
    }

    fn significant(self) -> Self {
        Self {
            version: String::new(),
            relocatable: true,
            ..self
        }
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // What its script makes starts from the default privileges in force: those that go are not to be among them.
        context.leaving(Kind::DefaultPrivilege)
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!(
            "CREATE EXTENSION {} WITH SCHEMA {}",
            ident(&self.name),
            ident(&self.schema)
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP EXTENSION {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            schema,
            version: _,
            relocatable,
        } = self;
        if *schema == desired.schema {
            return Alter::Unchanged;
        }
        if !relocatable {
            return Alter::Replace;
        }
        Alter::in_place(vec![Statement::new(format!(
            "ALTER EXTENSION {} SET SCHEMA {}",
            ident(&self.name),
            ident(&desired.schema)
        ))])
    }
}
