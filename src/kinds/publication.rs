//! Publication: what is replicated. Its tables and schemas are objects of their own.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, literal},
};
use crate::db::Server;
use crate::error::Result;

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Name.
    pub name: String,
    /// Whether every table is published.
    pub all_tables: bool,
    /// Operations that are published: `insert`, `update`, `delete`, `truncate`, in this order.
    pub operations: Vec<String>,
    /// Whether changes of partitions are published as those of the topmost published parent.
    pub via_root: bool,
    /// Whether stored generated columns are published (PostgreSQL 18).
    pub generated_columns: bool,
}

impl Publication {
    /// Returns the identity of a publication by name.
    pub fn named(name: &str) -> Identity {
        Identity::new(Kind::Publication, [name])
    }

    /// Returns the parameters that differ from another publication's.
    fn parameters(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        if self.operations != other.operations {
            out.push(format!("publish = {}", literal(&self.operations.join(", "))));
        }
        if self.via_root != other.via_root {
            out.push(format!("publish_via_partition_root = {}", self.via_root));
        }
        if self.generated_columns != other.generated_columns {
            let word = if self.generated_columns { "stored" } else { "none" };
            out.push(format!("publish_generated_columns = {word}"));
        }
        out
    }

    fn plain() -> Self {
        Self {
            name: String::new(),
            all_tables: false,
            operations: ["insert", "update", "delete", "truncate"].map(str::to_owned).to_vec(),
            via_root: false,
            generated_columns: false,
        }
    }
}

impl Object for Publication {
    const CLASS: u32 = 6104;

    fn query(server: &Server) -> String {
        let generated = if server.major() >= 18 {
            "p.pubgencols = 's'"
        } else {
            "false"
        };
        format!(
            "SELECT p.oid, 0 AS sub, p.pubname AS name, p.puballtables AS all_tables,
                    array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                                       CASE WHEN p.pubdelete THEN 'delete' END,
                                       CASE WHEN p.pubtruncate THEN 'truncate' END], NULL) AS operations,
                    p.pubviaroot AS via_root, {generated} AS generated_columns
             FROM pg_catalog.pg_publication p WHERE {}",
            sql::no_extension_member(Self::CLASS, "p.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            all_tables: row.try_get("all_tables")?,
            operations: row.try_get("operations")?,
            via_root: row.try_get("via_root")?,
            generated_columns: row.try_get("generated_columns")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.name)
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let all = if self.all_tables { " FOR ALL TABLES" } else { "" };
        let parameters = self.parameters(&Self::plain());
        let with = if parameters.is_empty() {
            String::new()
        } else {
            format!(" WITH ({})", parameters.join(", "))
        };
        vec![Statement::new(format!(
            "CREATE PUBLICATION {}{all}{with}",
            ident(&self.name)
        ))]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP PUBLICATION {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            all_tables,
            operations: _,
            via_root: _,
            generated_columns: _,
        } = self;
        if *all_tables != desired.all_tables {
            return Alter::Replace;
        }
        let parameters = desired.parameters(self);
        if parameters.is_empty() {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![Statement::new(format!(
            "ALTER PUBLICATION {} SET ({})",
            ident(&self.name),
            parameters.join(", ")
        ))])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![Statement::new(format!("ALTER PUBLICATION {from} RENAME TO {to}"))])
    }
}
