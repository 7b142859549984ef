//! Membership of a role in another. PostgreSQL 16 gives each its options; before, there is only the right to pass it on.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::role::OURS;
use super::{Alter, Area, Context, Fold, Kind, Object, Role, Statement};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// The membership of a role in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMembership {
    /// Role that it is a member of.
    pub role: String,
    /// Member.
    pub member: String,
    /// May pass the membership on.
    #[serde(default)]
    pub admin: bool,
    /// Has the role's privileges without `SET ROLE`; nothing before PostgreSQL 16, where the member's own attribute says
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherit: Option<bool>,
    /// May become the role with `SET ROLE`; nothing before PostgreSQL 16, where every member may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<bool>,
    /// Who granted it, where that is another than the one that stands for every superuser. No difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantor: Option<String>,
}

impl RoleMembership {
    fn granted_by(&self) -> String {
        let grantor = self.grantor.as_ref();
        grantor
            .map(|role| format!(" GRANTED BY {}", ident(role)))
            .unwrap_or_default()
    }

    fn grant(&self, options: &str) -> Statement {
        let (role, member) = (ident(&self.role), ident(&self.member));
        Statement::new(format!("GRANT {role} TO {member}{options}{}", self.granted_by()))
    }

    /// Returns the options that differ from those of another form, with `WITH` before them.
    fn options(&self, admin: bool, inherit: Option<bool>, set: Option<bool>) -> String {
        let mut out: Vec<String> = Vec::new();
        let mut add = |word: &str, value: bool| out.push(format!("{word} {}", if value { "TRUE" } else { "FALSE" }));
        if self.admin != admin {
            add("ADMIN", self.admin);
        }
        if let Some(value) = self.inherit.filter(|value| inherit != Some(*value)) {
            add("INHERIT", value);
        }
        if let Some(value) = self.set.filter(|value| set != Some(*value)) {
            add("SET", value);
        }
        if out.is_empty() {
            String::new()
        } else {
            format!(" WITH {}", out.join(", "))
        }
    }
}

impl Object for RoleMembership {
    const CLASS: u32 = 0;
    const AREA: Option<Area> = Some(Area::Roles);

    fn query(server: &Server) -> String {
        let options = if server.major() >= 16 {
            "bool_or(m.inherit_option) AS inherit, bool_or(m.set_option) AS set,
             min(g.rolname) FILTER (WHERE g.oid >= 16384 AND g.rolname <> current_user)::text AS grantor"
        } else {
            "NULL::boolean AS inherit, NULL::boolean AS set, NULL::text AS grantor"
        };
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, o.rolname AS role, r.rolname AS member, bool_or(m.admin_option) AS admin, {options}
             FROM pg_catalog.pg_auth_members m
             JOIN pg_catalog.pg_roles o ON o.oid = m.roleid
             JOIN pg_catalog.pg_roles r ON r.oid = m.member
             LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor
             WHERE {OURS} GROUP BY o.rolname, r.rolname"
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            role: row.try_get("role")?,
            member: row.try_get("member")?,
            admin: row.try_get("admin")?,
            inherit: row.try_get("inherit")?,
            set: row.try_get("set")?,
            grantor: row.try_get("grantor")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::RoleMembership, [&self.role, &self.member])
    }

    fn significant(self) -> Self {
        Self { grantor: None, ..self }
    }

    fn parent(&self) -> Option<Identity> {
        Some(Role::named(&self.member))
    }

    fn dependencies(&self) -> Vec<Identity> {
        let mut out = vec![Role::named(&self.role)];
        if let Some(grantor) = &self.grantor {
            out.push(Identity::new(Kind::RoleMembership, [&self.role, grantor]));
        }
        out
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        if self.inherit.is_none() && self.set.is_none() {
            // Every version reads this.
            return vec![self.grant(if self.admin { " WITH ADMIN OPTION" } else { "" })];
        }
        // What is not said follows the member's own attribute, which may be changing.
        vec![self.grant(&self.options(false, None, Some(true)))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let (role, member) = (ident(&self.role), ident(&self.member));
        let revoke = Statement::new(format!("REVOKE {role} FROM {member}{}", self.granted_by()));
        vec![revoke.fold(Fold::Implied {
            host: Role::named(&self.member),
        })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            role,
            member,
            admin,
            inherit,
            set,
            grantor: _,
        } = self;
        let same = |live: Option<bool>, desired: Option<bool>| live.is_none() || desired.is_none() || live == desired;
        if *admin == desired.admin && same(*inherit, desired.inherit) && same(*set, desired.set) {
            return Alter::Unchanged;
        }
        if context.version_num >= 160_000 {
            let same_grantor = Self {
                grantor: self.grantor.clone(),
                ..desired.clone()
            };
            return Alter::in_place(vec![same_grantor.grant(&desired.options(*admin, *inherit, *set))]);
        }
        Alter::in_place(vec![if desired.admin {
            desired.grant(" WITH ADMIN OPTION")
        } else {
            Statement::new(format!(
                "REVOKE ADMIN OPTION FOR {} FROM {}",
                ident(role),
                ident(member)
            ))
        }])
    }
}
