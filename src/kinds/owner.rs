//! Owner of an object. What follows another object's owner (an index, a sequence of a column) has none of its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::sources::SOURCES;
use super::{Alter, AnyObject, Context, Kind, Lock, Object, Present, Privilege, Row, Statement, target};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The owner of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// What is owned.
    pub target: Identity,
    /// Role.
    pub role: String,
}

impl Owner {
    /// Returns the identity of an object's owner.
    pub fn of(target: &Identity) -> Identity {
        Identity::new(Kind::Owner, target::attached_path(target))
    }

    /// Returns the claim of who says the owner of a sequence: its own owner object, or the link to a column.
    pub(super) fn of_sequence(schema: &str, name: &str) -> (&'static str, String) {
        ("sequence owner", qualified([schema, name]))
    }

    /// Returns the role that owns an object in a catalog, if the catalog says so.
    pub fn role_of<'a>(target: &Identity, catalog: &'a Catalog) -> Option<&'a str> {
        match catalog.get(&Self::of(target)) {
            Some(AnyObject::Owner(owner)) => Some(&owner.role),
            _ => None,
        }
    }

    fn statement(&self) -> Statement {
        let target = target::sql_target(&self.target);
        let statement = Statement::new(format!("ALTER {target} OWNER TO {}", ident(&self.role)));
        match self.target.kind {
            Kind::Table => statement.locks(self.target.clone(), Lock::AccessExclusive),
            _ => statement,
        }
    }
}

/// Completes a desired catalog, whose files seldom say who owns what, with the live owners: only those of `declared`
/// roles count as said. What the two owners may do by themselves is left out of the privileges.
pub fn complete_owners(desired: &mut Catalog, live: &Catalog, declared: &BTreeSet<String>) {
    let said = |object: &AnyObject| matches!(object, AnyObject::Owner(owner) if declared.contains(&owner.role));
    let unsaid = desired.objects.values().filter_map(|object| match object {
        AnyObject::Owner(owner) if !said(object) => Some(owner.target.clone()),
        _ => None,
    });
    for target in unsaid.collect::<Vec<_>>() {
        let role = Owner::role_of(&target, live).unwrap_or(&live.role).to_owned();
        desired.insert(AnyObject::from(Owner { target, role }));
    }
    let is_owner = |privilege: &Privilege| privilege.owner([&*desired]) == Some(privilege.grantee.as_str());
    let privileges = |catalog: &Catalog, keep: &dyn Fn(&Privilege) -> bool| -> Vec<Privilege> {
        let all = catalog.objects.values().filter_map(|object| match object {
            AnyObject::Privilege(privilege) => Some(&**privilege),
            _ => None,
        });
        all.filter(|privilege| keep(privilege)).cloned().collect()
    };
    let own = privileges(desired, &is_owner);
    // On scratch the connected role owned what the files did not give away, so no file could grant it anything.
    let unsayable = privileges(live, &|privilege| {
        privilege.grantee == live.role
            && !is_owner(privilege)
            && desired.contains(&privilege.target)
            && !desired.get(&Owner::of(&privilege.owned())).is_some_and(said)
    });
    for privilege in own {
        desired.remove(&privilege.identity());
    }
    for privilege in unsayable {
        desired.insert(privilege.into());
    }
}

impl Object for Owner {
    const CLASS: u32 = 0;
    const ATTACHED: bool = true;

    fn query(server: &Server) -> String {
        Self::query_among(server, &Present::everything())
    }

    fn query_among(_server: &Server, present: &Present) -> String {
        let parts: Vec<String> = SOURCES
            .iter()
            .filter(|source| source.is_present(present))
            .filter_map(|source| {
                Some(format!(
                    "SELECT o.oid, {sub} AS sub, {class}::oid AS class, {words} AS words, {path} AS path, {owner} AS owner
                     FROM {from}
                     WHERE {condition} AND {user}{follows}",
                    sub = source.sub,
                    class = source.class,
                    words = source.words,
                    path = source.path_array(),
                    owner = source.owner?,
                    from = source.from,
                    condition = source.condition,
                    user = source.user_condition(),
                    follows = if source.class == 1259 { NOT_A_COLUMNS_SEQUENCE } else { "" },
                ))
            })
            .collect();
        format!(
            "SELECT u.*, r.rolname AS role FROM ({}) u JOIN pg_catalog.pg_roles r ON r.oid = u.owner",
            parts.join("\nUNION ALL\n")
        )
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let holder = target::holder(row, addresses)?;
        let Some(target) = target::identity(row)?.filter(|target| holder.as_ref() == Some(target)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            target,
            role: row.try_get("role")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::of(&self.target)
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.target.clone())
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        match (self.target.kind, self.target.path.as_slice()) {
            (Kind::Sequence, [schema, name]) => vec![Self::of_sequence(schema, name)],
            _ => Vec::new(),
        }
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        let is_given = self.role == context.from.role && context.is_created(&self.target);
        if self.target.kind != Kind::Table || is_given {
            return Vec::new();
        }
        // The sequences of its columns follow a table only once they are linked.
        let schema = self.target.path.iter().take(1);
        let first = Identity::new(Kind::SequenceOwner, schema.cloned());
        let links = context
            .to
            .objects
            .range(first..)
            .map_while(|(identity, object)| match object {
                AnyObject::SequenceOwner(link) if identity.path.first() == self.target.path.first() => Some(&**link),
                _ => None,
            });
        links
            .filter(|link| link.table_identity() == self.target)
            .map(Object::identity)
            .collect()
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        // Only a sequence that has left its column stands already, with the owner of the table.
        let left = self.target.kind == Kind::Sequence && context.before(&self.target).is_some();
        // Anything else was made just now, and belongs to the connected role.
        if self.role == context.from.role && !left {
            Vec::new()
        } else {
            vec![self.statement()]
        }
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        // An object cannot be without an owner; the fold keeps the drop with that of the object.
        Vec::new()
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self { target: _, role } = self;
        if *role == desired.role {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.statement()])
    }
}

/// An identity's sequence and one that a column owns change owner with their table.
const NOT_A_COLUMNS_SEQUENCE: &str = " AND (o.relkind <> 'S' OR o.oid NOT IN
     (SELECT x.objid FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_depend x ON x.objid = s.seqrelid
      WHERE x.classid = 1259 AND x.refclassid = 1259 AND x.refobjsubid > 0 AND x.deptype IN ('a', 'i')))";
