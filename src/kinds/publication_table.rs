//! Table of a publication, with the columns and rows that are published.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Fold, Kind, Lock, Object, Publication, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, list, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A table of a publication.
#[derive(Debug, Clone, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationTable {
    /// Publication.
    pub publication: String,
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Columns that are published, in table order; `None` for all (PostgreSQL 15).
    pub columns: Option<Vec<String>>,
    /// Condition on the rows that are published, as PostgreSQL deparses it (PostgreSQL 15).
    pub filter: Option<String>,
}

impl PartialEq for PublicationTable {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            publication,
            schema,
            table,
            columns,
            filter,
        } = self;
        *publication == other.publication
            && *schema == other.schema
            && *table == other.table
            && set(columns.as_ref()) == set(other.columns.as_ref())
            && *filter == other.filter
    }
}

/// Returns columns as they count: PostgreSQL cannot move one, so that their order is no difference.
fn set(columns: Option<&Vec<String>>) -> Option<BTreeSet<&String>> {
    columns.map(|columns| columns.iter().collect())
}

impl PublicationTable {
    /// Returns the identity of a table's place in a publication.
    pub fn named(publication: &str, schema: &str, table: &str) -> Identity {
        Identity::new(Kind::PublicationTable, [publication, schema, table])
    }

    fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    fn statement(&self, action: &str) -> Statement {
        let publication = ident(&self.publication);
        Statement::new(format!("ALTER PUBLICATION {publication} {action}"))
            .locks(self.table_identity(), Lock::ShareUpdateExclusive)
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.table])
    }

    fn add(&self) -> Statement {
        let columns = self.columns.as_ref().map(|columns| format!(" ({})", list(columns)));
        let filter = self.filter.as_ref().map(|filter| format!(" WHERE {filter}"));
        // ONLY: tables that inherit have a row of their own.
        self.statement(&format!(
            "ADD TABLE ONLY {}{}{}",
            self.sql_name(),
            columns.unwrap_or_default(),
            filter.unwrap_or_default()
        ))
    }

    fn remove(&self) -> Statement {
        self.statement(&format!("DROP TABLE ONLY {}", self.sql_name()))
    }
}

impl Object for PublicationTable {
    const CLASS: u32 = 6106;
    const AMONG: (u32, &'static str) = (6104, "");

    fn query(server: &Server) -> String {
        let (columns, filter) = if server.major() >= 15 {
            (
                "(SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))",
                "pg_catalog.pg_get_expr(r.prqual, r.prrelid)",
            )
        } else {
            ("NULL::text[]", "NULL::text")
        };
        format!(
            "SELECT r.oid, 0 AS sub, p.pubname AS publication, n.nspname AS schema, c.relname AS table,
                    {columns} AS columns, {filter} AS filter
             FROM pg_catalog.pg_publication_rel r
             JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
             JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(6104, "p.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            publication: row.try_get("publication")?,
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            columns: row.try_get("columns")?,
            filter: row.try_get("filter")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.publication, &self.schema, &self.table)
    }

    fn significant(mut self) -> Self {
        if let Some(columns) = &mut self.columns {
            columns.sort();
        }
        self
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // Column lists and whole schemas do not stand beside each other.
        context.leaving(Kind::PublicationSchema)
    }

    fn parent(&self) -> Option<Identity> {
        Some(Publication::named(&self.publication))
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.table_identity()]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.add()]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![self.remove().fold(Fold::Implied {
            host: Publication::named(&self.publication),
        })]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        if self == desired {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![self.remove(), desired.add()])
    }
}
