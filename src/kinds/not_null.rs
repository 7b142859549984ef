//! Not-null constraint of a column. PostgreSQL 18 holds it in `pg_constraint` with a name; before, it is a flag of the
//! column and has none.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::online::{self, Proof};
use super::{
    Alter, AnyObject, Column, ColumnDefault, Context, Fold, Kind, Lock, Object, Statement, Table, fill, partitioning,
    sql,
};
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
    /// Reads the row of a column that is not null.
    fn of_column(row: &Row) -> Result<Self> {
        Ok(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            column: row.try_get("name")?,
            name: None,
            no_inherit: false,
            valid: true,
            parents: sql::pairs(row, "parent_schemas", "parent_names")?,
        })
    }

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

    fn constraint_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.default_name())
    }

    /// Returns the size of the table when it is large and holds rows that have to be looked at; those of a new column
    /// have its default at once, unless they are filled with it later.
    fn large(&self, context: &Context) -> Option<String> {
        let has_values = context.before(&self.column_identity()).is_some() || self.waits_for_values(context);
        context.large(&self.table_identity()).filter(|_| has_values)
    }

    /// Returns the statements that fill a column which stands, before it has to have values.
    fn filled_first(&self, context: &Context) -> Vec<Statement> {
        if context.stays(&self.column_identity()) {
            fill::declared(&self.column_identity(), context)
        } else {
            Vec::new()
        }
    }

    /// Tells whether rows that are there are filled before the column has to have values.
    fn is_filled(&self, context: &Context) -> bool {
        fill::is_declared(&self.column_identity(), context) || !self.filled_first(context).is_empty()
    }

    fn waits_for_values(&self, context: &Context) -> bool {
        let column = self.column_identity();
        ColumnDefault::fills_later(&column, context).is_some() || fill::is_declared(&column, context)
    }

    /// Makes sure that there are no nulls while reads and writes go on. PostgreSQL 18 can add the constraint itself
    /// without a look at the rows; before, a validated check spares SET NOT NULL the look.
    fn add_online(&self, context: &Context, large: &str) -> Vec<Statement> {
        let column = ident(&self.column);
        if context.version_num >= 180_000 {
            let (name, inherit) = (self.constraint_name(), if self.no_inherit { " NO INHERIT" } else { "" });
            let add = format!("ADD CONSTRAINT {} NOT NULL {column}{inherit} NOT VALID", ident(&name));
            let form = format!("added NOT VALID and validated in another transaction: {large}");
            return [self.statement(&add), online::validate(&self.schema, &self.table, &name)]
                .map(|statement| statement.form(&form))
                .into();
        }
        let form = format!("proven by a check that is validated in another transaction: {large}");
        let of = format!("{}_{}", self.table, self.column);
        let condition = format!("{column} IS NOT NULL");
        let proof = Proof::new((&self.schema, &self.table), &of, condition, form.clone());
        let mut out = proof.establish();
        out.push(
            self.statement(&format!("ALTER COLUMN {column} SET NOT NULL"))
                .form(form),
        );
        out.push(proof.drop());
        out
    }

    fn drop_alone(&self) -> Statement {
        self.statement(&format!("ALTER COLUMN {} DROP NOT NULL", ident(&self.column)))
    }

    /// Returns those of partitions that may outlive this one: PostgreSQL 18 makes the constraint of a partition its own
    /// when its primary key takes an index that was built before. For the others the statement changes nothing.
    fn left_on_partitions<'a>(&self, context: &Context<'a>) -> Vec<&'a Self> {
        if context.version_num < 180_000 || context.large(&self.table_identity()).is_none() {
            return Vec::new();
        }
        let mut out: Vec<&Self> = Vec::new();
        let mut parents = vec![self.table_identity()];
        while let Some(parent) = parents.pop() {
            for partition in partitioning::partitions(context.from).filter(|partition| partition.is_of(&parent)) {
                parents.push(Table::named(&partition.schema, &partition.table));
                let own = Self::named(&partition.schema, &partition.table, &self.column);
                if let (Some(AnyObject::NotNull(own)), false) = (context.before(&own), context.to.contains(&own)) {
                    out.push(own);
                }
            }
        }
        out
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
    const AMONG: (u32, &'static str) = (0, "");

    fn shares(server: &Server) -> Option<Kind> {
        // Before PostgreSQL 18 it is a flag of the column.
        (server.major() < 18).then_some(Kind::Column)
    }

    fn query(_server: &Server) -> String {
        format!(
            "SELECT k.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, a.attname AS column, k.conname::text AS name,
                    k.connoinherit AS no_inherit, k.convalidated AS valid, i.schemas AS parent_schemas, i.names AS parent_names
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
             LEFT JOIN (SELECT h.inhrelid, array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                               array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                        FROM pg_catalog.pg_inherits h
                        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent AND p.relkind IN ('r', 'p', 'f')
                        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                        GROUP BY h.inhrelid) i ON i.inhrelid = c.oid AND a.attinhcount > 0
             WHERE k.contype = 'n' AND c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid")
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let flag = row.columns().iter().position(|column| column.name() == "attnotnull");
        if let Some(flag) = flag {
            return Ok(if row.try_get(flag)? {
                Some(Self::of_column(row)?)
            } else {
                None
            });
        }
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

    fn after(&self, context: &Context) -> Vec<Identity> {
        if self.waits_for_values(context) {
            vec![ColumnDefault::named(&self.schema, &self.table, &self.column)]
        } else {
            Vec::new()
        }
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        if self.is_inherited(context) {
            return Vec::new();
        }
        if let Some(large) = self.large(context).filter(|_| self.valid && !self.is_filled(context)) {
            return self.add_online(context, &large);
        }
        if self.valid && self.is_filled(context) {
            let mut out = self.filled_first(context);
            let table = self.table_identity().path_text();
            out.extend(self.add_online(context, &format!("rows of {table} are filled first")));
            return out;
        }
        let column = ident(&self.column);
        if !self.valid {
            let name = ident(&self.constraint_name());
            return vec![self.statement(&format!("ADD CONSTRAINT {name} NOT NULL {column} NOT VALID"))];
        }
        let statement = if self.is_plain() {
            self.statement(&format!("ALTER COLUMN {column} SET NOT NULL"))
        } else {
            let name = ident(&self.constraint_name());
            let inherit = if self.no_inherit { " NO INHERIT" } else { "" };
            self.statement(&format!("ADD CONSTRAINT {name} NOT NULL {column}{inherit}"))
        };
        let fold = Fold::Suffix {
            host: self.column_identity(),
            sql: self.suffix(),
        };
        vec![statement.scans(self.table_identity()).fold(fold)]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let fold = Fold::Implied {
            host: self.column_identity(),
        };
        let mut out = vec![self.drop_alone().fold(fold)];
        out.extend(self.left_on_partitions(context).into_iter().map(Self::drop_alone));
        out
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
        let old = ident(&self.constraint_name());
        let mut out = Vec::new();
        // PostgreSQL refuses to rename an inherited constraint: it keeps the name that it came with.
        let is_kept = !self.parents.is_empty() && sql::link_stays(&self.schema, &self.table, context);
        if *name != desired.name && !is_kept {
            let new = ident(&desired.constraint_name());
            out.push(self.statement(&format!("RENAME CONSTRAINT {old} TO {new}")));
        }
        if !*valid && desired.valid {
            let validate = online::validate(&self.schema, &self.table, &desired.constraint_name());
            out.push(online::alone_if_large(validate, context.large(&self.table_identity())));
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
