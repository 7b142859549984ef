//! Replica identity: what logical replication sends of an old row, where it is not the primary key.

use serde::{Deserialize, Serialize};

use super::{Alter, Context, Fold, Index, Key, Kind, Lock, Object, Row, Statement, Table, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentityChoice {
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// The columns of an index.
    Index {
        /// Index.
        name: String,
        /// Whether the index belongs to a key.
        of_key: bool,
    },
}

/// The replica identity of a table, when it is not the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaIdentity {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// What identifies a row.
    pub choice: ReplicaIdentityChoice,
}

impl ReplicaIdentity {
    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn action(&self, choice: &str) -> Statement {
        let table = qualified([&self.schema, &self.table]);
        Statement::new(format!("ALTER TABLE ONLY {table} REPLICA IDENTITY {choice}"))
            .locks(self.table_identity(), Lock::AccessExclusive)
    }

    fn set(&self) -> Statement {
        match &self.choice {
            ReplicaIdentityChoice::Nothing => self.action("NOTHING"),
            ReplicaIdentityChoice::Full => self.action("FULL"),
            ReplicaIdentityChoice::Index { name, .. } => self.action(&format!("USING INDEX {}", ident(name))),
        }
    }
}

impl Object for ReplicaIdentity {
    const CLASS: u32 = 0;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, c.relreplident::text AS choice,
                    ic.relname AS index, k.oid IS NOT NULL AS of_key
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident AND c.relreplident = 'i'
             LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
             LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
             WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let letter: String = row.try_get("choice")?;
        let index: Option<String> = row.try_get("index")?;
        let choice = match (letter.as_str(), index) {
            ("f", _) => ReplicaIdentityChoice::Full,
            ("i", Some(name)) => ReplicaIdentityChoice::Index {
                name,
                of_key: row.try_get("of_key")?,
            },
            // An index that has been dropped since leaves a table that identifies its rows by nothing.
            _ => ReplicaIdentityChoice::Nothing,
        };
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            choice,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::ReplicaIdentity, [&self.schema, &self.table])
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        match &self.choice {
            ReplicaIdentityChoice::Index { name, of_key: true } => {
                vec![Key::named(&self.schema, &self.table, name)]
            }
            ReplicaIdentityChoice::Index { name, of_key: false } => vec![Index::named(&self.schema, name)],
            _ => Vec::new(),
        }
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        vec![self.set()]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![self.action("DEFAULT").fold(Fold::Implied {
            host: self.table_identity(),
        })]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            choice,
        } = self;
        if *choice == desired.choice {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.set()])
    }
}
