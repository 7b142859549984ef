//! Where each object is declared. There are as many as columns, and few are asked for: all stand in one text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Places by key, in the order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// Keys and places, one after the other.
    text: String,
    /// For each, where its key and where its place begins in the text.
    begins: Vec<(usize, usize)>,
}

impl Places {
    /// Returns the place of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self
            .begins
            .binary_search_by(|(from, to)| self.text[*from..*to].cmp(key));
        found.ok().map(|at| self.entry(at).1)
    }

    /// Returns all keys with their places.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.begins.len()).map(|at| self.entry(at))
    }

    fn entry(&self, at: usize) -> (&str, &str) {
        let (key, place) = self.begins[at];
        let end = self.begins.get(at + 1).map_or(self.text.len(), |(next, _)| *next);
        (&self.text[key..place], &self.text[place..end])
    }
}

impl FromIterator<(String, String)> for Places {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(places: I) -> Self {
        let mut out = Self::default();
        for (key, place) in places.into_iter().collect::<BTreeMap<_, _>>() {
            let from = out.text.len();
            out.text.push_str(&key);
            out.begins.push((from, out.text.len()));
            out.text.push_str(&place);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_place() {
        let all = [("b", "x:1"), ("a", ""), ("", "y:2"), ("b\u{1f}c", "x:3"), ("b", "x:4")];
        let places: Places = all
            .iter()
            .map(|(key, place)| ((*key).to_owned(), (*place).to_owned()))
            .collect();
        for (key, place) in [("a", ""), ("", "y:2"), ("b\u{1f}c", "x:3"), ("b", "x:4")] {
            assert_eq!(places.get(key), Some(place), "{key}");
        }
        assert_eq!(places.get("c"), None);
        assert_eq!(places.iter().last(), Some(("b\u{1f}c", "x:3")));
        assert_eq!(places.iter().count(), 4);
        assert_eq!(Places::default().get(""), None);
    }
}
