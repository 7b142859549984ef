//! Colours of a terminal: of risks, of marks, and of SQL.

use owo_colors::{OwoColorize, Style as Ink};

use super::highlight::{Sort, pieces};
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
    /// Whether long plans are shown whole, rather than folded to what needs a look.
    pub verbose: bool,
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

    /// Returns the text with its words for risks in their colours.
    pub(super) fn risk_words(&self, text: &str) -> String {
        let all = [Risk::Caution, Risk::Dangerous, Risk::Critical];
        all.into_iter().fold(text.to_owned(), |text, risk| {
            text.replace(risk.word(), &self.risk(risk))
        })
    }

    /// Returns SQL with its keywords, literals and comments coloured; as it is where the tokenizer gives up.
    pub(super) fn sql(&self, sql: &str) -> String {
        if !self.color {
            return sql.to_owned();
        }
        pieces(sql)
            .into_iter()
            .map(|(sort, text)| match sort {
                Sort::Plain => text.to_owned(),
                Sort::Keyword => self.paint(text, Ink::new().blue()),
                Sort::Number => self.paint(text, Ink::new().cyan()),
                Sort::Literal => self.paint(text, Ink::new().green()),
                Sort::Comment => self.dim(text),
            })
            .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: Style = Style {
        color: true,
        width: 80,
        plan_file: None,
        verbose: false,
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
