//! Index that belongs to no constraint.
//!
//! Ordinary indexes are rebuilt from the columns of `pg_index`, as `pg_get_indexdef()` for each costs more than all the
//! rest; it is asked only where there is an expression.

use serde::{Deserialize, Serialize};

use super::index_keys::{self, Keys};
use super::index_settings::{self, IndexSettings, Place};
use super::settled::{restate, same, settle, settle_option};
use super::{
    Alter, AnyObject, Context, Fold, IndexAttachment, Kind, Lock, Object, Row, Statement, Table, Transaction,
    derived_name, options, partitioning, sql,
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

    fn before_keys(&self, concurrently: &str, name: &str, only: &str) -> String {
        format!(
            "CREATE {}INDEX {concurrently}{} ON {only}{} USING {} (",
            if self.unique { "UNIQUE " } else { "" },
            ident(name),
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
            .strip_prefix(&self.before_keys("", &self.name, only))
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

    /// Returns the statement that builds the index under a name.
    fn build(&self, concurrently: bool, name: &str, only: &str) -> Statement {
        let sql = format!(
            "{}{}{}",
            self.before_keys(if concurrently { "CONCURRENTLY " } else { "" }, name, only),
            restate(&self.keys),
            self.after_keys(self.settings.tablespace.as_deref(), restate)
        );
        let relation = self.relation();
        if concurrently {
            return Statement::new(sql)
                .locks(relation.clone(), Lock::ShareUpdateExclusive)
                .scans(relation)
                .transaction(Transaction::Outside);
        }
        let build = Statement::new(sql).locks(relation.clone(), Lock::Share);
        if only.is_empty() { build.scans(relation) } else { build }
    }

    fn drop_as(&self, concurrently: bool, name: &str, cascade: &str) -> Statement {
        let index = qualified([self.schema.as_str(), name]);
        if concurrently {
            return Statement::new(format!("DROP INDEX CONCURRENTLY {index}"))
                .locks(self.relation(), Lock::ShareUpdateExclusive)
                .transaction(Transaction::Outside);
        }
        Statement::new(format!("DROP INDEX {index}{cascade}")).locks(self.relation(), Lock::AccessExclusive)
    }

    /// Tells whether two indexes can stand beside each other while one takes the other's name.
    fn can_swap(&self, other: Option<&AnyObject>) -> bool {
        let Some(AnyObject::Index(other)) = other else {
            return false;
        };
        let alone = |index: &Self| !index.partitioned && index.inherits.is_none();
        self.relation() == other.relation() && alone(self) && alone(other)
    }

    /// Returns the size of the relation when it is large and PostgreSQL can build and drop the index concurrently.
    fn concurrently(&self, context: &Context) -> Option<String> {
        context.large(&self.relation()).filter(|_| !self.partitioned)
    }

    /// Builds the index beside the one that it replaces and gives it the name, which that one has lost by then.
    fn swap_in(&self, large: &str) -> Vec<Statement> {
        let beside = derived_name::temporary(&self.name, "new");
        let form = format!("built beside the old one and swapped: {large}");
        let rename = Self {
            name: beside.clone(),
            ..self.clone()
        }
        .rename_to(&self.name);
        let temporary = Self::named(&self.schema, &beside);
        [self.build(true, &beside, ""), rename]
            .map(|statement| statement.form(&form).temporary(temporary.clone()))
            .into()
    }

    /// Takes the name from the index that is replaced, and drops it when its successor has it.
    fn swap_out(&self, large: &str) -> Vec<Statement> {
        let aside = derived_name::temporary(&self.name, "old");
        let form = format!("swapped for the one that was built beside it: {large}");
        let temporary = Self::named(&self.schema, &aside);
        [self.rename_to(&aside), self.drop_as(true, &aside, "")]
            .map(|statement| statement.form(&form).temporary(temporary.clone()))
            .into()
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

impl Object for Index {
    const CLASS: u32 = 1259;
    const LATE: bool = true;
    const AMONG: (u32, &'static str) = (1259, "iI");

    fn query(server: &Server) -> String {
        let nulls = if server.major() >= 15 {
            "i.indnullsnotdistinct"
        } else {
            "false"
        };
        format!(
            "SELECT ic.oid, 0 AS sub, n.nspname AS schema, ic.relname AS name, c.relname AS table,
                    c.relkind = 'm' AS on_materialized_view, ic.relkind = 'I' AS partitioned, i.indisunique AS unique,
                    am.amname AS method, {}, {} AS names, {nulls} AS nulls_not_distinct,
                    CASE WHEN i.indpred IS NOT NULL THEN pg_catalog.pg_get_expr(i.indpred, i.indrelid) END AS predicate,
                    CASE WHEN {} THEN pg_catalog.pg_get_indexdef(ic.oid) END AS definition,
                    i.indisvalid AS valid, hn.nspname AS parent_schema, hp.relname AS parent_name, {}
             FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
             JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_am am ON am.oid = ic.relam
             LEFT JOIN LATERAL (SELECT h.inhparent FROM pg_catalog.pg_inherits h
                                WHERE h.inhrelid = ic.oid AND ic.relispartition OFFSET 0) h ON true
             LEFT JOIN pg_catalog.pg_class hp ON hp.oid = h.inhparent
             LEFT JOIN pg_catalog.pg_namespace hn ON hn.oid = hp.relnamespace
             {}
             WHERE i.indexrelid >= 16384 AND NOT i.indisprimary AND c.relkind IN ('r', 'p', 'm') AND {} AND {} AND {}",
            index_keys::COLUMNS,
            index_keys::NAMES,
            index_keys::IS_DEPARSED,
            index_settings::COLUMNS,
            index_settings::JOINS,
            index_keys::OF_NO_CONSTRAINT,
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let parent_schema: Option<String> = row.try_get("parent_schema")?;
        let parent_name: Option<String> = row.try_get("parent_name")?;
        let definition: Option<String> = row.try_get("definition")?;
        let keys = Keys::read(row, addresses, definition.is_some())?;
        let mut out = Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            table: row.try_get("table")?,
            on_materialized_view: row.try_get("on_materialized_view")?,
            partitioned: row.try_get("partitioned")?,
            unique: row.try_get("unique")?,
            method: row.try_get("method")?,
            keys: keys.text,
            columns: keys.columns,
            include: keys.include,
            nulls_not_distinct: row.try_get("nulls_not_distinct")?,
            predicate: row.try_get("predicate")?,
            valid: row.try_get("valid")?,
            inherits: parent_schema.zip(parent_name),
            settings: IndexSettings::read(row)?,
        };
        if let Some(definition) = definition {
            out.read_keys(&definition)?;
        }
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.name)
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.settings.options == other.settings.options
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
        if self.partitioned && !self.valid {
            out.extend(partitioning::left_out(
                &self.identity(),
                &self.schema,
                &self.table,
                context.to,
            ));
        }
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
        let relation = self.relation();
        let live = context.before(&self.identity());
        let mut out = match self.concurrently(context) {
            Some(large) if live.is_none() => {
                vec![
                    self.build(true, &self.name, "")
                        .form(format!("built concurrently: {large}")),
                ]
            }
            Some(large) if self.can_swap(live) => self.swap_in(&large),
            _ => vec![self.build(false, &self.name, only)],
        };
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
        let desired = context.after(&self.identity());
        let drop = match self.concurrently(context) {
            Some(large) if desired.is_none() => self
                .drop_as(true, &self.name, "")
                .form(format!("dropped concurrently: {large}")),
            Some(large) if self.can_swap(desired) => return self.swap_out(&large),
            _ => self.drop_as(false, &self.name, self.cascade(context)),
        };
        vec![drop.fold(Fold::Implied { host })]
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
