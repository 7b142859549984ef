//! Inheritance: the link between a table and one of the tables that it inherits from. `CREATE TABLE … INHERITS` says it
//! for a new table; on a table that stands it comes and goes alone, so that the rows of both stay.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{Alter, Context, Kind, Lock, Object, Statement, Table, partitioning, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// The inheritance of a table from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inheritance {
    /// Schema of the table that inherits.
    pub schema: String,
    /// Table that inherits.
    pub table: String,
    /// Schema of the parent.
    pub parent_schema: String,
    /// Parent.
    pub parent_table: String,
}

/// Kinds of a table's objects that `INHERIT` compares with those of the parent, and that a parent's changes reach.
const COMPARED: &[Kind] = &[Kind::Column, Kind::NotNull, Kind::Check];

impl Inheritance {
    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn parent_identity(&self) -> Identity {
        Table::named(&self.parent_schema, &self.parent_table)
    }

    fn action(&self, verb: &str) -> Statement {
        let (table, parent) = (
            qualified([&self.schema, &self.table]),
            qualified([&self.parent_schema, &self.parent_table]),
        );
        Statement::new(format!("ALTER TABLE {table} {verb} {parent}"))
            .locks(self.table_identity(), Lock::AccessExclusive)
            .locks(self.parent_identity(), Lock::ShareUpdateExclusive)
    }

    /// Returns what both tables have to agree in, as far as either state has it.
    fn compared(&self, context: &Context) -> Vec<Identity> {
        let mut out = Vec::new();
        for catalog in [context.from, context.to] {
            for (schema, table) in [(&self.schema, &self.table), (&self.parent_schema, &self.parent_table)] {
                for kind in COMPARED {
                    let found = partitioning::within(catalog, *kind, schema, table);
                    out.extend(found.map(|(identity, _)| identity.clone()));
                }
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// Tells whether the table is dropped or made anew, which says the link too.
    fn goes_with_table(&self, context: &Context) -> bool {
        !context.to.contains(&self.table_identity()) || sql::is_made(&self.table_identity(), context)
    }
}

impl Object for Inheritance {
    const CLASS: u32 = 0;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, pn.nspname AS parent_schema,
                    p.relname AS parent_table
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
             JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             WHERE NOT c.relispartition AND c.relkind IN ('r', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            parent_schema: row.try_get("parent_schema")?,
            parent_table: row.try_get("parent_table")?,
        }))
    }

    fn identity(&self) -> Identity {
        let path = [&self.schema, &self.table, &self.parent_schema, &self.parent_table];
        Identity::new(Kind::Inheritance, path)
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.parent_identity()]
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        if self.goes_with_table(context) {
            return Vec::new();
        }
        self.compared(context)
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        self.after(context)
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        if self.goes_with_table(context) {
            return Vec::new();
        }
        vec![self.action("INHERIT")]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        if self.goes_with_table(context) {
            return Vec::new();
        }
        vec![self.action("NO INHERIT")]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            parent_schema,
            parent_table,
        } = self;
        if *parent_schema == desired.parent_schema && *parent_table == desired.parent_table {
            return Alter::Unchanged;
        }
        Alter::Replace
    }
}
