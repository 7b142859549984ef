//! A table with its partitions: what is done to it is done to them, but each has its rows and indexes of its own.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Context, Kind, Partition, Statement, Table};

fn partitions<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a Partition> {
    let from = Identity::new(Kind::Partition, [""; 0]);
    let all = context.from.objects.range(from..);
    all.map_while(|(_, object)| match object {
        AnyObject::Partition(partition) => Some(&**partition),
        _ => None,
    })
}

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
    let mut at = 0;
    while let Some(parent) = out.get(at).cloned() {
        at += 1;
        let parts = partitions(context);
        let own = parts.filter(|part| parent.path[..] == [part.parent_schema.as_str(), part.parent_table.as_str()]);
        out.extend(own.map(|part| Table::named(&part.schema, &part.table)));
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
    matches!(context.before(table), Some(AnyObject::Table(table)) if table.partition_key.is_some())
}

/// Adds to what a statement does to a table what it does to each table of its family.
pub(super) fn for_each(
    tables: Vec<Identity>,
    statement: Statement,
    say: impl Fn(Statement, Identity) -> Statement,
) -> Statement {
    tables.into_iter().fold(statement, say)
}
