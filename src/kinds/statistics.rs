//! Extended statistics (`CREATE STATISTICS`).

use serde::{Deserialize, Serialize};

use super::settled::{restate, same, settle};
use super::{Alter, Context, Fold, Kind, Lock, Object, Row, Statement, Table, sql};
use crate::catalog::{Addresses, Identity, quote::qualified};
use crate::db::Server;
use crate::error::Result;

/// An extended statistics object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Schema of the table.
    pub table_schema: String,
    /// Table or materialized view.
    pub table: String,
    /// Whether that is a materialized view.
    pub on_materialized_view: bool,
    /// Whole definition as PostgreSQL deparses it.
    pub definition: String,
    /// Statistics target when it is set.
    pub target: Option<i32>,
}

impl Statistics {
    fn relation(&self) -> Identity {
        if self.on_materialized_view {
            Identity::new(Kind::MaterializedView, [&self.table_schema, &self.table])
        } else {
            Table::named(&self.table_schema, &self.table)
        }
    }

    fn sql_name(&self) -> String {
        qualified([&self.schema, &self.name])
    }

    fn set_target(&self, target: Option<i32>) -> Statement {
        let target = target.unwrap_or(-1);
        Statement::new(format!("ALTER STATISTICS {} SET STATISTICS {target}", self.sql_name()))
    }
}

impl Object for Statistics {
    const CLASS: u32 = 3381;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT s.oid, 0 AS sub, n.nspname AS schema, s.stxname AS name, tn.nspname AS table_schema, c.relname AS table, c.relkind = 'm' AS on_materialized_view,
                    pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition, nullif(s.stxstattarget, -1)::int4 AS target
             FROM pg_catalog.pg_statistic_ext s
             JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
             JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
             JOIN pg_catalog.pg_namespace tn ON tn.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'm') AND {} AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(Self::CLASS, "s.oid"),
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            table_schema: row.try_get("table_schema")?,
            table: row.try_get("table")?,
            on_materialized_view: row.try_get("on_materialized_view")?,
            definition: row.try_get("definition")?,
            target: row.try_get("target")?,
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Statistics, [&self.schema, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.relation())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let create = Statement::new(restate(&self.definition)).locks(self.relation(), Lock::ShareUpdateExclusive);
        let mut out = vec![create];
        out.extend(self.target.map(|target| self.set_target(Some(target))));
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![
            Statement::new(format!("DROP STATISTICS {}", self.sql_name()))
                .locks(self.relation(), Lock::ShareUpdateExclusive)
                .fold(Fold::Implied { host: self.relation() }),
        ]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            name: _,
            table_schema,
            table,
            on_materialized_view,
            definition,
            target,
        } = self;
        if !same(definition, &desired.definition)
            || *table_schema != desired.table_schema
            || *table != desired.table
            || *on_materialized_view != desired.on_materialized_view
        {
            return Alter::Replace;
        }
        if *target == desired.target {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![self.set_target(desired.target)])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(sql::rename_statements(
            "STATISTICS",
            (&self.schema, &self.name),
            (&desired.schema, &desired.name),
        ))
    }
}
