//! Check constraint of a table. One that is inherited follows its parent's.

use serde::{Deserialize, Serialize};

use super::settled::{restate, same, settle};
use super::{
    Alter, Context, Fold, Kind, Lock, Object, Row, Statement, Table, Transaction, constraint, derived_name, online, sql,
};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A check constraint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Definition as PostgreSQL deparses it, `NO INHERIT` included (`CHECK ((price > 0))`).
    pub definition: String,
    /// Whether existing rows have been checked.
    pub valid: bool,
    /// Whether rows are checked at all (PostgreSQL 18 has constraints that are not).
    pub enforced: bool,
    /// Whether the table declares the constraint itself; a partition always does, as it can stand alone.
    pub local: bool,
    /// Tables that the constraint is inherited from, partitioned parents included: schema and name.
    pub parents: Vec<(String, String)>,
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            schema,
            table,
            name,
            definition,
            valid,
            enforced,
            local,
            parents: _,
        } = self;
        *schema == other.schema
            && *table == other.table
            && *name == other.name
            && same(definition, &other.definition)
            && *valid == other.valid
            && *enforced == other.enforced
            && *local == other.local
    }
}

impl Check {
    /// Returns the identity of a check by name.
    pub fn named(schema: &str, table: &str, name: &str) -> Identity {
        Identity::new(Kind::Check, [schema, table, name])
    }

    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn declaration(&self) -> String {
        let enforced = if self.enforced { "" } else { " NOT ENFORCED" };
        format!(
            "CONSTRAINT {} {}{enforced}",
            ident(&self.name),
            restate(&self.definition)
        )
    }

    fn action_on(schema: &str, table: &str, action: &str) -> Statement {
        Statement::new(format!("ALTER TABLE {} {action}", qualified([schema, table])))
            .locks(Table::named(schema, table), Lock::AccessExclusive)
    }

    fn add_to(&self, schema: &str, table: &str) -> Statement {
        let not_valid = if self.enforced && !self.valid { " NOT VALID" } else { "" };
        let add = Self::action_on(schema, table, &format!("ADD {}{not_valid}", self.declaration()));
        if self.enforced && self.valid {
            add.scans(Table::named(schema, table))
        } else {
            add
        }
    }

    /// Adds the constraint without a look at the rows, and validates it in another transaction: under a name of its own
    /// beside the one that it replaces, if there is one, so that the rows are never without.
    fn add_online(&self, context: &Context, large: &str) -> Vec<Statement> {
        let under = |name: &str| Self {
            name: name.to_owned(),
            valid: false,
            ..self.clone()
        };
        let add = |name: &str| under(name).add_to(&self.schema, &self.table);
        let validate = |name: &str| online::validate(&self.schema, &self.table, name);
        let is_other = |live: &super::AnyObject| !matches!(live, super::AnyObject::Check(live) if **live == *self);
        if !context.before(&self.identity()).is_some_and(is_other) {
            let form = format!("added NOT VALID and validated in another transaction: {large}");
            return [add(&self.name), validate(&self.name)]
                .map(|statement| statement.form(&form))
                .into();
        }
        let beside = derived_name::temporary(&self.name, "new");
        let form = format!("added beside the old one, validated and swapped: {large}");
        let rename = constraint::rename(&beside, &self.schema, &self.table, &self.name);
        [add(&beside).transaction(Transaction::Alone), validate(&beside)]
            .into_iter()
            .chain(rename)
            .map(|statement| statement.form(&form).temporary(under(&beside).identity()))
            .collect()
    }

    fn drop_from(&self, schema: &str, table: &str) -> Statement {
        Self::action_on(schema, table, &format!("DROP CONSTRAINT {}", ident(&self.name)))
    }
}

impl Object for Check {
    const CLASS: u32 = 2606;
    const AMONG: (u32, &'static str) = (2606, "c");

    fn query(server: &Server) -> String {
        format!(
            "SELECT k.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, k.conname AS name,
                    pg_catalog.pg_get_constraintdef(k.oid) AS definition, k.convalidated AS valid, {} AS enforced,
                    k.conislocal OR c.relispartition AS local, i.schemas AS parent_schemas, i.names AS parent_names
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (
                 SELECT array_agg(pn.nspname::text ORDER BY h.inhseqno) AS schemas,
                        array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                 FROM pg_catalog.pg_inherits h
                 JOIN pg_catalog.pg_constraint pk ON pk.conrelid = h.inhparent AND pk.conname = k.conname
                      AND pk.contype = 'c' AND NOT pk.connoinherit
                 JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
                 JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                 WHERE h.inhrelid = k.conrelid AND k.coninhcount > 0) i
             WHERE k.contype = 'c' AND {} AND {} AND {}",
            constraint::enforced(server.major()),
            constraint::ON_TABLE,
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let definition: String = row.try_get("definition")?;
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            name: row.try_get("name")?,
            definition: constraint::without_attributes(&definition).to_owned(),
            valid: row.try_get("valid")?,
            enforced: row.try_get("enforced")?,
            local: row.try_get("local")?,
            parents: sql::pairs(row, "parent_schemas", "parent_names")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table, &self.name)
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.definition == other.definition && self.parents == other.parents
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            // A constraint that leaves its parent is the table's own from then on.
            local: true,
            parents: Vec::new(),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        let parents = self.parents.iter();
        parents
            .map(|(schema, table)| Self::named(schema, table, &self.name))
            .collect()
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        vec![("constraint", qualified([&self.schema, &self.table, &self.name]))]
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        let (schema, table) = sql::staying_parent(&self.schema, &self.table, &self.parents, context)?;
        Some(Self::named(schema, table, &self.name))
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let table = self.table_identity();
        if !self.local && sql::is_made(&table, context) {
            return Vec::new();
        }
        if let Some(large) = context.large(&table).filter(|_| self.enforced && self.valid) {
            return self.add_online(context, &large);
        }
        let add = self.add_to(&self.schema, &self.table);
        // `CREATE TABLE` takes NOT VALID and ignores it: the constraint would be valid.
        if self.enforced && !self.valid {
            return vec![add];
        }
        vec![add.fold(Fold::Element {
            host: table,
            sql: self.declaration(),
        })]
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let host = self.table_identity();
        if !self.parents.is_empty() && !context.to.contains(&host) {
            // PostgreSQL drops an inherited constraint with its table, or with the parent's, but not alone.
            return Vec::new();
        }
        vec![self.drop_from(&self.schema, &self.table).fold(Fold::Implied { host })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            definition,
            valid,
            enforced,
            local,
            parents: _,
        } = self;
        if !same(definition, &desired.definition) || *enforced != desired.enforced || (*valid && !desired.valid) {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        // Adding merges with the inherited one; there is no way back.
        if !*local && desired.local && !self.parents.is_empty() {
            out.push(desired.add_to(&self.schema, &self.table));
        }
        if *valid != desired.valid {
            let validate = online::validate(&self.schema, &self.table, &self.name);
            out.push(online::alone_if_large(validate, context.large(&self.table_identity())));
        }
        Alter::in_place(out)
    }

    fn follow(&self, _desired: &Self, replaced: &Identity, context: &Context) -> Alter {
        // A table that leaves its parent keeps the constraint, and it is there when the table comes back.
        if replaced.kind == Kind::Check && !sql::link_stays(&self.schema, &self.table, context) {
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
