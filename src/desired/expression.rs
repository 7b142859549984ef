//! The SQL of a part of a parsed statement.

use std::collections::BTreeSet;

use pg_query::protobuf::Node;
use pg_query::{DeparseOptions, NodeEnum, NodeRef};

/// Returns the SQL of an expression.
pub(crate) fn text(expression: &Node) -> Option<String> {
    let mut parsed = pg_query::parse("SELECT 1", 0).ok()?.protobuf;
    let NodeEnum::SelectStmt(select) = parsed.stmts.first_mut()?.stmt.as_mut()?.node.as_mut()? else {
        return None;
    };
    let NodeEnum::ResTarget(target) = select.target_list.first_mut()?.node.as_mut()? else {
        return None;
    };
    target.val = Some(Box::new(expression.clone()));
    let sql = parsed.deparse(DeparseOptions::default()).ok()?;
    Some(sql.strip_prefix("SELECT ")?.to_owned())
}

/// Returns the names of the columns that an expression reads.
pub(crate) fn columns(expression: &str) -> BTreeSet<String> {
    let Ok(parsed) = pg_query::parse(&format!("SELECT {expression}"), 0) else {
        return BTreeSet::new();
    };
    let fields = parsed.protobuf.nodes().into_iter().filter_map(|(node, ..)| match node {
        NodeRef::ColumnRef(column) => column.fields.last()?.node.clone(),
        _ => None,
    });
    let names = fields.filter_map(|node| match node {
        NodeEnum::String(name) => Some(name.sval),
        _ => None,
    });
    names.collect()
}
