//! What a constraint or an index compares, taken out of its definition.

use pg_query::NodeEnum;
use pg_query::protobuf::{Constraint, IndexElem, Node};

use crate::catalog::quote::ident;
use crate::desired::expression;
use crate::kinds::Column;

/// An expression over a row, and the operator that compares it with another row's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    /// SQL of the expression.
    pub(super) value: String,
    /// SQL of the operator.
    pub(super) operator: String,
}

/// Returns a constraint as its definition says it.
pub(super) fn constraint(definition: &str) -> Option<Constraint> {
    let parsed = pg_query::parse(&format!("ALTER TABLE t ADD {definition}"), 0).ok()?;
    let NodeEnum::AlterTableStmt(alter) = parsed.protobuf.stmts.into_iter().next()?.stmt?.node? else {
        return None;
    };
    let NodeEnum::AlterTableCmd(command) = alter.cmds.into_iter().next()?.node? else {
        return None;
    };
    match command.def?.node? {
        NodeEnum::Constraint(constraint) => Some(*constraint),
        _ => None,
    }
}

/// Returns what an exclusion constraint compares.
pub(super) fn excluded(constraint: &Constraint) -> Option<Vec<Compared>> {
    let pairs = constraint.exclusions.iter().map(|pair| {
        let NodeEnum::List(pair) = pair.node.as_ref()? else {
            return None;
        };
        let [element, operator] = pair.items.as_slice() else {
            return None;
        };
        Some(Compared {
            value: value(element)?,
            operator: operator_words(operator)?,
        })
    });
    pairs.collect::<Option<Vec<_>>>().filter(|pairs| !pairs.is_empty())
}

/// Returns what the keys of an index are of, columns and expressions, with their collations.
pub(super) fn keys(keys: &str) -> Option<Vec<String>> {
    let parsed = pg_query::parse(&format!("CREATE INDEX ON t ({keys})"), 0).ok()?;
    match parsed.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()? {
        NodeEnum::IndexStmt(index) => index.index_params.iter().map(value).collect(),
        _ => None,
    }
}

fn value(element: &Node) -> Option<String> {
    let NodeEnum::IndexElem(element) = element.node.as_ref()? else {
        return None;
    };
    let IndexElem {
        name, expr, collation, ..
    } = element.as_ref();
    let value = match expr {
        Some(expression) => format!("({})", expression::text(expression)?),
        None => ident(name),
    };
    if collation.is_empty() {
        return Some(value);
    }
    Some(format!(
        "{value} COLLATE {}",
        crate::catalog::quote::qualified(strings(collation)?)
    ))
}

fn operator_words(operator: &Node) -> Option<String> {
    let NodeEnum::List(names) = operator.node.as_ref()? else {
        return None;
    };
    let names = strings(&names.items)?;
    // A name alone was found in an empty search path.
    let (name, place) = names.split_last()?;
    let schema = place.last().map_or("pg_catalog", String::as_str);
    Some(format!("OPERATOR({}.{name})", ident(schema)))
}

fn strings(nodes: &[Node]) -> Option<Vec<String>> {
    let text = |node: &Node| match node.node.as_ref()? {
        NodeEnum::String(text) => Some(text.sval.clone()),
        _ => None,
    };
    nodes.iter().map(text).collect()
}

/// Returns what stands between the parentheses of a check's definition.
pub(super) fn checked(definition: &str) -> Option<&str> {
    let rest = definition.strip_prefix("CHECK ")?;
    let rest = rest.strip_suffix(" NO INHERIT").unwrap_or(rest);
    rest.strip_prefix('(')?.strip_suffix(')')
}

/// Returns the length that a type of strings allows.
pub(super) fn limit(data_type: &str) -> Option<u32> {
    let rest = data_type
        .strip_prefix("character varying(")
        .or_else(|| data_type.strip_prefix("character("))?;
    rest.strip_suffix(')')?.parse().ok()
}

/// Returns whether a type of bit strings wants exactly so many bits, and how many it allows.
pub(super) fn bits(data_type: &str) -> Option<(bool, u32)> {
    let (is_exact, rest) = match data_type.strip_prefix("bit varying(") {
        Some(rest) => (false, rest),
        None => (true, data_type.strip_prefix("bit(")?),
    };
    Some((is_exact, rest.strip_suffix(')')?.parse().ok()?))
}

/// Returns the range of a type of whole numbers.
pub(super) fn range(data_type: &str) -> Option<(i64, i64)> {
    match data_type {
        "smallint" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        "integer" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        "bigint" => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

/// Returns the type of a column where the server is quick to compare its values and to find them by a hash. Texts are the
/// same where their bytes are, unless somebody chose a collation for them.
pub(super) fn quick(column: &Column) -> Option<&str> {
    let data_type = column.data_type.as_str();
    if data_type == "text" || data_type.starts_with("character varying") {
        return column.collation.is_none().then_some("text");
    }
    (range(data_type).is_some() || data_type == "uuid").then_some(data_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_definitions() {
        assert_eq!(checked("CHECK ((price > 0))"), Some("(price > 0)"));
        assert_eq!(checked("CHECK ((a = ')')) NO INHERIT"), Some("(a = ')')"));
        assert_eq!(limit("character varying(20)"), Some(20));
        assert_eq!(limit("text"), None);
        assert_eq!(bits("bit(3)"), Some((true, 3)));
        assert_eq!(bits("bit varying(9)"), Some((false, 9)));
        assert_eq!(bits("bit varying"), None);
        let exclusion =
            constraint("EXCLUDE USING gist (\"Room\" WITH =, tsrange(a, b) WITH OPERATOR(odd.&&&))").unwrap();
        let pairs = excluded(&exclusion).unwrap();
        let said: Vec<String> = pairs
            .iter()
            .map(|pair| format!("{} {}", pair.value, pair.operator))
            .collect();
        assert_eq!(
            said,
            ["\"Room\" OPERATOR(pg_catalog.=)", "(tsrange(a, b)) OPERATOR(odd.&&&)"]
        );
        assert_eq!(
            keys("lower(name), b COLLATE \"C\" text_pattern_ops DESC"),
            Some(vec!["(lower(name))".to_owned(), "b COLLATE \"C\"".to_owned()])
        );
        assert!(
            constraint("FOREIGN KEY (a, b) REFERENCES s.r(a, b) MATCH FULL")
                .unwrap()
                .fk_matchtype
                == "f"
        );
    }
}
