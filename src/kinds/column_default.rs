//! Default of a column: an object of its own, so that it can follow the functions and sequences that it uses.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{Alter, Column, Context, Fold, Kind, Lock, Object, Statement, Table, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The default expression of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDefault {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// Expression as PostgreSQL deparses it.
    pub expression: String,
    /// Whether each row gets a value of its own, so that a new column is written into every row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volatile: bool,
}

impl ColumnDefault {
    fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    fn action(&self, action: &str) -> Statement {
        let table = qualified([&self.schema, &self.table]);
        // ONLY: the defaults of partitions and inheriting tables are objects of their own.
        Statement::new(format!(
            "ALTER TABLE ONLY {table} ALTER COLUMN {} {action}",
            ident(&self.column)
        ))
        .locks(
            Identity::new(Kind::Table, [&self.schema, &self.table]),
            Lock::AccessExclusive,
        )
    }

    fn set(&self) -> Statement {
        self.action(&format!("SET DEFAULT {}", self.expression))
    }
}

impl Object for ColumnDefault {
    const CLASS: u32 = 2604;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT d.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column,
                    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
                    EXISTS (SELECT 1
                            FROM pg_catalog.regexp_matches(d.adbin::text, ':(?:op)?funcid (\\d+) ', 'g') AS used
                            JOIN pg_catalog.pg_proc p ON p.oid = used[1]::oid
                            WHERE p.provolatile = 'v') AS volatile
             FROM pg_catalog.pg_attrdef d
             JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
             WHERE c.relkind IN ('r', 'p', 'f') AND a.attgenerated = '' AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            column: row.try_get("column")?,
            expression: row.try_get("expression")?,
            volatile: row.try_get("volatile")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::ColumnDefault, [&self.schema, &self.table, &self.column])
    }

    fn significant(self) -> Self {
        Self {
            expression: settle(&self.expression),
            volatile: false,
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.column_identity())
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("column value", qualified([&self.schema, &self.table, &self.column]))]
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let (column, table) = (self.column_identity(), Table::named(&self.schema, &self.table));
        let mut set = self.set();
        if self.volatile && context.stays(&table) && !context.stays(&column) {
            set = set.rewrites(table.clone()).scans(table);
        }
        let sql = format!(" DEFAULT {}", self.expression);
        vec![set.fold(Fold::Suffix { host: column, sql })]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![self.action("DROP DEFAULT").fold(Fold::Implied {
            host: self.column_identity(),
        })]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            column: _,
            expression,
            volatile: _,
        } = self;
        if same(expression, &desired.expression) {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.set()])
    }
}
