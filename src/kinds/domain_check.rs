//! Check constraint of a domain.

use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{Alter, Context, Domain, Fold, Kind, Object, Row, Statement, domain, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A check constraint of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainCheck {
    /// Schema of the domain.
    pub schema: String,
    /// Domain.
    pub domain: String,
    /// Name.
    pub name: String,
    /// Definition as PostgreSQL deparses it (`CHECK (…)`), without `NOT VALID`.
    pub definition: String,
    /// Whether existing rows have been checked.
    pub valid: bool,
}

impl DomainCheck {
    fn domain_identity(&self) -> Identity {
        Domain::named(&self.schema, &self.domain)
    }

    fn action(&self, action: &str) -> Statement {
        let domain = qualified([&self.schema, &self.domain]);
        Statement::new(format!("ALTER DOMAIN {domain} {action}"))
    }
}

impl Object for DomainCheck {
    const CLASS: u32 = 2606;
    const AMONG: (u32, &'static str) = (2606, "d");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT k.oid, 0 AS sub, n.nspname AS schema, t.typname AS domain, k.conname AS name,
                    pg_catalog.pg_get_constraintdef(k.oid) AS definition, k.convalidated AS valid
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_type t ON t.oid = k.contypid
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             WHERE k.contype = 'c' AND k.contypid <> 0 AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1247, "t.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let definition: String = row.try_get("definition")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            domain: row.try_get("domain")?,
            name: row.try_get("name")?,
            definition: definition.trim_end_matches(" NOT VALID").to_owned(),
            valid: row.try_get("valid")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::DomainCheck, [&self.schema, &self.domain, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.domain_identity())
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let words = format!("CONSTRAINT {} {}", ident(&self.name), self.definition);
        if !self.valid {
            // `CREATE DOMAIN` cannot say this.
            return vec![self.action(&format!("ADD {words} NOT VALID"))];
        }
        let statement = self.action(&format!("ADD {words}")).fold(Fold::Suffix {
            host: self.domain_identity(),
            sql: format!(" {words}"),
        });
        vec![domain::check_rows(statement, &self.domain_identity(), context)]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![
            self.action(&format!("DROP CONSTRAINT {}", ident(&self.name)))
                .fold(Fold::Implied {
                    host: self.domain_identity(),
                }),
        ]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            domain: _,
            name,
            definition,
            valid,
        } = self;
        if !same(definition, &desired.definition) || (*valid && !desired.valid) {
            return Alter::Replace;
        }
        if *valid == desired.valid {
            return Alter::Unchanged;
        }
        let validate = self.action(&format!("VALIDATE CONSTRAINT {}", ident(name)));
        Alter::in_place(vec![domain::check_rows(validate, &self.domain_identity(), context)])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        // The domain may have been renamed before: its new name holds.
        (from != to).then(|| vec![desired.action(&format!("RENAME CONSTRAINT {from} TO {to}"))])
    }
}
