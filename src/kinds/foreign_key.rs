//! Foreign key. One that a partition has from its partitioned table follows that one's.

use serde::{Deserialize, Serialize};

use super::{
    Alter, AnyObject, Context, Fold, Index, Key, Kind, Lock, Object, Partition, Row, Statement, Table, Transaction,
    constraint, derived_name, online, partitioning, sql,
};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, list, qualified},
};
use crate::db::Server;
use crate::error::{Error, Result};

/// A foreign key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name; of an inherited one the name that it has on the partitioned table.
    pub name: String,
    /// Name on this table itself, which differs where the partition had the key before it was attached.
    pub own_name: String,
    /// Definition as PostgreSQL deparses it, up to what has a field of its own: columns, actions, `MATCH`, `PERIOD`.
    pub definition: String,
    /// Columns in order.
    pub columns: Vec<String>,
    /// Schema of the referenced table.
    pub referenced_schema: String,
    /// Referenced table.
    pub referenced_table: String,
    /// Referenced columns in order.
    pub referenced_columns: Vec<String>,
    /// Key or index that makes the referenced columns unique.
    pub referenced_index: String,
    /// Whether that index belongs to a key.
    pub references_key: bool,
    /// Action when a referenced row is deleted: `a` none, `r`estrict, `c`ascade, set `n`ull, set `d`efault.
    pub on_delete: String,
    /// Action when a referenced value changes, likewise.
    pub on_update: String,
    /// Whether the check can wait until the transaction ends.
    pub deferrable: bool,
    /// Whether it waits unless told otherwise.
    pub initially_deferred: bool,
    /// Whether existing rows have been checked.
    pub valid: bool,
    /// Whether rows are checked at all (PostgreSQL 18 has constraints that are not).
    pub enforced: bool,
    /// Partitioned table that the key is inherited from: schema and name.
    pub inherited: Option<(String, String)>,
}

impl PartialEq for ForeignKey {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_rule(other)
            && self.referenced_index == other.referenced_index
            && self.valid == other.valid
            && self.inherited == other.inherited
    }
}

impl ForeignKey {
    /// Returns the identity of a foreign key by name.
    pub fn named(schema: &str, table: &str, name: &str) -> Identity {
        Identity::new(Kind::ForeignKey, [schema, table, name])
    }

    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    /// Returns the identity of the referenced table.
    pub fn referenced_identity(&self) -> Identity {
        Table::named(&self.referenced_schema, &self.referenced_table)
    }

    fn referenced_index_identity(&self) -> Identity {
        if self.references_key {
            Key::named(&self.referenced_schema, &self.referenced_table, &self.referenced_index)
        } else {
            Index::named(&self.referenced_schema, &self.referenced_index)
        }
    }

    /// Tells whether two foreign keys of the same identity ask the same of the rows.
    pub(super) fn is_same_rule(&self, other: &Self) -> bool {
        let Self {
            schema,
            table,
            name,
            own_name: _,
            definition,
            columns,
            referenced_schema,
            referenced_table,
            referenced_columns,
            referenced_index: _,
            references_key: _,
            on_delete,
            on_update,
            deferrable,
            initially_deferred,
            valid: _,
            enforced,
            inherited: _,
        } = self;
        *schema == other.schema
            && *table == other.table
            && *name == other.name
            && *definition == other.definition
            && *columns == other.columns
            && *referenced_schema == other.referenced_schema
            && *referenced_table == other.referenced_table
            && *referenced_columns == other.referenced_columns
            && *on_delete == other.on_delete
            && *on_update == other.on_update
            && *deferrable == other.deferrable
            && *initially_deferred == other.initially_deferred
            && *enforced == other.enforced
    }

    fn attributes(&self) -> String {
        let enforced = if self.enforced { "" } else { " NOT ENFORCED" };
        format!(
            "{}{enforced}",
            constraint::timing(self.deferrable, self.initially_deferred)
        )
    }

    fn declaration(&self) -> String {
        format!(
            "CONSTRAINT {} {}{}",
            ident(&self.name),
            self.definition,
            self.attributes()
        )
    }

    /// Returns the definition as PostgreSQL deparses it where it says nothing but columns and actions.
    fn plain_definition(&self) -> String {
        let action = |event: &str, letter: &str| {
            let words = match letter {
                "r" => "RESTRICT",
                "c" => "CASCADE",
                "n" => "SET NULL",
                "d" => "SET DEFAULT",
                _ => return String::new(),
            };
            format!(" ON {event} {words}")
        };
        format!(
            "FOREIGN KEY ({}) REFERENCES {}({}){}{}",
            list(&self.columns),
            qualified([&self.referenced_schema, &self.referenced_table]),
            list(&self.referenced_columns),
            action("UPDATE", &self.on_update),
            action("DELETE", &self.on_delete),
        )
    }

    fn action(&self, action: &str) -> Statement {
        Statement::new(format!(
            "ALTER TABLE {} {action}",
            qualified([&self.schema, &self.table])
        ))
    }

    /// Returns the referenced table, unless it is the key's own.
    fn other_table(&self) -> Option<Identity> {
        Some(self.referenced_identity()).filter(|referenced| *referenced != self.table_identity())
    }

    fn locks_both(&self, statement: Statement, lock: Lock) -> Statement {
        let both = [self.table_identity()].into_iter().chain(self.other_table());
        both.fold(statement, |statement, table| statement.locks(table, lock))
    }

    fn scans_both(&self, statement: Statement) -> Statement {
        let both = [self.table_identity()].into_iter().chain(self.other_table());
        both.fold(statement, Statement::scans)
    }

    fn validate(&self, name: &str) -> Statement {
        let validate = online::validate(&self.schema, &self.table, name);
        let other = self.other_table().into_iter();
        other.fold(validate, |validate, other| {
            validate.locks(other.clone(), Lock::RowShare).scans(other)
        })
    }

    /// Returns the size of either table when it is large; a new table has no rows to look at.
    fn large(&self, context: &Context) -> Option<String> {
        let table = self.table_identity();
        let referenced = || context.large(&self.referenced_identity());
        let either = context.large(&table).or_else(referenced);
        either.filter(|_| context.before(&table).is_some())
    }

    fn add(&self, name: &str, valid: bool) -> Statement {
        let named = Self {
            name: name.to_owned(),
            ..self.clone()
        };
        let not_valid = if valid { "" } else { " NOT VALID" };
        let add = self.action(&format!("ADD {}{not_valid}", named.declaration()));
        self.locks_both(add, Lock::ShareRowExclusive)
    }

    /// Adds the key without a look at the rows, and validates it in another transaction: under a name of its own beside
    /// the one that it replaces, if there is one, so that the rows are never without.
    ///
    /// None where PostgreSQL has no such way: before 18 for a partitioned table.
    fn add_online(&self, context: &Context) -> Option<Vec<Statement>> {
        let large = self.large(context)?;
        let is_partitioned = partitioning::is_partitioned(&self.schema, &self.table, context.to);
        if is_partitioned && context.version_num < 180_000 {
            return None;
        }
        let is_other =
            matches!(context.before(&self.identity()), Some(AnyObject::ForeignKey(live)) if !live.is_same_rule(self));
        let stays = constraint::is_untouched(&self.referenced_index_identity(), context);
        // PostgreSQL does not rename a partitioned table's key on the partitions.
        if !is_other || !stays || is_partitioned {
            let form = format!("added NOT VALID and validated in another transaction: {large}");
            let both = [self.add(&self.name, false), self.validate(&self.name)];
            return Some(both.map(|statement| statement.form(&form)).into());
        }
        let beside = derived_name::temporary(&self.name, "new");
        let form = format!("added beside the old one, validated and swapped: {large}");
        let temporary = Self::named(&self.schema, &self.table, &beside);
        let add = self.add(&beside, false).transaction(Transaction::Alone);
        let swap = [add, self.validate(&beside)]
            .into_iter()
            .chain(constraint::rename(&beside, &self.schema, &self.table, &self.name))
            .map(|statement| statement.form(&form).temporary(temporary.clone()));
        Some(swap.collect())
    }

    /// Returns the statements that change timing and enforcement; what becomes enforced is validated with it.
    fn change_attributes(&self, desired: &Self) -> Vec<Statement> {
        let name = ident(&self.own_name);
        let mut out = Vec::new();
        if (self.deferrable, self.initially_deferred) != (desired.deferrable, desired.initially_deferred) {
            let words = match (desired.deferrable, desired.initially_deferred) {
                (_, true) => "DEFERRABLE INITIALLY DEFERRED",
                (true, false) => "DEFERRABLE INITIALLY IMMEDIATE",
                (false, false) => "NOT DEFERRABLE",
            };
            let alter = self.action(&format!("ALTER CONSTRAINT {name} {words}"));
            out.push(alter.locks(self.table_identity(), Lock::AccessExclusive));
        }
        if self.enforced != desired.enforced {
            let words = if desired.enforced { "ENFORCED" } else { "NOT ENFORCED" };
            let alter = self.action(&format!("ALTER CONSTRAINT {name} {words}"));
            out.push(if desired.enforced {
                let alter = alter.locks(self.table_identity(), Lock::AccessExclusive);
                self.scans_both(self.locks_both(alter, Lock::ShareRowExclusive))
            } else {
                self.locks_both(alter, Lock::AccessExclusive)
            });
        }
        out
    }
}

impl Object for ForeignKey {
    const CLASS: u32 = 2606;
    const LATE: bool = true;
    const AMONG: (u32, &'static str) = (2606, "f");

    fn query(server: &Server) -> String {
        // What is said in words of its own, and by which servers: most foreign keys are put together here.
        let special = match server.major() {
            ..15 => "k.confmatchtype <> 's'",
            15..18 => "k.confmatchtype <> 's' OR k.confdelsetcols IS NOT NULL",
            _ => "k.confmatchtype <> 's' OR k.confdelsetcols IS NOT NULL OR k.conperiod",
        };
        // Columns of what is no object here have no address.
        let elsewhere = format!(
            "k.confrelid < 16384 OR NOT ({})",
            sql::no_extension_member(1259, "k.confrelid")
        );
        // Rows whose parent is on the same table belong to partitions of the referenced one: PostgreSQL's own business.
        // Names are compared as text, for which there is no index: a schema for each tenant has every name many times.
        format!(
            "SELECT k.oid, 0 AS sub,
                    CASE WHEN o.oid IS NULL THEN coalesce(pk.conname, k.conname) ELSE k.conname END AS name,
                    k.conname AS own_name, k.conrelid, k.conkey, k.confrelid, k.confkey,
                    CASE WHEN {special} OR {elsewhere} THEN pg_catalog.pg_get_constraintdef(k.oid) END AS definition,
                    CASE WHEN {elsewhere} THEN (
                         SELECT pg_catalog.array_agg(f.attname::text ORDER BY v.ord)
                         FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS v (attnum, ord)
                         JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = v.attnum) END AS columns_elsewhere,
                    CASE WHEN {elsewhere} THEN (
                         SELECT ARRAY[n.nspname::text, r.relname::text] FROM pg_catalog.pg_class r
                         JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = k.confrelid) END AS table_elsewhere,
                    ri.relname AS referenced_index,
                    k.conindid IN (SELECT u.conindid FROM pg_catalog.pg_constraint u WHERE u.contype IN ('p', 'u')) AS references_key,
                    k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update, k.condeferrable, k.condeferred,
                    k.convalidated AS valid, {enforced} AS enforced, pk.conrelid AS parent
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class ri ON ri.oid = k.conindid
             LEFT JOIN pg_catalog.pg_constraint pk ON pk.oid = k.conparentid
             LEFT JOIN pg_catalog.pg_constraint o ON o.conrelid = k.conrelid AND o.oid <> k.oid
                  AND o.conname::text = pk.conname::text
             WHERE k.contype = 'f' AND pk.conrelid IS DISTINCT FROM k.conrelid",
            enforced = constraint::enforced(server.major()),
        )
    }

    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>> {
        let Some((schema, table)) = sql::table_at(addresses, row.try_get("conrelid")?) else {
            return Ok(None);
        };
        let definition: Option<String> = row.try_get("definition")?;
        let columns = sql::columns_at(addresses, row, "conrelid", "conkey")?;
        let referenced_columns = match row.try_get("columns_elsewhere")? {
            Some(columns) => columns,
            None => sql::columns_at(addresses, row, "confrelid", "confkey")?,
        };
        let elsewhere: Option<Vec<String>> = row.try_get("table_elsewhere")?;
        let elsewhere = elsewhere.and_then(|names| <[String; 2]>::try_from(names).ok());
        let referenced = sql::table_at(addresses, row.try_get("confrelid")?);
        let (referenced_schema, referenced_table) = (referenced.or(elsewhere.map(Into::into)))
            .ok_or_else(|| Error::internal("a foreign key refers to a table that was not read"))?;
        let parent: Option<u32> = row.try_get("parent")?;
        let mut out = Self {
            schema,
            table,
            name: row.try_get("name")?,
            own_name: row.try_get("own_name")?,
            definition: String::new(),
            columns,
            referenced_schema,
            referenced_table,
            referenced_columns,
            referenced_index: row.try_get("referenced_index")?,
            references_key: row.try_get("references_key")?,
            on_delete: row.try_get("on_delete")?,
            on_update: row.try_get("on_update")?,
            deferrable: row.try_get("condeferrable")?,
            initially_deferred: row.try_get("condeferred")?,
            valid: row.try_get("valid")?,
            enforced: row.try_get("enforced")?,
            inherited: parent.and_then(|parent| sql::table_at(addresses, parent)),
        };
        out.definition = match definition {
            Some(definition) => constraint::without_attributes(&definition).to_owned(),
            None => out.plain_definition(),
        };
        Ok(Some(out))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.name)
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.own_name == other.own_name && self.references_key == other.references_key
    }

    fn significant(self) -> Self {
        Self {
            own_name: self.name.clone(),
            // Which of several keys over the same columns it is: PostgreSQL takes the oldest, and nothing says so.
            referenced_index: String::new(),
            references_key: true,
            ..self
        }
    }

    fn refers_to(&self) -> Option<Identity> {
        Some(self.referenced_identity())
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        let mut out = vec![self.referenced_identity(), self.referenced_index_identity()];
        if let Some((schema, table)) = &self.inherited {
            out.push(Self::named(schema, table, &self.name));
        }
        out
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("constraint", qualified([&self.schema, &self.table, &self.own_name]))]
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // The key of a partitioned table is valid once those of all partitions are attached to it.
        let mut first = if partitioning::is_partitioned(&self.referenced_schema, &self.referenced_table, context.to) {
            partitioning::attachments_below(&self.referenced_index_identity(), context.to)
        } else {
            Vec::new()
        };
        // PostgreSQL would take one that is about to go, if it is the oldest over these columns.
        let keys = partitioning::within(context.from, Kind::Key, &self.referenced_schema, &self.referenced_table);
        first.extend(
            keys.map(|(key, _)| key)
                .filter(|key| !context.to.contains(key))
                .cloned(),
        );
        if let Some(AnyObject::ForeignKey(live)) = context.before(&self.identity())
            && live.inherited.is_some()
            && self.inherited.is_none()
        {
            first.push(Partition::named(&self.schema, &self.table));
        }
        first
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        let (schema, table) = self.inherited.as_ref()?;
        sql::link_stays(&self.schema, &self.table, context).then(|| Self::named(schema, table, &self.name))
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        if self.inherited.is_some() {
            return Vec::new();
        }
        if self.enforced && !self.valid {
            // `CREATE TABLE` takes NOT VALID and ignores it: the constraint would be valid.
            return vec![self.add(&self.name, false)];
        }
        if let Some(online) = self.add_online(context).filter(|_| self.enforced) {
            return online;
        }
        let add = self.add(&self.name, true);
        let add = if self.enforced { self.scans_both(add) } else { add };
        vec![add.fold(Fold::Element {
            host: self.table_identity(),
            sql: self.declaration(),
        })]
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        if self.inherited.is_some() {
            // It goes with the partitioned table's; a partition that is detached drops what it keeps there and then.
            return Vec::new();
        }
        let drop = self.action(&format!("DROP CONSTRAINT {}", ident(&self.own_name)));
        vec![self.locks_both(drop, Lock::AccessExclusive).fold(Fold::Implied {
            host: self.table_identity(),
        })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        if self.inherited.is_some()
            && !self.is_same_rule(desired)
            && !sql::link_stays(&self.schema, &self.table, context)
        {
            return Alter::Replace;
        }
        let retimed = Self {
            deferrable: desired.deferrable,
            initially_deferred: desired.initially_deferred,
            enforced: desired.enforced,
            ..self.clone()
        };
        let is_other_rule = !retimed.is_same_rule(desired);
        let loses_validation = self.enforced && self.valid && desired.enforced && !desired.valid;
        let enforces_unchecked = !self.enforced && desired.enforced && !desired.valid;
        let loses_index = !context.to.contains(&self.referenced_index_identity());
        if is_other_rule || loses_index || loses_validation || enforces_unchecked {
            return Alter::Replace;
        }
        let mut out = self.change_attributes(desired);
        if self.enforced && desired.enforced && !self.valid && desired.valid {
            let validate = self.validate(&self.own_name);
            out.push(online::alone_if_large(validate, self.large(context)));
        }
        Alter::in_place(out)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        // A partition that leaves its parent keeps the foreign key, and it is there when the partition comes back.
        if replaced.kind == Kind::ForeignKey && !sql::link_stays(&self.schema, &self.table, context) {
            return Alter::Unchanged;
        }
        Alter::Replace
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        Some(constraint::rename(
            &self.own_name,
            &desired.schema,
            &desired.table,
            &desired.own_name,
        ))
    }
}
