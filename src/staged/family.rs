//! A table with its partitions: what is done to it is done to them, but each has its rows and indexes of its own.

use std::collections::BTreeMap;

use crate::catalog::Identity;
use crate::kinds::partitioning::{self, partitions};
use crate::kinds::{AnyObject, Context, Partition, Statement, Table};

/// Returns the partitioned table that a partition is one of, on whatever level; any other table as it is.
pub(super) fn root(table: &Identity, context: &Context) -> Identity {
    let mut out = table.clone();
    while let [schema, name] = out.path.as_slice()
        && let Some(AnyObject::Partition(partition)) = context.before(&Partition::named(schema, name))
    {
        out = Table::named(&partition.parent_schema, &partition.parent_table);
    }
    out
}

/// Returns a table and its partitions on all levels, each behind the one that it is a part of.
pub(super) fn nodes(table: &Identity, context: &Context) -> Vec<Identity> {
    let mut out = vec![table.clone()];
    if !is_partitioned(table, context) {
        return out;
    }
    let mut parts: BTreeMap<Identity, Vec<Identity>> = BTreeMap::new();
    for part in partitions(context.from) {
        let parent = Table::named(&part.parent_schema, &part.parent_table);
        parts
            .entry(parent)
            .or_default()
            .push(Table::named(&part.schema, &part.table));
    }
    let mut at = 0;
    while let Some(parent) = out.get(at) {
        at += 1;
        out.extend(parts.remove(parent).unwrap_or_default());
    }
    out
}

/// Returns the tables of a family that have rows.
pub(super) fn leaves(table: &Identity, context: &Context) -> Vec<Identity> {
    let mut out = nodes(table, context);
    out.retain(|node| !is_partitioned(node, context));
    out
}

/// Tells whether a table has its rows in partitions.
pub(super) fn is_partitioned(table: &Identity, context: &Context) -> bool {
    partitioning::is_partitioned(&table.path[0], &table.path[1], context.from)
}

/// Adds to what a statement does to a table what it does to each table of its family.
pub(super) fn for_each(
    tables: Vec<Identity>,
    statement: Statement,
    say: impl Fn(Statement, Identity) -> Statement,
) -> Statement {
    tables.into_iter().fold(statement, say)
}
