//! Rewrite rule of a table or view; the `_RETURN` rule, which is the view itself, left out.

use serde::{Deserialize, Serialize};

use super::firing::Firing;
use super::settled::{same, settle};
use super::{Alter, Context, Fold, Kind, Lock, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A rewrite rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Schema of the relation.
    pub schema: String,
    /// Relation.
    pub table: String,
    /// Name.
    pub name: String,
    /// Table or view that it stands on.
    pub on: Identity,
    /// Definition as PostgreSQL deparses it, without `CREATE` and the final semicolon.
    pub definition: String,
    /// When it fires.
    pub firing: Firing,
}

impl Rule {
    fn relation(&self) -> String {
        qualified([&self.schema, &self.table])
    }

    fn declaration(&self, create: &str) -> Statement {
        Statement::new(format!("{create} {}", self.definition)).locks(self.on.clone(), Lock::AccessExclusive)
    }

    fn state(&self) -> Statement {
        let action = self.firing.action("RULE");
        Statement::new(format!(
            "ALTER TABLE {} {action} {}",
            self.relation(),
            ident(&self.name)
        ))
        .locks(self.on.clone(), Lock::AccessExclusive)
    }
}

impl Object for Rule {
    const CLASS: u32 = 2618;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT r.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, c.relkind::text AS relkind, r.rulename AS name,
                    pg_catalog.pg_get_ruledef(r.oid) AS definition, r.ev_enabled::text AS firing
             FROM pg_catalog.pg_rewrite r
             JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE r.rulename <> '_RETURN' AND c.relkind IN ('r', 'p', 'v') AND {} AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "r.oid"),
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let schema: String = row.try_get("schema")?;
        let table: String = row.try_get("table")?;
        let definition: String = row.try_get("definition")?;
        let definition = definition.trim_end();
        let definition = definition.strip_prefix("CREATE ").unwrap_or(definition);
        Ok(Some(Self {
            on: sql::relation(row.try_get("relkind")?, &schema, &table),
            schema,
            table,
            name: row.try_get("name")?,
            definition: definition.strip_suffix(';').unwrap_or(definition).to_owned(),
            firing: Firing::of(row.try_get("firing")?),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Rule, [&self.schema, &self.table, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.on.clone())
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut out = vec![self.declaration("CREATE")];
        if self.firing != Firing::Origin {
            out.push(self.state());
        }
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let drop = format!("DROP RULE {} ON {}", ident(&self.name), self.relation());
        let fold = Fold::Implied { host: self.on.clone() };
        vec![
            Statement::new(drop)
                .locks(self.on.clone(), Lock::AccessExclusive)
                .fold(fold),
        ]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            on,
            definition,
            firing,
        } = self;
        if *on != desired.on {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if !same(definition, &desired.definition) {
            // Keeps the state.
            out.push(desired.declaration("CREATE OR REPLACE"));
        }
        if *firing != desired.firing {
            out.push(desired.state());
        }
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![
            Statement::new(format!("ALTER RULE {from} ON {} RENAME TO {to}", desired.relation()))
                .locks(desired.on.clone(), Lock::AccessExclusive),
        ])
    }
}
