//! Default privilege: what a grantee gets on objects that a role will create.
//!
//! They are dropped before and created after all other objects; so those that are in force while a plan creates
//! objects are the live ones that stay.

use std::collections::BTreeMap;

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::grants::{self, Clause, Grants, Sort};
use super::{Alter, AnyObject, Context, Fold, Kind, Object, Statement};
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

    /// Returns what each grantee has on an object that the connected role has just created in a schema.
    pub(super) fn in_force(sort: Sort, schema: &str, context: &Context) -> BTreeMap<String, Grants> {
        let role = &context.from.role;
        let built_in = |grantee: &str| sort.built_in(grantee, context.version_num);
        let mut out: BTreeMap<String, Grants> = [grants::OWNER, grants::PUBLIC]
            .into_iter()
            .map(|grantee| (grantee.to_owned(), built_in(grantee)))
            .collect();
        let first = Identity::new(Kind::DefaultPrivilege, [role]);
        // Those of the role for every schema stand first, because their path has no schema.
        for (identity, object) in context.from.objects.range(first..) {
            let AnyObject::DefaultPrivilege(default) = object else {
                break;
            };
            if default.role != *role {
                break;
            }
            let here = default.schema.as_ref().is_none_or(|own| own == schema);
            if !here || Sort::of_plural(&default.objects) != Some(sort) || !context.to.contains(identity) {
                continue;
            }
            if default.schema.is_none() {
                out.insert(default.grantee.clone(), default.privileges.clone());
                continue;
            }
            let held = out.entry(default.grantee.clone()).or_default();
            for (name, grantable) in &default.privileges {
                *held.entry(name.clone()).or_default() |= grantable;
            }
        }
        out
    }
}

impl Object for DefaultPrivilege {
    const CLASS: u32 = 0;

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
             GROUP BY d.oid, o.rolname, n.nspname, d.defaclobjtype, x.grantee, d.defaclrole, r.rolname",
            columns = grants::columns("d.defaclrole"),
            exploded = grants::exploded(
                "d.defaclacl",
                "CASE WHEN d.defaclnamespace = 0 THEN pg_catalog.acldefault(
                     CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)
                 ELSE '{}'::aclitem[] END"
            ),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let grantee: String = row.try_get("grantee")?;
        let privileges = grants::read(row, "privileges", "grantable", &grantee)?;
        let initial = grants::read(row, "initial_privileges", "initial_grantable", &grantee)?;
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

    fn parent(&self) -> Option<Identity> {
        self.schema_identity()
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
