//! Setting that a role begins its sessions with, everywhere or in this database.

use serde::{Deserialize, Serialize};

use super::role::OURS;
use super::{Alter, Area, Context, Database, Fold, Kind, Object, Role, Row, Statement, setting};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A setting of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSetting {
    /// Role.
    pub role: String,
    /// Parameter.
    pub parameter: String,
    /// Value as PostgreSQL stores it.
    pub value: String,
    /// Database that it holds in, always the one at hand; nothing for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl RoleSetting {
    fn head(&self) -> String {
        let place = self
            .database
            .as_ref()
            .map(|name| format!(" IN DATABASE {}", ident(name)));
        format!("ALTER ROLE {}{}", ident(&self.role), place.unwrap_or_default())
    }

    fn set(&self) -> Statement {
        let clause = setting::clause(&format!("{}={}", self.parameter, self.value));
        Statement::new(format!("{} {clause}", self.head()))
    }
}

impl Object for RoleSetting {
    const CLASS: u32 = 0;
    const AREA: Option<Area> = Some(Area::Roles);

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, r.rolname AS role, d.datname AS database, c.setting
             FROM pg_catalog.pg_db_role_setting s
             JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
             LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
             CROSS JOIN LATERAL unnest(s.setconfig) c (setting)
             WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) AND {OURS}"
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let stored: String = row.try_get("setting")?;
        let (parameter, value) = stored.split_once('=').unwrap_or((&stored, ""));
        Ok(Some(Self {
            role: row.try_get("role")?,
            parameter: parameter.to_owned(),
            value: value.to_owned(),
            database: row.try_get("database")?,
        }))
    }

    fn identity(&self) -> Identity {
        let database = self.database.iter();
        Identity::new(
            Kind::RoleSetting,
            [&self.role, &self.parameter].into_iter().chain(database),
        )
    }

    fn parent(&self) -> Option<Identity> {
        Some(Role::named(&self.role))
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.database.iter().map(|name| Database::named(name)).collect()
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.set()]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let reset = format!("{} RESET {}", self.head(), qualified(self.parameter.split('.')));
        vec![Statement::new(reset).fold(Fold::Implied {
            host: Role::named(&self.role),
        })]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            role: _,
            parameter: _,
            value,
            database: _,
        } = self;
        if *value == desired.value {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.set()])
    }
}
