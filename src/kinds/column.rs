//! Column of a table: name, type, collation, generation, storage. Its default, identity and not-null constraint are
//! objects of their own.

use serde::{Deserialize, Serialize};

use super::settled::{same, settle};
use super::{
    Alter, AnyObject, Context, Fold, Kind, Lock, Loss, Object, Row, Statement, fill, options, replaced_type, sql,
};
use crate::catalog::{
    Addresses, Catalog, ColumnFacts, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// How a generated column gets its value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// Expression as PostgreSQL deparses it.
    pub expression: String,
    /// Whether values are stored, or computed when read (PostgreSQL 18).
    pub stored: bool,
}

impl PartialEq for Generated {
    fn eq(&self, other: &Self) -> bool {
        let Self { expression, stored } = self;
        same(expression, &other.expression) && *stored == other.stored
    }
}

/// A column of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Place in the table; PostgreSQL cannot move a column, so it orders but does not count as a difference.
    pub position: i32,
    /// Type with its modifier, as `format_type()` gives it.
    pub data_type: String,
    /// Collation when it is not the type's own: qualified and quoted.
    pub collation: Option<String>,
    /// Generation.
    pub generated: Option<Generated>,
    /// Storage mode when it is not the type's own: `p`lain, `e`xternal, e`x`tended, `m`ain.
    pub storage: Option<String>,
    /// Storage mode that the type gives by itself; what a reset goes back to.
    pub type_storage: String,
    /// Compression method when it is set: `p`glz or `l`z4.
    pub compression: Option<String>,
    /// Statistics target when it is set.
    pub statistics: Option<i32>,
    /// Attribute options (`n_distinct`).
    pub options: Vec<String>,
    /// Whether the table declares the column itself; false for one that is only inherited.
    pub local: bool,
    /// Tables that the column is inherited from, partitioned parents included: schema and name.
    pub parents: Vec<(String, String)>,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            schema,
            table,
            name,
            position: _,
            data_type,
            collation,
            generated,
            storage,
            type_storage: _,
            compression,
            statistics,
            options,
            // A column that leaves its parent is the table's own from then on, also after it is inherited again.
            local: _,
            parents: _,
        } = self;
        *schema == other.schema
            && *table == other.table
            && *name == other.name
            && *data_type == other.data_type
            && *collation == other.collation
            && *generated == other.generated
            && *storage == other.storage
            && *compression == other.compression
            && *statistics == other.statistics
            && *options == other.options
    }
}

impl Column {
    /// Returns the identity of a column by name.
    pub fn named(schema: &str, table: &str, name: &str) -> Identity {
        Identity::new(Kind::Column, [schema, table, name])
    }

    /// Returns the identity of its table.
    pub fn table_identity(&self) -> Identity {
        Identity::new(Kind::Table, [&self.schema, &self.table])
    }

    /// Tells whether the table is made `OF` a composite type, whose attributes are its columns.
    fn type_gives(&self, catalog: &Catalog) -> bool {
        let table = catalog.get(&self.table_identity());
        matches!(table, Some(AnyObject::Table(table)) if table.of_type.is_some())
    }

    /// Returns the column as `CREATE TABLE` and `ADD COLUMN` say it, without default, identity and `NOT NULL`.
    fn declaration(&self) -> String {
        let mut out = format!("{} {}", ident(&self.name), self.data_type);
        if let Some(method) = self.compression.as_deref().map(compression_word) {
            out.push_str(&format!(" COMPRESSION {method}"));
        }
        if let Some(collation) = &self.collation {
            out.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(Generated { expression, stored }) = &self.generated {
            let word = if *stored { "STORED" } else { "VIRTUAL" };
            out.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {word}"));
        }
        out
    }

    /// Returns the column as `CREATE TABLE` says it. Before PostgreSQL 16 a child cannot repeat what its parent generates.
    fn element(&self, context: &Context) -> String {
        let table = context.to.get(&self.table_identity());
        let inherits = matches!(table, Some(AnyObject::Table(table)) if !table.inherits.is_empty());
        if context.version_num >= 160_000 || self.parents.is_empty() || !inherits {
            return self.declaration();
        }
        let generated = None;
        Self {
            generated,
            ..self.clone()
        }
        .declaration()
    }

    fn alter_table(&self) -> String {
        format!("ALTER TABLE {}", qualified([&self.schema, &self.table]))
    }

    pub(super) fn action(&self, action: &str) -> Statement {
        Statement::new(format!(
            "{} ALTER COLUMN {} {action}",
            self.alter_table(),
            ident(&self.name)
        ))
        .locks(self.table_identity(), Lock::AccessExclusive)
    }

    /// Returns what sets storage, statistics target and options, none of which `ADD COLUMN` can say on every version.
    fn settings(&self, desired: &Self) -> Vec<Statement> {
        let mut out = Vec::new();
        if self.storage != desired.storage {
            let word = storage_word(desired.storage.as_deref().unwrap_or(&desired.type_storage));
            out.push(self.action(&format!("SET STORAGE {word}")));
        }
        if self.compression != desired.compression {
            let word = desired.compression.as_deref().map_or("default", compression_word);
            out.push(self.action(&format!("SET COMPRESSION {word}")));
        }
        let weak = |action: &str| {
            Statement::new(format!(
                "{} ALTER COLUMN {} {action}",
                self.alter_table(),
                ident(&self.name)
            ))
            .locks(self.table_identity(), Lock::ShareUpdateExclusive)
        };
        if self.statistics != desired.statistics {
            out.push(weak(&format!("SET STATISTICS {}", desired.statistics.unwrap_or(-1))));
        }
        out.extend(
            options::changes(&self.options, &desired.options)
                .iter()
                .map(|change| weak(change)),
        );
        out
    }

    fn bare(&self) -> Self {
        Self {
            storage: None,
            statistics: None,
            options: Vec::new(),
            ..self.clone()
        }
    }
}

/// Returns what stands in an array of the table's parents for those that have the column: of several only some may.
fn of_parents(array: &str) -> String {
    format!(
        "CASE WHEN pg_catalog.cardinality(i.parents) = 1 THEN {array} ELSE ARRAY(
             SELECT ({array})[place] FROM pg_catalog.generate_subscripts(i.parents, 1) AS place
             WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute pa
                           WHERE pa.attrelid = i.parents[place] AND pa.attname = a.attname AND pa.attnum > 0
                             AND NOT pa.attisdropped)
             ORDER BY place) END"
    )
}

impl Object for Column {
    const CLASS: u32 = 1259;
    const AMONG: (u32, &'static str) = (1259, "rpf");

    fn query(server: &Server) -> String {
        let statistics = if server.major() >= 17 {
            "a.attstattarget::int4"
        } else {
            "nullif(a.attstattarget, -1)::int4"
        };
        format!(
            "SELECT c.oid, a.attnum::int4 AS sub, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS base_type,
                    a.attcollation, a.attgenerated <> '' AS generated, a.attnotnull, n.nspname AS schema, c.relname AS table, a.attname AS name,
                    pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,
                    CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
                         THEN (SELECT pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(o.collname)
                               FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace k ON k.oid = o.collnamespace
                               WHERE o.oid = a.attcollation) END AS collation,
                    CASE WHEN a.attgenerated <> ''
                         THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
                               WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END AS expression,
                    a.attgenerated = 's' AS stored,
                    CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
                    t.typstorage::text AS type_storage,
                    nullif(a.attcompression, '')::text AS compression, {statistics} AS statistics, {options} AS attoptions,
                    a.attislocal OR c.relispartition AS local,
                    CASE WHEN a.attinhcount > 0 THEN {parent_schemas} END AS parent_schemas,
                    CASE WHEN a.attinhcount > 0 THEN {parent_names} END AS parent_names
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             LEFT JOIN (SELECT h.inhrelid, array_agg(p.oid ORDER BY h.inhseqno) AS parents,
                               array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                               array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                        FROM pg_catalog.pg_inherits h
                        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent AND p.relkind IN ('r', 'p', 'f')
                        JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                        GROUP BY h.inhrelid) i ON i.inhrelid = c.oid
             WHERE c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
            options = options::OF_COLUMN,
            parent_schemas = of_parents("i.schemas"),
            parent_names = of_parents("i.names"),
        )
    }

    fn note(row: &Row) -> Result<Option<ColumnFacts>> {
        Ok(Some(ColumnFacts {
            data_type: row.try_get("base_type")?,
            collation: row.try_get("attcollation")?,
            generated: row.try_get("generated")?,
        }))
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let generated = |expression: Option<String>| -> Result<Option<Generated>> {
            let stored = row.try_get("stored")?;
            Ok(expression.map(|expression| Generated { expression, stored }))
        };
        Ok(Some(Self {
            position: row.try_get("sub")?,
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            name: row.try_get("name")?,
            data_type: row.try_get("data_type")?,
            collation: row.try_get("collation")?,
            generated: generated(row.try_get("expression")?)?,
            storage: row.try_get("storage")?,
            type_storage: row.try_get("type_storage")?,
            compression: row.try_get("compression")?,
            statistics: row.try_get("statistics")?,
            options: options::read(row, "attoptions")?,
            local: row.try_get("local")?,
            parents: sql::pairs(row, "parent_schemas", "parent_names")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.name)
    }

    fn is_identical(&self, other: &Self) -> bool {
        let expressions = [self, other].map(|column| column.generated.as_ref().map(|generated| &generated.expression));
        self == other
            && self.position == other.position
            && self.type_storage == other.type_storage
            && self.local == other.local
            && self.parents == other.parents
            && expressions[0] == expressions[1]
    }

    fn significant(self) -> Self {
        let generated = self.generated.map(|generated| Generated {
            expression: settle(&generated.expression),
            ..generated
        });
        Self {
            generated,
            position: 0,
            type_storage: String::new(),
            local: true,
            parents: Vec::new(),
            options: options::significant(self.options),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.parents
            .iter()
            .map(|(schema, table)| Self::named(schema, table, &self.name))
            .collect()
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        if self.type_gives(context.from) && self.type_gives(context.to) {
            let table = self.table_identity();
            let mut edges = context.to.dependencies_of(&table);
            return edges.find(|on| on.kind == Kind::CompositeType).cloned();
        }
        let (schema, table) = sql::staying_parent(&self.schema, &self.table, &self.parents, context)?;
        Some(Self::named(schema, table, &self.name))
    }

    fn position(&self) -> i32 {
        self.position
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let table = self.table_identity();
        if self.type_gives(context.to) || (!self.local && sql::is_made(&table, context)) {
            return self.bare().settings(self);
        }
        let declaration = self.declaration();
        let mut add = Statement::with_action(self.alter_table(), self.identity(), format!("ADD COLUMN {declaration}"))
            .locks(table.clone(), Lock::AccessExclusive)
            .fold(Fold::Element {
                host: table.clone(),
                sql: self.element(context),
            });
        let is_stored = self.generated.as_ref().is_some_and(|generated| generated.stored);
        if is_stored || self.has_checked_domain(context) {
            add = add.rewrites(table.clone()).scans(table);
        }
        let mut out = vec![add];
        out.extend(self.bare().settings(self));
        let own = |kind| Identity::new(kind, &self.identity().path);
        let has_default = context.after(&own(Kind::ColumnDefault)).is_some();
        if !has_default && fill::is_declared(&self.identity(), context) {
            out.extend(fill::declared(&self.identity(), context));
        }
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let table = self.table_identity();
        let goes_with_parent = || sql::staying_parent(&self.schema, &self.table, &self.parents, context).is_some();
        // PostgreSQL drops an inherited column with its table, or with the parent's, but not alone.
        let goes_with_table = || !context.to.contains(&table) || sql::is_made(&table, context);
        if (!self.local && goes_with_parent())
            || (!self.parents.is_empty() && goes_with_table())
            || self.type_gives(context.from)
        {
            return Vec::new();
        }
        let column = qualified([&self.schema, &self.table, &self.name]);
        let mut drop = Statement::new(format!("{} DROP COLUMN {}", self.alter_table(), ident(&self.name)))
            .locks(self.table_identity(), Lock::AccessExclusive)
            .fold(Fold::Implied {
                host: self.table_identity(),
            });
        if self.generated.is_none() {
            drop = drop.loses(Loss::Values(format!("the values of {column}")));
        }
        vec![drop]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        if self == desired {
            return Alter::Unchanged;
        }
        let mut out = Vec::new();
        let mut disturbs = Vec::new();
        let same_type = self.data_type == desired.data_type && self.collation == desired.collation;
        if self.generated != desired.generated {
            match (&self.generated, &desired.generated) {
                // The values stay in the table, as ordinary ones.
                (Some(live), None) if live.stored && same_type => out.push(self.action("DROP EXPRESSION")),
                _ => return Alter::Replace,
            }
        }
        if !same_type {
            disturbs = self.disturbed(desired, context);
            out.push(self.change_type(desired, &disturbs, context));
        }
        out.extend(self.settings(desired));
        if out.is_empty() {
            return Alter::Unchanged;
        }
        Alter::InPlace {
            statements: out,
            disturbs,
        }
    }

    fn follow(&self, desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        let is_own = replaced.path.starts_with(&self.table_identity().path);
        if replaced.kind == Kind::Column && !is_own && sql::is_partition(&self.schema, &self.table, context.from) {
            // The partition is detached while the parent's column is made anew.
            return Alter::Unchanged;
        }
        if !sql::IS_TYPE.contains(&replaced.kind) || desired.generated.is_some() {
            return Alter::Replace;
        }
        let mut disturbs = sql::READS_COLUMNS.to_vec();
        disturbs.extend(sql::CHECKS_COLUMNS);
        if self.is_elsewhere(context) {
            return Alter::InPlace {
                statements: vec![self.convert(desired, None)],
                disturbs,
            };
        }
        let conversion = replaced_type::conversion(desired, context);
        let mut statement = self.convert(desired, conversion.using.as_deref());
        if conversion.rewrites {
            statement = statement.rewrites(self.table_identity());
        }
        statement.facts.loss = conversion.loss;
        let mut statements = conversion.before;
        statements.push(statement);
        statements.extend(conversion.behind);
        Alter::InPlace { statements, disturbs }
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        // The table may have been renamed before: its new name holds.
        let table = qualified([&desired.schema, &desired.table]);
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![
            Statement::new(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"))
                .locks(desired.table_identity(), Lock::AccessExclusive),
        ])
    }
}

fn storage_word(code: &str) -> &'static str {
    match code {
        "p" => "PLAIN",
        "e" => "EXTERNAL",
        "m" => "MAIN",
        _ => "EXTENDED",
    }
}

fn compression_word(code: &str) -> &'static str {
    match code {
        "l" => "lz4",
        _ => "pglz",
    }
}
