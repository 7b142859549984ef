//! Key: a primary key, unique or exclusion constraint, with the index that stands behind it.

use serde::{Deserialize, Serialize};

use super::index_attachment::index_or_key;
use super::index_settings::{self, IndexSettings, Place};
use super::parent_index::ParentIndex;
use super::settled::{restate, same, settle, settle_option};
use super::{
    Alter, AnyObject, Context, Fold, Index, IndexAttachment, Kind, Lock, NotNull, Object, Partition, Row, Statement,
    Table, Transaction, constraint, derived_name, options, partitioning, repeated_key, sql,
};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, list, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// Sort of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// `PRIMARY KEY`
    Primary,
    /// `UNIQUE`
    Unique,
    /// `EXCLUDE`
    Exclusion,
}

/// A primary key, unique or exclusion constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name of the constraint and of its index.
    pub name: String,
    /// Sort.
    pub constraint: KeyType,
    /// Definition as PostgreSQL deparses it, up to what has a field of its own (`UNIQUE (a) INCLUDE (b)`).
    pub definition: String,
    /// Columns in order, those that are stored only left out, and expressions.
    pub columns: Vec<String>,
    /// Predicate of an exclusion constraint.
    pub predicate: Option<String>,
    /// Whether the check can wait until the transaction ends.
    pub deferrable: bool,
    /// Whether it waits unless told otherwise.
    pub initially_deferred: bool,
    /// Index of the partitioned table that this one's is attached to.
    pub inherits: Option<ParentIndex>,
    /// Whether the index can be used; that of a partitioned table once those of all partitions are attached to it.
    pub valid: bool,
    /// Settings of the index.
    pub settings: IndexSettings,
}

impl Key {
    /// Returns the identity of a key by name.
    pub fn named(schema: &str, table: &str, name: &str) -> Identity {
        Identity::new(Kind::Key, [schema, table, name])
    }

    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn inherited_identity(&self) -> Option<Identity> {
        let parent = self.inherits.as_ref()?;
        Some(index_or_key(parent.of_key, &parent.schema, &parent.table, &parent.name))
    }

    fn declaration(&self) -> String {
        let mut out = format!("CONSTRAINT {} {}", ident(&self.name), restate(&self.definition));
        out.push_str(&options::with_clause(&self.settings.options));
        if let Some(tablespace) = &self.settings.tablespace {
            out.push_str(&format!(" USING INDEX TABLESPACE {}", ident(tablespace)));
        }
        if let Some(predicate) = &self.predicate {
            out.push_str(&format!(" WHERE ({})", restate(predicate)));
        }
        out.push_str(constraint::timing(self.deferrable, self.initially_deferred));
        out
    }

    fn action(&self, only: &str, action: &str) -> Statement {
        let table = qualified([&self.schema, &self.table]);
        Statement::new(format!("ALTER TABLE {only}{table} {action}"))
            .locks(self.table_identity(), Lock::AccessExclusive)
    }

    /// Returns what stands behind the table's name in the definition of the index: columns, stored ones, nulls.
    ///
    /// None where PostgreSQL can build no such index concurrently, or make it a constraint's.
    fn index_definition(&self) -> Option<String> {
        let words = match self.constraint {
            KeyType::Primary => "PRIMARY KEY ",
            KeyType::Unique => "UNIQUE ",
            KeyType::Exclusion => return None,
        };
        let rest = self.definition.strip_prefix(words)?;
        let (columns, nulls) = match rest.strip_prefix("NULLS NOT DISTINCT ") {
            Some(columns) => (columns, " NULLS NOT DISTINCT"),
            None => (rest, ""),
        };
        // An index over ranges, of which only the constraint itself knows.
        (!columns.contains(" WITHOUT OVERLAPS)")).then(|| format!("{columns}{nulls}"))
    }

    /// Builds the index concurrently, beside the one of the key that is replaced if there is one, and makes it the
    /// constraint's, which gives it the constraint's name.
    fn build_beside(&self, context: &Context) -> Option<Vec<Statement>> {
        let table = self.table_identity();
        let large = context.large(&table)?;
        let definition = self.index_definition()?;
        if partitioning::is_partitioned(&self.schema, &self.table, context.to) {
            return None;
        }
        let (index, form) = if context.before(&self.identity()).is_some() {
            let form = format!("its index is built beside the old one and swapped: {large}");
            (derived_name::temporary(&self.name, "new"), form)
        } else {
            (self.name.clone(), format!("its index is built concurrently: {large}"))
        };
        let mut sql = format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {} ON {} USING btree {definition}{}",
            ident(&index),
            qualified([&self.schema, &self.table]),
            options::with_clause(&self.settings.options)
        );
        if let Some(tablespace) = &self.settings.tablespace {
            sql.push_str(&format!(" TABLESPACE {}", ident(tablespace)));
        }
        let build = Statement::new(sql)
            .locks(table.clone(), Lock::ShareUpdateExclusive)
            .scans(table)
            .transaction(Transaction::Outside);
        let words = if self.constraint == KeyType::Primary {
            "PRIMARY KEY"
        } else {
            "UNIQUE"
        };
        let add = self.action(
            "",
            &format!(
                "ADD CONSTRAINT {} {words} USING INDEX {}{}",
                ident(&self.name),
                ident(&index),
                constraint::timing(self.deferrable, self.initially_deferred)
            ),
        );
        let temporary = Index::named(&self.schema, &index);
        let marked = [build, add].map(|statement| statement.form(&form).temporary(temporary.clone()));
        Some(marked.into())
    }

    fn place<'a>(&'a self, relation: &'a Identity, catalog: &Catalog) -> Place<'a> {
        Place {
            schema: &self.schema,
            relation: &self.table,
            index: &self.name,
            word: "TABLE",
            relation_identity: relation,
            is_partitioned: partitioning::is_partitioned(&self.schema, &self.table, catalog),
        }
    }

    /// Returns the key of the other state that is this one under another name, attached at the same place.
    fn renamed<'a>(&self, own: &Catalog, other: &'a Catalog, context: &Context) -> Option<&'a Self> {
        self.inherits.as_ref()?;
        let attachment = own.get(&IndexAttachment::named(&self.schema, &self.table, &self.name))?;
        let AnyObject::IndexAttachment(attachment) = attachment else {
            return None;
        };
        match other.get(&attachment.renamed(other, context)?) {
            Some(AnyObject::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// Returns the key that only takes this one's name in the plan.
    fn predecessor<'a>(&self, context: &Context<'a>) -> Option<&'a Self> {
        self.renamed(context.to, context.from, context)
    }

    /// Returns the key whose name this one only takes in the plan.
    fn successor<'a>(&self, context: &Context<'a>) -> Option<&'a Self> {
        self.renamed(context.from, context.to, context)
    }

    /// Returns the definition of a primary key or unique constraint as PostgreSQL deparses it.
    fn plain_definition(&self, included: &[String], nulls_not_distinct: bool) -> String {
        let mut out = match self.constraint {
            KeyType::Primary => "PRIMARY KEY ".to_owned(),
            _ if nulls_not_distinct => "UNIQUE NULLS NOT DISTINCT ".to_owned(),
            _ => "UNIQUE ".to_owned(),
        };
        out.push_str(&format!("({})", list(&self.columns)));
        if !included.is_empty() {
            out.push_str(&format!(" INCLUDE ({})", list(included)));
        }
        out
    }

    /// Cuts what has a field of its own out of the definition of an exclusion constraint.
    fn cut_exclusion(&mut self) {
        if let Some(predicate) = &self.predicate {
            let clause = format!(" WHERE ({predicate})");
            self.definition = cut(&self.definition, &clause);
        }
        if !self.settings.options.is_empty() {
            let clause = format!(" WITH ({})", options::deparsed(&self.settings.options));
            self.definition = cut(&self.definition, &clause);
        }
    }
}

fn cut(text: &str, suffix: &str) -> String {
    text.strip_suffix(suffix).unwrap_or(text).to_owned()
}

impl Object for Key {
    const CLASS: u32 = 2606;
    const LATE: bool = true;
    const AMONG: (u32, &'static str) = (2606, "pux");

    fn query(server: &Server) -> String {
        // What is said in words of its own, and by which servers: most keys are put together here.
        let special = if server.major() >= 18 {
            "k.contype = 'x' OR k.conperiod"
        } else {
            "k.contype = 'x'"
        };
        let nulls = if server.major() >= 15 {
            "i.indnullsnotdistinct"
        } else {
            "false"
        };
        format!(
            "SELECT k.oid, 0 AS sub, k.conname AS name, k.contype::text AS type,
                    CASE WHEN {special} THEN pg_catalog.pg_get_constraintdef(k.oid) END AS definition, k.conrelid, k.conkey,
                    (i.indkey::int2[])[i.indnkeyatts:] AS included, {nulls} AS nulls_not_distinct, k.condeferrable, k.condeferred,
                    CASE WHEN k.contype = 'x' AND i.indpred IS NOT NULL
                         THEN pg_catalog.pg_get_expr(i.indpred, i.indrelid) END AS predicate,
                    i.indisvalid AS valid, pi.indrelid AS parent_table,
                    pic.relname AS parent_name, pk.oid IS NOT NULL AS parent_of_key, {}
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid
             JOIN pg_catalog.pg_class ic ON ic.oid = k.conindid
             LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = k.conindid
             LEFT JOIN pg_catalog.pg_class pic ON pic.oid = h.inhparent
             LEFT JOIN pg_catalog.pg_index pi ON pi.indexrelid = h.inhparent
             LEFT JOIN pg_catalog.pg_constraint pk ON pk.conindid = h.inhparent AND pk.contype IN ('p', 'u', 'x')
             {}
             WHERE k.contype IN ('p', 'u', 'x')",
            index_settings::COLUMNS,
            index_settings::JOINS,
        )
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let Some((schema, table)) = sql::table_at(addresses, row.try_get("conrelid")?) else {
            return Ok(None);
        };
        let definition: Option<String> = row.try_get("definition")?;
        let letter: String = row.try_get("type")?;
        let mut out = Self {
            schema,
            table,
            name: row.try_get("name")?,
            constraint: match letter.as_str() {
                "p" => KeyType::Primary,
                "u" => KeyType::Unique,
                _ => KeyType::Exclusion,
            },
            definition: String::new(),
            columns: sql::columns_at(addresses, row, "conrelid", "conkey")?,
            predicate: row.try_get("predicate")?,
            deferrable: row.try_get("condeferrable")?,
            initially_deferred: row.try_get("condeferred")?,
            inherits: ParentIndex::read(row, addresses)?,
            valid: row.try_get("valid")?,
            settings: IndexSettings::read(row)?,
        };
        out.definition = match definition {
            Some(definition) => constraint::without_attributes(&definition).to_owned(),
            None => {
                let included = sql::columns_at(addresses, row, "conrelid", "included")?;
                out.plain_definition(&included, row.try_get("nulls_not_distinct")?)
            }
        };
        if out.constraint == KeyType::Exclusion {
            out.cut_exclusion();
        }
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.name)
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.settings.options == other.settings.options
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            predicate: settle_option(self.predicate.as_ref()),
            settings: self.settings.significant(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        let mut out: Vec<Identity> = self.inherited_identity().into_iter().collect();
        if self.constraint == KeyType::Primary {
            let not_nulls = self.columns.iter();
            out.extend(not_nulls.map(|column| NotNull::named(&self.schema, &self.table, column)));
        }
        out
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        let table = qualified([&self.schema, &self.table]);
        let mut out = vec![
            ("relation", qualified([&self.schema, &self.name])),
            ("constraint", qualified([&self.schema, &self.table, &self.name])),
        ];
        if self.constraint == KeyType::Primary {
            out.push(("primary key", table.clone()));
        }
        if let Some(parent) = &self.inherits {
            let index = qualified([&parent.schema, &parent.name]);
            out.push(("attached index", format!("{index} {table}")));
        }
        out
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        let mut out = partitioning::attached_first(self.inherits.is_some(), &self.schema, &self.table);
        if !self.valid {
            out.extend(partitioning::left_out(
                &self.identity(),
                &self.schema,
                &self.table,
                context.to,
            ));
        }
        if self.constraint == KeyType::Primary
            && let Some(AnyObject::Partition(partition)) = context.after(&Partition::named(&self.schema, &self.table))
        {
            // What the partitioned table loses is lost on partitions too, but for a primary key that stands already.
            let (schema, table) = (&partition.parent_schema, &partition.parent_table);
            out.extend(self.columns.iter().map(|column| NotNull::named(schema, table, column)));
        }
        // The key that this one was attached to takes it along when it is dropped; or the old one takes another name.
        match context.before(&self.identity()) {
            Some(AnyObject::Key(live)) if live.inherits != self.inherits => {
                let successor = live.successor(context).map(Self::identity);
                out.extend(live.inherited_identity().into_iter().chain(successor));
            }
            _ => {}
        }
        out
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let table = self.table_identity();
        if let Some(live) = self.predecessor(context) {
            let mut out = constraint::rename(&live.name, &self.schema, &self.table, &self.name);
            let place = self.place(&table, context.to);
            out.extend(
                live.settings
                    .changes(&self.settings, place, context)
                    .unwrap_or_default(),
            );
            return out;
        }
        let only = partitioning::only(&self.schema, &self.table, context);
        let mut out = self.build_beside(context).unwrap_or_else(|| {
            let declaration = self.declaration();
            let mut add = self.action(only, &format!("ADD {declaration}"));
            if !repeated_key::repeats_another(self, context.to) {
                add = add.fold(Fold::Element {
                    host: table.clone(),
                    sql: declaration,
                });
            }
            vec![if only.is_empty() { add.scans(table.clone()) } else { add }]
        });
        out.extend(self.settings.after_create(self.place(&table, context.to)));
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
            .unwrap_or_else(|| self.table_identity());
        let drop = self.action("", &format!("DROP CONSTRAINT {}", ident(&self.name)));
        vec![drop.fold(Fold::Implied { host })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            constraint,
            definition,
            columns,
            predicate,
            deferrable,
            initially_deferred,
            inherits,
            valid,
            settings,
        } = self;
        let same = *constraint == desired.constraint
            && same(definition, &desired.definition)
            && *columns == desired.columns
            && settle_option(predicate.as_ref()) == settle_option(desired.predicate.as_ref())
            && *deferrable == desired.deferrable
            && *initially_deferred == desired.initially_deferred;
        let moves = inherits.is_some() && *inherits != desired.inherits;
        // An index cannot be taken off one that is complete.
        if !same
            || (*valid && !desired.valid)
            || (moves && sql::link_stays(&self.schema, &self.table, context))
            || desired.predecessor(context).is_some()
        {
            return Alter::Replace;
        }
        let table = self.table_identity();
        match settings.changes(&desired.settings, desired.place(&table, context.to), context) {
            Some(statements) => Alter::in_place(statements),
            None => Alter::Replace,
        }
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        // A partition that leaves its parent keeps the key, and it is there when the partition comes back.
        let is_parent = self.inherited_identity().as_ref() == Some(replaced);
        if is_parent && !sql::link_stays(&self.schema, &self.table, context) {
            return Alter::Unchanged;
        }
        Alter::Replace
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(constraint::rename(
            &self.name,
            &desired.schema,
            &desired.table,
            &desired.name,
        ))
    }
}
