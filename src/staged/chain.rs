//! Columns that foreign keys tie to one another and whose type changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{family, kept, once};
use crate::catalog::Identity;
use crate::catalog::quote::ident;
use crate::kinds::number_as_uuid;
use crate::kinds::{
    AnyObject, Column, Context, ForeignKey, Key, KeyType, Kind, Partition, Table, temporary_name, type_change,
};

/// One column of a chain.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// As it is.
    pub(super) before: Column,
    /// As it will be.
    pub(super) after: Column,
    /// Name of the new column until the swap.
    pub(super) new: String,
    /// Name of the old one behind it.
    pub(super) old: String,
}

impl Member {
    pub(super) fn identity(&self) -> Identity {
        Column::named(&self.before.schema, &self.before.table, &self.before.name)
    }

    pub(super) fn table(&self) -> Identity {
        self.before.table_identity()
    }

    /// Returns the new value as an expression over a row's old one. Where a value of the old type can be assigned to the new
    /// one it stands alone: an explicit cast would cut what is too long.
    pub(super) fn value(&self, row: &str, context: &Context) -> String {
        let old = format!("{row}{}", ident(&self.before.name));
        let (from, to) = (&self.before.data_type, &self.after.data_type);
        let made = number_as_uuid::convert(&old, from, to)
            .or_else(|| type_change::using(&old, from, to, context))
            .unwrap_or(old);
        kept::restored(self, row, &made, context)
    }

    /// Tells whether values are something else afterwards, and not the same numbers.
    pub(super) fn is_converted(&self) -> bool {
        !type_change::is_of_numbers(&self.before.data_type, &self.after.data_type)
    }

    /// Tells whether there may be values that cannot be carried over, and have none in the new column.
    pub(super) fn is_partial(&self) -> bool {
        self.is_converted() && !number_as_uuid::to_uuid(&self.before.data_type, &self.after.data_type)
    }

    /// Returns how values change where some may become others, rather than being refused.
    pub(super) fn loses(&self) -> Option<String> {
        type_change::alters(&self.before.data_type, &self.after.data_type)
    }

    /// Tells whether PostgreSQL changes the type without a look at a row.
    fn is_free(&self) -> bool {
        let (from, to) = (&self.before.data_type, &self.after.data_type);
        !type_change::rewrites(from, to) && type_change::loses(from, to).is_none()
    }
}

/// A chain: its tables, those that others refer to first, and their columns.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Columns of tables that are no partitions.
    pub(super) members: Vec<Member>,
    /// The partitioned table of each partition of the chain's tables.
    homes: BTreeMap<Identity, Identity>,
}

impl Chain {
    pub(super) fn tables(&self) -> Vec<Identity> {
        let mut out: Vec<Identity> = Vec::new();
        for member in &self.members {
            if !out.contains(&member.table()) {
                out.push(member.table());
            }
        }
        out
    }

    /// Returns the columns of a table; those of a partition are those of the partitioned table.
    pub(super) fn of_table(&self, table: &Identity) -> impl Iterator<Item = &Member> {
        let home = self.homes.get(table).unwrap_or(table).clone();
        self.members.iter().filter(move |member| member.table() == home)
    }

    pub(super) fn member(&self, column: &Identity) -> Option<&Member> {
        let table = Table::named(&column.path[0], &column.path[1]);
        self.of_table(&table).find(|member| member.before.name == column.name())
    }

    /// Returns the name that a column of a table has before the swap when it is to be the new one.
    pub(super) fn name(&self, schema: &str, table: &str, column: &str) -> String {
        let member = self.member(&Column::named(schema, table, column));
        member.map_or_else(|| column.to_owned(), |member| member.new.clone())
    }

    /// Returns the columns, those of partitions included.
    pub(super) fn columns(&self) -> BTreeSet<Identity> {
        let mut out: BTreeSet<Identity> = self.members.iter().map(Member::identity).collect();
        for partition in self.homes.keys() {
            let names = self.of_table(partition).map(|member| &member.before.name);
            out.extend(names.map(|name| Column::named(&partition.path[0], &partition.path[1], name)));
        }
        out
    }

    /// Tells whether what is said about the old columns, such as where their values come from, holds for the new ones.
    pub(super) fn keeps_what_is_said(&self) -> bool {
        !self.members.iter().any(Member::is_converted)
    }
}

/// Returns the chains whose type changes and of which a table is large.
pub(super) fn chains(context: &Context) -> Vec<Chain> {
    if context.large.is_empty() {
        return Vec::new();
    }
    chains_with(context, |table| context.large.get(table).is_some())
}

/// Returns the chains whose type changes and of which some table is as asked for.
pub(super) fn chains_with(context: &Context, wanted: impl Fn(&Identity) -> bool) -> Vec<Chain> {
    let retyped = retyped(context);
    if retyped.is_empty() {
        return Vec::new();
    }
    let foreign_keys: Vec<&ForeignKey> = all(context);
    let mut tied: BTreeMap<Identity, BTreeSet<Identity>> = BTreeMap::new();
    let mut known: BTreeSet<Identity> = BTreeSet::new();
    for key in &foreign_keys {
        for (own, referenced) in key.columns.iter().zip(&key.referenced_columns) {
            let own = whole(&Table::named(&key.schema, &key.table), own, context);
            let referenced = whole(&key.referenced_identity(), referenced, context);
            known.extend([own.clone(), referenced.clone()]);
            tied.entry(own.clone()).or_default().insert(referenced.clone());
            tied.entry(referenced).or_default().insert(own);
        }
    }
    let keys = all::<Key>(context)
        .into_iter()
        .filter(|key| key.constraint == KeyType::Primary);
    known.extend(keys.flat_map(|key| {
        let table = Table::named(&key.schema, &key.table);
        let columns = key.columns.iter();
        columns
            .map(move |name| whole(&table, name, context))
            .collect::<Vec<_>>()
    }));
    let mut left: BTreeSet<Identity> = retyped
        .keys()
        .filter(|column| known.contains(column))
        .cloned()
        .collect();
    let mut out = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut open = vec![first];
        let mut of_chain = Vec::new();
        while let Some(column) = open.pop() {
            let next = tied.get(&column).into_iter().flatten();
            open.extend(next.filter(|next| left.remove(*next)).cloned().collect::<Vec<_>>());
            of_chain.push(column);
        }
        let is_large = |column: &Identity| {
            let family = family::nodes(&Table::named(&column.path[0], &column.path[1]), context);
            family.iter().any(&wanted)
        };
        if of_chain.iter().any(is_large) {
            let members = once(of_chain)
                .into_iter()
                .filter_map(|column| retyped.get(&column).cloned());
            let mut members: Vec<Member> = members.collect();
            // Without a look at a row nothing comes back that is kept elsewhere.
            let comes_back = members.iter().any(|member| kept::reads(member, context));
            if members.iter().all(Member::is_free) && !comes_back {
                continue;
            }
            // As people write: a row that is referred to, then those that refer to it; locks are taken in that order.
            members.sort_by_key(|member| depth(&member.table(), &foreign_keys, 0));
            let homes = homes(&members, context);
            out.push(Chain { members, homes });
        }
    }
    out
}

/// Returns a column as that of the partitioned table, where its table is a partition.
fn whole(table: &Identity, column: &str, context: &Context) -> Identity {
    let root = family::root(table, context);
    Column::named(&root.path[0], &root.path[1], column)
}

fn homes(members: &[Member], context: &Context) -> BTreeMap<Identity, Identity> {
    let mut out = BTreeMap::new();
    for table in once(members.iter().map(Member::table)) {
        let partitions = family::nodes(&table, context).into_iter().skip(1);
        out.extend(partitions.map(|partition| (partition, table.clone())));
    }
    out
}

/// Returns how many tables a table refers to, one through the other.
fn depth(table: &Identity, keys: &[&ForeignKey], so_far: usize) -> usize {
    if so_far > 30 {
        return so_far;
    }
    let own = keys
        .iter()
        .filter(|key| Table::named(&key.schema, &key.table) == *table);
    let others = own
        .map(|key| key.referenced_identity())
        .filter(|referenced| referenced != table);
    others
        .map(|referenced| depth(&referenced, keys, so_far + 1))
        .max()
        .unwrap_or(so_far)
}

/// Returns the columns that stand and change from one type to another.
fn retyped(context: &Context) -> BTreeMap<Identity, Member> {
    let mut out = BTreeMap::new();
    for (identity, object) in context
        .from
        .objects
        .iter()
        .filter(|(identity, _)| identity.kind == Kind::Column)
    {
        let (AnyObject::Column(before), Some(AnyObject::Column(after))) = (object, context.after(identity)) else {
            continue;
        };
        let is_part = || {
            let partition = Partition::named(&before.schema, &before.table);
            context.before(&partition).is_some()
        };
        // A partition's columns change with those of the partitioned table.
        if before.data_type != after.data_type && !is_part() {
            let member = Member {
                new: free(before, "new", context),
                old: free(before, "old", context),
                before: Column::clone(before),
                after: Column::clone(after),
            };
            out.insert(identity.clone(), member);
        }
    }
    out
}

/// Returns a name that no column of the table has: a swap that was cut short may have left one.
fn free(column: &Column, label: &str, context: &Context) -> String {
    let first = temporary_name(&column.name, label);
    let others = (2..).map(|number| temporary_name(&column.name, &format!("{label}_{number}")));
    let is_free = |name: &String| {
        let identity = Column::named(&column.schema, &column.table, name);
        !context.from.contains(&identity) && !context.to.contains(&identity)
    };
    std::iter::once(first).chain(others).find(is_free).unwrap_or_default()
}

/// A kind whose objects can be listed.
pub(super) trait Listed: Sized {
    fn of(object: &AnyObject) -> Option<&Self>;
}

impl Listed for ForeignKey {
    fn of(object: &AnyObject) -> Option<&Self> {
        match object {
            AnyObject::ForeignKey(key) => Some(key),
            _ => None,
        }
    }
}

impl Listed for Key {
    fn of(object: &AnyObject) -> Option<&Self> {
        match object {
            AnyObject::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// Returns every object of a kind before the plan.
pub(super) fn all<'a, T: Listed + 'a>(context: &Context<'a>) -> Vec<&'a T> {
    let objects: Vec<&'a AnyObject> = context.from.objects.values().collect();
    objects.into_iter().filter_map(T::of).collect()
}
