//! Operator class: how an index access method treats a type.

use serde::{Deserialize, Serialize};

use super::operator_member::{self, OperatorMember};
use super::{Alter, Context, Kind, Object, OperatorFamily, Row, Statement, sql, target};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// An operator class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorClass {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Index access method.
    pub method: String,
    /// Whether it is the one that is used for its type.
    pub is_default: bool,
    /// Type, as formatted.
    pub data_type: String,
    /// Operator family: schema and name.
    pub family: (String, String),
    /// Type that is stored in the index when it is another one, as formatted.
    pub storage: Option<String>,
    /// Operators and functions, sorted.
    pub members: Vec<OperatorMember>,
}

impl OperatorClass {
    fn family_identity(&self) -> Identity {
        OperatorFamily::named(&self.family.0, &self.family.1, &self.method)
    }
}

impl Object for OperatorClass {
    const CLASS: u32 = 2616;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.opcname AS name, a.amname AS method, c.opcdefault AS is_default,
                    pg_catalog.format_type(c.opcintype, NULL) AS data_type, k.nspname AS family_schema,
                    f.opfname AS family_name,
                    CASE WHEN c.opckeytype <> 0 THEN pg_catalog.format_type(c.opckeytype, NULL) END AS storage, m.*
             FROM pg_catalog.pg_opclass c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
             JOIN pg_catalog.pg_am a ON a.oid = c.opcmethod
             JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
             JOIN pg_catalog.pg_namespace k ON k.oid = f.opfnamespace
             LEFT JOIN {} m ON m.holder = c.oid
             WHERE {} AND {}",
            operator_member::members(Self::CLASS),
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            method: row.try_get("method")?,
            is_default: row.try_get("is_default")?,
            data_type: row.try_get("data_type")?,
            family: (row.try_get("family_schema")?, row.try_get("family_name")?),
            storage: row.try_get("storage")?,
            members: operator_member::read(row)?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::OperatorClass, [&self.schema, &self.name, &self.method])
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema]), self.family_identity()]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let mut items: Vec<String> = self.members.iter().map(ToString::to_string).collect();
        // The list must not be empty; the type itself as storage says nothing.
        let storage = self.storage.as_ref().or(items.is_empty().then_some(&self.data_type));
        items.extend(storage.map(|storage| format!("STORAGE {storage}")));
        let default = if self.is_default { " DEFAULT" } else { "" };
        vec![Statement::new(format!(
            "CREATE OPERATOR CLASS {}{default} FOR TYPE {} USING {} FAMILY {} AS\n    {}",
            qualified([&self.schema, &self.name]),
            self.data_type,
            ident(&self.method),
            qualified([&self.family.0, &self.family.1]),
            items.join(",\n    ")
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP {}", target::sql_target(&self.identity())))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            method: _,
            is_default,
            data_type,
            family,
            storage,
            members,
        } = self;
        let same = *is_default == desired.is_default
            && *data_type == desired.data_type
            && *family == desired.family
            && *storage == desired.storage
            && *members == desired.members;
        if same { Alter::Unchanged } else { Alter::Replace }
    }
}
