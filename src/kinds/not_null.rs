//! Not-null constraint of a column. PostgreSQL 18 holds it in `pg_constraint` with a name; before, it is a flag of the
//! column and has none.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::{Alter, Column, Context, Fold, Kind, Lock, Object, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// The not-null constraint of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotNull {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// Name when it is not the one that PostgreSQL chooses (`table_column_not_null`).
    pub name: Option<String>,
    /// Whether children do not inherit it.
    pub no_inherit: bool,
    /// Whether existing rows have been checked.
    pub valid: bool,
    /// Tables that the column is inherited from, partitioned parents included: schema and name.
    pub parents: Vec<(String, String)>,
}

impl NotNull {
    /// Returns the identity of a column's not-null constraint.
    pub fn named(schema: &str, table: &str, column: &str) -> Identity {
        Identity::new(Kind::NotNull, [schema, table, column])
    }

    fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    fn head(&self) -> String {
        format!("ALTER TABLE {}", qualified([&self.schema, &self.table]))
    }

    fn statement(&self, action: &str) -> Statement {
        Statement::new(format!("{} {action}", self.head())).locks(self.table_identity(), Lock::AccessExclusive)
    }

    /// Tells whether a plain `SET NOT NULL` says everything.
    fn is_plain(&self) -> bool {
        self.name.is_none() && !self.no_inherit && self.valid
    }

    fn default_name(&self) -> String {
        format!("{}_{}_not_null", self.table, self.column)
    }

    fn suffix(&self) -> String {
        let name = self
            .name
            .as_ref()
            .map(|name| format!(" CONSTRAINT {}", ident(name)))
            .unwrap_or_default();
        format!("{name} NOT NULL{}", if self.no_inherit { " NO INHERIT" } else { "" })
    }

    fn is_inherited(&self, context: &Context) -> bool {
        let comes_with_parent = sql::is_made(&self.table_identity(), context)
            || sql::staying_parent(&self.schema, &self.table, &self.parents, context).is_some();
        comes_with_parent
            && self.parents.iter().any(|(schema, table)| {
                let parent = Self::named(schema, table, &self.column);
                context.to.contains(&parent) && !sql::is_partition(&self.schema, &self.table, context.to)
            })
    }
}

impl Object for NotNull {
    const CLASS: u32 = 2606;

    fn query(server: &Server) -> String {
        let parents = "LEFT JOIN (SELECT h.inhrelid, array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                               array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                        FROM pg_catalog.pg_inherits h
                        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent AND p.relkind IN ('r', 'p', 'f')
                        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                        GROUP BY h.inhrelid) i ON i.inhrelid = c.oid AND a.attinhcount > 0";
        let condition = format!(
            "c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid")
        );
        if server.major() >= 18 {
            return format!(
                "SELECT k.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column, k.conname::text AS name,
                        k.connoinherit AS no_inherit, k.convalidated AS valid, i.schemas AS parent_schemas, i.names AS parent_names
                 FROM pg_catalog.pg_constraint k
                 JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
                 {parents}
                 WHERE k.contype = 'n' AND {condition}"
            );
        }
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column, NULL::text AS name,
                    false AS no_inherit, true AS valid, i.schemas AS parent_schemas, i.names AS parent_names
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
             {parents}
             WHERE {condition}"
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let mut out = Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            column: row.try_get("column")?,
            name: row.try_get("name")?,
            no_inherit: row.try_get("no_inherit")?,
            valid: row.try_get("valid")?,
            parents: sql::pairs(row, "parent_schemas", "parent_names")?,
        };
        if out.name.as_deref() == Some(out.default_name().as_str()) {
            out.name = None;
        }
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.column)
    }

    fn significant(self) -> Self {
        Self {
            parents: Vec::new(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.column_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.parents
            .iter()
            .map(|(schema, table)| Self::named(schema, table, &self.column))
            .collect()
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        let (schema, table) = sql::staying_parent(&self.schema, &self.table, &self.parents, context)?;
        Some(Self::named(schema, table, &self.column))
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        if self.is_inherited(context) {
            return Vec::new();
        }
        let column = ident(&self.column);
        if !self.valid {
            let name = ident(self.name.as_deref().unwrap_or(&self.default_name()));
            return vec![self.statement(&format!("ADD CONSTRAINT {name} NOT NULL {column} NOT VALID"))];
        }
        let statement = if self.is_plain() {
            self.statement(&format!("ALTER COLUMN {column} SET NOT NULL"))
        } else {
            let name = ident(self.name.as_deref().unwrap_or(&self.default_name()));
            let inherit = if self.no_inherit { " NO INHERIT" } else { "" };
            self.statement(&format!("ADD CONSTRAINT {name} NOT NULL {column}{inherit}"))
        };
        let fold = Fold::Suffix {
            host: self.column_identity(),
            sql: self.suffix(),
        };
        vec![statement.scans(self.table_identity()).fold(fold)]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![
            self.statement(&format!("ALTER COLUMN {} DROP NOT NULL", ident(&self.column)))
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
            name,
            no_inherit,
            valid,
            parents: _,
        } = self;
        // Before PostgreSQL 18 the catalog holds neither name nor these flags.
        if context.version_num < 180_000
            || (*valid == desired.valid && *no_inherit == desired.no_inherit && *name == desired.name)
        {
            return Alter::Unchanged;
        }
        if *no_inherit != desired.no_inherit || (*valid && !desired.valid) {
            return Alter::Replace;
        }
        let old = ident(name.as_deref().unwrap_or(&self.default_name()));
        let mut out = Vec::new();
        // PostgreSQL refuses to rename an inherited constraint: it keeps the name that it came with.
        let is_kept = !self.parents.is_empty() && sql::link_stays(&self.schema, &self.table, context);
        if *name != desired.name && !is_kept {
            let new = ident(desired.name.as_deref().unwrap_or(&self.default_name()));
            out.push(self.statement(&format!("RENAME CONSTRAINT {old} TO {new}")));
        }
        if !*valid && desired.valid {
            let new = ident(desired.name.as_deref().unwrap_or(&self.default_name()));
            out.push(
                Statement::new(format!("{} VALIDATE CONSTRAINT {new}", self.head()))
                    .locks(self.table_identity(), Lock::ShareUpdateExclusive)
                    .scans(self.table_identity()),
            );
        }
        Alter::in_place(out)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        if replaced.kind == Kind::NotNull && sql::is_partition(&self.schema, &self.table, context.from) {
            // The partition is detached while the parent's is made anew.
            return Alter::Unchanged;
        }
        Alter::Replace
    }
}
