//! How statements that users write stand to transactions.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSubscriptionType, AlterTableType, DefElem, Node, ReindexObjectType};

use super::program::Line;

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Runs with others.
    Inside,
    /// Must be committed before what follows.
    Last,
    /// Is refused inside a transaction block.
    Outside,
}

/// Tells how a statement stands to transactions (manual: the Notes of each command).
pub(crate) fn stand(node: &NodeEnum) -> Stand {
    use NodeEnum as N;
    let is_outside = match node {
        N::ReindexStmt(reindex) => !matches!(
            reindex.kind(),
            ReindexObjectType::ReindexObjectIndex | ReindexObjectType::ReindexObjectTable
        ),
        N::VacuumStmt(vacuum) => vacuum.is_vacuumcmd,
        N::ClusterStmt(cluster) => cluster.relation.is_none(),
        N::CreatedbStmt(_)
        | N::DropdbStmt(_)
        | N::CreateTableSpaceStmt(_)
        | N::DropTableSpaceStmt(_)
        | N::AlterSystemStmt(_)
        | N::DropSubscriptionStmt(_) => true,
        N::DiscardStmt(discard) => discard.target() == pg_query::protobuf::DiscardMode::DiscardAll,
        N::AlterDatabaseStmt(alter) => has(&alter.options, "tablespace"),
        // With `connect = false` or `create_slot = false` nothing is made on the other server.
        N::CreateSubscriptionStmt(create) => !["connect", "create_slot"]
            .iter()
            .any(|name| is_off(&create.options, name)),
        N::AlterSubscriptionStmt(alter) => {
            use AlterSubscriptionType as A;
            let refreshes = matches!(
                alter.kind(),
                A::AlterSubscriptionSetPublication
                    | A::AlterSubscriptionAddPublication
                    | A::AlterSubscriptionDropPublication
            );
            alter.kind() == A::AlterSubscriptionRefresh || (refreshes && !is_off(&alter.options, "refresh"))
        }
        _ => false,
    };
    if is_outside || is_concurrent(node) {
        return Stand::Outside;
    }
    match node {
        // A new label cannot be used by the transaction that adds it.
        N::AlterEnumStmt(alter) if alter.old_val.is_empty() => Stand::Last,
        _ => Stand::Inside,
    }
}

/// Tells whether a statement runs `CONCURRENTLY`: nobody waits behind it, and it waits for every older transaction.
pub(crate) fn is_concurrent(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::IndexStmt(index) => index.concurrent,
        N::DropStmt(drop) => drop.concurrent,
        N::ReindexStmt(reindex) => has(&reindex.params, "concurrently"),
        N::AlterTableStmt(alter) => alter.cmds.iter().any(detaches_concurrently),
        _ => false,
    }
}

/// Tells whether a statement runs code that may end transactions, which a transaction around it would forbid.
pub(crate) fn may_commit(line: &Line) -> bool {
    matches!(line.node, Some(NodeEnum::CallStmt(_) | NodeEnum::DoStmt(_)))
}

/// Tells whether a statement is about the cluster rather than the database: it would outlive a scratch database on
/// somebody's server.
pub(crate) fn is_about_cluster(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    matches!(
        node,
        N::CreateRoleStmt(_)
            | N::AlterRoleStmt(_)
            | N::AlterRoleSetStmt(_)
            | N::DropRoleStmt(_)
            | N::GrantRoleStmt(_)
            | N::CreatedbStmt(_)
            | N::DropdbStmt(_)
            | N::AlterDatabaseStmt(_)
            | N::AlterDatabaseSetStmt(_)
            | N::CreateTableSpaceStmt(_)
            | N::DropTableSpaceStmt(_)
            | N::AlterTableSpaceOptionsStmt(_)
            | N::AlterSystemStmt(_)
            | N::ReassignOwnedStmt(_)
            | N::DropOwnedStmt(_)
    )
}

fn detaches_concurrently(command: &Node) -> bool {
    let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
        return false;
    };
    let def = command.def.as_ref().and_then(|def| def.node.as_ref());
    command.subtype() == AlterTableType::AtDetachPartition
        && matches!(def, Some(NodeEnum::PartitionCmd(partition)) if partition.concurrent)
}

fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

fn has(nodes: &[Node], name: &str) -> bool {
    options(nodes).any(|option| option.defname == name) && !is_off(nodes, name)
}

fn is_off(nodes: &[Node], name: &str) -> bool {
    options(nodes).filter(|option| option.defname == name).any(|option| {
        match option.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
            Some(NodeEnum::String(text)) => matches!(text.sval.to_ascii_lowercase().as_str(), "false" | "off" | "0"),
            Some(NodeEnum::Boolean(value)) => !value.boolval,
            Some(NodeEnum::Integer(value)) => value.ival == 0,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::statement::parse;

    #[test]
    fn statements_and_transactions() {
        let cases = [
            ("CREATE INDEX i ON t (a)", Stand::Inside),
            ("CREATE INDEX CONCURRENTLY i ON t (a)", Stand::Outside),
            ("DROP INDEX CONCURRENTLY i", Stand::Outside),
            ("REINDEX TABLE t", Stand::Inside),
            ("REINDEX TABLE CONCURRENTLY t", Stand::Outside),
            ("REINDEX (CONCURRENTLY off) TABLE t", Stand::Inside),
            ("REINDEX SCHEMA s", Stand::Outside),
            ("VACUUM t", Stand::Outside),
            ("ANALYZE t", Stand::Inside),
            ("CREATE DATABASE d", Stand::Outside),
            ("ALTER DATABASE d SET TABLESPACE s", Stand::Outside),
            ("ALTER SYSTEM SET a = 1", Stand::Outside),
            ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", Stand::Outside),
            (
                "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)",
                Stand::Inside,
            ),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", Stand::Outside),
            ("ALTER TABLE t DETACH PARTITION p", Stand::Inside),
            ("ALTER TYPE t ADD VALUE 'a'", Stand::Last),
            ("ALTER TYPE t RENAME VALUE 'a' TO 'b'", Stand::Inside),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", Stand::Inside),
        ];
        for (sql, expected) in cases {
            assert_eq!(stand(&parse(sql).unwrap()), expected, "{sql}");
        }
    }
}
