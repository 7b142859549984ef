//! What a statement outside a transaction leaves behind when it fails: an invalid index, a partition half detached.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableType, RangeVar};
use postgres::Client;
use postgres::types::Type;

use crate::catalog::quote::qualified;
use crate::error::Result;

/// How a leftover is cleared away.
#[derive(Debug)]
pub(super) struct Clearing {
    /// Statement; runs outside a transaction.
    pub(super) sql: String,
    /// Whether it completes what was begun, so that the failed statement need not run again.
    pub(super) completes: bool,
}

/// Looks for what an earlier attempt at the statement left behind.
///
/// Only what the statement itself names is looked at: other invalid indexes are none of its business.
pub(super) fn find(client: &mut Client, sql: &str) -> Result<Option<Clearing>> {
    let Some(statement) = parse(sql) else { return Ok(None) };
    let (clearing, completes) = match &statement {
        NodeEnum::IndexStmt(index) if index.concurrent && !index.idxname.is_empty() => {
            (invalid_index(client, index.relation.as_ref(), &index.idxname)?, false)
        }
        NodeEnum::AlterTableStmt(alter) => {
            let Some(partition) = detached(alter) else {
                return Ok(None);
            };
            (pending_detachment(client, alter.relation.as_ref(), &partition)?, true)
        }
        _ => return Ok(None),
    };
    Ok(clearing.map(|sql| Clearing { sql, completes }))
}

fn parse(sql: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    let [statement] = parsed.protobuf.stmts.as_slice() else {
        return None;
    };
    statement.stmt.as_ref()?.node.clone()
}

fn invalid_index(client: &mut Client, table: Option<&RangeVar>, name: &str) -> Result<Option<String>> {
    // An index stands in the schema of its table.
    let Some(table) = table else { return Ok(None) };
    let row = client.query_typed_opt(
        "SELECT 1 FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND NOT i.indisvalid",
        &[(&table.schemaname, Type::TEXT), (&name, Type::TEXT)],
    )?;
    Ok(row.map(|_| {
        format!(
            "DROP INDEX CONCURRENTLY {}",
            qualified([table.schemaname.as_str(), name])
        )
    }))
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

fn pending_detachment(client: &mut Client, parent: Option<&RangeVar>, partition: &RangeVar) -> Result<Option<String>> {
    let Some(parent) = parent else { return Ok(None) };
    let row = client.query_typed_opt(
        "SELECT 1 FROM pg_catalog.pg_inherits h
         JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND h.inhdetachpending",
        &[(&partition.schemaname, Type::TEXT), (&partition.relname, Type::TEXT)],
    )?;
    Ok(row.map(|_| {
        format!(
            "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
            qualified([&parent.schemaname, &parent.relname]),
            qualified([&partition.schemaname, &partition.relname])
        )
    }))
}
