//! Identity of a column (`GENERATED … AS IDENTITY`) with the sequence behind it.

use serde::{Deserialize, Serialize};

use super::sequence_options::{self, SequenceOptions, Step};
use super::{
    Alter, AnyObject, Column, Context, Fold, Kind, Lock, Loss, NotNull, Object, Row, Statement, derived_name, sql,
};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The identity of a column. A partition that takes part in its parent's identity (PostgreSQL 17) has none of its own:
/// there is no sequence behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnIdentity {
    /// Schema of the table, and of the sequence.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// Whether a value may be given only with `OVERRIDING SYSTEM VALUE`.
    pub always: bool,
    /// Name of the sequence.
    pub sequence: String,
    /// Whether the sequence is logged when its table is not, or the other way round (PostgreSQL 15).
    pub logged_apart: bool,
    /// Range and steps; the type is the column's and follows it by itself.
    pub options: SequenceOptions,
}

impl ColumnIdentity {
    fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    fn table_name(&self) -> String {
        qualified([&self.schema, &self.table])
    }

    fn sequence_name(&self) -> String {
        qualified([&self.schema, &self.sequence])
    }

    fn action(&self, action: &str) -> Statement {
        let column = ident(&self.column);
        Statement::new(format!(
            "ALTER TABLE {} ALTER COLUMN {column} {action}",
            self.table_name()
        ))
        .locks(self.table_identity(), Lock::AccessExclusive)
    }

    fn when(&self) -> &'static str {
        if self.always { "ALWAYS" } else { "BY DEFAULT" }
    }

    /// Returns the word for how the sequence is logged on the side after the plan.
    fn logging(&self, context: &Context) -> &'static str {
        let table = context.after(&self.table_identity());
        let unlogged = matches!(table, Some(AnyObject::Table(table)) if table.unlogged);
        if unlogged == self.logged_apart {
            "LOGGED"
        } else {
            "UNLOGGED"
        }
    }

    /// Tells whether the column does not change its type, and with it the sequence's.
    fn column_keeps_type(&self, context: &Context) -> bool {
        let column = self.column_identity();
        match (context.before(&column), context.after(&column)) {
            (Some(AnyObject::Column(before)), Some(AnyObject::Column(after))) => before.data_type == after.data_type,
            _ => false,
        }
    }

    fn words(&self, context: &Context) -> String {
        let mut options = Vec::new();
        if self.sequence != derived_name::chosen(&self.table, Some(&self.column), "seq") {
            options.push(format!("SEQUENCE NAME {}", self.sequence_name()));
        }
        if self.logged_apart {
            options.push(self.logging(context).to_owned());
        }
        options.extend(self.options.words());
        let list = if options.is_empty() {
            String::new()
        } else {
            format!(" ({})", options.join(" "))
        };
        format!("GENERATED {} AS IDENTITY{list}", self.when())
    }
}

impl Object for ColumnIdentity {
    // Its sequence stands for it: what is granted on or said about that belongs here.
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "S");

    fn query(server: &Server) -> String {
        let logged_apart = if server.major() >= 15 {
            "s.relpersistence <> c.relpersistence"
        } else {
            "false"
        };
        format!(
            "SELECT s.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column,
                    a.attidentity = 'a' AS always, s.relname AS sequence, {logged_apart} AS logged_apart, {}
             FROM pg_catalog.pg_depend d
             JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
             JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
             JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attidentity <> ''
             WHERE d.classid = 1259 AND d.objsubid = 0 AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype = 'i'
               AND {} AND {}",
            sequence_options::COLUMNS,
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            column: row.try_get("column")?,
            always: row.try_get("always")?,
            sequence: row.try_get("sequence")?,
            logged_apart: row.try_get("logged_apart")?,
            options: SequenceOptions::read(row)?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::ColumnIdentity, [&self.schema, &self.table, &self.column])
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.column_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![NotNull::named(&self.schema, &self.table, &self.column)]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        let column = qualified([&self.schema, &self.table, &self.column]);
        vec![("column value", column), ("relation", self.sequence_name())]
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let (column, table) = (self.column_identity(), self.table_identity());
        let words = self.words(context);
        let mut add = self.action(&format!("ADD {words}")).fold(Fold::Suffix {
            host: column.clone(),
            sql: format!(" {words}"),
        });
        if context.stays(&table) && !context.stays(&column) {
            // Every row gets a value.
            add = add.rewrites(table.clone()).scans(table.clone());
        }
        let mut out = vec![add];
        if context.stays(&column) {
            let (sequence, name) = (self.sequence_name(), self.table_name());
            let sql = self.options.go_on(&sequence, &name, &ident(&self.column));
            out.push(Statement::new(sql).scans(table));
        }
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        let loss = format!("the current value of {}", self.sequence_name());
        vec![
            self.action("DROP IDENTITY")
                .loses(Loss::Values(loss))
                .fold(Fold::Implied {
                    host: self.column_identity(),
                }),
        ]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            column: _,
            always,
            sequence,
            logged_apart,
            options,
        } = self;
        let mut out = Vec::new();
        let sequence_statement = |from: &Self, action: String| {
            let name = from.sequence_name();
            Statement::new(format!("ALTER SEQUENCE {name} {action}")).locks(self.identity(), Lock::AccessExclusive)
        };
        if *sequence != desired.sequence {
            out.push(sequence_statement(
                self,
                format!("RENAME TO {}", ident(&desired.sequence)),
            ));
        }
        if *logged_apart != desired.logged_apart {
            out.push(sequence_statement(desired, format!("SET {}", desired.logging(context))));
        }
        if options.data_type != desired.options.data_type && self.column_keeps_type(context) {
            out.push(sequence_statement(desired, format!("AS {}", desired.options.data_type)));
        }
        let mut generated = Vec::new();
        if *always != desired.always {
            generated.push(format!("SET GENERATED {}", desired.when()));
        }
        // Either the column's new type or the statement above has changed the sequence's already.
        let live = SequenceOptions {
            data_type: desired.options.data_type.clone(),
            ..options.clone()
        };
        for step in live.steps(&desired.options, &desired.sequence_name()) {
            match step {
                Step::Options(words) => {
                    let mut actions: Vec<String> = std::mem::take(&mut generated);
                    actions.extend(words.iter().map(|word| format!("SET {word}")));
                    out.push(self.action(&actions.join(" ")));
                }
                Step::Move(sql) => {
                    out.push(Statement::new(sql).loses(sequence_options::moved(&desired.sequence_name())));
                }
            }
        }
        if !generated.is_empty() {
            out.push(self.action(&generated.join(" ")));
        }
        Alter::in_place(out)
    }
}
