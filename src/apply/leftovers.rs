//! What a statement outside a transaction leaves behind when it fails: an invalid index, a partition half detached.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, DropStmt, Node, RangeVar};
use postgres::Client;
use postgres::types::Type;

use crate::catalog::quote::qualified;
use crate::error::Result;

/// What an earlier attempt at a statement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// Nothing is known: it runs again.
    None,
    /// It was completed.
    Completed,
    /// It left something behind that this statement, outside a transaction, clears away; then it runs again.
    Clear(String),
    /// It was completed but for this statement, which runs outside a transaction too.
    Finish(String),
}

/// Looks for what an earlier attempt at the statement, which may have ended, left behind.
///
/// Only what the statement itself names is looked at: other invalid indexes are none of its business.
pub(super) fn find(client: &mut Client, sql: &str) -> Result<Trace> {
    let Some(statement) = parse(sql) else {
        return Ok(Trace::None);
    };
    match &statement {
        NodeEnum::IndexStmt(index) if index.concurrent && !index.idxname.is_empty() => {
            built_index(client, index.relation.as_ref(), &index.idxname)
        }
        NodeEnum::DropStmt(drop) if drop.concurrent => dropped_index(client, drop),
        NodeEnum::AlterTableStmt(alter) => match detached(alter) {
            Some(partition) => pending_detachment(client, alter.relation.as_ref(), &partition),
            None => Ok(Trace::None),
        },
        _ => Ok(Trace::None),
    }
}

/// Clears away what a statement that failed has left behind.
pub(crate) fn clear(client: &mut Client, sql: &str) -> Result<()> {
    match find(client, sql)? {
        Trace::Clear(clearing) => Ok(client.batch_execute(&clearing)?),
        _ => Ok(()),
    }
}

fn parse(sql: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    let [statement] = parsed.protobuf.stmts.as_slice() else {
        return None;
    };
    statement.stmt.as_ref()?.node.clone()
}

/// Returns whether an index is valid; nothing where there is none.
fn is_valid(client: &mut Client, schema: &str, name: &str) -> Result<Option<bool>> {
    let row = client.query_typed_opt(
        "SELECT i.indisvalid FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE CASE WHEN $1 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END AND c.relname = $2",
        &[(&schema, Type::TEXT), (&name, Type::TEXT)],
    )?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn built_index(client: &mut Client, table: Option<&RangeVar>, name: &str) -> Result<Trace> {
    // An index stands in the schema of its table.
    let Some(table) = table else { return Ok(Trace::None) };
    Ok(match is_valid(client, &table.schemaname, name)? {
        None => Trace::None,
        Some(true) => Trace::Completed,
        Some(false) => Trace::Clear(format!(
            "DROP INDEX CONCURRENTLY {}",
            qualified(
                [table.schemaname.as_str(), name]
                    .into_iter()
                    .filter(|part| !part.is_empty())
            )
        )),
    })
}

fn dropped_index(client: &mut Client, drop: &DropStmt) -> Result<Trace> {
    let [object] = drop.objects.as_slice() else {
        return Ok(Trace::None);
    };
    let Some(NodeEnum::List(path)) = &object.node else {
        return Ok(Trace::None);
    };
    let name = |node: &Node| match &node.node {
        Some(NodeEnum::String(name)) => Some(name.sval.clone()),
        _ => None,
    };
    let path: Vec<String> = path.items.iter().filter_map(name).collect();
    // Files that users write need not name the schema.
    let (schema, name) = match path.as_slice() {
        [schema, name] => (schema.as_str(), name),
        [name] => ("", name),
        _ => return Ok(Trace::None),
    };
    Ok(match is_valid(client, schema, name)? {
        None => Trace::Completed,
        Some(_) => Trace::None,
    })
}

/// Returns the partition that a statement detaches concurrently.
fn detached(alter: &pg_query::protobuf::AlterTableStmt) -> Option<RangeVar> {
    let [command] = alter.cmds.as_slice() else { return None };
    let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
        return None;
    };
    if command.subtype() != AlterTableType::AtDetachPartition {
        return None;
    }
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::PartitionCmd(partition) if partition.concurrent => partition.name.clone(),
        _ => None,
    }
}

fn pending_detachment(client: &mut Client, parent: Option<&RangeVar>, partition: &RangeVar) -> Result<Trace> {
    let Some(parent) = parent else { return Ok(Trace::None) };
    let row = client.query_typed_opt(
        "SELECT h.inhdetachpending FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
         WHERE n.nspname = $1 AND c.relname = $2",
        &[(&partition.schemaname, Type::TEXT), (&partition.relname, Type::TEXT)],
    )?;
    let is_pending: Option<Option<bool>> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(match is_pending {
        Some(None) => Trace::Completed,
        Some(Some(true)) => Trace::Finish(format!(
            "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
            qualified([&parent.schemaname, &parent.relname]),
            qualified([&partition.schemaname, &partition.relname])
        )),
        _ => Trace::None,
    })
}
