//! Tables that reference each other in their own `CREATE TABLE`: no order of statements can make them, so their
//! foreign keys are added after both.

use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, Constraint, CreateStmt, DropBehavior, ObjectType,
};
use pg_query::{DeparseOptions, Node, NodeEnum};

/// A `CREATE TABLE` without its foreign keys, and the statement that adds them.
pub(super) struct Split {
    /// The table.
    pub table: String,
    /// Its foreign keys; they get the same names as inline.
    pub foreign_keys: String,
}

/// Splits a `CREATE TABLE`; `None` for other statements and for tables without foreign keys.
pub(super) fn split(sql: &str) -> Option<Split> {
    let node = pg_query::parse(sql, 0)
        .ok()?
        .protobuf
        .stmts
        .into_iter()
        .next()?
        .stmt?
        .node?;
    let NodeEnum::CreateStmt(mut create) = node else {
        return None;
    };
    let keys = take_foreign_keys(&mut create);
    if keys.is_empty() || create.if_not_exists {
        return None;
    }
    let alter = AlterTableStmt {
        relation: create.relation.clone(),
        cmds: keys.into_iter().map(add).collect(),
        objtype: ObjectType::ObjectTable.into(),
        missing_ok: false,
    };
    let options = DeparseOptions::default;
    Some(Split {
        table: NodeEnum::CreateStmt(create).deparse(options()).ok()?,
        foreign_keys: NodeEnum::AlterTableStmt(alter).deparse(options()).ok()?,
    })
}

fn take_foreign_keys(create: &mut CreateStmt) -> Vec<Constraint> {
    let mut keys = Vec::new();
    let mut kept = Vec::new();
    for mut element in std::mem::take(&mut create.table_elts) {
        match &mut element.node {
            Some(NodeEnum::Constraint(constraint)) if constraint.contype() == ConstrType::ConstrForeign => {
                keys.push(constraint.as_ref().clone());
                continue;
            }
            Some(NodeEnum::ColumnDef(column)) => {
                let (name, constraints) = (column.colname.clone(), std::mem::take(&mut column.constraints));
                let (own, others) = split_column(&name, constraints);
                keys.extend(own);
                column.constraints = others;
            }
            _ => {}
        }
        kept.push(element);
    }
    create.table_elts = kept;
    keys
}

/// Separates a column's foreign keys, with the attributes that follow each, from its other constraints.
fn split_column(name: &str, constraints: Vec<Node>) -> (Vec<Constraint>, Vec<Node>) {
    let (mut keys, mut others): (Vec<Constraint>, Vec<Node>) = (Vec::new(), Vec::new());
    let mut of_key = false;
    for node in constraints {
        let Some(NodeEnum::Constraint(constraint)) = &node.node else {
            others.push(node);
            continue;
        };
        let attribute = is_attribute(constraint.contype());
        of_key = constraint.contype() == ConstrType::ConstrForeign || (attribute && of_key);
        match keys.last_mut().filter(|_| attribute && of_key) {
            Some(key) => give(key, constraint.contype()),
            None if of_key => {
                let mut key = constraint.as_ref().clone();
                let column = pg_query::protobuf::String { sval: name.to_owned() };
                key.fk_attrs = vec![Node {
                    node: Some(NodeEnum::String(column)),
                }];
                keys.push(key);
            }
            None => others.push(node),
        }
    }
    (keys, others)
}

fn is_attribute(kind: ConstrType) -> bool {
    use ConstrType as T;
    matches!(
        kind,
        T::ConstrAttrDeferrable
            | T::ConstrAttrNotDeferrable
            | T::ConstrAttrDeferred
            | T::ConstrAttrImmediate
            | T::ConstrAttrEnforced
            | T::ConstrAttrNotEnforced
    )
}

/// Gives a foreign key what the parser keeps as a constraint of its own behind a column's.
fn give(key: &mut Constraint, attribute: ConstrType) {
    match attribute {
        ConstrType::ConstrAttrDeferrable => key.deferrable = true,
        ConstrType::ConstrAttrDeferred => (key.deferrable, key.initdeferred) = (true, true),
        ConstrType::ConstrAttrNotEnforced => {
            (key.is_enforced, key.skip_validation, key.initially_valid) = (false, true, false);
        }
        _ => {}
    }
}

fn add(key: Constraint) -> Node {
    let command = AlterTableCmd {
        subtype: AlterTableType::AtAddConstraint.into(),
        def: Some(Box::new(Node {
            node: Some(NodeEnum::Constraint(Box::new(key))),
        })),
        behavior: DropBehavior::DropRestrict.into(),
        ..AlterTableCmd::default()
    };
    Node {
        node: Some(NodeEnum::AlterTableCmd(Box::new(command))),
    }
}
