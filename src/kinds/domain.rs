//! Domain: a base type with a default and a not-null constraint. Its check constraints are objects of their own.

use serde::{Deserialize, Serialize};

use super::settled::{same_option, settle_option};
use super::{Alter, Context, Kind, Lock, Object, Row, Statement, derived_name, partitioning, sql, type_use};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Base type with its modifier, as `format_type()` gives it.
    pub base_type: String,
    /// Collation when it is not the base type's own: qualified and quoted.
    pub collation: Option<String>,
    /// Default expression as PostgreSQL deparses it.
    pub default: Option<String>,
    /// Whether null is refused.
    pub not_null: bool,
    /// Name of the not-null constraint when it is not the one that PostgreSQL chooses (`domain_not_null`); before
    /// PostgreSQL 17 it has none.
    pub not_null_name: Option<String>,
}

impl Domain {
    /// Returns the identity of a domain by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::Domain, [schema, name])
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn action(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER DOMAIN {} {action}", self.sql_name()))
    }

    fn chosen_name(&self) -> String {
        derived_name::chosen(&self.name, None, "not_null")
    }

    /// Tells whether a catalog has check constraints of the domain.
    pub(super) fn has_checks(&self, catalog: &Catalog) -> bool {
        self.checks(catalog).next().is_some()
    }

    fn checks<'a>(&self, catalog: &'a Catalog) -> impl Iterator<Item = &'a Identity> {
        let all = partitioning::within(catalog, Kind::DomainCheck, &self.schema, &self.name);
        all.map(|(check, _)| check)
    }

    fn constraint_name(&self) -> String {
        ident(self.not_null_name.as_deref().unwrap_or(&self.chosen_name()))
    }

    fn not_null_words(&self) -> String {
        match (self.not_null, &self.not_null_name) {
            (false, _) => String::new(),
            (true, None) => " NOT NULL".to_owned(),
            (true, Some(name)) => format!(" CONSTRAINT {} NOT NULL", ident(name)),
        }
    }

    fn not_null_action(&self, desired: &Self, context: &Context) -> Option<Statement> {
        match (self.not_null, desired.not_null) {
            (true, false) => Some(self.action("DROP NOT NULL")),
            (false, true) => {
                let action = match &desired.not_null_name {
                    None => "SET NOT NULL".to_owned(),
                    Some(name) => format!("ADD CONSTRAINT {} NOT NULL", ident(name)),
                };
                Some(check_rows(self.action(&action), &self.identity(), context))
            }
            (true, true) if self.constraint_name() != desired.constraint_name() => Some(self.action(&format!(
                "RENAME CONSTRAINT {} TO {}",
                self.constraint_name(),
                desired.constraint_name()
            ))),
            _ => None,
        }
    }
}

/// States that a statement reads every table that holds values of the domain, under SHARE.
pub(super) fn check_rows(statement: Statement, domain: &Identity, context: &Context) -> Statement {
    type_use::tables(domain, context.from)
        .into_iter()
        .fold(statement, |statement, table| {
            statement.locks(table.clone(), Lock::Share).scans(table)
        })
}

impl Object for Domain {
    const CLASS: u32 = 1247;
    const AMONG: (u32, &'static str) = (1247, "d");

    fn query(server: &Server) -> String {
        let not_null_name = if server.major() >= 17 {
            "k.conname::text"
        } else {
            "NULL::text"
        };
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, t.typname AS name,
                    pg_catalog.format_type(t.typbasetype, t.typtypmod) AS base_type,
                    CASE WHEN o.oid IS NOT NULL
                         THEN pg_catalog.quote_ident(on_.nspname) || '.' || pg_catalog.quote_ident(o.collname) END AS collation,
                    pg_catalog.pg_get_expr(t.typdefaultbin, 0) AS default, t.typnotnull AS not_null,
                    {not_null_name} AS not_null_name
             FROM pg_catalog.pg_type t
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
             LEFT JOIN pg_catalog.pg_collation o ON o.oid = t.typcollation AND t.typcollation <> b.typcollation
             LEFT JOIN pg_catalog.pg_namespace on_ ON on_.oid = o.collnamespace
             LEFT JOIN pg_catalog.pg_constraint k ON k.contypid = t.oid AND k.contype = 'n'
             WHERE t.typtype = 'd' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let mut out = Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            base_type: row.try_get("base_type")?,
            collation: row.try_get("collation")?,
            default: row.try_get("default")?,
            not_null: row.try_get("not_null")?,
            not_null_name: row.try_get("not_null_name")?,
        };
        if out.not_null_name.as_deref() == Some(out.chosen_name().as_str()) {
            out.not_null_name = None;
        }
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn significant(self) -> Self {
        Self {
            default: settle_option(self.default.as_ref()),
            ..self
        }
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn made_with(&self, catalog: &Catalog) -> Vec<Identity> {
        self.checks(catalog).cloned().collect()
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.sql_name())]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut words = self.base_type.clone();
        if let Some(collation) = &self.collation {
            words.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(default) = &self.default {
            words.push_str(&format!(" DEFAULT {default}"));
        }
        words.push_str(&self.not_null_words());
        let head = format!("CREATE DOMAIN {} AS", self.sql_name());
        vec![Statement::with_action(head, self.identity(), words)]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP DOMAIN {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            base_type,
            collation,
            default,
            not_null: _,
            not_null_name: _,
        } = self;
        if *base_type != desired.base_type || *collation != desired.collation {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if !same_option(default.as_ref(), desired.default.as_ref()) {
            out.push(match &desired.default {
                Some(expression) => self.action(&format!("SET DEFAULT {expression}")),
                None => self.action("DROP DEFAULT"),
            });
        }
        out.extend(self.not_null_action(desired, context));
        Alter::in_place(out)
    }

    fn set_aside(&self, context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
        let aside = Self {
            name: derived_name::aside(&self.schema, &self.name),
            ..self.clone()
        };
        let mut out = self.rename(&aside, context)?;
        if self.not_null && context.version_num >= 170_000 {
            // The successor's own constraint could not get the name that PostgreSQL chooses: it must be free in the schema.
            let (from, to) = (self.constraint_name(), aside.chosen_name());
            out.push(aside.action(&format!("RENAME CONSTRAINT {from} TO {}", ident(&to))));
        }
        Some((out, aside.drop(context)))
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "DOMAIN",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
