//! Options of a column of a foreign table.

use serde::{Deserialize, Serialize};

use super::{Alter, Column, Context, Fold, Kind, Lock, Object, Row, Statement, foreign_options, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The options of a column of a foreign table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignColumn {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// Options as `name=value`, sorted, with marks for secrets.
    pub options: Vec<String>,
}

impl ForeignColumn {
    fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    fn change(&self, live: &[String], desired: &[String]) -> Vec<Statement> {
        let (table, column) = (qualified([&self.schema, &self.table]), ident(&self.column));
        let change = foreign_options::change(live, desired).map(|change| {
            Statement::new(format!("ALTER FOREIGN TABLE {table} ALTER COLUMN {column} {change}")).locks(
                Identity::new(Kind::Table, [&self.schema, &self.table]),
                Lock::AccessExclusive,
            )
        });
        change.into_iter().collect()
    }
}

impl Object for ForeignColumn {
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (1259, "f");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, a.attnum::int4 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column, {} AS options
             FROM pg_catalog.pg_foreign_table f
             JOIN pg_catalog.pg_class c ON c.oid = f.ftrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE a.attfdwoptions IS NOT NULL AND {} AND {}",
            foreign_options::column("a.attfdwoptions"),
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let options = foreign_options::read(row, "options")?;
        if options.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            column: row.try_get("column")?,
            options,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::ForeignColumn, [&self.schema, &self.table, &self.column])
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.column_identity())
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        self.change(&[], &self.options)
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let implied = |statement: Statement| {
            statement.fold(Fold::Implied {
                host: self.column_identity(),
            })
        };
        self.change(&self.options, &[]).into_iter().map(implied).collect()
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            column: _,
            options,
        } = self;
        Alter::in_place(self.change(options, &desired.options))
    }
}
