//! Which columns get which values when a plan makes them, or makes them `NOT NULL`: what target files declare.

use std::collections::BTreeMap;

use pg_query::NodeEnum;
use pg_query::protobuf::SelectStmt;

use crate::catalog::Identity;

/// Expressions by the column that they fill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backfills(BTreeMap<Identity, String>);

impl Backfills {
    /// Nothing is filled.
    pub const NONE: &'static Self = &Self(BTreeMap::new());

    /// Returns the expression that fills a column.
    pub fn get(&self, column: &Identity) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// Adds a column with its expression.
    pub fn insert(&mut self, column: Identity, value: String) {
        self.0.insert(column, value);
    }
}

/// Tells whether a text is one expression of SQL, and nothing but that.
pub fn is_expression(text: &str) -> bool {
    let alone = |text: &str| {
        let mut select = select(&format!("SELECT ({text})"))?;
        (select.target_list.len() == 1).then(|| select.target_list.clear())?;
        Some(select)
    };
    alone(text).is_some_and(|select| Some(select) == alone("1"))
}

fn select(sql: &str) -> Option<SelectStmt> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    let [statement] = parsed.protobuf.stmts.as_slice() else {
        return None;
    };
    match statement.stmt.as_ref()?.node.as_ref()? {
        NodeEnum::SelectStmt(select) => Some(select.as_ref().clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn knows_one_expression() {
        for text in [
            "1",
            "price * amount",
            "(SELECT name FROM shop.other)",
            "coalesce(a, 'b;')",
            "a IS NULL",
        ] {
            assert!(is_expression(text), "{text}");
        }
        let others = [
            "",
            "1; DELETE FROM t",
            "1) FROM t --",
            "1), (2",
            "1) UNION SELECT (2",
            "1); DELETE FROM t; SELECT (1",
            "1) WHERE (true",
            "a --",
            "1 AS b",
        ];
        for text in others {
            assert!(!is_expression(text), "{text}");
        }
    }
}
