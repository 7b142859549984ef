//! Privileges of one grantee on an object, as far as they differ from what PostgreSQL gives by itself.
//!
//! An object that a plan creates starts from the default privileges that are in force, not from PostgreSQL's own; so
//! grants state everything, and what default privileges give too much is taken back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::grants::{self, Clause, Grants, Sort};
use super::sources::{SOURCES, Source};
use super::{
    Alter, AnyObject, Context, DefaultPrivilege, Fold, Kind, Object, Owner, Present, Row, Sequence, SequenceOwner,
    Statement, target,
};
use crate::catalog::{Addresses, Catalog, Identity, Name, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// What a grantee may do with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// What the privileges are about: an object, a column of a view, or what an extension or PostgreSQL itself owns.
    pub target: Identity,
    /// Object that the privileges stand and fall with; `None` for what PostgreSQL itself owns.
    pub holder: Option<Identity>,
    /// Role, `public`, or `pg_owner` for the owner, whoever that is.
    pub grantee: String,
    /// Privileges with whether they may be passed on.
    pub privileges: BTreeMap<String, bool>,
    /// What the grantee has without this object.
    pub initial: BTreeMap<String, bool>,
}

impl Privilege {
    fn of(target: &Identity, grantee: &str) -> Identity {
        let mut path = target::attached_path(target);
        path.push(grantee.to_owned());
        Identity::new(Kind::Privilege, path)
    }

    /// Returns the statements from any of `starts` to `desired`; the catalogs are asked for the owner in this order.
    fn transition(
        &self,
        starts: &[&Grants],
        desired: &Grants,
        context: &Context,
        owners: [&Catalog; 2],
    ) -> Vec<String> {
        let owner = self.owner(owners);
        clause(
            &self.target,
            &self.grantee,
            owner.unwrap_or(&context.from.role),
            context,
        )
        .transition(starts, desired)
    }

    /// Returns the object whose owner is the owner of the target, as far as the object itself tells.
    pub(super) fn owned(&self) -> Identity {
        match &self.holder {
            // A column, or the sequence of an identity.
            Some(holder) if matches!(holder.kind, Kind::Column | Kind::ColumnIdentity) => table_of(holder),
            // A column of a view.
            Some(holder) if self.target.kind == Kind::Column => holder.clone(),
            _ if self.target.kind == Kind::Column => table_of(&self.target),
            _ => self.target.clone(),
        }
    }

    /// Returns the target's owner as the first of the catalogs that knows it says.
    pub(super) fn owner<'a, const N: usize>(&self, catalogs: [&'a Catalog; N]) -> Option<&'a str> {
        let owned = self.owned();
        catalogs.into_iter().find_map(|catalog| {
            let ownership = SequenceOwner::named(owned.path.first()?, owned.name());
            match catalog.get(&ownership).filter(|_| owned.kind == Kind::Sequence) {
                Some(AnyObject::SequenceOwner(ownership)) => {
                    Owner::role_of(&table_of(&ownership.column_identity()), catalog)
                }
                _ => Owner::role_of(&owned, catalog),
            }
        })
    }

    /// Returns what the grantee may have if the target was created just now.
    fn given(&self, context: &Context) -> [Grants; 2] {
        let sort = Sort::of(self.target.kind).filter(|sort| {
            // What `initdb` or an extension made does not start from default privileges.
            self.initial == sort.built_in(&self.grantee, context.version_num)
        });
        let Some(sort) = sort else {
            return [self.initial.clone(), self.initial.clone()];
        };
        DefaultPrivilege::in_force(sort, schema_of(&self.target, sort), context)
            .map(|mut all| all.remove(&self.grantee).unwrap_or_default())
    }

    /// Returns grants on columns that a `REVOKE` on the whole table takes away although they stay (manual: REVOKE).
    fn restored(&self, desired: &Grants, context: &Context) -> Vec<String> {
        let revoked = |name: &String| self.privileges.contains_key(name) && !desired.contains_key(name);
        if Sort::of(self.target.kind) != Some(Sort::Relation) {
            return Vec::new();
        }
        let mut first = vec!["column".to_owned()];
        first.extend(self.target.path.to_strings());
        let prefix = first.clone();
        let columns = context.to.objects.range(Identity::new(Kind::Privilege, first)..);
        columns
            .take_while(|(identity, _)| identity.kind == Kind::Privilege && identity.path.is_below(&prefix))
            .filter(|(identity, _)| context.from.contains(identity))
            .filter_map(|(_, object)| match object {
                AnyObject::Privilege(column) if column.grantee == self.grantee => Some(column),
                _ => None,
            })
            .flat_map(|column| {
                let lost: Grants = column
                    .privileges
                    .clone()
                    .into_iter()
                    .filter(|(name, _)| revoked(name))
                    .collect();
                column.transition(&[&Grants::new()], &lost, context, [context.from, context.to])
            })
            .collect()
    }
}

fn table_of(part: &Identity) -> Identity {
    Identity::new(Kind::Table, part.path.iter().take(2).cloned())
}

fn schema_of(target: &Identity, sort: Sort) -> &str {
    match sort {
        Sort::Schema | Sort::Database => "",
        _ => target.path.first().map_or("", Name::as_str),
    }
}

fn clause(target: &Identity, grantee: &str, owner: &str, context: &Context) -> Clause {
    let sort = Sort::of(target.kind);
    let word = match sort {
        Some(Sort::Relation | Sort::Column) => "TABLE".to_owned(),
        Some(Sort::Function) if target.kind.words() != "procedure" => "FUNCTION".to_owned(),
        Some(Sort::Server) => "FOREIGN SERVER".to_owned(),
        _ => target::sql_word(target.kind),
    };
    let (name, column) = match sort {
        Some(Sort::Column) => (target::sql_name(&table_of(target)), Some(target.name().to_owned())),
        _ => (target::sql_name(target), None),
    };
    Clause {
        prefix: String::new(),
        column,
        object: format!("{word} {name}"),
        grantee: grants::grantee_sql(grantee, owner),
        all: sort.map_or(&[], |sort| sort.all(context.version_num)),
    }
}

/// Returns the statements that take back from an object, just created, what default privileges gave or withheld and no
/// [`Privilege`] speaks about. For the object's own `create`, right behind it, while it still belongs to the connected role.
pub fn settle_default_privileges(created: &Identity, context: &Context) -> Vec<Statement> {
    let sequence = match context.after(created) {
        Some(AnyObject::ColumnIdentity(identity)) => Sequence::named(&identity.schema, &identity.sequence),
        _ => created.clone(),
    };
    settle(&sequence, context)
}

fn settle(created: &Identity, context: &Context) -> Vec<Statement> {
    let Some(sort) = Sort::of(created.kind) else {
        return Vec::new();
    };
    let [early, late] = DefaultPrivilege::in_force(sort, schema_of(created, sort), context);
    let nothing = Grants::new();
    early
        .iter()
        .filter(|(grantee, _)| !context.to.contains(&Privilege::of(created, grantee)))
        .flat_map(|(grantee, early)| {
            let starts = [early, late.get(grantee).unwrap_or(&nothing)];
            let built_in = sort.built_in(grantee, context.version_num);
            clause(created, grantee, &context.from.role, context).transition(&starts, &built_in)
        })
        .map(Statement::new)
        .collect()
}

impl Object for Privilege {
    const CLASS: u32 = 0;
    const ATTACHED: bool = true;

    fn query(server: &Server) -> String {
        Self::query_among(server, &Present::everything())
    }

    fn query_among(_server: &Server, present: &Present) -> String {
        let parts: Vec<String> = SOURCES
            .iter()
            .filter(|source| source.may_have_privileges(present))
            .filter_map(part)
            .collect();
        format!(
            "SELECT u.oid, u.sub, u.class, u.words, u.path, u.extension, u.system, {columns}
             FROM (SELECT p.*, coalesce(p.initial, pg_catalog.acldefault(p.letter::\"char\", p.owner)) AS base
                   FROM ({parts}) p WHERE p.acl IS DISTINCT FROM p.initial) u
             {exploded}
             GROUP BY u.oid, u.sub, u.class, u.words, u.path, u.extension, u.system, u.owner, {grantee}",
            columns = grants::columns("u.owner"),
            grantee = grants::grantee("u.owner"),
            parts = parts.join("\nUNION ALL\n"),
            exploded = grants::exploded("u.acl", "u.base"),
        )
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let Some(target) = target::identity(row)? else {
            return Ok(None);
        };
        let extension: Option<u32> = row.try_get("extension")?;
        let holder = match extension {
            Some(extension) => addresses.exact(3079, extension, 0).cloned(),
            None => target::holder(row, addresses)?,
        };
        let grantee: String = row.try_get("grantee")?;
        let privileges = grants::read(row, "privileges", "grantable")?;
        let initial = grants::read(row, "initial_privileges", "initial_grantable")?;
        let is_system: bool = row.try_get("system")?;
        if privileges == initial || (holder.is_none() && !is_system) {
            return Ok(None);
        }
        Ok(Some(Self {
            target,
            holder,
            grantee,
            privileges,
            initial,
        }))
    }

    fn identity(&self) -> Identity {
        Self::of(&self.target, &self.grantee)
    }

    fn significant(self) -> Self {
        Self {
            initial: BTreeMap::new(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        self.holder.clone()
    }

    fn dependencies(&self) -> Vec<Identity> {
        // A change of owner moves the owner's grants; a change on the table reaches into its columns.
        let owned = self.owned();
        let mut out = vec![Owner::of(&owned)];
        if self.target.kind == Kind::Column {
            out.push(Self::of(&owned, &self.grantee));
        }
        out
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        // A REVOKE on a whole relation takes the grants on its columns away (manual: REVOKE): it must not come behind them.
        let sort = Sort::of(self.target.kind);
        if !matches!(sort, Some(Sort::Relation | Sort::Column)) {
            return Vec::new();
        }
        let mut relation: Vec<&str> = self.target.path.iter().take(2).map(Name::as_str).collect();
        relation.push(&self.grantee);
        vec![("privileges", qualified(relation))]
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let given = self.given(context);
        // Whether the object is made anew or stands since long, from either start this ends at the same.
        let starts = [&self.initial, &given[0], &given[1]];
        let statements = self.transition(&starts, &self.privileges, context, [context.to, context.from]);
        statements.into_iter().map(Statement::new).collect()
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let mut statements = self.transition(&[&self.privileges], &self.initial, context, [context.from, context.to]);
        statements.extend(self.restored(&self.initial, context));
        let implied = |statement: Statement| match &self.holder {
            Some(host) => statement.fold(Fold::Implied { host: host.clone() }),
            None => statement,
        };
        statements.into_iter().map(Statement::new).map(implied).collect()
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            target: _,
            holder: _,
            grantee: _,
            privileges,
            initial: _,
        } = self;
        let owners = [context.to, context.from];
        let mut statements = self.transition(&[privileges], &desired.privileges, context, owners);
        statements.extend(self.restored(&desired.privileges, context));
        Alter::in_place(statements.into_iter().map(Statement::new).collect())
    }
}

/// Returns the rows of one system catalog whose privileges were ever granted or revoked, with what they started from:
/// `initdb`'s or `CREATE EXTENSION`'s, where one of these made the object, NULL for PostgreSQL's own.
fn part(source: &Source) -> Option<String> {
    let (privileges, letter) = source.privileges?;
    let namespace = if source.class == 2615 { "o.nspname" } else { "n.nspname" };
    let (is_system, elsewhere) = if source.in_schema || source.class == 2615 {
        (
            format!("{namespace} = 'pg_catalog'"),
            // initdb makes information_schema after it has recorded the initial privileges; pg_dump leaves it out too.
            format!(
                "{namespace} NOT IN ('information_schema', 'trueup') AND {namespace} !~ '^(pg_(toast|temp_)|trueup_quarantine)'"
            ),
        )
    } else {
        (
            if source.area().is_some() {
                "false"
            } else {
                "o.oid < 16384"
            }
            .to_owned(),
            "true".to_owned(),
        )
    };
    Some(format!(
        "SELECT o.oid, {sub} AS sub, {class}::oid AS class, {words} AS words, {path} AS path, x.refobjid AS extension,
                {is_system} AS system, {owner} AS owner, {letter} AS letter, {privileges} AS acl,
                CASE WHEN x.refobjid IS NOT NULL OR {is_system} THEN i.initprivs END AS initial
         FROM {from}
         LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = {class} AND i.objoid = o.oid AND i.objsubid = {sub}
         LEFT JOIN pg_catalog.pg_depend x ON x.classid = {class} AND x.objid = o.oid AND x.objsubid = 0 AND x.deptype = 'e'
         WHERE {privileges} IS NOT NULL AND {condition} AND {elsewhere}",
        sub = source.sub,
        class = source.class,
        words = source.words,
        path = source.path_array(),
        owner = source.owner.unwrap_or("o.relowner"),
        from = source.from,
        condition = source.condition,
    ))
}
