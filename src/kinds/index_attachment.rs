//! Index attachment: the link between an index of a partition and the index of the partitioned table that it is part
//! of. PostgreSQL has no statement that undoes it: the two indexes live and die together.

use serde::{Deserialize, Serialize};

use super::{
    Alter, Context, Index, Key, Kind, Object, Partition, Row, Statement, Table, Transaction, constraint, partitioning,
    sql,
};
use crate::catalog::{Addresses, Catalog, Identity, quote::qualified};
use crate::db::Server;
use crate::error::{Error, Result};

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
    const LATE: bool = true;
    const AMONG: (u32, &'static str) = (2611, "");

    fn query(_server: &Server) -> String {
        "SELECT 0::oid AS oid, 0 AS sub, h.inhrelid AS index, h.inhparent AS parent, i.indrelid AS table,
                p.indrelid AS parent_table
         FROM pg_catalog.pg_inherits h
         JOIN pg_catalog.pg_index i ON i.indexrelid = h.inhrelid
         JOIN pg_catalog.pg_index p ON p.indexrelid = h.inhparent"
            .to_owned()
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let table = |column: &str| Ok::<_, Error>(sql::table_at(addresses, row.try_get(column)?));
        let index = |column: &str| Ok::<_, Error>(addresses.resolve(Index::CLASS, row.try_get(column)?, 0));
        let ((Some((schema, table)), Some(own)), (Some((parent_schema, parent_table)), Some(parent))) = (
            (table("table")?, index("index")?),
            (table("parent_table")?, index("parent")?),
        ) else {
            return Ok(None);
        };
        Ok(Some(Self {
            schema,
            table,
            name: own.name().to_owned(),
            of_key: own.kind == Kind::Key,
            parent_schema,
            parent_table,
            parent_name: parent.name().to_owned(),
            parent_of_key: parent.kind == Kind::Key,
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
