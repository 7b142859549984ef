//! Not-null constraint of a column. PostgreSQL 18 holds it in `pg_constraint` with a name; before, it is a flag of the
//! column and has none.

use serde::{Deserialize, Serialize};

use super::online::{self, Proof};
use super::{
    Alter, Column, ColumnDefault, Context, Fold, Kind, Lock, Object, Row, Statement, fill, not_null_heirs, sql,
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
    /// Whether the table would have it without a parent. Nothing but a parent's drop shows that.
    pub local: bool,
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
            local: true,
            parents: sql::pairs(row, "parent_schemas", "parent_names")?,
        })
    }

    /// Returns the identity of a column's not-null constraint.
    pub fn named(schema: &str, table: &str, column: &str) -> Identity {
        Identity::new(Kind::NotNull, [schema, table, column])
    }

    pub(super) fn column_identity(&self) -> Identity {
        Column::named(&self.schema, &self.table, &self.column)
    }

    pub(super) fn table_identity(&self) -> Identity {
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

    pub(super) fn constraint_name(&self) -> String {
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

    /// Returns the statement that drops it with what comes from it.
    pub(super) fn drop_alone(&self) -> Statement {
        self.statement(&format!("ALTER COLUMN {} DROP NOT NULL", ident(&self.column)))
    }

    fn drop_on_table_only(&self) -> Statement {
        let table = qualified([&self.schema, &self.table]);
        let column = ident(&self.column);
        Statement::new(format!("ALTER TABLE ONLY {table} ALTER COLUMN {column} DROP NOT NULL"))
            .locks(self.table_identity(), Lock::AccessExclusive)
    }

    /// Returns the statement that makes it the table's own; where it is there no row is looked at.
    pub(super) fn set(&self) -> Statement {
        self.statement(&format!("ALTER COLUMN {} SET NOT NULL", ident(&self.column)))
    }

    /// Returns the statement that adds it by its name.
    pub(super) fn add_alone(&self, valid: bool) -> Statement {
        let not_valid = if valid { "" } else { " NOT VALID" };
        let add = self.statement(&format!("ADD {}{not_valid}", self.declaration()));
        if valid { add.scans(self.table_identity()) } else { add }
    }

    fn declaration(&self) -> String {
        let inherit = if self.no_inherit { " NO INHERIT" } else { "" };
        format!(
            "CONSTRAINT {} NOT NULL {}{inherit}",
            ident(&self.constraint_name()),
            ident(&self.column)
        )
    }

    /// Returns the statement that gives it the name of another form of it, if that is another one.
    pub(super) fn rename_to(&self, desired: &Self) -> Option<Statement> {
        let (old, new) = (self.constraint_name(), desired.constraint_name());
        (old != new).then(|| self.statement(&format!("RENAME CONSTRAINT {} TO {}", ident(&old), ident(&new))))
    }

    /// Returns the statement that says it inside `CREATE TABLE` of a table whose parent has one under another name.
    fn create_beside_parent(&self, context: &Context) -> Option<Statement> {
        let source = not_null_heirs::source(self, context.to)?;
        let is_own = self.local || self.constraint_name() != source.constraint_name();
        let host = self.table_identity();
        (context.version_num >= 180_000 && is_own && sql::is_made(&host, context)).then(|| {
            self.add_alone(true).fold(Fold::Element {
                host,
                sql: self.declaration(),
            })
        })
    }

    fn create_own(&self, context: &Context, is_plain: bool) -> Vec<Statement> {
        if let Some(large) = self.large(context).filter(|_| self.valid && !self.is_filled(context)) {
            return self.add_online(context, &large);
        }
        if self.valid && self.is_filled(context) {
            let mut out = self.filled_first(context);
            let table = self.table_identity().path_text();
            out.extend(self.add_online(context, &format!("rows of {table} are filled first")));
            return out;
        }
        if !self.valid {
            return vec![self.add_alone(false)];
        }
        let statement = if is_plain {
            self.set()
        } else {
            self.statement(&format!("ADD {}", self.declaration()))
        };
        let fold = Fold::Suffix {
            host: self.column_identity(),
            sql: self.suffix(),
        };
        vec![statement.scans(self.table_identity()).fold(fold)]
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
                    k.connoinherit AS no_inherit, k.convalidated AS valid, k.conislocal AS local, i.schemas AS parent_schemas, i.names AS parent_names
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
             CROSS JOIN LATERAL (
                 SELECT array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                        array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                 FROM pg_catalog.pg_inherits h
                 JOIN pg_catalog.pg_class p ON p.oid = h.inhparent AND p.relkind IN ('r', 'p', 'f')
                 JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                 WHERE h.inhrelid = c.oid AND a.attinhcount > 0) i
             WHERE k.contype = 'n' AND c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid")
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        if row.has("attnotnull") {
            return Ok(if row.try_get("attnotnull")? {
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
            local: row.try_get("local")?,
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
            local: true,
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
            return self.create_beside_parent(context).into_iter().collect();
        }
        let Some(mut out) = not_null_heirs::before_create(self, context) else {
            return self.create_own(context, self.is_plain());
        };
        out.extend(self.create_own(context, false));
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let around = not_null_heirs::around_drop(self, context);
        let fold = Fold::Implied {
            host: self.column_identity(),
        };
        let own = if around.only {
            self.drop_on_table_only()
        } else {
            self.drop_alone()
        };
        let mut out = around.before;
        out.push(own.fold(fold));
        out.extend(around.after);
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
            local: _,
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
        let mut out = Vec::new();
        // PostgreSQL refuses to rename an inherited constraint: it keeps the name that it came with.
        // PostgreSQL refuses to rename an inherited constraint: it keeps the name that it came with.
        let is_renamed = *name != desired.name && !not_null_heirs::is_bound(self, context);
        let is_said_above = is_renamed && not_null_heirs::is_renamed_with_source(self, context);
        if is_renamed && !is_said_above {
            out.extend(self.rename_to(desired));
        }
        if !*valid && desired.valid {
            let validate = online::validate(&self.schema, &self.table, &desired.constraint_name());
            out.push(online::alone_if_large(validate, context.large(&self.table_identity())));
        }
        if is_said_above && out.is_empty() {
            // The statement stands with the upper constraint's.
            return Alter::InPlace {
                statements: out,
                disturbs: Vec::new(),
            };
        }
        Alter::in_place(out)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        let is_partition = sql::is_partition(&self.schema, &self.table, context.from);
        let has_name = context.version_num >= 180_000 && sql::link_stays(&self.schema, &self.table, context);
        if replaced.kind == Kind::NotNull && (is_partition || has_name) {
            // It stands alone while the parent's is made anew, or its table is detached.
            return Alter::Unchanged;
        }
        Alter::Replace
    }
}
