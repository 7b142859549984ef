//! Partition: the link between a table and the partitioned table that it is attached to. The table itself is an object
//! of its own that stands alone, so that attaching and detaching it keeps its rows.

use serde::{Deserialize, Serialize};

use super::online::Proof;
use super::{
    Alter, AnyObject, Check, Context, Kind, Lock, Object, Row, Statement, Table, Transaction, derived_name,
    partitioning, sql,
};
use crate::catalog::{
    Addresses, Catalog, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::desired::expression::columns;
use crate::error::Result;

/// The attachment of a table to a partitioned table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Schema of the partition.
    pub schema: String,
    /// Partition.
    pub table: String,
    /// Schema of the partitioned table.
    pub parent_schema: String,
    /// Partitioned table.
    pub parent_table: String,
    /// Bound as PostgreSQL deparses it (`FOR VALUES FROM (1) TO (10)`, `DEFAULT`).
    pub bound: String,
    /// Whether a `DETACH … CONCURRENTLY` was interrupted half-way.
    pub detaching: bool,
    /// What the bound says of each row, those of the tables above included, as PostgreSQL deparses it. It follows from
    /// the bounds and is no difference; that of a hash partition holds a number that each server gives by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

impl PartialEq for Partition {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            schema,
            table,
            parent_schema,
            parent_table,
            bound,
            detaching,
            condition: _,
        } = self;
        *schema == other.schema
            && *table == other.table
            && *parent_schema == other.parent_schema
            && *parent_table == other.parent_table
            && *bound == other.bound
            && *detaching == other.detaching
    }
}

/// Kinds of a table's objects that `ATTACH` compares with those of the partitioned table.
const COMPARED: &[Kind] = &[Kind::Column, Kind::NotNull, Kind::Check, Kind::Key];

impl Partition {
    /// Returns the identity of a table's attachment.
    pub fn named(schema: &str, table: &str) -> Identity {
        Identity::new(Kind::Partition, [schema, table])
    }

    fn table_identity(&self) -> Identity {
        Table::named(&self.schema, &self.table)
    }

    fn parent_identity(&self) -> Identity {
        Table::named(&self.parent_schema, &self.parent_table)
    }

    /// Tells whether it is a partition of the table.
    pub(super) fn is_of(&self, table: &Identity) -> bool {
        self.parent_identity() == *table
    }

    fn action(&self, action: &str) -> Statement {
        let parent = qualified([&self.parent_schema, &self.parent_table]);
        Statement::new(format!("ALTER TABLE {parent} {action}"))
    }

    /// Tells whether the plan drops the table itself, attached as it is. PostgreSQL refuses that while a foreign key
    /// references the partitioned table.
    fn goes_with_table(&self, context: &Context) -> bool {
        !context.to.contains(&self.table_identity())
            && !self.is_referenced(context.from)
            && self.leaves_concurrently(context).is_none()
    }

    /// Returns the size of the partitioned table when it is large and PostgreSQL can detach the partition without
    /// blocking it: not beside a default partition, and not when it comes back at once.
    fn leaves_concurrently(&self, context: &Context) -> Option<String> {
        let has_default = [context.from, context.to].iter().any(|catalog| {
            let mut siblings = partitioning::partitions(catalog);
            siblings.any(|other| other.bound == "DEFAULT" && other.parent_identity() == self.parent_identity())
        });
        let parent_stays = context.stays(&self.parent_identity());
        let returns = context.to.contains(&self.identity());
        let can = parent_stays && !has_default && !returns && !self.detaching;
        context.large(&self.parent_identity()).filter(|_| can)
    }

    /// Returns what the bound, and those above it, say of a row, where it can be said on any server: a hash is over the
    /// identifier that the partitioned table has on one.
    pub(crate) fn stated(&self) -> Option<&str> {
        let condition = self.condition.as_deref()?;
        (!condition.contains("satisfies_hash_partition(")).then_some(condition)
    }

    /// Returns checks which prove to PostgreSQL what it would read the tables for when the partition is attached: that
    /// each row fits the bound, and that the default partition holds none that does.
    fn proofs<'a>(&'a self, context: &Context<'a>) -> Vec<(Identity, Proof<'a>)> {
        let mut out = Vec::new();
        let Some(condition) = self.stated().filter(|_| self.bound != "DEFAULT") else {
            return out;
        };
        if let Some(large) = context.large(&self.table_identity()) {
            let form = format!("proven to fit the bound before it is attached: {large}");
            let proof = Proof::new((&self.schema, &self.table), &self.table, condition.to_owned(), form);
            out.push((self.table_identity(), proof));
        }
        // Below another partition the condition says more than the bound, and its contrary proves nothing.
        let is_nested = context
            .to
            .contains(&Self::named(&self.parent_schema, &self.parent_table));
        let default = self.default_sibling(context.to).filter(|_| !is_nested);
        if let Some((default, large)) =
            default.and_then(|default| Some((default, context.large(&default.table_identity())?)))
        {
            let form =
                format!("the default partition is proven to hold none of its rows before it is attached: {large}");
            let table = (default.schema.as_str(), default.table.as_str());
            let of = format!("{}_{}", default.table, self.table);
            out.push((
                default.table_identity(),
                Proof::new(table, &of, format!("NOT ({condition})"), form),
            ));
        }
        out
    }

    /// Returns what drops the check that PostgreSQL leaves on a table in place of the bound when it is detached
    /// concurrently. Its name is chosen by the server; where a check says the same already there is none.
    fn drop_left_check(&self, context: &Context) -> Statement {
        let read = self.condition.as_deref().map(columns).unwrap_or_default();
        let column = read.first().filter(|_| read.len() == 1);
        let is_taken = |name: &str| {
            let constraints = context
                .from
                .objects
                .keys()
                .filter(|identity| identity.kind.is_constraint());
            constraints
                .filter(|identity| identity.path.first().is_some_and(|schema| *schema == self.schema))
                .any(|identity| identity.path.last().is_some_and(|last| last == name))
        };
        let chosen = |number: u32| {
            let label = if number == 0 {
                "check".to_owned()
            } else {
                format!("check{number}")
            };
            derived_name::chosen(&self.table, column.map(String::as_str), &label)
        };
        let name = (0..100).map(chosen).find(|name| !is_taken(name)).unwrap_or_default();
        let table = qualified([&self.schema, &self.table]);
        Statement::new(format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {}",
            ident(&name)
        ))
        .locks(self.table_identity(), Lock::AccessExclusive)
        .temporary(Check::named(&self.schema, &self.table, &name))
    }

    fn is_referenced(&self, catalog: &Catalog) -> bool {
        let mut above = vec![self.parent_identity()];
        let mut partition = self;
        while let Some(AnyObject::Partition(next)) =
            catalog.get(&Self::named(&partition.parent_schema, &partition.parent_table))
        {
            above.push(next.parent_identity());
            partition = next;
        }
        partitioning::foreign_keys(catalog).any(|key| above.contains(&key.referenced_identity()))
    }

    fn is_of_table(&self, identity: &Identity, context: &Context) -> bool {
        let of_table = |parent: Identity| parent == self.table_identity();
        identity.path.starts_with(&Table::named(&self.schema, &self.table).path)
            || context
                .before(identity)
                .and_then(AnyObject::parent)
                .is_some_and(of_table)
    }

    /// Returns the default partition beside this one, which PostgreSQL searches for rows of a new one.
    pub(crate) fn default_sibling<'a>(&self, catalog: &'a Catalog) -> Option<&'a Self> {
        partitioning::partitions(catalog).find(|other| {
            other.bound == "DEFAULT"
                && other.parent_identity() == self.parent_identity()
                && other.table_identity() != self.table_identity()
        })
    }

    /// States what is locked besides a partition that is dropped: whoever reads its parent plans with it, and the default
    /// partition may get its rows from now on.
    pub(super) fn locks_family(&self, drop: Statement, catalog: &Catalog) -> Statement {
        let default = self.default_sibling(catalog).map(Self::table_identity);
        let family = std::iter::once(self.parent_identity()).chain(default);
        family.fold(drop, |drop, table| drop.locks(table, Lock::AccessExclusive))
    }

    /// Returns what `ATTACH` compares between the two tables, as far as either state has it.
    fn compared(&self, context: &Context) -> Vec<Identity> {
        let mut out = Vec::new();
        for catalog in [context.from, context.to] {
            for (schema, table) in [(&self.schema, &self.table), (&self.parent_schema, &self.parent_table)] {
                for kind in COMPARED {
                    let found = partitioning::within(catalog, *kind, schema, table);
                    out.extend(found.map(|(identity, _)| identity.clone()));
                }
            }
            for (_, object) in partitioning::within(catalog, Kind::IndexAttachment, &self.schema, &self.table) {
                if let AnyObject::IndexAttachment(attachment) = object {
                    out.extend([attachment.index_identity(), attachment.parent_index()]);
                }
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// Returns the indexes that the partitioned table has in a catalog.
    fn indexes_of_parent(&self, catalog: &Catalog) -> Vec<Identity> {
        let schema = Identity::new(Kind::Index, [&self.parent_schema]);
        let of_schema = catalog.objects.range(schema..);
        of_schema
            .map_while(|(identity, object)| match object {
                AnyObject::Index(index) if index.schema == self.parent_schema => Some((identity, index)),
                _ => None,
            })
            .filter(|(_, index)| index.table == self.parent_table)
            .map(|(identity, _)| identity.clone())
            .collect()
    }

    /// Tells whether a new key of the partitioned table is there only once this partition is, without an index of its own
    /// attached to it.
    fn is_left_out_of(&self, key: &Identity, context: &Context) -> bool {
        let is_incomplete = matches!(context.after(key), Some(AnyObject::Key(key)) if !key.valid);
        is_incomplete && context.is_created(key) && {
            let (schema, table) = (&self.parent_schema, &self.parent_table);
            partitioning::left_out(key, schema, table, context.to).contains(&self.identity())
        }
    }

    /// Returns the statements that drop the foreign keys which the table had from its parent and keeps when it leaves.
    fn drop_left_behind(&self, context: &Context) -> Vec<Statement> {
        partitioning::within(context.from, Kind::ForeignKey, &self.schema, &self.table)
            .filter_map(|(identity, object)| match (object, context.after(identity)) {
                (AnyObject::ForeignKey(live), Some(AnyObject::ForeignKey(desired))) => {
                    (live.inherited.is_some() && !live.is_same_rule(desired)).then_some(live)
                }
                (AnyObject::ForeignKey(live), _) => live.inherited.is_some().then_some(live),
                _ => None,
            })
            .map(|left| {
                let table = qualified([&self.schema, &self.table]);
                Statement::new(format!(
                    "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {}",
                    ident(&left.own_name)
                ))
                .locks(self.table_identity(), Lock::AccessExclusive)
                .locks(left.referenced_identity(), Lock::AccessExclusive)
            })
            .collect()
    }
}

impl Partition {
    /// Returns what attaches the parent itself, where identity columns come from above: a table that is attached gets them, and
    /// its own partitions do not.
    fn giver_of_identity(&self, context: &Context) -> Option<Identity> {
        let giver = Self::named(&self.parent_schema, &self.parent_table);
        let mut above = self;
        while let Some(AnyObject::Partition(next)) =
            context.after(&Self::named(&above.parent_schema, &above.parent_table))
        {
            above = next;
        }
        let (schema, table) = (&above.parent_schema, &above.parent_table);
        let has_some = partitioning::within(context.to, Kind::ColumnIdentity, schema, table)
            .next()
            .is_some();
        (context.version_num >= 170_000 && has_some && context.to.contains(&giver)).then_some(giver)
    }
}

impl Object for Partition {
    const CLASS: u32 = 0;
    const AMONG: (u32, &'static str) = (2611, "");

    fn query(_server: &Server) -> String {
        format!(
            "SELECT 0::oid AS oid, 0 AS sub, n.nspname AS schema, c.relname AS table, pn.nspname AS parent_schema,
                    p.relname AS parent_table, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
                    h.inhdetachpending AS detaching,
                    CASE WHEN NOT h.inhdetachpending THEN pg_catalog.pg_get_partition_constraintdef(c.oid) END AS condition
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
             JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
             JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
             WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND {} AND {}",
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            schema: row.try_get("schema")?,
            table: row.try_get("table")?,
            parent_schema: row.try_get("parent_schema")?,
            parent_table: row.try_get("parent_table")?,
            bound: row.try_get("bound")?,
            detaching: row.try_get("detaching")?,
            condition: row.try_get("condition")?,
        }))
    }

    fn identity(&self) -> Identity {
        Self::named(&self.schema, &self.table)
    }

    fn is_identical(&self, other: &Self) -> bool {
        self == other && self.condition == other.condition
    }

    fn significant(self) -> Self {
        Self {
            condition: None,
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.table_identity())
    }

    fn dependencies(&self) -> Vec<Identity> {
        vec![self.parent_identity()]
    }

    fn claims(&self) -> Vec<(&'static str, String)> {
        // A bound may lie where another one ends only now: all that leave the parent leave before any comes.
        vec![(
            "bounds of partitions",
            qualified([&self.parent_schema, &self.parent_table]),
        )]
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // Every index that the parent has when a table is attached is built on the table, under the strongest lock.
        let gone = self.indexes_of_parent(context.from).into_iter();
        let gone = gone.filter(|index| !context.to.contains(index));
        let mut out = self.compared(context);
        out.extend(gone);
        out.retain(|identity| !self.is_left_out_of(identity, context));
        out.extend(self.giver_of_identity(context));
        out
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        let mut out = self.compared(context);
        out.extend(self.indexes_of_parent(context.to));
        if self.goes_with_table(context) {
            // The table's own objects go with it. Of its parent's, what is lost could not be dropped on it alone, and
            // a new index would stay invalid for want of the table's.
            let waits = |identity: &Identity| {
                context.from.contains(identity) || matches!(identity.kind, Kind::Key | Kind::Index)
            };
            out.retain(|identity| waits(identity) && !self.is_of_table(identity, context));
        }
        out
    }

    fn carrier(&self, context: &Context) -> Option<Identity> {
        self.goes_with_table(context).then(|| self.table_identity())
    }

    fn create(&self, context: &Context) -> Vec<Statement> {
        let table = qualified([&self.schema, &self.table]);
        let proofs = self.proofs(context);
        let is_proven = |table: &Identity| proofs.iter().any(|(proven, _)| proven == table);
        let scans = |statement: Statement, table: Identity| {
            if is_proven(&table) {
                statement
            } else {
                statement.scans(table)
            }
        };
        let attach = self
            .action(&format!("ATTACH PARTITION {table} {}", self.bound))
            .locks(self.parent_identity(), Lock::ShareUpdateExclusive)
            .locks(self.table_identity(), Lock::AccessExclusive);
        let mut attach = scans(attach, self.table_identity());
        if let Some(default) = self.default_sibling(context.to).filter(|_| self.bound != "DEFAULT") {
            let default = default.table_identity();
            attach = scans(attach.locks(default.clone(), Lock::AccessExclusive), default);
        }
        let mut out: Vec<Statement> = proofs.iter().flat_map(|(_, proof)| proof.establish()).collect();
        if let Some(form) = out.first().and_then(|first| first.form.clone()) {
            attach = attach.form(form);
        }
        out.push(attach);
        out.extend(proofs.iter().map(|(_, proof)| proof.drop()));
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let table = qualified([&self.schema, &self.table]);
        if let Some(large) = self.leaves_concurrently(context) {
            let form = format!("detached concurrently: {large}");
            let detach = self
                .action(&format!("DETACH PARTITION {table} CONCURRENTLY"))
                .locks(self.parent_identity(), Lock::ShareUpdateExclusive)
                .locks(self.table_identity(), Lock::AccessExclusive)
                .transaction(Transaction::Outside);
            let mut out = vec![detach];
            if context.to.contains(&self.table_identity()) {
                out.push(self.drop_left_check(context));
                out.extend(self.drop_left_behind(context));
            }
            return out.into_iter().map(|statement| statement.form(&form)).collect();
        }
        let finalize = if self.detaching { " FINALIZE" } else { "" };
        let mut detach = self
            .action(&format!("DETACH PARTITION {table}{finalize}"))
            .locks(self.parent_identity(), Lock::AccessExclusive)
            .locks(self.table_identity(), Lock::AccessExclusive);
        if let Some(default) = self.default_sibling(context.from) {
            detach = detach.locks(default.table_identity(), Lock::AccessExclusive);
        }
        let mut out = vec![detach];
        if context.to.contains(&self.table_identity()) {
            out.extend(self.drop_left_behind(context));
        }
        out
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            parent_schema,
            parent_table,
            bound,
            detaching,
            condition: _,
        } = self;
        let same = *parent_schema == desired.parent_schema
            && *parent_table == desired.parent_table
            && *bound == desired.bound
            && *detaching == desired.detaching;
        if same { Alter::Unchanged } else { Alter::Replace }
    }
}
