//! Index that belongs to no constraint.
//!
//! Ordinary indexes are rebuilt from the columns of `pg_index`, as `pg_get_indexdef()` for each costs more than all the
//! rest; it is asked only where there is an expression.

use postgres::Row;
use serde::{Deserialize, Serialize};

use super::index_settings::{self, IndexSettings, Place};
use super::settled::{restate, same, settle, settle_option};
use super::{
    Alter, AnyObject, Context, Fold, IndexAttachment, Kind, Lock, Object, Statement, Table, options, partitioning, sql,
};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, list, qualified},
};
use crate::db::Server;
use crate::error::{Error, Result};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Schema of the index and of its relation.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Table or materialized view.
    pub table: String,
    /// Whether the relation is a materialized view.
    pub on_materialized_view: bool,
    /// Whether the relation is partitioned.
    pub partitioned: bool,
    /// Whether no two rows may be equal.
    pub unique: bool,
    /// Access method.
    pub method: String,
    /// Key list as PostgreSQL deparses it: columns and expressions with collation, operator class and order.
    pub keys: String,
    /// Names of the key columns in order; `None` for an expression.
    pub columns: Vec<Option<String>>,
    /// Columns that are stored only.
    pub include: Vec<String>,
    /// Whether nulls are equal to each other (PostgreSQL 15).
    pub nulls_not_distinct: bool,
    /// Predicate of a partial index.
    pub predicate: Option<String>,
    /// Whether queries can use it; false after a concurrent build that failed, and for that of a partitioned table until
    /// those of all partitions are attached to it.
    pub valid: bool,
    /// Index of the partitioned table that this one is attached to: schema and name.
    pub inherits: Option<(String, String)>,
    /// Settings.
    pub settings: IndexSettings,
}

impl Index {
    /// Returns the identity of an index by name.
    pub fn named(schema: &str, name: &str) -> Identity {
        Identity::new(Kind::Index, [schema, name])
    }

    fn relation(&self) -> Identity {
        if self.on_materialized_view {
            Identity::new(Kind::MaterializedView, [&self.schema, &self.table])
        } else {
            Table::named(&self.schema, &self.table)
        }
    }

    fn place<'a>(&'a self, relation: &'a Identity) -> Place<'a> {
        Place {
            schema: &self.schema,
            relation: &self.table,
            index: &self.name,
            word: if self.on_materialized_view {
                "MATERIALIZED VIEW"
            } else {
                "TABLE"
            },
            relation_identity: relation,
            is_partitioned: self.partitioned,
        }
    }

    fn before_keys(&self, only: &str) -> String {
        format!(
            "CREATE {}INDEX {} ON {only}{} USING {} (",
            if self.unique { "UNIQUE " } else { "" },
            ident(&self.name),
            qualified([&self.schema, &self.table]),
            ident(&self.method),
        )
    }

    /// Returns what stands behind the key list; `say` gives the text of the predicate.
    fn after_keys(&self, tablespace: Option<&str>, say: fn(&str) -> String) -> String {
        let mut out = ")".to_owned();
        if !self.include.is_empty() {
            out.push_str(&format!(" INCLUDE ({})", list(&self.include)));
        }
        if self.nulls_not_distinct {
            out.push_str(" NULLS NOT DISTINCT");
        }
        if !self.settings.options.is_empty() {
            out.push_str(&format!(" WITH ({})", options::deparsed(&self.settings.options)));
        }
        if let Some(tablespace) = tablespace {
            out.push_str(&format!(" TABLESPACE {}", ident(tablespace)));
        }
        if let Some(predicate) = &self.predicate {
            out.push_str(&format!(" WHERE {}", say(predicate)));
        }
        out
    }

    /// Takes the key list out of a whole definition: what stands around it is known.
    fn read_keys(&mut self, definition: &str) -> Result<()> {
        let only = if self.partitioned { "ONLY " } else { "" };
        let keys = definition
            .strip_prefix(&self.before_keys(only))
            .and_then(|rest| rest.strip_suffix(&self.after_keys(None, str::to_owned)))
            .ok_or_else(|| Error::internal(format!("index definition in an unknown form: {definition}")))?;
        keys.clone_into(&mut self.keys);
        Ok(())
    }

    fn inherited_identity(&self) -> Option<Identity> {
        self.inherits.as_ref().map(|(schema, name)| Self::named(schema, name))
    }

    /// Returns the index of the other state that is this one under another name, attached at the same place.
    fn renamed<'a>(&self, own: &Catalog, other: &'a Catalog, context: &Context) -> Option<&'a Self> {
        self.inherits.as_ref()?;
        let attachment = own.get(&IndexAttachment::named(&self.schema, &self.table, &self.name))?;
        let AnyObject::IndexAttachment(attachment) = attachment else {
            return None;
        };
        match other.get(&attachment.renamed(other, context)?) {
            Some(AnyObject::Index(index)) => Some(index),
            _ => None,
        }
    }

    /// Returns the index that only takes this one's name in the plan.
    fn predecessor<'a>(&self, context: &Context<'a>) -> Option<&'a Self> {
        self.renamed(context.to, context.from, context)
    }

    /// Returns the index whose name this one only takes in the plan.
    fn successor<'a>(&self, context: &Context<'a>) -> Option<&'a Self> {
        self.renamed(context.from, context.to, context)
    }

    fn rename_to(&self, name: &str) -> Statement {
        let from = qualified([&self.schema, &self.name]);
        Statement::new(format!("ALTER INDEX {from} RENAME TO {}", ident(name)))
            .locks(self.relation(), Lock::ShareUpdateExclusive)
    }

    fn is_same_but_for_settings(&self, other: &Self) -> bool {
        let Self {
            schema: _,
            name: _,
            table,
            on_materialized_view,
            partitioned,
            unique,
            method,
            keys,
            columns,
            include,
            nulls_not_distinct,
            predicate,
            valid: _,
            inherits: _,
            settings: _,
        } = self;
        *table == other.table
            && *on_materialized_view == other.on_materialized_view
            && *partitioned == other.partitioned
            && *unique == other.unique
            && *method == other.method
            && same(keys, &other.keys)
            && *columns == other.columns
            && *include == other.include
            && *nulls_not_distinct == other.nulls_not_distinct
            && settle_option(predicate.as_ref()) == settle_option(other.predicate.as_ref())
    }

    /// Tells whether only a new build changes validity. That of a partitioned table's index comes with attachments, and
    /// none of them can be taken back.
    fn needs_rebuild_for_validity(&self, desired: &Self) -> bool {
        if self.partitioned {
            self.valid && !desired.valid
        } else {
            !self.valid && desired.valid
        }
    }

    /// Returns ` CASCADE` where keys of partitions are attached, which PostgreSQL drops with the index only when told.
    fn cascade(&self, context: &Context) -> &'static str {
        let takes_keys = self.partitioned
            && partitioning::attachments(context.from)
                .any(|attachment| attachment.of_key && attachment.parent_index() == self.identity());
        if takes_keys { " CASCADE" } else { "" }
    }

    fn change_settings(&self, desired: &Self, context: &Context) -> Alter {
        let relation = self.relation();
        match self
            .settings
            .changes(&desired.settings, desired.place(&relation), context)
        {
            Some(statements) => Alter::in_place(statements),
            None => Alter::Replace,
        }
    }
}

/// Text of one key column `a` with operator class `o`: as `pg_get_indexdef()` writes it under an empty search path. An
/// operator class is left out where PostgreSQL would choose it: the one of exactly the column's type, else the one of a
/// preferred or polymorphic type that the column's type stands in for.
const KEY: &str = "pg_catalog.quote_ident(a.attname)
    || CASE WHEN k.coll <> 0 AND k.coll <> a.attcollation THEN l.words ELSE '' END
    || CASE WHEN ia.attoptions IS NULL AND o.opcdefault AND (o.opcintype = b.base OR (o.stands_in AND NOT EXISTS (
                SELECT 1 FROM pg_catalog.pg_opclass e
                WHERE e.opcmethod = o.opcmethod AND e.opcdefault AND e.opcintype = b.base))) THEN ''
            ELSE o.words END
    || CASE WHEN ia.attoptions IS NOT NULL THEN (
            SELECT ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(p.name) || '='
                           || CASE WHEN pg_catalog.quote_ident(p.value) = p.value THEN p.value
                                   ELSE pg_catalog.quote_literal(p.value) END, ', ') || ')'
            FROM (SELECT pg_catalog.split_part(x, '=', 1) AS name,
                         pg_catalog.substr(x, pg_catalog.strpos(x, '=') + 1) AS value
                  FROM pg_catalog.unnest(ia.attoptions) x) p) ELSE '' END
    || CASE k.opt & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST' WHEN 3 THEN ' DESC' ELSE '' END";

/// Operator classes and collations are put into words once each, not once for each column.
const WORDS: &str = "o AS MATERIALIZED (
        SELECT o.oid, o.opcmethod, o.opcintype, o.opcdefault, (t.typispreferred OR t.typtype = 'p') AS stands_in,
               ' ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
                   || pg_catalog.quote_ident(o.opcname) AS words
        FROM pg_catalog.pg_opclass o
        JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
        JOIN pg_catalog.pg_type t ON t.oid = o.opcintype),
    l AS MATERIALIZED (
        SELECT l.oid, ' COLLATE ' || CASE WHEN n.nspname <> 'pg_catalog' THEN pg_catalog.quote_ident(n.nspname) || '.' ELSE '' END
                      || pg_catalog.quote_ident(l.collname) AS words
        FROM pg_catalog.pg_collation l
        JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace)";

/// What an index looks like inside its parentheses. Indexes of primary keys, those of TOAST tables included, are no
/// objects here and need not be looked at. Aggregates take their input in the order of the subquery; an order of their
/// own would sort each index by itself, three times.
fn keys_subquery() -> String {
    format!(
        "SELECT x.indexrelid, pg_catalog.string_agg(x.text, ', ') FILTER (WHERE x.is_key) AS keys,
                pg_catalog.array_agg(x.name) FILTER (WHERE x.is_key) AS columns,
                pg_catalog.array_agg(x.name) FILTER (WHERE NOT x.is_key) AS include
         FROM (
         SELECT i.indexrelid, k.ord <= i.indnkeyatts AS is_key, a.attname::text AS name, {KEY} AS text
         FROM pg_catalog.pg_index i
         CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[]),
                      pg_catalog.unnest(i.indcollation::oid[]), pg_catalog.unnest(i.indoption::int2[]))
             WITH ORDINALITY AS k (attnum, opclass, coll, opt, ord)
         LEFT JOIN (SELECT a.attrelid, a.attnum, a.attname, a.attcollation, a.atttypid
                    FROM pg_catalog.pg_attribute a
                    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm')
                    WHERE a.attnum > 0 AND NOT a.attisdropped) a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS base) b
         LEFT JOIN o ON o.oid = k.opclass
         LEFT JOIN l ON l.oid = k.coll
         LEFT JOIN pg_catalog.pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k.ord AND ia.attoptions IS NOT NULL
         WHERE i.indexrelid >= 16384 AND NOT i.indisprimary
         ORDER BY i.indexrelid, k.ord) x
         GROUP BY x.indexrelid"
    )
}

impl Object for Index {
    const CLASS: u32 = 1259;

    fn query(server: &Server) -> String {
        let nulls = if server.major() >= 15 {
            "i.indnullsnotdistinct"
        } else {
            "false"
        };
        format!(
            "WITH {WORDS}
             SELECT ic.oid, 0 AS sub, n.nspname AS schema, ic.relname AS name, c.relname AS table,
                    c.relkind = 'm' AS on_materialized_view, ic.relkind = 'I' AS partitioned, i.indisunique AS unique,
                    am.amname AS method, q.keys, q.columns, q.include, {nulls} AS nulls_not_distinct,
                    CASE WHEN i.indpred IS NOT NULL THEN pg_catalog.pg_get_expr(i.indpred, i.indrelid) END AS predicate,
                    CASE WHEN i.indexprs IS NOT NULL THEN pg_catalog.pg_get_indexdef(ic.oid) END AS definition,
                    i.indisvalid AS valid, hn.nspname AS parent_schema, hp.relname AS parent_name, {}
             FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
             JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_am am ON am.oid = ic.relam
             JOIN ({}) q ON q.indexrelid = i.indexrelid
             LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
             LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = ic.oid
             LEFT JOIN pg_catalog.pg_class hp ON hp.oid = h.inhparent
             LEFT JOIN pg_catalog.pg_namespace hn ON hn.oid = hp.relnamespace
             {}
             WHERE c.relkind IN ('r', 'p', 'm') AND k.conindid IS NULL AND {} AND {}",
            index_settings::COLUMNS,
            keys_subquery(),
            index_settings::JOINS,
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let parent_schema: Option<String> = row.try_get("parent_schema")?;
        let parent_name: Option<String> = row.try_get("parent_name")?;
        let mut out = Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            table: row.try_get("table")?,
            on_materialized_view: row.try_get("on_materialized_view")?,
            partitioned: row.try_get("partitioned")?,
            unique: row.try_get("unique")?,
            method: row.try_get("method")?,
            keys: row.try_get::<_, Option<String>>("keys")?.unwrap_or_default(),
            columns: row.try_get("columns")?,
            include: row.try_get::<_, Option<_>>("include")?.unwrap_or_default(),
            nulls_not_distinct: row.try_get("nulls_not_distinct")?,
            predicate: row.try_get("predicate")?,
            valid: row.try_get("valid")?,
            inherits: parent_schema.zip(parent_name),
            settings: IndexSettings::read(row)?,
        };
        if let Some(definition) = row.try_get::<_, Option<String>>("definition")? {
            out.read_keys(&definition)?;
        }
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn significant(self) -> Self {
        Self {
            keys: settle(&self.keys),
            predicate: settle_option(self.predicate.as_ref()),
            settings: self.settings.significant(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.relation())
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.inherited_identity().into_iter().collect()
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        let mut out = vec![("relation", qualified([&self.schema, &self.name]))];
        if let Some((schema, name)) = &self.inherits {
            let place = format!(
                "{} {}",
                qualified([schema, name]),
                qualified([&self.schema, &self.table])
            );
            out.push(("attached index", place));
        }
        out
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        let mut out: Vec<Identity> = partitioning::attached_first(self.inherits.is_some(), &self.schema, &self.table);
        // The index that this one was attached to takes it along when it is dropped; or the old one takes another name.
        if let Some(AnyObject::Index(live)) = context.before(&self.identity())
            && live.inherits != self.inherits
        {
            let successor = live.successor(context).map(Self::identity);
            out.extend(live.inherited_identity().into_iter().chain(successor));
        }
        out
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        if let Some(live) = self.predecessor(context) {
            let relation = self.relation();
            let mut out = vec![live.rename_to(&self.name)];
            out.extend(
                live.settings
                    .changes(&self.settings, self.place(&relation), context)
                    .unwrap_or_default(),
            );
            return out;
        }
        let only = partitioning::only(&self.schema, &self.table, context);
        let sql = format!(
            "{}{}{}",
            self.before_keys(only),
            restate(&self.keys),
            self.after_keys(self.settings.tablespace.as_deref(), restate)
        );
        let relation = self.relation();
        let create = Statement::new(sql).locks(relation.clone(), Lock::Share);
        let mut out = vec![if only.is_empty() {
            create.scans(relation.clone())
        } else {
            create
        }];
        out.extend(self.settings.after_create(self.place(&relation)));
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        if self.successor(context).is_some() {
            return Vec::new();
        }
        let stays_attached = sql::link_stays(&self.schema, &self.table, context);
        let host = self
            .inherited_identity()
            .filter(|_| stays_attached)
            .unwrap_or_else(|| self.relation());
        vec![
            Statement::new(format!(
                "DROP INDEX {}{}",
                qualified([&self.schema, &self.name]),
                self.cascade(context)
            ))
            .locks(self.relation(), Lock::AccessExclusive)
            .fold(Fold::Implied { host }),
        ]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let moves = self.inherits.is_some() && self.inherits != desired.inherits;
        if !self.is_same_but_for_settings(desired)
            || self.needs_rebuild_for_validity(desired)
            || desired.predecessor(context).is_some()
            || (moves && sql::link_stays(&self.schema, &self.table, context))
        {
            return Alter::Replace;
        }
        self.change_settings(desired, context)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        // A partition that leaves its parent keeps the index, and it is there when the partition comes back.
        let is_parent = self.inherited_identity().as_ref() == Some(replaced);
        if is_parent && !sql::link_stays(&self.schema, &self.table, context) {
            return Alter::Unchanged;
        }
        Alter::Replace
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        // Its schema is its table's, and moves with it.
        let from = qualified([&desired.schema, &self.name]);
        if self.name == desired.name {
            return Some(Vec::new());
        }
        let sql = format!("ALTER INDEX {from} RENAME TO {}", ident(&desired.name));
        Some(vec![
            Statement::new(sql).locks(desired.relation(), Lock::ShareUpdateExclusive),
        ])
    }
}
