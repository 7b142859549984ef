//! Pieces of catalog queries and of statements that many kinds need.

use super::{AnyObject, Column, Context, Inheritance, Kind, Object, Row, Statement, Table};
use crate::catalog::quote::{ident, qualified};
use crate::catalog::{Addresses, Identity};
use crate::error::{Error, Result};

/// Kinds of dependents that PostgreSQL refuses to keep while the type of a column below them changes.
pub(super) const READS_COLUMNS: &[Kind] = &[
    Kind::Function,
    Kind::Procedure,
    Kind::View,
    Kind::Column,
    Kind::MaterializedView,
    Kind::Rule,
    Kind::Trigger,
    Kind::Policy,
    Kind::PublicationTable,
];

/// Kinds of dependents that hold expressions or operators over a column's type, which another base type may not have.
pub(super) const CHECKS_COLUMNS: &[Kind] = &[
    Kind::ColumnDefault,
    Kind::Check,
    Kind::Index,
    Kind::ForeignKey,
    Kind::Statistics,
];

/// Kinds that are types: their rows are converted when one is replaced. A collation is no type, but a column follows it
/// in the same way.
pub(super) const IS_TYPE: &[Kind] = &[
    Kind::Collation,
    Kind::EnumType,
    Kind::RangeType,
    Kind::CompositeType,
    Kind::Domain,
];

/// Kinds that share a name, so that the same text means one or the other.
pub(super) const HAS_OVERLOADS: &[Kind] = &[Kind::Function, Kind::Procedure, Kind::Aggregate, Kind::Operator];

/// Condition that a namespace `n` is the user's: no system schema, no temporary one, neither the ledger
/// nor what is in quarantine. Nobody gathers statistics of new schemas, so that a plain condition is expected to leave one at
/// most, and each that is there costs a scan of `pg_class`; what `CASE` leaves is expected to be half of them.
pub(super) const USER_SCHEMA: &str = "CASE WHEN n.nspname IN ('pg_catalog', 'information_schema', 'trueup') \
     OR n.nspname ~ '^(pg_(toast|temp_)|trueup_quarantine)' THEN false ELSE true END";

/// Returns the condition that an object is no member of an extension. The members are read once: a look-up for each row
/// costs as much as all the rest.
pub(super) fn no_extension_member(class: u32, oid: &str) -> String {
    format!(
        "{oid} NOT IN (SELECT x.objid FROM pg_catalog.pg_depend x
                       WHERE x.refclassid = 3079 AND x.classid = {class} AND x.deptype = 'e')"
    )
}

/// Returns `ALTER … SET SCHEMA` and `ALTER … RENAME TO`, as far as each is needed, in this order.
pub(super) fn rename_statements(word: &str, from: (&str, &str), to: (&str, &str)) -> Vec<Statement> {
    let mut out = Vec::new();
    if from.0 != to.0 {
        out.push(Statement::new(format!(
            "ALTER {word} {} SET SCHEMA {}",
            qualified([from.0, from.1]),
            ident(to.0)
        )));
    }
    if from.1 != to.1 {
        out.push(Statement::new(format!(
            "ALTER {word} {} RENAME TO {}",
            qualified([to.0, from.1]),
            ident(to.1)
        )));
    }
    out
}

/// Reads the names of the columns whose numbers an `int2[]` column holds, of the table whose OID another one holds; 0
/// stands for an expression, which has none.
pub(super) fn columns_at(addresses: &Addresses, row: &Row, table: &str, numbers: &str) -> Result<Vec<String>> {
    let table: u32 = row.try_get(table)?;
    let numbers: Vec<i16> = row.try_get(numbers)?;
    let named = numbers.into_iter().filter(|number| *number != 0);
    named.map(|number| column_at(addresses, table, number)).collect()
}

/// Returns the name of the column with a number, of the table with an OID.
pub(super) fn column_at(addresses: &Addresses, table: u32, number: i16) -> Result<String> {
    let column = addresses.exact(Column::CLASS, table, i32::from(number));
    let unread = || Error::internal(format!("column {number} of the table with OID {table} was not read"));
    column.map(|column| column.name().to_owned()).ok_or_else(unread)
}

/// Returns schema and name of the table with an OID; `None` when it is nobody's that is modelled: a member of an extension,
/// PostgreSQL's own.
pub(super) fn table_at(addresses: &Addresses, oid: u32) -> Option<(String, String)> {
    match addresses.exact(Table::CLASS, oid, 0) {
        Some(Identity {
            kind: Kind::Table,
            path,
        }) => Some((path[0].to_string(), path[1].to_string())),
        _ => None,
    }
}

/// Reads two parallel `text[]` columns as pairs of schema and name.
pub(super) fn pairs(row: &Row, schemas: &str, names: &str) -> Result<Vec<(String, String)>> {
    let schemas: Option<Vec<String>> = row.try_get(schemas)?;
    let names: Option<Vec<String>> = row.try_get(names)?;
    Ok(schemas
        .unwrap_or_default()
        .into_iter()
        .zip(names.unwrap_or_default())
        .collect())
}

/// Tells whether a table stands on both sides under the same parents, so that changes of a parent reach it throughout
/// the plan.
pub(super) fn link_stays(schema: &str, table: &str, context: &Context) -> bool {
    let identity = Identity::new(Kind::Table, [schema, table]);
    let (Some(AnyObject::Table(before)), Some(AnyObject::Table(after))) =
        (context.before(&identity), context.after(&identity))
    else {
        return false;
    };
    let stays = |parent: &(String, String)| parent_stays(schema, table, parent, context);
    before.inherits == after.inherits && before.inherits.iter().all(stays) && attachment_stays(schema, table, context)
}

/// Returns the parent, of those given, that a table has throughout the plan.
pub(super) fn staying_parent<'a>(
    schema: &str,
    table: &str,
    parents: &'a [(String, String)],
    context: &Context,
) -> Option<&'a (String, String)> {
    let identity = Identity::new(Kind::Table, [schema, table]);
    let (Some(AnyObject::Table(before)), Some(AnyObject::Table(after))) =
        (context.before(&identity), context.after(&identity))
    else {
        return None;
    };
    if before.is_replaced_by(after) {
        return None;
    }
    if before.inherits.is_empty() && after.inherits.is_empty() {
        return parents.first().filter(|_| attachment_stays(schema, table, context));
    }
    parents
        .iter()
        .find(|parent| parent_stays(schema, table, parent, context))
}

/// Tells whether a table inherits from a parent, the same one, throughout the plan.
fn parent_stays(schema: &str, table: &str, parent: &(String, String), context: &Context) -> bool {
    let identity = Identity::new(Kind::Table, [&parent.0, &parent.1]);
    !is_made(&identity, context) && Inheritance::stays(schema, table, parent, context)
}

/// Tells whether the plan creates a table, or drops it and creates it again.
pub(super) fn is_made(table: &Identity, context: &Context) -> bool {
    match (context.before(table), context.after(table)) {
        (None, after) => after.is_some(),
        (Some(AnyObject::Table(before)), Some(AnyObject::Table(after))) => before.is_replaced_by(after),
        _ => false,
    }
}

/// Tells whether a table is attached to the same place on both sides, and never detached in between: a partitioned
/// table whose key changes is made anew, and its partitions leave it for that.
fn attachment_stays(schema: &str, table: &str, context: &Context) -> bool {
    let identity = Identity::new(Kind::Partition, [schema, table]);
    match (context.before(&identity), context.after(&identity)) {
        (None, None) => true,
        (Some(AnyObject::Partition(before)), Some(AnyObject::Partition(after))) => {
            let parent = Identity::new(Kind::Table, [&after.parent_schema, &after.parent_table]);
            let keys = (context.before(&parent), context.after(&parent));
            before == after
                && matches!(keys, (Some(AnyObject::Table(live)), Some(AnyObject::Table(desired)))
                    if live.partition_key == desired.partition_key)
        }
        _ => false,
    }
}

/// Returns every inheritance of a catalog.
pub(super) fn heirs(catalog: &crate::catalog::Catalog) -> impl Iterator<Item = &Inheritance> {
    let all = catalog.objects.range(Identity::new(Kind::Inheritance, [""; 0])..);
    all.map_while(|(_, object)| match object {
        AnyObject::Inheritance(link) => Some(&**link),
        _ => None,
    })
}

/// Tells whether a table is a partition in a catalog.
pub(super) fn is_partition(schema: &str, table: &str, catalog: &crate::catalog::Catalog) -> bool {
    catalog.contains(&Identity::new(Kind::Partition, [schema, table]))
}

/// Returns the partitioned table that a table is a partition of in a catalog.
pub(super) fn partition_of(schema: &str, table: &str, catalog: &crate::catalog::Catalog) -> Option<Identity> {
    match catalog.get(&Identity::new(Kind::Partition, [schema, table])) {
        Some(AnyObject::Partition(partition)) => Some(Identity::new(
            Kind::Table,
            [&partition.parent_schema, &partition.parent_table],
        )),
        _ => None,
    }
}

/// Returns the statements that move a function of these argument types to another schema and name, as far as needed.
pub(super) fn rename_function(from: (&str, &str), arguments: &str, to: (&str, &str)) -> Vec<Statement> {
    let mut out = Vec::new();
    if from.0 != to.0 {
        let name = qualified([from.0, from.1]);
        out.push(Statement::new(format!(
            "ALTER FUNCTION {name}({arguments}) SET SCHEMA {}",
            ident(to.0)
        )));
    }
    if from.1 != to.1 {
        let name = qualified([to.0, from.1]);
        out.push(Statement::new(format!(
            "ALTER FUNCTION {name}({arguments}) RENAME TO {}",
            ident(to.1)
        )));
    }
    out
}

/// Returns the start of a join that gives, by `objid`, the extensions that take objects of a class along when dropped.
pub(super) fn extensions_of(class: u32) -> String {
    format!(
        "LEFT JOIN (WITH dependent AS MATERIALIZED (
                        SELECT d.objid, array_agg(e.extname::text ORDER BY e.extname) AS extensions
                        FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                        WHERE d.classid = {class} AND d.refclassid = 3079 AND d.deptype = 'x' GROUP BY d.objid)
                    SELECT objid, extensions FROM dependent) x"
    )
}

/// Returns what changes which extensions take an object along, after `ALTER … name`.
pub(super) fn extension_changes(head: &str, live: &[String], desired: &[String]) -> Vec<Statement> {
    let statement =
        |no: &str, name: &String| Statement::new(format!("{head} {no}DEPENDS ON EXTENSION {}", ident(name)));
    let gone = live.iter().filter(|name| !desired.contains(name));
    let new = desired.iter().filter(|name| !live.contains(name));
    gone.map(|name| statement("NO ", name))
        .chain(new.map(|name| statement("", name)))
        .collect()
}

/// Returns the identity of a relation that rules, triggers or policies stand on, by its `relkind`.
pub(super) fn relation(relkind: &str, schema: &str, name: &str) -> Identity {
    let kind = if relkind == "v" { Kind::View } else { Kind::Table };
    Identity::new(kind, [schema, name])
}
