//! The database itself, when it is looked after. It is always the one at hand, whatever its name: each side has its own, and
//! what is compared goes by the live one's.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Area, Context, Kind, Object, Row, Statement};
use crate::catalog::{Addresses, Catalog, Identity, Name, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Name.
    pub name: String,
    /// Most connections at a time; -1 for any number.
    pub connection_limit: i32,
}

impl Database {
    /// Returns the identity of a database.
    pub fn named(name: &str) -> Identity {
        Identity::new(Kind::Database, [name])
    }

    /// Returns the database of a catalog, where it is looked after.
    pub fn of(catalog: &Catalog) -> Option<&Self> {
        let first = catalog.objects.range(Identity::new(Kind::Database, [""; 0])..).next();
        match first {
            Some((_, AnyObject::Database(database))) => Some(database),
            _ => None,
        }
    }
}

impl Database {
    /// Returns the name of a catalog's database; empty where nothing tells it.
    fn name_in(catalog: &Catalog) -> &str {
        let of_object = || Self::of(catalog).map(|database| database.name.as_str());
        let of_setting = || {
            let mut all = catalog.objects.values();
            all.find_map(|object| match object {
                AnyObject::RoleSetting(setting) => setting.database.as_deref(),
                _ => None,
            })
        };
        let known = Some(catalog.database.as_str()).filter(|name| !name.is_empty());
        known.or_else(of_object).or_else(of_setting).unwrap_or_default()
    }
}

/// Gives the database of a catalog the name that it has in another one, wherever it is named.
pub fn name_database_as_in(catalog: &mut Catalog, other: &Catalog) {
    let (own, name) = (
        Database::name_in(catalog).to_owned(),
        Database::name_in(other).to_owned(),
    );
    if own.is_empty() || name.is_empty() || own == name {
        return;
    }
    let moved = |identity: &Identity| {
        let path = identity.path.iter().map(Name::as_str);
        let path = path.map(|part| if part == own { name.as_str() } else { part });
        Identity::new(identity.kind, path)
    };
    let is_database = |identity: &Identity| identity.kind == Kind::Database;
    let renamed: Vec<(Identity, AnyObject)> = catalog
        .objects
        .iter()
        .filter_map(|(identity, object)| {
            let renamed = match object {
                AnyObject::Database(database) => AnyObject::from(Database {
                    name: name.clone(),
                    ..Database::clone(database)
                }),
                AnyObject::DatabaseSetting(setting) => AnyObject::from(super::DatabaseSetting {
                    database: name.clone(),
                    ..super::DatabaseSetting::clone(setting)
                }),
                AnyObject::RoleSetting(setting) if setting.database.is_some() => AnyObject::from(super::RoleSetting {
                    database: Some(name.clone()),
                    ..super::RoleSetting::clone(setting)
                }),
                AnyObject::Owner(owner) if is_database(&owner.target) => AnyObject::from(super::Owner {
                    target: moved(&owner.target),
                    ..super::Owner::clone(owner)
                }),
                AnyObject::Comment(comment) if is_database(&comment.target) => AnyObject::from(super::Comment {
                    target: moved(&comment.target),
                    holder: moved(&comment.holder),
                    ..super::Comment::clone(comment)
                }),
                AnyObject::Privilege(privilege) if is_database(&privilege.target) => {
                    AnyObject::from(super::Privilege {
                        target: moved(&privilege.target),
                        holder: privilege.holder.as_ref().map(moved),
                        ..super::Privilege::clone(privilege)
                    })
                }
                _ => return None,
            };
            Some((identity.clone(), renamed))
        })
        .collect();
    for (identity, _) in &renamed {
        catalog.remove(identity);
    }
    for (_, object) in renamed {
        catalog.insert(object);
    }
    catalog.database = name;
}

impl Object for Database {
    const CLASS: u32 = 1262;
    const AMONG: (u32, &'static str) = (0, "");
    const AREA: Option<Area> = Some(Area::Database);

    fn query(_server: &Server) -> String {
        "SELECT d.oid, 0 AS sub, d.datname AS name, d.datconnlimit AS connection_limit
         FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
            .to_owned()
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            connection_limit: row.try_get("connection_limit")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.name)
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        // It is there before anything can be said to it.
        if self.connection_limit == -1 {
            return Vec::new();
        }
        vec![self.limit()]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        Vec::new()
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            connection_limit,
        } = self;
        if *connection_limit == desired.connection_limit {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.limit()])
    }
}

impl Database {
    fn limit(&self) -> Statement {
        let (name, limit) = (ident(&self.name), self.connection_limit);
        Statement::new(format!("ALTER DATABASE {name} CONNECTION LIMIT {limit}"))
    }
}
