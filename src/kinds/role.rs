//! Role of the server, when roles are looked after. Its password is never read, written or compared. The role that trueup
//! connects as, the one that `initdb` made and PostgreSQL's own are left alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Area, Context, Kind, Loss, Object, Row, Statement};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, literal},
};
use crate::db::Server;
use crate::error::Result;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "pg_roles has them")]
pub struct Role {
    /// Name.
    pub name: String,
    /// May everything.
    #[serde(default)]
    pub superuser: bool,
    /// Has the privileges of roles that it is a member of, where the membership says nothing else.
    #[serde(default = "yes")]
    pub inherit: bool,
    /// May make roles.
    #[serde(default)]
    pub create_role: bool,
    /// May make databases.
    #[serde(default)]
    pub create_database: bool,
    /// May connect.
    #[serde(default)]
    pub login: bool,
    /// May replicate.
    #[serde(default)]
    pub replication: bool,
    /// Sees all rows whatever policies say.
    #[serde(default)]
    pub bypass_row_security: bool,
    /// Most connections at a time; -1 for any number.
    #[serde(default = "unlimited")]
    pub connection_limit: i32,
    /// Time until which its password is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// Where else in the cluster it owns something or may do something; it cannot be dropped before. No difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_in: Vec<String>,
}

fn yes() -> bool {
    true
}

fn unlimited() -> i32 {
    -1
}

/// Condition that a role `r` is looked after.
pub(super) const OURS: &str = "r.oid >= 16384 AND r.rolname !~ '^pg_' AND r.rolname <> current_user";

impl Role {
    /// Returns the identity of a role.
    pub fn named(name: &str) -> Identity {
        Identity::new(Kind::Role, [name])
    }

    /// Returns every attribute as SQL says it.
    fn attributes(&self) -> Vec<String> {
        let Self {
            name: _,
            superuser,
            inherit,
            create_role,
            create_database,
            login,
            replication,
            bypass_row_security,
            connection_limit,
            valid_until,
            used_in: _,
        } = self;
        let flag = |word: &str, is_set: bool| format!("{}{word}", if is_set { "" } else { "NO" });
        vec![
            flag("SUPERUSER", *superuser),
            flag("INHERIT", *inherit),
            flag("CREATEROLE", *create_role),
            flag("CREATEDB", *create_database),
            flag("LOGIN", *login),
            flag("REPLICATION", *replication),
            flag("BYPASSRLS", *bypass_row_security),
            format!("CONNECTION LIMIT {connection_limit}"),
            format!("VALID UNTIL {}", literal(valid_until.as_deref().unwrap_or("infinity"))),
        ]
    }

    /// Returns the attributes that differ from those of another role.
    fn beyond(&self, other: &Self) -> String {
        let pairs = self.attributes().into_iter().zip(other.attributes());
        let differing = pairs.filter(|(own, other)| own != other);
        differing.map(|(own, _)| format!(" {own}")).collect()
    }

    fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_database: false,
            login: false,
            replication: false,
            bypass_row_security: false,
            connection_limit: -1,
            valid_until: None,
            used_in: Vec::new(),
        }
    }
}

/// Takes roles out of a catalog that are on a server only because something names them. What is said of them stays.
pub fn leave_out_roles(catalog: &mut Catalog, stubs: &BTreeSet<String>) {
    for role in stubs {
        catalog.remove(&Role::named(role));
    }
}

/// Completes a desired catalog with the live roles that nobody declares, with what nobody says of them: a role is dropped
/// only where a target file says `DROP ROLE`. Those in `leaving` go, or get another name. Returns the names of those that
/// are left alone.
pub fn complete_roles(desired: &mut Catalog, live: &Catalog, leaving: &BTreeSet<&str>) -> Vec<String> {
    if !Area::Roles.is_managed() {
        return Vec::new();
    }
    let leaves = |name: &String| leaving.contains(name.as_str());
    let mut kept = Vec::new();
    for (identity, object) in &live.objects {
        if let AnyObject::Role(role) = object
            && !desired.contains(identity)
            && !leaves(&role.name)
        {
            kept.push(role.name.clone());
        }
    }
    let is_kept = |name: &str| kept.iter().any(|kept| kept == name);
    for (identity, object) in &live.objects {
        let keeps = match object {
            AnyObject::Role(role) => is_kept(&role.name),
            AnyObject::RoleMembership(membership) => {
                let mut others = std::iter::once(&membership.role).chain(&membership.grantor);
                is_kept(&membership.member) && !others.any(leaves)
            }
            AnyObject::RoleSetting(setting) => is_kept(&setting.role),
            AnyObject::Comment(comment) => {
                comment.target.kind == Kind::Role && comment.target.path.first().is_some_and(|name| is_kept(name))
            }
            _ => false,
        };
        if keeps && !desired.contains(identity) {
            desired.insert(object.clone());
        }
    }
    kept
}

impl Object for Role {
    const CLASS: u32 = 1260;
    const AMONG: (u32, &'static str) = (0, "");
    const AREA: Option<Area> = Some(Area::Roles);

    fn query(_server: &Server) -> String {
        format!(
            "SELECT r.oid, 0 AS sub, r.rolname AS name, r.rolsuper AS superuser, r.rolinherit AS inherit,
                    r.rolcreaterole AS create_role, r.rolcreatedb AS create_database, r.rolcanlogin AS login,
                    r.rolreplication AS replication, r.rolbypassrls AS bypass, r.rolconnlimit AS connection_limit,
                    CASE WHEN isfinite(r.rolvaliduntil) THEN r.rolvaliduntil::text END AS valid_until,
                    (SELECT array_agg(DISTINCT coalesce(d.datname, o.datname, 'the cluster')::text ORDER BY
                                      coalesce(d.datname, o.datname, 'the cluster')::text)
                     FROM pg_catalog.pg_shdepend s
                     LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
                     LEFT JOIN pg_catalog.pg_database o ON s.dbid = 0 AND s.classid = 1262 AND o.oid = s.objid
                     WHERE s.refclassid = 1260 AND s.refobjid = r.oid AND s.classid NOT IN (1261, 2964)
                     AND coalesce(d.datname, o.datname) IS DISTINCT FROM pg_catalog.current_database()) AS used_in
             FROM pg_catalog.pg_roles r WHERE {OURS}"
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            superuser: row.try_get("superuser")?,
            inherit: row.try_get("inherit")?,
            create_role: row.try_get("create_role")?,
            create_database: row.try_get("create_database")?,
            login: row.try_get("login")?,
            replication: row.try_get("replication")?,
            bypass_row_security: row.try_get("bypass")?,
            connection_limit: row.try_get("connection_limit")?,
            valid_until: row.try_get("valid_until")?,
            used_in: row.try_get::<_, Option<Vec<String>>>("used_in")?.unwrap_or_default(),
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.name)
    }

    fn significant(self) -> Self {
        Self {
            used_in: Vec::new(),
            ..self
        }
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let attributes = self.beyond(&Self::plain(&self.name));
        vec![Statement::new(format!("CREATE ROLE {}{attributes}", ident(&self.name)))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let drop = Statement::new(format!("DROP ROLE {}", ident(&self.name)));
        vec![if self.login {
            drop.loses(Loss::Secret(format!("the password of role {}", self.name)))
        } else {
            drop
        }]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let attributes = desired.beyond(self);
        if attributes.is_empty() {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![Statement::new(format!(
            "ALTER ROLE {}{attributes}",
            ident(&self.name)
        ))])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        // PostgreSQL forgets a password that is stored as MD5 (manual: ALTER ROLE): its salt is the name.
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![Statement::new(format!("ALTER ROLE {from} RENAME TO {to}"))])
    }
}
