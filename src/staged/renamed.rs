//! Columns under other names, in text that PostgreSQL deparsed.

use pg_query::protobuf::Token;
use pg_query::{NodeEnum, ParseResult};
use serde_json::Value;

/// Gives a column its other name, or its own; nothing where there is no such column.
pub(super) type Naming<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns an expression over the columns of a table with those under other names.
pub(super) fn expression(text: &str, naming: Naming) -> Option<String> {
    let head = "SELECT ";
    let sql = format!("{head}{text}");
    let parsed = pg_query::parse(&sql, 0).ok()?;
    let renamed = replace(&sql, references(&parsed, naming)?)?;
    renamed.strip_prefix(head).map(str::to_owned)
}

/// Returns the key list of an index, columns and expressions, with columns under other names.
pub(super) fn keys(text: &str, naming: Naming) -> Option<String> {
    let head = "CREATE INDEX ON t (";
    let sql = format!("{head}{text})");
    let parsed = pg_query::parse(&sql, 0).ok()?;
    let mut places = references(&parsed, naming)?;
    let NodeEnum::IndexStmt(index) = parsed.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()? else {
        return None;
    };
    for (element, start) in index.index_params.iter().zip(starts(&sql, head.len())?) {
        let Some(NodeEnum::IndexElem(element)) = &element.node else {
            return None;
        };
        if !element.name.is_empty() {
            places.push((start, naming(&element.name)?));
        }
    }
    let renamed = replace(&sql, places)?;
    Some(renamed.strip_prefix(head)?.strip_suffix(')')?.to_owned())
}

/// Tells whether a key list is one of columns, of whatever type they are: in the order and by the operators of the type.
pub(super) fn is_of_columns(text: &str) -> bool {
    let Ok(parsed) = pg_query::parse(&format!("CREATE INDEX ON t ({text})"), 0) else {
        return false;
    };
    let statements = parsed.protobuf.stmts.iter();
    let mut nodes = statements.filter_map(|statement| statement.stmt.as_ref()?.node.as_ref());
    let Some(NodeEnum::IndexStmt(index)) = nodes.next() else {
        return false;
    };
    index.index_params.iter().all(|element| match &element.node {
        Some(NodeEnum::IndexElem(element)) => {
            !element.name.is_empty() && element.opclass.is_empty() && element.collation.is_empty()
        }
        _ => false,
    })
}

/// Returns where each element of a list begins whose first one does so at a place.
fn starts(sql: &str, first: usize) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    let (mut depth, mut is_next) = (0_usize, true);
    for token in pg_query::scan(sql).ok()?.tokens {
        let start = usize::try_from(token.start).ok()?;
        if start < first {
            continue;
        }
        if std::mem::take(&mut is_next) {
            out.push(start);
        }
        match token.token() {
            Token::Ascii40 | Token::Ascii91 => depth += 1,
            Token::Ascii41 | Token::Ascii93 => depth = depth.saturating_sub(1),
            Token::Ascii44 => is_next = depth == 0,
            _ => {}
        }
    }
    Some(out)
}

/// Returns where columns are named, with what they are called instead.
fn references(parsed: &ParseResult, naming: Naming) -> Option<Vec<(usize, String)>> {
    let mut out = Vec::new();
    // The parser's own walk passes over some kinds of expressions.
    let mut open = vec![serde_json::to_value(&parsed.protobuf).ok()?];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(parts) => open.extend(parts),
            Value::Object(mut parts) => {
                if let Some(column) = parts.remove("ColumnRef") {
                    let place = usize::try_from(column.get("location")?.as_i64()?).ok()?;
                    let name = column.pointer("/fields/0/node/String/sval")?.as_str()?;
                    out.push((place, naming(name)?));
                }
                open.extend(parts.into_iter().map(|(_, part)| part));
            }
            _ => {}
        }
    }
    Some(out)
}

/// Puts names into the places of the tokens that stand there.
fn replace(sql: &str, mut places: Vec<(usize, String)>) -> Option<String> {
    let tokens = pg_query::scan(sql).ok()?.tokens;
    places.sort();
    let mut out = sql.to_owned();
    for (place, name) in places.into_iter().rev() {
        let token = tokens.iter().find(|token| usize::try_from(token.start) == Ok(place))?;
        out.replace_range(place..usize::try_from(token.end).ok()?, &name);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> Option<String> {
        match name {
            "id" => Some("new".to_owned()),
            "Odd, name" => Some("\"Odd, new\"".to_owned()),
            "gone" => None,
            other => Some(other.to_owned()),
        }
    }

    #[test]
    fn only_columns_change_their_names() {
        for (text, renamed) in [
            ("(id > 5)", "(new > 5)"),
            ("lower((id)::text)", "lower((new)::text)"),
            ("(id = ANY (ARRAY[id, other]))", "(new = ANY (ARRAY[new, other]))"),
            ("public.id(id, 'id'::text)", "public.id(new, 'id'::text)"),
            (
                "((\"Odd, name\" COLLATE \"C\") ~~ 'é id'::text)",
                "((\"Odd, new\" COLLATE \"C\") ~~ 'é id'::text)",
            ),
            (
                "CASE WHEN (id IS NULL) THEN '{id}'::public.id[] ELSE NULL::public.id[] END",
                "CASE WHEN (new IS NULL) THEN '{id}'::public.id[] ELSE NULL::public.id[] END",
            ),
        ] {
            assert_eq!(expression(text, &new).as_deref(), Some(renamed));
        }
        assert_eq!(expression("(gone > 1)", &new), None);
    }

    #[test]
    fn columns_alone_are_of_any_type() {
        assert!(is_of_columns("id, \"Odd, name\" DESC NULLS LAST"));
        for text in ["id text_pattern_ops", "lower(id)", "id COLLATE \"C\"", "((id + 1))"] {
            assert!(!is_of_columns(text), "{text}");
        }
    }

    #[test]
    fn keys_keep_what_stands_behind_columns() {
        for (text, renamed) in [
            ("id", "new"),
            ("other, id DESC NULLS LAST", "other, new DESC NULLS LAST"),
            (
                "id public.id, abs(id, id), ((id + 1)) DESC",
                "new public.id, abs(new, new), ((new + 1)) DESC",
            ),
            (
                "\"Odd, name\" COLLATE \"C\" text_pattern_ops, id",
                "\"Odd, new\" COLLATE \"C\" text_pattern_ops, new",
            ),
        ] {
            assert_eq!(keys(text, &new).as_deref(), Some(renamed));
        }
    }
}
