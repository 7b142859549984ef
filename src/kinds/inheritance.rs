//! Inheritance: the link between a table and one of the tables that it inherits from. `CREATE TABLE … INHERITS` says it
//! for a new table; on a table that stands it comes and goes alone, so that the rows of both stay.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Column, Context, Kind, Lock, Object, Row, Statement, Table, partitioning, sql};
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
    /// Inherited columns in their order, each with whether the table would have it without the parent.
    pub columns: Vec<(String, bool)>,
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

    /// Tells whether the table inherits from the other one.
    pub(super) fn is_of(&self, parent: &Identity) -> bool {
        self.parent_identity() == *parent
    }

    fn action(&self, verb: &str) -> Statement {
        let (table, parent) = (
            qualified([&self.schema, &self.table]),
            qualified([&self.parent_schema, &self.parent_table]),
        );
        Statement::new(format!("ALTER TABLE {table} {verb} {parent}"))
            .locks(self.table_identity(), Lock::AccessExclusive)
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

    /// Tells whether the table has to leave the parent in between: to keep a column that the parent takes along, or to drop
    /// one of its own that the parent loses too, which PostgreSQL does on the parent alone.
    fn is_replaced_by(&self, desired: &Self, context: &Context) -> bool {
        let stays = |column: &String| context.to.contains(&Column::named(&self.schema, &self.table, column));
        let inherited = |column: &String| desired.columns.iter().any(|(name, _)| name == column);
        let mut freed = self.columns.iter().filter(|(name, _)| !inherited(name));
        freed.any(|(name, own)| stays(name) != *own)
    }

    /// Tells whether a table inherits from another throughout the plan.
    pub(super) fn stays(schema: &str, table: &str, parent: &(String, String), context: &Context) -> bool {
        let identity = Self::named(schema, table, parent);
        matches!((context.before(&identity), context.after(&identity)),
            (Some(AnyObject::Inheritance(live)), Some(AnyObject::Inheritance(desired)))
                if !live.is_replaced_by(desired, context))
    }

    fn named(schema: &str, table: &str, (parent_schema, parent): &(String, String)) -> Identity {
        Identity::new(Kind::Inheritance, [schema, table, parent_schema, parent])
    }

    /// Tells whether the table is dropped or made anew, which says the link too.
    fn goes_with_table(&self, context: &Context) -> bool {
        !context.to.contains(&self.table_identity()) || sql::is_made(&self.table_identity(), context)
    }
}

impl Object for Inheritance {
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (2611, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, pn.nspname AS parent_schema,
                    p.relname AS parent_table, a.columns, a.own
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
             JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             CROSS JOIN LATERAL (SELECT array_agg(a.attname::text ORDER BY a.attnum) AS columns,
                                        array_agg(a.attislocal ORDER BY a.attnum) AS own
                                 FROM pg_catalog.pg_attribute a
                                 JOIN pg_catalog.pg_attribute pa ON pa.attrelid = p.oid AND pa.attname = a.attname
                                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a
             WHERE NOT c.relispartition AND c.relkind IN ('r', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let columns: Option<Vec<String>> = row.try_get("columns")?;
        let own: Option<Vec<bool>> = row.try_get("own")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            parent_schema: row.try_get("parent_schema")?,
            parent_table: row.try_get("parent_table")?,
            columns: columns
                .unwrap_or_default()
                .into_iter()
                .zip(own.unwrap_or_default())
                .collect(),
        }))
    }

    fn identity(&self) -> Identity {
        let parent = (self.parent_schema.clone(), self.parent_table.clone());
        Self::named(&self.schema, &self.table, &parent)
    }

    fn significant(self) -> Self {
        Self {
            columns: Vec::new(),
            ..self
        }
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
        vec![
            self.action("INHERIT")
                .locks(self.parent_identity(), Lock::ShareUpdateExclusive),
        ]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        if self.goes_with_table(context) {
            return Vec::new();
        }
        vec![self.action("NO INHERIT")]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            parent_schema: _,
            parent_table: _,
            columns: _,
        } = self;
        if self.is_replaced_by(desired, context) {
            return Alter::Replace;
        }
        Alter::Unchanged
    }
}
