//! Partition: the link between a table and the partitioned table that it is attached to. The table itself is an object
//! of its own that stands alone, so that attaching and detaching it keeps its rows.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Context, Kind, Lock, Object, Statement, Table, partitioning, sql};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The attachment of a table to a partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Schema of the partition.
    pub schema: String,
    /// Partition.
    pub table: String,
    /// Schema of the partitioned table.
    pub parent_schema: String,
    /// Partitioned table.
    pub parent_table: String,
    /// Bound as PostgreSQL deparses it (`FOR VALUES FROM (1) TO (10)`, `DEFAULT`).
    pub bound: String,
    /// Whether a `DETACH … CONCURRENTLY` was interrupted half-way.
    pub detaching: bool,
}

/// Kinds of a table's objects that `ATTACH` compares with those of the partitioned table.
const COMPARED: &[Kind] = &[Kind::Column, Kind::NotNull, Kind::Check, Kind::Key];

impl Partition {
    /// Returns the identity of a table's attachment.
    pub fn named(schema: &str, table: &str) -> Identity {
        Identity::new(Kind::Partition, [schema, table])
    }

    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn parent_identity(&self) -> Identity {
        Table::named(&self.parent_schema, &self.parent_table)
    }

    fn action(&self, action: &str) -> Statement {
        let parent = qualified([&self.parent_schema, &self.parent_table]);
        Statement::new(format!("ALTER TABLE {parent} {action}"))
    }

    /// Tells whether the plan drops the table itself, attached as it is. PostgreSQL refuses that while a foreign key
    /// references the partitioned table.
    fn goes_with_table(&self, context: &Context) -> bool {
        !context.to.contains(&self.table_identity()) && !self.is_referenced(context.from)
    }

    fn is_referenced(&self, catalog: &Catalog) -> bool {
        let mut above = vec![self.parent_identity()];
        let mut partition = self;
        while let Some(AnyObject::Partition(next)) =
            catalog.get(&Self::named(&partition.parent_schema, &partition.parent_table))
        {
            above.push(next.parent_identity());
            partition = next;
        }
        partitioning::foreign_keys(catalog).any(|key| above.contains(&key.referenced_identity()))
    }

    fn is_of_table(&self, identity: &Identity, context: &Context) -> bool {
        let of_table = |parent: Identity| parent == self.table_identity();
        identity.path.starts_with(&[self.schema.clone(), self.table.clone()])
            || context
                .before(identity)
                .and_then(AnyObject::parent)
                .is_some_and(of_table)
    }

    /// Returns the default partition beside this one, which PostgreSQL searches for rows of a new one.
    fn default_sibling(&self, catalog: &Catalog) -> Option<Identity> {
        partitioning::partitions(catalog)
            .find(|other| {
                other.bound == "DEFAULT"
                    && other.parent_identity() == self.parent_identity()
                    && other.table_identity() != self.table_identity()
            })
            .map(Self::table_identity)
    }

    /// Returns what `ATTACH` compares between the two tables, as far as either state has it.
    fn compared(&self, context: &Context) -> Vec<Identity> {
        let mut out = Vec::new();
        for catalog in [context.from, context.to] {
            for (schema, table) in [(&self.schema, &self.table), (&self.parent_schema, &self.parent_table)] {
                for kind in COMPARED {
                    let found = partitioning::within(catalog, *kind, schema, table);
                    out.extend(found.map(|(identity, _)| identity.clone()));
                }
            }
            for (_, object) in partitioning::within(catalog, Kind::IndexAttachment, &self.schema, &self.table) {
                if let AnyObject::IndexAttachment(attachment) = object {
                    out.extend([attachment.index_identity(), attachment.parent_index()]);
                }
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// Returns the indexes that the partitioned table will have.
    fn indexes_of_parent(&self, context: &Context) -> Vec<Identity> {
        let schema = Identity::new(Kind::Index, [&self.parent_schema]);
        let of_schema = context.to.objects.range(schema..);
        of_schema
            .map_while(|(identity, object)| match object {
                AnyObject::Index(index) if index.schema == self.parent_schema => Some((identity, index)),
                _ => None,
            })
            .filter(|(_, index)| index.table == self.parent_table)
            .map(|(identity, _)| identity.clone())
            .collect()
    }

    /// Returns the statements that drop the foreign keys which the table had from its parent and keeps when it leaves.
    fn drop_left_behind(&self, context: &Context) -> Vec<Statement> {
        partitioning::within(context.from, Kind::ForeignKey, &self.schema, &self.table)
            .filter_map(|(identity, object)| match (object, context.after(identity)) {
                (AnyObject::ForeignKey(live), Some(AnyObject::ForeignKey(desired))) => {
                    (live.inherited.is_some() && !live.is_same_rule(desired)).then_some(live)
                }
                (AnyObject::ForeignKey(live), _) => live.inherited.is_some().then_some(live),
                _ => None,
            })
            .map(|left| {
                let table = qualified([&self.schema, &self.table]);
                Statement::new(format!(
                    "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {}",
                    ident(&left.own_name)
                ))
                .locks(self.table_identity(), Lock::AccessExclusive)
                .locks(left.referenced_identity(), Lock::AccessExclusive)
            })
            .collect()
    }
}

impl Object for Partition {
    const CLASS: u32 = 0;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, pn.nspname AS parent_schema,
                    p.relname AS parent_table, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
                    h.inhdetachpending AS detaching
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
             JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND {} AND {}",
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
            bound: row.try_get("bound")?,
            detaching: row.try_get("detaching")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table)
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.parent_identity()]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        // A bound may lie where another one ends only now: all that leave the parent leave before any comes.
        vec![(
            "bounds of partitions",
            qualified([&self.parent_schema, &self.parent_table]),
        )]
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        self.compared(context)
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        let mut out = self.compared(context);
        out.extend(self.indexes_of_parent(context));
        if self.goes_with_table(context) {
            // The table's own objects go with it. Of its parent's, what is lost could not be dropped on it alone, and
            // a new index would stay invalid for want of the table's.
            let waits = |identity: &Identity| {
                context.from.contains(identity) || matches!(identity.kind, Kind::Key | Kind::Index)
            };
            out.retain(|identity| waits(identity) && !self.is_of_table(identity, context));
        }
        out
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        self.goes_with_table(context).then(|| self.table_identity())
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let table = qualified([&self.schema, &self.table]);
        let mut attach = self
            .action(&format!("ATTACH PARTITION {table} {}", self.bound))
            .locks(self.parent_identity(), Lock::ShareUpdateExclusive)
            .locks(self.table_identity(), Lock::AccessExclusive)
            .scans(self.table_identity());
        if let Some(default) = self.default_sibling(context.to).filter(|_| self.bound != "DEFAULT") {
            attach = attach.locks(default.clone(), Lock::AccessExclusive).scans(default);
        }
        vec![attach]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let table = qualified([&self.schema, &self.table]);
        let finalize = if self.detaching { " FINALIZE" } else { "" };
        let mut detach = self
            .action(&format!("DETACH PARTITION {table}{finalize}"))
            .locks(self.parent_identity(), Lock::AccessExclusive)
            .locks(self.table_identity(), Lock::AccessExclusive);
        if let Some(default) = self.default_sibling(context.from) {
            detach = detach.locks(default, Lock::AccessExclusive);
        }
        let mut out = vec![detach];
        if context.to.contains(&self.table_identity()) {
            out.extend(self.drop_left_behind(context));
        }
        out
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            parent_schema,
            parent_table,
            bound,
            detaching,
        } = self;
        let same = *parent_schema == desired.parent_schema
            && *parent_table == desired.parent_table
            && *bound == desired.bound
            && *detaching == desired.detaching;
        if same { Alter::Unchanged } else { Alter::Replace }
    }
}
