//! Statements that fill a column of rows that are there, batch by batch, in the column's table and in those that have the
//! column from it.

use super::{AnyObject, Column, Context, KeyType, Kind, Lock, Statement, Table, Transaction, partitioning};
use crate::backfill::Batches;
use crate::catalog::{Catalog, Identity, quote::ident};

/// Types of keys whose values may be kept and shown.
const SHOWN: [&str; 4] = ["smallint", "integer", "bigint", "uuid"];

/// Returns the statements that fill a column with what the target files declare for it; none where they declare nothing.
pub(super) fn declared(column: &Identity, context: &Context) -> Vec<Statement> {
    let Some(value) = context.backfills.get(column) else {
        return Vec::new();
    };
    let set = format!("{} = ({value})", ident(column.name()));
    holders(column, context.to)
        .iter()
        .filter(|holder| context.stays(&holder.table_identity()))
        .map(|holder| {
            let mut batches = batches(holder, set.clone(), context);
            if !batches.fills.contains(column) {
                batches.fills.push(column.clone());
            }
            let form = format!(
                "filled in batches {}, each in a transaction of its own",
                batches.ranges()
            );
            statement(batches).form(form)
        })
        .collect()
}

/// Tells whether a new column of a table that is there, or the one that it has from another table, gets values that the
/// target files declare.
pub(super) fn is_declared(column: &Identity, context: &Context) -> bool {
    let mut open = vec![column.clone()];
    while let Some(identity) = open.pop() {
        let Some(AnyObject::Column(found)) = context.after(&identity) else {
            continue;
        };
        if context.before(&identity).is_some()
            || !context.stays(&found.table_identity())
            || makes_itself(&identity, context)
        {
            return false;
        }
        if context.backfills.get(&identity).is_some() {
            return true;
        }
        let parents = found.parents.iter();
        open.extend(parents.map(|(schema, table)| Column::named(schema, table, &found.name)));
    }
    false
}

fn makes_itself(column: &Identity, context: &Context) -> bool {
    let is_generated = matches!(context.after(column), Some(AnyObject::Column(column)) if column.generated.is_some());
    is_generated
        || context
            .after(&Identity::new(Kind::ColumnIdentity, &column.path))
            .is_some()
}

/// Returns the statement that gives a column's default to the rows of its own table that have no value.
pub(super) fn with_default(column: &Column, context: &Context) -> Statement {
    statement(batches(column, format!("{} = DEFAULT", ident(&column.name)), context))
}

fn batches(column: &Column, set: String, context: &Context) -> Batches {
    Batches {
        table: column.table_identity(),
        key: key(column, context),
        fills: vec![Column::named(&column.schema, &column.table, &column.name)],
        stays: context
            .before(&Column::named(&column.schema, &column.table, &column.name))
            .is_some(),
        set,
        open: format!("{} IS NULL", ident(&column.name)),
    }
}

/// Returns the statement that fills in batches.
pub(crate) fn statement(batches: Batches) -> Statement {
    let table = batches.table.clone();
    let mut out = Statement::new(batches.block())
        .locks(table.clone(), Lock::RowExclusive)
        .scans(table.clone())
        .writes(table)
        .transaction(Transaction::Outside);
    out.facts.batches = Some(batches);
    out
}

/// Returns the primary key of a column's table where it stays as it is, and its values may be kept.
fn key(column: &Column, context: &Context) -> Vec<String> {
    let (schema, table) = (&column.schema, &column.table);
    let primary =
        partitioning::within(context.from, Kind::Key, schema, table).find_map(|(identity, object)| match object {
            AnyObject::Key(key) if key.constraint == KeyType::Primary => Some((identity, key)),
            _ => None,
        });
    let Some((identity, key)) = primary.filter(|(identity, _)| context.stays(identity)) else {
        return Vec::new();
    };
    let stays = context.before(identity) == context.after(identity);
    let data_type = |catalog: &Catalog, name: &String| match catalog.get(&Column::named(schema, table, name)) {
        Some(AnyObject::Column(column)) => Some(column.data_type.clone()),
        _ => None,
    };
    let is_shown = |name: &String| {
        let before = data_type(context.from, name);
        before == data_type(context.to, name) && before.is_some_and(|of| SHOWN.contains(&of.as_str()))
    };
    if stays && key.columns.iter().all(is_shown) {
        key.columns.clone()
    } else {
        Vec::new()
    }
}

/// Returns a column, and those of the tables that have it from there, of every table with rows of its own.
fn holders<'a>(column: &Identity, catalog: &'a Catalog) -> Vec<&'a Column> {
    let mut open = vec![column.clone()];
    let mut out = Vec::new();
    while let Some(identity) = open.pop() {
        let Some(AnyObject::Column(found)) = catalog.get(&identity) else {
            continue;
        };
        let parent = (found.schema.clone(), found.table.clone());
        let columns = catalog.objects.values().filter_map(|object| match object {
            AnyObject::Column(column) if column.name == found.name && column.parents.contains(&parent) => Some(column),
            _ => None,
        });
        open.extend(columns.map(|column| Column::named(&column.schema, &column.table, &column.name)));
        let table = catalog.get(&Table::named(&found.schema, &found.table));
        let has_rows =
            matches!(table, Some(AnyObject::Table(table)) if table.partition_key.is_none() && table.foreign.is_none());
        if has_rows {
            out.push(found.as_ref());
        }
    }
    out
}
