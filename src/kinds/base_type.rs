//! Base type: a type that functions in C give its form.
//!
//! Its functions name it before it exists: a shell of its name comes first ([`super::ShellType`]), then the functions,
//! then the type. PostgreSQL drops the functions with it.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, ShellType, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A base type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseType {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Attributes as `CREATE TYPE` says them.
    pub attributes: Vec<String>,
}

/// The attributes of a type `t`, each as `CREATE TYPE` says it, in one array.
pub(super) const ATTRIBUTES: &str = "array_remove(ARRAY['INPUT = ' || t.typinput::text, 'OUTPUT = ' || t.typoutput::text,
    CASE WHEN t.typreceive <> 0 THEN 'RECEIVE = ' || t.typreceive::text END,
    CASE WHEN t.typsend <> 0 THEN 'SEND = ' || t.typsend::text END,
    CASE WHEN t.typmodin <> 0 THEN 'TYPMOD_IN = ' || t.typmodin::text END,
    CASE WHEN t.typmodout <> 0 THEN 'TYPMOD_OUT = ' || t.typmodout::text END,
    CASE WHEN t.typanalyze <> 0 THEN 'ANALYZE = ' || t.typanalyze::text END,
    CASE WHEN t.typsubscript <> 0 THEN 'SUBSCRIPT = ' || t.typsubscript::text END,
    'INTERNALLENGTH = ' || CASE t.typlen WHEN -1 THEN 'VARIABLE' ELSE t.typlen::text END,
    CASE WHEN t.typbyval THEN 'PASSEDBYVALUE' END,
    'ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'i' THEN 'int4' ELSE 'double' END,
    'STORAGE = ' || CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END,
    CASE WHEN t.typcategory <> 'U' THEN 'CATEGORY = ' || pg_catalog.quote_literal(t.typcategory::text) END,
    CASE WHEN t.typispreferred THEN 'PREFERRED = true' END,
    'DEFAULT = ' || pg_catalog.quote_literal(t.typdefault),
    CASE WHEN t.typelem <> 0 THEN 'ELEMENT = ' || pg_catalog.format_type(t.typelem, NULL) END,
    CASE WHEN t.typdelim <> ',' THEN 'DELIMITER = ' || pg_catalog.quote_literal(t.typdelim::text) END,
    CASE WHEN t.typcollation <> 0 THEN 'COLLATABLE = true' END], NULL)";

impl BaseType {
    /// Returns the identity of a base type by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::BaseType, [schema, name])
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    /// Tells whether a function gives a type its form, and goes with it.
    pub(super) fn takes_along(function: &Identity, context: &Context) -> bool {
        let shells = context
            .from
            .dependencies_of(function)
            .filter(|on| on.kind == Kind::ShellType);
        shells.into_iter().any(|shell| {
            let whole = |kind| Identity { kind, ..shell.clone() };
            [Kind::BaseType, Kind::RangeType]
                .map(whole)
                .iter()
                .any(|whole| context.from.contains(whole))
        })
    }
}

impl Object for BaseType {
    const CLASS: u32 = 1247;
    const AMONG: (u32, &'static str) = (1247, "b");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, t.typname AS name, {ATTRIBUTES} AS attributes
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             WHERE t.typtype = 'b' AND t.typisdefined AND NOT (t.typcategory = 'A' AND t.typelem <> 0) AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            attributes: row.try_get("attributes")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn parent(&self) -> Option<Identity> {
        Some(ShellType::named(&self.schema, &self.name))
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let attributes = self.attributes.join(",\n    ");
        vec![Statement::new(format!(
            "CREATE TYPE {} (\n    {attributes}\n)",
            self.sql_name()
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        // Only its own functions are left to depend on it by now.
        vec![Statement::new(format!("DROP TYPE {} CASCADE", self.sql_name()))]
    }

    fn alter(&self, _desired: &Self, _context: &Context) -> Alter {
        // The shell has the attributes too: when they change, it is replaced, and functions and type with it.
        let Self {
            schema: _,
            name: _,
            attributes: _,
        } = self;
        Alter::Unchanged
    }
}
