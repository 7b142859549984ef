//! What is wrong with a YAML target file, and where.

use crate::desired::place::SourceText;
use crate::error::Error;

/// An error before its file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Byte offset in the file.
    pub offset: usize,
    /// Lower-case fragment.
    pub message: String,
    /// Full sentence.
    pub hint: String,
}

impl Complaint {
    /// Makes a complaint.
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
            hint: "See docs/yaml.md for what can stand there.".to_owned(),
        }
    }

    /// Sets the hint.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Complains about a key that does not exist, with the nearest that does.
    pub(super) fn unknown<'a>(offset: usize, key: &str, of: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = match nearest(key, &known) {
            Some(near) => format!("Did you mean `{near}`?"),
            None => format!("Known keys: {}.", known.join(", ")),
        };
        Self::new(offset, format!("unknown key `{key}` {of}")).hint(hint)
    }

    /// Turns it into an error at its place.
    pub(super) fn error(&self, source: &SourceText) -> Error {
        let mut error =
            Error::target(format!("{}: {}", source.place(self.offset), self.message)).hint(self.hint.clone());
        error.detail = source.show(self.offset);
        error
    }
}

/// Returns the known word that differs by few letters.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1) + 1;
    let near = known.iter().map(|known| (distance(word, known), *known));
    near.filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, known)| known)
}

/// Counts the letters to insert, remove or exchange (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let next = (diagonal + usize::from(letter != *other))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_key() {
        assert_eq!(nearest("colums", &["comment", "columns", "checks"]), Some("columns"));
        assert_eq!(nearest("notnull", &["not_null", "default"]), Some("not_null"));
        assert_eq!(nearest("zzz", &["not_null", "default"]), None);
    }
}
