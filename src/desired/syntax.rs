//! Finds where a syntax error stands: the parser's binding reports a message without a position.

use super::lex::{self, Piece};
use super::place::SourceText;
use crate::error::Error;

/// Turns the parser's message about a file into an error at its line and column.
pub(super) fn error(source: &SourceText, message: &str) -> Error {
    let offset = unterminated(&source.text).unwrap_or_else(|| position(&source.text));
    let mut error = Error::target(format!("{}: {message}", source.place(offset)));
    error.detail = source.show(offset);
    error.sqlstate = Some("42601".to_owned());
    let is_variable = source.text.as_bytes().get(offset) == Some(&b':');
    error.hint(if is_variable {
        "Variables of psql (`:name`) have no value here: write the value itself."
    } else {
        "Correct the statement: target files are read with the grammar of PostgreSQL 18."
    })
}

/// Returns where a quoted thing or comment opens that never ends.
fn unterminated(text: &str) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let (piece, end) = lex::next(text.as_bytes(), at);
        if piece == Piece::Unterminated {
            return Some(at);
        }
        at = end;
    }
    None
}

/// Returns the offset of the first token that cannot follow what stands before it.
///
/// A prefix of the text that ends before that token fails, if at all, for lack of more input; every longer prefix
/// fails at the token itself. So the token can be searched for by halves.
pub(super) fn position(text: &str) -> usize {
    let Ok(tokens) = pg_query::scan(text) else { return 0 };
    let ends: Vec<(usize, usize)> = tokens
        .tokens
        .iter()
        .filter_map(|token| Some((usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?)))
        .collect();
    let first = ends.partition_point(|(_, end)| text.get(..*end).is_none_or(could_go_on));
    ends.get(first)
        .map_or_else(|| text.trim_end().len(), |(start, _)| *start)
}

fn could_go_on(prefix: &str) -> bool {
    match pg_query::split_with_parser(prefix) {
        Ok(_) => true,
        Err(error) => error.to_string().contains("syntax error at end of input"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> (String, Vec<String>) {
        let source = SourceText::new("a.sql".into(), text.into(), text.into());
        let message = match pg_query::split_with_parser(text) {
            Err(pg_query::Error::Split(message)) => message,
            other => panic!("no syntax error: {other:?}"),
        };
        let error = error(&source, &message);
        (error.message, error.detail)
    }

    #[test]
    fn names_line_and_column() {
        let (message, detail) = at("CREATE TABLE a (b int);\n\nCREATE TABLE c (\n  d int,\n  e int f\n);\n");
        assert_eq!(message, "a.sql:5:9: syntax error at or near \"f\"");
        assert_eq!(detail, ["5 |   e int f", "  |         ^"]);
    }

    #[test]
    fn the_first_and_the_last_statement_count_too() {
        assert_eq!(
            at("selec 1; select 2;").0,
            "a.sql:1:1: syntax error at or near \"selec\""
        );
        assert_eq!(
            at("select 1;\ncreate table a (b int").0,
            "a.sql:2:22: syntax error at end of input"
        );
    }

    #[test]
    fn unterminated_quotes_are_found_where_they_open() {
        assert!(
            at("select 1;\nselect 'a;\n select 2;")
                .0
                .starts_with("a.sql:2:8: unterminated quoted string")
        );
        assert!(
            at("select 1;\n/* a")
                .0
                .starts_with("a.sql:2:1: unterminated /* comment")
        );
    }
}
