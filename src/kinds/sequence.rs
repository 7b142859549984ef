//! Sequence; those behind identity columns belong to the column.

use serde::{Deserialize, Serialize};

use super::sequence_options::{self, SequenceOptions, Step};
use super::{Alter, AnyObject, Context, Fold, Kind, Lock, Loss, Object, Row, SequenceOwner, Statement, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Whether its changes are not written to the log (PostgreSQL 15).
    pub unlogged: bool,
    /// Type, range and steps.
    pub options: SequenceOptions,
}

impl Sequence {
    /// Returns the identity of a sequence by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::Sequence, [schema, name])
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn owning_column(&self, context: &Context) -> Option<Identity> {
        match context.before(&SequenceOwner::named(&self.schema, &self.name)) {
            Some(AnyObject::SequenceOwner(owner)) => Some(owner.column_identity()),
            _ => None,
        }
    }

    fn action(&self, action: &str) -> Statement {
        Statement::new(format!("ALTER SEQUENCE {} {action}", self.sql_name()))
            .locks(self.identity(), Lock::ShareRowExclusive)
    }
}

impl Object for Sequence {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "S");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT c.oid, 0 AS sub, n.nspname AS schema, c.relname AS name, c.relpersistence = 'u' AS unlogged, {}
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
             WHERE c.relkind = 'S' AND {} AND {}
               AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i
                               WHERE i.classid = 1259 AND i.objid = c.oid AND i.refclassid = 1259 AND i.deptype = 'i')",
            sequence_options::COLUMNS,
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            unlogged: row.try_get("unlogged")?,
            options: SequenceOptions::read(row)?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("relation", self.sql_name())]
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        // Afterwards the column may have taken the sequence along.
        self.owning_column(context).into_iter().collect()
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let unlogged = if self.unlogged { "UNLOGGED " } else { "" };
        let mut words = vec![format!("CREATE {unlogged}SEQUENCE {}", self.sql_name())];
        if self.options.data_type != "bigint" {
            words.push(format!("AS {}", self.options.data_type));
        }
        words.extend(self.options.words());
        vec![Statement::new(words.join(" "))]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let loss = format!("the current value of {}", self.sql_name());
        let drop = Statement::new(format!("DROP SEQUENCE {}", self.sql_name()))
            .locks(self.identity(), Lock::AccessExclusive)
            .loses(Loss::Values(loss));
        vec![match self.owning_column(context) {
            Some(host) => drop.fold(Fold::Implied { host }),
            None => drop,
        }]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            unlogged,
            options,
        } = self;
        let mut out = Vec::new();
        if *unlogged != desired.unlogged {
            let word = if desired.unlogged { "UNLOGGED" } else { "LOGGED" };
            out.push(
                self.action(&format!("SET {word}"))
                    .locks(self.identity(), Lock::AccessExclusive),
            );
        }
        for step in options.steps(&desired.options, &self.sql_name()) {
            out.push(match step {
                Step::Options(words) => self.action(&words.join(" ")),
                Step::Move(sql) => Statement::new(sql).loses(sequence_options::moved(&self.sql_name())),
            });
        }
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "SEQUENCE",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
