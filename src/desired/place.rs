//! Places in target files: byte offsets become file, line and column, and the line can be shown with a marker.

use std::fmt;

use pg_query::NodeEnum;
use serde::{Deserialize, Serialize};

use crate::kinds::{Secrets, hide_literals};

/// Says where in a target file something stands; line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Path as shown to people.
    pub file: String,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One target file with its line starts; the text is what is executed, the original is what is shown.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Path as shown to people.
    pub path: String,
    /// SQL with everything that only psql understands blanked out; offsets equal those of the file.
    pub text: String,
    original: String,
    lines: Vec<usize>,
    /// What must not be shown.
    secrets: Secrets,
}

impl SourceText {
    /// Makes the text of a file from what was read and from what is left of it for the server.
    pub fn new(path: String, original: String, text: String) -> Self {
        let mut lines = vec![0];
        lines.extend(
            original
                .bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(at, _)| at + 1),
        );
        Self {
            path,
            text,
            original,
            lines,
            secrets: Secrets::default(),
        }
    }

    /// Takes note of the secrets that a statement states, which are never shown.
    pub fn hide_secrets_of(&self, statement: &NodeEnum) {
        self.secrets.learn_statement(statement);
    }

    /// Turns a byte offset into a place.
    pub fn place(&self, offset: usize) -> Place {
        let row = self.row(offset);
        let start = self.lines.get(row).copied().unwrap_or_default();
        let before = self
            .original
            .as_bytes()
            .get(start..offset.min(self.original.len()))
            .unwrap_or_default();
        Place {
            file: self.path.clone(),
            line: row + 1,
            column: String::from_utf8_lossy(before).chars().count() + 1,
        }
    }

    /// Returns the line that holds an offset and a second line with a marker below it.
    pub fn show(&self, offset: usize) -> Vec<String> {
        let place = self.place(offset);
        let line = self.original.lines().nth(place.line - 1).unwrap_or_default();
        let (before, after) = line.split_at(
            line.char_indices()
                .nth(place.column - 1)
                .map_or(line.len(), |(at, _)| at),
        );
        let hidden = |part: &str| self.secrets.conceal(part).replace('\t', " ");
        let column = hidden(before).chars().count() + 1;
        let line = hide_literals(&(hidden(before) + &hidden(after)));
        let number = place.line.to_string();
        let (line, column) = shorten(&line, column.min(line.chars().count() + 1));
        vec![
            format!("{number} | {line}"),
            format!("{} | {}^", " ".repeat(number.len()), " ".repeat(column - 1)),
        ]
    }

    fn row(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }
}

/// Cuts a very long line to the part around the column.
fn shorten(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 160;
    if line.chars().count() <= WIDTH {
        return (line.trim_end().to_owned(), column);
    }
    let skip = column.saturating_sub(WIDTH / 2);
    let part: String = line.chars().skip(skip).take(WIDTH).collect();
    let before = if skip > 0 { "…" } else { "" };
    (format!("{before}{part}…"), column - skip + usize::from(skip > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_columns_in_characters() {
        let text = "select 1;\nselect 'ä' x".to_owned();
        let source = SourceText::new("a.sql".into(), text.clone(), text.clone());
        let place = source.place(text.find('x').unwrap());
        assert_eq!((place.line, place.column), (2, 12));
        assert_eq!(
            source.show(text.find('x').unwrap()),
            ["2 | select 'ä' x", "  |            ^"]
        );
    }

    #[test]
    fn an_offset_past_the_end_is_the_last_line() {
        let source = SourceText::new("a.sql".into(), "a\nb".into(), "a\nb".into());
        assert_eq!(source.place(99).line, 2);
    }
}
