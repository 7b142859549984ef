//! Colours: of risks, of marks, and of SQL.

use owo_colors::{OwoColorize, Style as Ink};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Whitespace};

use crate::risk::Risk;

/// How a report for people looks.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// Whether escape sequences are written.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// File that the plan was written to, if it was: what to run next names it.
    pub plan_file: Option<&'a str>,
}

impl Style<'_> {
    /// Returns the text in an ink, or as it is.
    pub(super) fn paint(&self, text: &str, ink: Ink) -> String {
        if self.color && !text.is_empty() {
            text.style(ink).to_string()
        } else {
            text.to_owned()
        }
    }

    /// Returns the text as a heading.
    pub(super) fn heading(&self, text: &str) -> String {
        self.paint(text, Ink::new().bold())
    }

    /// Returns the text in the background.
    pub(super) fn dim(&self, text: &str) -> String {
        self.paint(text, Ink::new().dimmed())
    }

    /// Returns the word of a risk in its colour.
    pub(super) fn risk(&self, risk: Risk) -> String {
        self.paint(risk.word(), ink(risk))
    }

    /// Returns SQL with its keywords, literals and comments coloured; as it is where the tokenizer gives up.
    pub(super) fn sql(&self, sql: &str) -> String {
        if !self.color {
            return sql.to_owned();
        }
        let dialect = PostgreSqlDialect {};
        let Ok(tokens) = Tokenizer::new(&dialect, sql).tokenize_with_location() else {
            return sql.to_owned();
        };
        let lines = Lines::new(sql);
        let mut out = String::new();
        for token in tokens {
            let text = lines.between(token.span.start, token.span.end);
            match token_ink(&token.token, text) {
                Some(ink) => out.push_str(&self.paint(text, ink)),
                None => out.push_str(text),
            }
        }
        out
    }
}

/// Returns the colour of a risk.
fn ink(risk: Risk) -> Ink {
    match risk {
        Risk::Safe => Ink::new().green(),
        Risk::Caution => Ink::new().yellow(),
        Risk::Dangerous => Ink::new().red(),
        Risk::Critical => Ink::new().red().bold(),
    }
}

/// Plans and deparsed definitions write keywords in capitals; a column called `name` is none.
fn token_ink(token: &Token, text: &str) -> Option<Ink> {
    match token {
        Token::Word(word) if word.keyword != Keyword::NoKeyword && word.quote_style.is_none() => {
            let capitals = !text.bytes().any(|byte| byte.is_ascii_lowercase());
            capitals.then(|| Ink::new().blue())
        }
        Token::Number(..) => Some(Ink::new().cyan()),
        Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) => Some(Ink::new().green()),
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            Some(Ink::new().dimmed())
        }
        _ => None,
    }
}

/// A text whose places are given by line and column, as the tokenizer does.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    fn offset(&self, place: Location) -> usize {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(start) = self.starts.get(number(place.line)) else {
            return self.text.len();
        };
        let line = &self.text[*start..];
        let column = line.char_indices().nth(number(place.column));
        column.map_or(self.text.len(), |(at, _)| start + at)
    }

    fn between(&self, start: Location, end: Location) -> &'a str {
        self.text.get(self.offset(start)..self.offset(end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: Style = Style {
        color: true,
        width: 80,
        plan_file: None,
    };

    #[test]
    fn coloured_sql_keeps_every_character() {
        let sql = "CREATE TABLE shop.\"Ö\" (\n    name text DEFAULT 'é' -- x\n, n int DEFAULT 12\n)";
        let coloured = COLOR.sql(sql);
        assert!(coloured.contains("\u{1b}["));
        let mut plain = String::new();
        let mut parts = coloured.split('\u{1b}');
        plain.push_str(parts.next().unwrap());
        for part in parts {
            plain.push_str(part.split_once('m').unwrap().1);
        }
        assert_eq!(plain, sql);
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let style = Style { color: false, ..COLOR };
        assert_eq!(style.sql("SELECT 1"), "SELECT 1");
        assert_eq!(style.risk(Risk::Critical), "critical");
    }
}
