//! Subscriptions on a scratch database must not reach the server that they subscribe to.

use pg_query::protobuf::{DefElem, DefElemAction};
use pg_query::{DeparseOptions, Node, NodeEnum};

/// Options that only make sense together with a connection.
const CONNECTING: [&str; 4] = ["connect", "create_slot", "copy_data", "enabled"];

/// Returns a `CREATE SUBSCRIPTION` that does not connect; `None` for every other statement.
pub(super) fn without_connection(node: &NodeEnum) -> Option<String> {
    let NodeEnum::CreateSubscriptionStmt(create) = node else {
        return None;
    };
    let mut create = create.clone();
    create.options.retain(|option| match &option.node {
        Some(NodeEnum::DefElem(option)) => !CONNECTING.contains(&option.defname.as_str()),
        _ => true,
    });
    let value = pg_query::protobuf::String {
        sval: "false".to_owned(),
    };
    create.options.push(Node {
        node: Some(NodeEnum::DefElem(Box::new(DefElem {
            defname: "connect".to_owned(),
            // As the parser gives it; a Boolean node would abort the deparser.
            arg: Some(Box::new(Node {
                node: Some(NodeEnum::String(value)),
            })),
            defaction: DefElemAction::DefelemUnspec.into(),
            ..DefElem::default()
        }))),
    });
    NodeEnum::CreateSubscriptionStmt(create)
        .deparse(DeparseOptions::default())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_connect_are_replaced() {
        let sql = "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (slot_name = 'a', create_slot = true, enabled)";
        let node = pg_query::parse(sql, 0)
            .unwrap()
            .protobuf
            .stmts
            .remove(0)
            .stmt
            .unwrap()
            .node
            .unwrap();
        assert_eq!(
            without_connection(&node).unwrap(),
            "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (slot_name = 'a', connect = false)"
        );
    }
}
