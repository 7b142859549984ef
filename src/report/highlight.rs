//! SQL cut into pieces that reports colour: keywords, numbers, literals, comments. No character is ever lost: text that
//! the tokenizer does not understand is one plain piece.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Whitespace};

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A name, an operator, a space.
    Plain,
    /// A keyword.
    Keyword,
    /// A number.
    Number,
    /// Text in quotes or dollars.
    Literal,
    /// A comment.
    Comment,
}

/// Returns the pieces of a text, neighbours of one sort joined.
pub(super) fn pieces(sql: &str) -> Vec<(Sort, &str)> {
    let whole = || vec![(Sort::Plain, sql)];
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, sql)
        .with_unescape(false)
        .tokenize_with_location()
    else {
        return whole();
    };
    let mut cursor = Cursor::new(sql);
    let mut out: Vec<(Sort, usize, usize)> = Vec::new();
    for token in tokens {
        let (Some(start), Some(end)) = (cursor.offset(token.span.start), cursor.offset(token.span.end)) else {
            return whole();
        };
        let sort = sort(&token.token, &sql[start..end]);
        match out.last_mut() {
            Some(last) if last.2 != start => return whole(),
            Some(last) if last.0 == sort => last.2 = end,
            _ => out.push((sort, start, end)),
        }
    }
    let complete = out.first().is_some_and(|first| first.1 == 0) && out.last().is_some_and(|last| last.2 == sql.len());
    if !complete {
        return whole();
    }
    out.into_iter()
        .map(|(sort, start, end)| (sort, &sql[start..end]))
        .collect()
}

/// Plans and deparsed definitions write keywords in capitals; a column called `name` is none.
fn sort(token: &Token, text: &str) -> Sort {
    match token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword && word.quote_style.is_none() => {
            let capitals = !text.bytes().any(|byte| byte.is_ascii_lowercase());
            if capitals { Sort::Keyword } else { Sort::Plain }
        }
        Token::Number(..) => Sort::Number,
        Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => Sort::Literal,
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => Sort::Comment,
        _ => Sort::Plain,
    }
}

/// Turns lines and columns, which only grow, into byte offsets.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    column: u64,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
        }
    }

    fn offset(&mut self, place: Location) -> Option<usize> {
        while (self.line, self.column) < (place.line, place.column) {
            let letter = self.text[self.at..].chars().next()?;
            self.at += letter.len_utf8();
            (self.line, self.column) = match letter {
                '\n' => (self.line + 1, 1),
                _ => (self.line, self.column + 1),
            };
        }
        ((self.line, self.column) == (place.line, place.column)).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(sql: &str) -> String {
        pieces(sql).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn every_character_stays() {
        for sql in [
            "",
            "CREATE TABLE shop.\"Ö\" (\n    name text DEFAULT 'é' -- x\n, n int DEFAULT 12\n)",
            "CREATE FUNCTION f() AS $x$\n  SELECT 'a''b\\' || E'\\n';\r\n$x$ -- end",
            "SELECT 'open",
            "SELECT /* never closed",
            "SELECT \u{1f9ed}, \"a\"\"b\"",
        ] {
            assert_eq!(joined(sql), sql);
        }
    }

    #[test]
    fn sorts_are_told_apart() {
        let sorts = pieces("SELECT 1, 'a' FROM name -- why");
        let of = |wanted: Sort| {
            sorts
                .iter()
                .filter(move |(sort, _)| *sort == wanted)
                .map(|(_, text)| *text)
        };
        assert_eq!(of(Sort::Keyword).collect::<Vec<_>>(), ["SELECT", "FROM"]);
        assert_eq!(of(Sort::Number).collect::<Vec<_>>(), ["1"]);
        assert_eq!(of(Sort::Literal).collect::<Vec<_>>(), ["'a'"]);
        assert_eq!(of(Sort::Comment).collect::<Vec<_>>(), ["-- why"]);
    }

    #[test]
    fn what_is_no_sql_is_plain() {
        assert_eq!(pieces("it's"), [(Sort::Plain, "it's")]);
    }
}
