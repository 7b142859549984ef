//! Default of a column: an object of its own, so that it can follow the functions and sequences that it uses.

use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{Alter, AnyObject, Column, Context, Fold, Kind, Lock, Object, Row, Statement, Table, fill, partitioning};
use crate::catalog::{
    Address, Addresses, Identity,
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
    /// Returns the identity of a column's default.
    pub fn named(schema: &str, table: &str, column: &str) -> Identity {
        Identity::new(Kind::ColumnDefault, [schema, table, column])
    }

    /// Returns the size of the table when a new column gets its default in two steps: added without, then filled batch by
    /// batch, as each row's value is another one and to add them with the column would write a large table anew.
    pub(super) fn fills_later(column: &Identity, context: &Context) -> Option<String> {
        let Some(AnyObject::ColumnDefault(default)) = context.after(&Identity::new(Kind::ColumnDefault, &column.path))
        else {
            return None;
        };
        let is_new = context.before(column).is_none();
        let large = large_with_parents(column, context)?;
        (is_new && default.volatile).then_some(large)
    }

    /// Returns the statement that fills the rows which were there before the default.
    fn fill(&self, context: &Context) -> Option<Statement> {
        match context.after(&self.column_identity()) {
            Some(AnyObject::Column(column)) => Some(fill::with_default(column, context)),
            _ => None,
        }
    }

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

/// Returns the size of a column's table, or of one that it has the column from, when that is large: one statement adds
/// the column to all of them.
fn large_with_parents(column: &Identity, context: &Context) -> Option<String> {
    let mut open = vec![column.clone()];
    while let Some(identity) = open.pop() {
        let Some(AnyObject::Column(column)) = context.after(&identity) else {
            continue;
        };
        if let Some(large) = context.large(&column.table_identity()) {
            return Some(large);
        }
        let parents = column.parents.iter();
        open.extend(parents.map(|(schema, table)| Column::named(schema, table, &column.name)));
    }
    None
}

impl Object for ColumnDefault {
    const CLASS: u32 = 2604;
    const LATE: bool = true;

    fn query(_server: &Server) -> String {
        // A default names no column, so that PostgreSQL need not look its table up; what a generated column is computed by may,
        // and is read with the column. An expression tree holds the OIDs of its functions behind `:funcid` and `:opfuncid`;
        // the text of a constant stands in it as numbers.
        "SELECT d.oid, 0 AS sub, d.adrelid, d.adnum::int4 AS adnum,
                    CASE WHEN pg_catalog.strpos(d.adbin::text, '{VAR ') = 0
                         THEN pg_catalog.pg_get_expr(d.adbin, 0) END AS expression,
                    pg_catalog.strpos(d.adbin::text, 'funcid ') > 0
                    AND (SELECT pg_catalog.bool_or(pg_catalog.split_part(u.behind, ' ', 1) IN
                                    (SELECT p.oid::text FROM pg_catalog.pg_proc p WHERE p.provolatile = 'v'))
                         FROM pg_catalog.unnest(pg_catalog.string_to_array(d.adbin::text, 'funcid ')) AS u (behind)) AS volatile
             FROM pg_catalog.pg_attrdef d
             WHERE d.oid >= 16384"
            .to_owned()
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let (table, number): (u32, i32) = (row.try_get("adrelid")?, row.try_get("adnum")?);
        let Some(Identity {
            kind: Kind::Column,
            path,
        }) = addresses.exact(Column::CLASS, table, number)
        else {
            return Ok(None);
        };
        let Some(expression) = row.try_get("expression")? else {
            return Ok(None);
        };
        if addresses.noted().is_generated(table, number) {
            return Ok(None);
        }
        Ok(Some(Self {
            schema: path[0].to_string(),
            table: path[1].to_string(),
            column: path[2].to_string(),
            expression,
            volatile: row.try_get("volatile")?,
        }))
    }

    fn stands_for(row: &Row, addresses: &Addresses) -> Result<Option<Address>> {
        // What computes a generated column is the column.
        let (table, number) = (row.try_get("adrelid")?, row.try_get("adnum")?);
        let is_generated = addresses.noted().is_generated(table, number);
        Ok(is_generated.then_some((Column::CLASS, table, number)))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.column)
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
        if fill::is_declared(&self.column_identity(), context) {
            // A default that comes with the column would be the value of the rows that are there.
            let form = "set behind the new column, whose rows are then filled otherwise";
            let mut out = vec![self.set().form(form)];
            out.extend(fill::declared(&self.column_identity(), context));
            return out;
        }
        if let Some(large) = Self::fills_later(&self.column_identity(), context) {
            let form = format!("set behind the new column, whose rows are then filled in batches: {large}");
            let mut out = vec![self.set().form(&form)];
            if !partitioning::is_partitioned(&self.schema, &self.table, context.to) {
                out.extend(self.fill(context).map(|fill| fill.form(&form)));
            }
            return out;
        }
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
