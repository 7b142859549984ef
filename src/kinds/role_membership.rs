//! Membership of a role in another, as one grantor gave it. PostgreSQL 16 gives each its options, and keeps the grants of
//! several grantors apart; before, there is one with the right to pass it on.

use serde::{Deserialize, Serialize};

use super::role::OURS;
use super::{Alter, AnyObject, Area, Context, Fold, Kind, Object, Role, Row, Statement};
use crate::catalog::{Addresses, Catalog, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// First version that knows options of a membership, and several grantors.
const OPTIONS: i32 = 16_00_00;

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
    /// Who granted it, where that is another than the connected role or the one that stands for every superuser; nothing
    /// before PostgreSQL 16, where it has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantor: Option<String>,
}

/// Takes the grantors out of the memberships of a catalog, for a server that does not keep the grants of several apart.
/// Their options go with them.
pub fn forget_grantors(catalog: &mut Catalog) {
    let memberships = catalog.objects.values().filter_map(|object| match object {
        AnyObject::RoleMembership(membership) => Some(RoleMembership::clone(membership)),
        _ => None,
    });
    for membership in memberships.collect::<Vec<_>>() {
        catalog.remove(&membership.identity());
        let mut whole = RoleMembership {
            inherit: None,
            set: None,
            grantor: None,
            ..membership
        };
        if let Some(AnyObject::RoleMembership(other)) = catalog.get(&whole.identity()) {
            whole.admin |= other.admin;
        }
        catalog.insert(whole.into());
    }
}

impl RoleMembership {
    /// Tells whether another form, in which the options may be left out, says the same of a member that inherits by itself
    /// or does not.
    pub(crate) fn is_said_by(&self, other: &Self, inherits: Option<bool>) -> bool {
        let said = |own: Option<bool>, other: Option<bool>, unsaid| own == other || (other.is_none() && own == unsaid);
        let Self {
            role,
            member,
            admin,
            inherit,
            set,
            grantor,
        } = self;
        (role, member, admin, grantor) == (&other.role, &other.member, &other.admin, &other.grantor)
            && said(*inherit, other.inherit, inherits)
            && said(*set, other.set, Some(true))
    }

    fn granted_by(&self, context: &Context) -> String {
        let grantor = self.grantor.as_ref().filter(|_| context.version_num >= OPTIONS);
        grantor
            .map(|role| format!(" GRANTED BY {}", ident(role)))
            .unwrap_or_default()
    }

    fn grant(&self, options: &str, context: &Context) -> Statement {
        let (role, member, by) = (ident(&self.role), ident(&self.member), self.granted_by(context));
        Statement::new(format!("GRANT {role} TO {member}{options}{by}"))
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

    fn in_role<'a>(role: &str, catalog: &'a Catalog) -> Vec<&'a Self> {
        let first = Identity::new(Kind::RoleMembership, [role]);
        let in_role = catalog.objects.range(first..).map_while(|(_, object)| match object {
            AnyObject::RoleMembership(membership) if membership.role == role => Some(&**membership),
            _ => None,
        });
        in_role.collect()
    }

    /// Returns the grant that gives the grantor the right to grant: of several the one nearest to a superuser's own, so that
    /// no two grants come from each other. Where the right was taken away since, what is left of it.
    fn source<'a>(&self, catalog: &'a Catalog) -> Option<&'a Self> {
        let grantor = self.grantor.as_ref()?;
        let in_role = Self::in_role(&self.role, catalog);
        let admins: Vec<&Self> = in_role.iter().copied().filter(|membership| membership.admin).collect();
        let mut known: Vec<&Self> = admins.iter().copied().filter(|grant| grant.grantor.is_none()).collect();
        let mut at = 0;
        while let Some(found) = known.get(at).copied() {
            if found.member == *grantor {
                return Some(found);
            }
            let more = admins
                .iter()
                .copied()
                .filter(|grant| grant.grantor.as_ref() == Some(&found.member));
            let more: Vec<&Self> = more.filter(|grant| !known.contains(grant)).collect();
            known.extend(more);
            at += 1;
        }
        in_role.into_iter().find(|membership| membership.member == *grantor)
    }
}

impl Object for RoleMembership {
    const CLASS: u32 = 0;
    const AREA: Option<Area> = Some(Area::Roles);

    fn query(server: &Server) -> String {
        let options = if server.version_num >= OPTIONS {
            "bool_or(m.inherit_option) AS inherit, bool_or(m.set_option) AS set, u.grantor"
        } else {
            "NULL::boolean AS inherit, NULL::boolean AS set, NULL::text AS grantor"
        };
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, o.rolname AS role, r.rolname AS member, bool_or(m.admin_option) AS admin, {options}
             FROM pg_catalog.pg_auth_members m
             JOIN pg_catalog.pg_roles o ON o.oid = m.roleid
             JOIN pg_catalog.pg_roles r ON r.oid = m.member
             LEFT JOIN pg_catalog.pg_roles g ON g.oid = m.grantor
             CROSS JOIN LATERAL (SELECT CASE WHEN g.oid >= 16384 AND g.rolname <> current_user THEN g.rolname::text END
                                        AS grantor) u
             WHERE {OURS} GROUP BY o.rolname, r.rolname, u.grantor"
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
        let names = [&self.role, &self.member].into_iter();
        Identity::new(Kind::RoleMembership, names.chain(&self.grantor))
    }

    fn parent(&self) -> Option<Identity> {
        Some(Role::named(&self.member))
    }

    fn dependencies(&self) -> Vec<Identity> {
        let roles = std::iter::once(&self.role).chain(&self.grantor);
        roles.map(|role| Role::named(role)).collect()
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // PostgreSQL refuses a member of its own member, and the right to pass on where it came from.
        let leaving = context.leaving(Kind::RoleMembership).into_iter();
        let narrowed = (Self::in_role(&self.role, context.from).into_iter())
            .filter(|grant| grant.admin)
            .map(Self::identity)
            .filter(|grant| matches!(context.after(grant), Some(AnyObject::RoleMembership(after)) if !after.admin));
        let source = self.source(context.to).map(Self::identity);
        leaving.chain(narrowed).chain(source).collect()
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        self.source(context.from).map(Self::identity).into_iter().collect()
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let knows_options = context.version_num >= OPTIONS;
        let grant = if !knows_options || (self.inherit.is_none() && self.set.is_none()) {
            // Every version reads this.
            self.grant(if self.admin { " WITH ADMIN OPTION" } else { "" }, context)
        } else {
            // What is not said follows the member's own attribute, which may be changing.
            self.grant(&self.options(false, None, Some(true)), context)
        };
        match self.source(context.to).filter(|source| knows_options && !source.admin) {
            // The grantor had the right then, and has it no longer.
            Some(source) => vec![
                source.grant(" WITH ADMIN TRUE", context),
                grant,
                source.grant(" WITH ADMIN FALSE", context),
            ],
            None => vec![grant],
        }
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let (role, member, by) = (ident(&self.role), ident(&self.member), self.granted_by(context));
        let revoke = Statement::new(format!("REVOKE {role} FROM {member}{by}"));
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
        if context.version_num >= OPTIONS {
            return Alter::in_place(vec![desired.grant(&desired.options(*admin, *inherit, *set), context)]);
        }
        Alter::in_place(vec![if desired.admin {
            desired.grant(" WITH ADMIN OPTION", context)
        } else {
            Statement::new(format!(
                "REVOKE ADMIN OPTION FOR {} FROM {}",
                ident(role),
                ident(member)
            ))
        }])
    }
}
