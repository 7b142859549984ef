//! Schema: a namespace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Comment, Context, Kind, Object, Owner, Privilege, Row, Statement, grants, sql};
use crate::catalog::{Addresses, Catalog, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Name.
    pub name: String,
}

/// Returns the schema `public` as every new database has it, with owner, comment and privileges, for the version of a
/// catalog; nothing where the catalog does not look at the schema.
pub(crate) fn public_schema(catalog: &Catalog) -> Vec<AnyObject> {
    let schema = Schema {
        name: "public".to_owned(),
    };
    let target = schema.identity();
    if !catalog.contains(&target) {
        return Vec::new();
    }
    let is_old = catalog.version_num < 150_000;
    // Before PostgreSQL 15 the role that made the cluster owns it; nothing says who that was, and it may be the reader.
    let owner = is_old.then_some(catalog.role.as_str());
    let privileges: &[&str] = if is_old { &["CREATE", "USAGE"] } else { &["USAGE"] };
    vec![
        schema.into(),
        AnyObject::from(Owner {
            target: target.clone(),
            role: owner.unwrap_or("pg_database_owner").to_owned(),
        }),
        AnyObject::from(Comment {
            target: target.clone(),
            holder: target.clone(),
            constraint: None,
            text: "standard public schema".to_owned(),
        }),
        AnyObject::from(Privilege {
            target: target.clone(),
            holder: Some(target),
            grantee: grants::PUBLIC.to_owned(),
            privileges: privileges.iter().map(|name| ((*name).to_owned(), false)).collect(),
            initial: BTreeMap::new(),
        }),
    ]
}

/// Returns what makes the schema `public` of a new database that of a new database on another version: before
/// PostgreSQL 15 everybody may create objects there.
pub(crate) fn public_schema_as_on(version_num: i32, other: i32) -> Option<&'static str> {
    match (version_num < 150_000, other < 150_000) {
        (false, true) => Some("GRANT CREATE ON SCHEMA public TO PUBLIC"),
        (true, false) => Some("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        _ => None,
    }
}

impl Object for Schema {
    const CLASS: u32 = 2615;
    const AMONG: (u32, &'static str) = (0, "");

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
