//! Default privilege: what a grantee gets on objects that a role will create.
//!
//! They are created and changed after the objects that they would touch; so what is in force while a plan creates objects
//! is what is live, but for what the plan has dropped by then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::grants::{self, Clause, Grants, Sort};
use super::{Alter, AnyObject, Context, Fold, Kind, Object, Row, Statement};
use crate::catalog::{Addresses, Identity, quote::ident};
use crate::db::Server;
use crate::error::Result;

/// What one grantee gets on future objects of one sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultPrivilege {
    /// Role that creates the objects.
    pub role: String,
    /// Schema that they are created in; `None` for any.
    pub schema: Option<String>,
    /// Sort of object: `tables`, `sequences`, `functions`, `types`, `schemas`, `large objects`.
    pub objects: String,
    /// Role, `public`, or `pg_owner` for the creating role itself.
    pub grantee: String,
    /// Privileges with whether they may be passed on.
    pub privileges: BTreeMap<String, bool>,
    /// What the grantee gets without this object.
    pub initial: BTreeMap<String, bool>,
}

impl DefaultPrivilege {
    fn transition(&self, from: &Grants, to: &Grants, context: &Context) -> Vec<Statement> {
        let schema = self
            .schema
            .as_ref()
            .map(|schema| format!("IN SCHEMA {} ", ident(schema)));
        let clause = Clause {
            prefix: format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {} {}",
                ident(&self.role),
                schema.unwrap_or_default()
            ),
            column: None,
            object: self.objects.to_uppercase(),
            grantee: grants::grantee_sql(&self.grantee, &self.role),
            all: Sort::of_plural(&self.objects).map_or(&[], |sort| sort.all(context.version_num)),
        };
        clause.transition(&[from], to).into_iter().map(Statement::new).collect()
    }

    fn schema_identity(&self) -> Option<Identity> {
        self.schema.as_ref().map(|schema| Identity::new(Kind::Schema, [schema]))
    }

    /// Returns what each grantee has on an object that the connected role has just created in a schema: as long as every
    /// live default privilege is in force, and after those that the plan drops are gone.
    pub(super) fn in_force(sort: Sort, schema: &str, context: &Context) -> [BTreeMap<String, Grants>; 2] {
        [true, false].map(|early| {
            let defaults = Self::of_role(&context.from.role, context);
            let mut out: BTreeMap<String, Grants> = [grants::OWNER, grants::PUBLIC]
                .into_iter()
                .map(|grantee| (grantee.to_owned(), sort.built_in(grantee, context.version_num)))
                .collect();
            defaults
                .filter(|default| early || context.to.contains(&default.identity()))
                .filter(|default| default.concerns(sort, schema))
                .for_each(|default| default.apply(&mut out));
            out
        })
    }

    /// Returns a role's live default privileges, those for every schema first, because their path has no schema.
    fn of_role<'a>(role: &'a str, context: &Context<'a>) -> impl Iterator<Item = &'a Self> {
        let first = Identity::new(Kind::DefaultPrivilege, [role]);
        let objects = context
            .from
            .objects
            .range(first..)
            .map_while(|(_, object)| match object {
                AnyObject::DefaultPrivilege(default) => Some(&**default),
                _ => None,
            });
        objects.take_while(move |default| default.role == role)
    }

    fn concerns(&self, sort: Sort, schema: &str) -> bool {
        Sort::of_plural(&self.objects) == Some(sort) && self.schema.as_ref().is_none_or(|own| own == schema)
    }

    fn concerns_schema(&self, created: &Identity) -> bool {
        (self.schema.as_ref()).is_none_or(|own| created.path.first().is_some_and(|schema| schema == own))
    }

    /// Those for every schema replace what PostgreSQL gives by itself, those for one schema add to it.
    fn apply(&self, held: &mut BTreeMap<String, Grants>) {
        if self.schema.is_none() {
            held.insert(self.grantee.clone(), self.privileges.clone());
            return;
        }
        let held = held.entry(self.grantee.clone()).or_default();
        for (name, grantable) in &self.privileges {
            *held.entry(name.clone()).or_default() |= grantable;
        }
    }
}

impl Object for DefaultPrivilege {
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (826, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT d.oid, 0 AS sub, o.rolname::text AS role, n.nspname::text AS schema,
                    CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                         WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS objects,
                    {columns}
             FROM pg_catalog.pg_default_acl d
             JOIN pg_catalog.pg_roles o ON o.oid = d.defaclrole
             LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
             {exploded}
             GROUP BY d.oid, o.rolname, n.nspname, d.defaclobjtype, d.defaclrole, {grantee}",
            columns = grants::columns("d.defaclrole"),
            grantee = grants::grantee("d.defaclrole"),
            exploded = grants::exploded(
                "d.defaclacl",
                "CASE WHEN d.defaclnamespace = 0 THEN pg_catalog.acldefault(
                     CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)
                 ELSE pg_catalog.acldefault('c', d.defaclrole) END"
            ),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let grantee: String = row.try_get("grantee")?;
        let privileges = grants::read(row, "privileges", "grantable")?;
        let initial = grants::read(row, "initial_privileges", "initial_grantable")?;
        if privileges == initial {
            return Ok(None);
        }
        Ok(Some(Self {
            role: row.try_get("role")?,
            schema: row.try_get("schema")?,
            objects: row.try_get("objects")?,
            grantee,
            privileges,
            initial,
        }))
    }

    fn identity(&self) -> Identity {
        let schema = self.schema.as_deref().unwrap_or_default();
        Identity::new(
            Kind::DefaultPrivilege,
            [&self.role, schema, &self.objects, &self.grantee],
        )
    }

    fn significant(self) -> Self {
        Self {
            initial: BTreeMap::new(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        self.schema_identity()
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        let sort = Sort::of_plural(&self.objects);
        let touched = context.to.objects.keys().filter(|identity| {
            let sort_of = Sort::of(identity.kind);
            sort_of.is_some() && sort_of == sort && self.concerns_schema(identity)
        });
        touched.cloned().collect()
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        self.transition(&self.initial, &self.privileges, context)
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let implied = |statement: Statement| match self.schema_identity() {
            Some(host) => statement.fold(Fold::Implied { host }),
            None => statement,
        };
        let statements = self.transition(&self.privileges, &self.initial, context);
        statements.into_iter().map(implied).collect()
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            role: _,
            schema: _,
            objects: _,
            grantee: _,
            privileges,
            initial: _,
        } = self;
        Alter::in_place(self.transition(privileges, &desired.privileges, context))
    }
}
