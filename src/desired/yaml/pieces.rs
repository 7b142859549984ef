//! Pieces of SQL text: lists split at their commas, groups in parentheses, names.

use pg_query::NodeEnum;
use pg_query::protobuf::Constraint;

use crate::catalog::quote::qualified;
use crate::desired::hints::identifiers;
use crate::desired::lex::{self, Piece};

/// Splits a text at the commas that stand in no quotes and parentheses.
pub(super) fn split(text: &str) -> Vec<String> {
    let (mut out, mut start) = (Vec::new(), 0);
    walk(text, |at, byte, depth| {
        if byte == b',' && depth == 0 {
            out.push(text[start..at].trim().to_owned());
            start = at + 1;
        }
        true
    });
    let last = text[start..].trim();
    if !last.is_empty() {
        out.push(last.to_owned());
    }
    out
}

/// Splits a text that starts with a group in parentheses into what is in the group and what is behind it.
pub(super) fn group(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let mut end = None;
    walk(inner, |at, byte, depth| {
        if byte == b')' && depth == 0 {
            end = Some(at);
        }
        end.is_none()
    });
    let end = end?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Tells whether a text is more than one word or call, so that it needs parentheses to be one.
pub(super) fn is_loose(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let (piece, end) = lex::next(bytes, at);
        match piece {
            Piece::Other(b'(' | b'[') => depth += 1,
            Piece::Other(b')' | b']') => depth = depth.saturating_sub(1),
            Piece::Space | Piece::Comment if depth == 0 => return true,
            _ => {}
        }
        at = end;
    }
    false
}

/// Calls back for every single character outside of quotes and comments, with the depth in parentheses, before an
/// opening and after a closing one; until the callback says no.
fn walk(text: &str, mut visit: impl FnMut(usize, u8, usize) -> bool) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let (piece, end) = lex::next(bytes, at);
        if let Piece::Other(byte) = piece {
            if !visit(at, byte, depth) {
                return;
            }
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        at = end;
    }
}

/// Understands a name that may be qualified; without a schema it is in the given one.
pub(super) fn relation(name: &str, schema: &str) -> Result<(String, String), String> {
    match identifiers(name.trim()).unwrap_or_default().as_slice() {
        [name] => Ok((schema.to_owned(), name.clone())),
        [schema, name] => Ok((schema.clone(), name.clone())),
        _ => Err(format!("`{name}` is no name of a table, such as `shop.orders`")),
    }
}

/// Returns a qualified name as it is written.
pub(super) fn named(schema: &str, name: &str) -> String {
    qualified([schema, name])
}

/// Parses the definition of a constraint.
pub(super) fn constraint(definition: &str) -> Option<Constraint> {
    let sql = format!("ALTER TABLE t ADD CONSTRAINT c {definition}");
    let parsed = pg_query::parse(&sql, 0).ok()?;
    let node = parsed.protobuf.stmts.into_iter().next()?.stmt?.node?;
    let NodeEnum::AlterTableStmt(alter) = node else {
        return None;
    };
    let Some(NodeEnum::AlterTableCmd(command)) = alter.cmds.into_iter().next()?.node else {
        return None;
    };
    match command.def?.node? {
        NodeEnum::Constraint(constraint) => Some(*constraint),
        _ => None,
    }
}

/// Returns the strings of a list of nodes.
pub(super) fn strings(nodes: &[pg_query::Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(crate::desired::declare::string)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_outside_of_quotes_and_parentheses() {
        assert_eq!(
            split("a, lower(b, ','), \"c,d\" DESC"),
            ["a", "lower(b, ',')", "\"c,d\" DESC"]
        );
        assert_eq!(group("(a = ')') WHERE (b)"), Some(("a = ')'", " WHERE (b)")));
        assert!(is_loose("a > 0") && !is_loose("f(a, b)"));
    }
}
