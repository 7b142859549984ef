//! Setting that every session in the database begins with.

use serde::{Deserialize, Serialize};

use super::{Alter, Area, Context, Database, Kind, Object, Row, Statement, setting};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A setting of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSetting {
    /// Database.
    pub database: String,
    /// Parameter.
    pub parameter: String,
    /// Value as PostgreSQL stores it.
    pub value: String,
}

impl DatabaseSetting {
    fn set(&self) -> Statement {
        let clause = setting::clause(&format!("{}={}", self.parameter, self.value));
        Statement::new(format!("ALTER DATABASE {} {clause}", ident(&self.database)))
    }
}

impl Object for DatabaseSetting {
    const CLASS: u32 = 0;
    const AREA: Option<Area> = Some(Area::Database);

    fn query(_server: &Server) -> String {
        "SELECT 0::oid AS oid, 0 AS sub, d.datname AS database, c.setting
         FROM pg_catalog.pg_db_role_setting s
         JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
         CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
         WHERE s.setrole = 0 AND d.datname = pg_catalog.current_database()"
            .to_owned()
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let stored: String = row.try_get("setting")?;
        let (parameter, value) = stored.split_once('=').unwrap_or((&stored, ""));
        Ok(Some(Self {
            database: row.try_get("database")?,
            parameter: parameter.to_owned(),
            value: value.to_owned(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::DatabaseSetting, [&self.database, &self.parameter])
    }

    fn parent(&self) -> Option<Identity> {
        Some(Database::named(&self.database))
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.set()]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let (name, parameter) = (ident(&self.database), qualified(self.parameter.split('.')));
        vec![Statement::new(format!("ALTER DATABASE {name} RESET {parameter}"))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            database: _,
            parameter: _,
            value,
        } = self;
        if *value == desired.value {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.set()])
    }
}
