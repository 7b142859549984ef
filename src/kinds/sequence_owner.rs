//! Ownership of a sequence by a column (`OWNED BY`): an object of its own, so that sequence, default and column form no
//! cycle.

use serde::{Deserialize, Serialize};

use super::{Alter, AnyObject, Column, Context, Fold, Kind, Object, Owner, Row, Sequence, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The ownership of a sequence by a column of a table, which PostgreSQL keeps in the same schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceOwner {
    /// Schema of sequence and table.
    pub schema: String,
    /// Sequence.
    pub sequence: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
}

impl SequenceOwner {
    /// Returns the identity of the ownership of a sequence by name.
    pub fn named(schema: &str, sequence: &str) -> Identity {
        Identity::new(Kind::SequenceOwner, [schema, sequence])
    }

    /// Returns the identity of the owning column.
    pub fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    /// Returns the identity of the sequence.
    pub fn sequence_identity(&self) -> Identity {
        Sequence::named(&self.schema, &self.sequence)
    }

    fn statement(&self, owner: &str) -> Statement {
        let sequence = qualified([&self.schema, &self.sequence]);
        Statement::new(format!("ALTER SEQUENCE {sequence} OWNED BY {owner}"))
    }

    fn own(&self) -> Statement {
        self.statement(&qualified([&self.schema, &self.table, &self.column]))
    }

    /// Returns what gives the sequence to the owner of its table, without which PostgreSQL refuses the link. A change of
    /// the table's owner comes later and takes the sequence along.
    fn follow_table(&self, context: &Context) -> Option<Statement> {
        let role = |identity: &Identity| {
            let role = Owner::role_of(identity, context.from);
            role.unwrap_or(&context.from.role).to_owned()
        };
        let sequence = match context.before(&self.identity()) {
            Some(AnyObject::SequenceOwner(live)) => role(&live.table_identity()),
            _ => role(&self.sequence_identity()),
        };
        let table = role(&self.table_identity());
        let name = qualified([&self.schema, &self.sequence]);
        (sequence != table).then(|| Statement::new(format!("ALTER SEQUENCE {name} OWNER TO {}", ident(&table))))
    }

    /// Returns the identity of the owning table.
    pub(super) fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    /// Returns what lets a new sequence go on behind the values of a column that is already there.
    fn go_on(&self, context: &Context) -> Option<Statement> {
        let (Some(AnyObject::Sequence(sequence)), Some(AnyObject::Column(column))) = (
            context.after(&self.sequence_identity()),
            context.after(&self.column_identity()),
        ) else {
            return None;
        };
        let counts = matches!(column.data_type.as_str(), "smallint" | "integer" | "bigint");
        if !counts || !context.is_created(&self.sequence_identity()) || !context.stays(&self.column_identity()) {
            return None;
        }
        let name = qualified([&self.schema, &self.sequence]);
        let table = column.table_identity();
        let sql = sequence
            .options
            .go_on(&name, &qualified(&table.path), &ident(&self.column));
        Some(Statement::new(sql).scans(table))
    }
}

impl Object for SequenceOwner {
    // The row of `pg_depend` that says it is no object itself.
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (1259, "S");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS sequence, t.relname AS table, a.attname AS column
             FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 1259 AND d.objsubid = 0 AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype = 'a'
               AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            sequence: row.try_get("sequence")?,
            table: row.try_get("table")?,
            column: row.try_get("column")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.sequence)
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.sequence_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.column_identity()]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![Owner::of_sequence(&self.schema, &self.sequence)]
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let mut out: Vec<Statement> = self.follow_table(context).into_iter().collect();
        out.push(self.own());
        out.extend(self.go_on(context));
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![self.statement("NONE").fold(Fold::Implied {
            host: self.sequence_identity(),
        })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            sequence: _,
            table,
            column,
        } = self;
        if *table == desired.table && *column == desired.column {
            return Alter::Unchanged;
        }
        let mut out = Vec::new();
        if let Some(follow) = desired.follow_table(context) {
            out.extend([self.statement("NONE"), follow]);
        }
        out.push(desired.own());
        Alter::in_place(out)
    }
}
