//! What lies beside a schema and is looked at only when asked for: the roles of the server, and the database itself.
//!
//! The choice is the process's: the live side, the declared side and the scratch side of one run must agree on it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::catalog::{Identity, Name};
use crate::db::Server;

/// Area that is looked after only when asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Roles with their attributes, memberships, settings and comments
    Roles,
    /// Owner, comment, privileges, connection limit and settings of the database itself
    Database,
}

static MANAGED: AtomicU8 = AtomicU8::new(0);

impl Area {
    fn bit(self) -> u8 {
        1 << (self as u8)
    }

    /// Looks after the area from now on, in this process.
    pub fn manage(self) {
        MANAGED.fetch_or(self.bit(), Ordering::Relaxed);
    }

    /// Tells whether the area is looked after.
    pub fn is_managed(self) -> bool {
        MANAGED.load(Ordering::Relaxed) & self.bit() != 0
    }

    /// Returns the name of a server's database, where what is looked after names it.
    pub(crate) fn database_of(server: &Server) -> String {
        if Self::managed().is_empty() {
            String::new()
        } else {
            server.database.clone()
        }
    }

    /// Returns the areas that are looked after.
    pub fn managed() -> BTreeSet<Self> {
        [Self::Roles, Self::Database]
            .into_iter()
            .filter(|area| area.is_managed())
            .collect()
    }

    /// Looks after the areas of these objects: a plan that was made with them is carried out with them.
    pub fn manage_those_of<'a>(objects: impl IntoIterator<Item = &'a Identity>) {
        let areas: BTreeSet<Self> = objects.into_iter().filter_map(Self::of).collect();
        areas.into_iter().for_each(Self::manage);
    }

    /// Tells whether an object is looked after: most are, whatever was asked for.
    pub(crate) fn looks_after(object: &Identity) -> bool {
        Self::of(object).is_none_or(Self::is_managed)
    }

    /// Returns the area of an object, or of what is said of one.
    fn of(object: &Identity) -> Option<Self> {
        let target = object.path.first().map(Name::as_str);
        match (object.kind, target) {
            (Kind::Role | Kind::RoleMembership | Kind::RoleSetting, _) | (Kind::Comment, Some("role")) => {
                Some(Self::Roles)
            }
            (Kind::Database | Kind::DatabaseSetting, _)
            | (Kind::Comment | Kind::Owner | Kind::Privilege, Some("database")) => Some(Self::Database),
            _ => None,
        }
    }
}
