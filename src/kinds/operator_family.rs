//! Operator family, with the operators and functions in it that are of no operator class.

use serde::{Deserialize, Serialize};

use super::operator_member::{self, OperatorMember};
use super::{Alter, Context, Kind, Object, Row, Statement, sql, target};
use crate::catalog::{Addresses, Identity};
use crate::db::Server;
use crate::error::Result;

/// An operator family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorFamily {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Index access method.
    pub method: String,
    /// Operators and functions that are of no operator class, sorted.
    pub members: Vec<OperatorMember>,
}

impl OperatorFamily {
    /// Returns the identity of a family by name.
    pub fn named(schema: &str, name: &str, method: &str) -> Identity {
        Identity::new(Kind::OperatorFamily, [schema, name, method])
    }

    fn sql_name(&self) -> String {
        target::sql_target(&self.identity())
    }

    fn change(&self, verb: &str, members: &[String]) -> Option<Statement> {
        let list = members.join(",\n    ");
        (!members.is_empty()).then(|| Statement::new(format!("ALTER {} {verb}\n    {list}", self.sql_name())))
    }

    /// Returns what takes out and puts in the members that differ; one that changed is both.
    fn changes(&self, desired: &Self) -> Vec<Statement> {
        let gone = self.members.iter().filter(|member| !desired.members.contains(member));
        let new = desired.members.iter().filter(|member| !self.members.contains(member));
        let gone: Vec<String> = gone.map(OperatorMember::key).collect();
        let new: Vec<String> = new.map(ToString::to_string).collect();
        self.change("DROP", &gone)
            .into_iter()
            .chain(self.change("ADD", &new))
            .collect()
    }
}

impl Object for OperatorFamily {
    const CLASS: u32 = 2753;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT f.oid, 0 AS sub, n.nspname AS schema, f.opfname AS name, a.amname AS method, m.*
             FROM pg_catalog.pg_opfamily f
             JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
             JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
             LEFT JOIN {} m ON m.holder = f.oid
             WHERE {} AND {}",
            operator_member::members(Self::CLASS),
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "f.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            method: row.try_get("method")?,
            members: operator_member::read(row)?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name, &self.method)
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let bare = Self {
            members: Vec::new(),
            ..self.clone()
        };
        let mut out = vec![Statement::new(format!("CREATE {}", self.sql_name()))];
        out.extend(bare.changes(self));
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP {}", self.sql_name()))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            method: _,
            members: _,
        } = self;
        Alter::in_place(self.changes(desired))
    }
}
