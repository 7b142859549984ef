//! Index attachment: the link between an index of a partition and the index of the partitioned table that it is part
//! of. PostgreSQL has no statement that undoes it: the two indexes live and die together.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{
    Alter, Context, Index, Key, Kind, Object, Partition, Statement, Table, Transaction, constraint, partitioning, sql,
};
use crate::catalog::{Addresses, Catalog, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// The attachment of an index, a constraint's included, to that of the partitioned table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexAttachment {
    /// Schema of the partition and of its index.
    pub schema: String,
    /// Partition.
    pub table: String,
    /// Index of the partition.
    pub name: String,
    /// Whether the partition's index belongs to a constraint.
    pub of_key: bool,
    /// Schema of the partitioned table and of its index.
    pub parent_schema: String,
    /// Partitioned table.
    pub parent_table: String,
    /// Index of the partitioned table.
    pub parent_name: String,
    /// Whether that index belongs to a constraint; the partition's may when it does not.
    pub parent_of_key: bool,
}

impl IndexAttachment {
    /// Returns the identity of the attachment of a table's index.
    pub fn named(schema: &str, table: &str, name: &str) -> Identity {
        Identity::new(Kind::IndexAttachment, [schema, table, name])
    }

    /// Returns the identity of the partition's index or key.
    pub fn index_identity(&self) -> Identity {
        index_or_key(self.of_key, &self.schema, &self.table, &self.name)
    }

    /// Returns the identity of the partitioned table's index or key.
    pub fn parent_index(&self) -> Identity {
        index_or_key(
            self.parent_of_key,
            &self.parent_schema,
            &self.parent_table,
            &self.parent_name,
        )
    }

    /// Returns the index of the other state that is attached in this one's place, when it only has another name: the
    /// partitioned index and the partition stay, so that neither can be dropped alone.
    pub(super) fn renamed(&self, other: &Catalog, context: &Context) -> Option<Identity> {
        let stays = sql::link_stays(&self.schema, &self.table, context)
            && constraint::is_untouched(&self.parent_index(), context);
        stays.then(|| partitioning::namesake(self, other)).flatten()
    }
}

/// Returns the identity of an index, as that of its constraint where it belongs to one.
pub(super) fn index_or_key(of_key: bool, schema: &str, table: &str, name: &str) -> Identity {
    if of_key {
        Key::named(schema, table, name)
    } else {
        Index::named(schema, name)
    }
}

impl Object for IndexAttachment {
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (2611, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, ic.relname AS name,
                    k.oid IS NOT NULL AS of_key, pn.nspname AS parent_schema, p.relname AS parent_table,
                    pc.relname AS parent_name, pk.oid IS NOT NULL AS parent_of_key
             FROM pg_catalog.pg_inherits h
             JOIN pg_catalog.pg_class ic ON ic.oid = h.inhrelid AND ic.relkind IN ('i', 'I')
             JOIN pg_catalog.pg_index i ON i.indexrelid = ic.oid
             JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_class pc ON pc.oid = h.inhparent
             JOIN pg_catalog.pg_index pi ON pi.indexrelid = pc.oid
             JOIN pg_catalog.pg_class p ON p.oid = pi.indrelid
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = ic.oid AND k.contype IN ('p', 'u', 'x')
             LEFT JOIN pg_catalog.pg_constraint pk ON pk.conindid = pc.oid AND pk.contype IN ('p', 'u', 'x')
             WHERE c.relkind IN ('r', 'p') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            name: row.try_get("name")?,
            of_key: row.try_get("of_key")?,
            parent_schema: row.try_get("parent_schema")?,
            parent_table: row.try_get("parent_table")?,
            parent_name: row.try_get("parent_name")?,
            parent_of_key: row.try_get("parent_of_key")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.name)
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.index_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.parent_index(), Partition::named(&self.schema, &self.table)]
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        // ATTACH PARTITION attaches the indexes that match, and they stand before it.
        if context.is_created(&Partition::named(&self.schema, &self.table))
            || self.renamed(context.from, context).is_some()
        {
            return Vec::new();
        }
        let child = qualified([&self.schema, &self.name]);
        let parent = qualified([&self.parent_schema, &self.parent_name]);
        // Only the two indexes are locked: observed on every version.
        let attach = Statement::new(format!("ALTER INDEX {parent} ATTACH PARTITION {child}"));
        vec![match context.large(&Table::named(&self.schema, &self.table)) {
            // Whoever reads the table asks for its indexes.
            Some(large) => attach.transaction(Transaction::Alone).form(format!(
                "attached in a transaction of its own, when the index is built: {large}"
            )),
            None => attach,
        }]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        // It goes with the index, or when the partition is detached.
        Vec::new()
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            of_key,
            parent_schema,
            parent_table,
            parent_name,
            parent_of_key,
        } = self;
        let same = *of_key == desired.of_key
            && *parent_schema == desired.parent_schema
            && *parent_table == desired.parent_table
            && *parent_name == desired.parent_name
            && *parent_of_key == desired.parent_of_key;
        if same { Alter::Unchanged } else { Alter::Replace }
    }
}
