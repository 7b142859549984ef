//! Versions of migrations: numbers as teams write them, `001`, `1.2` or `20260101120000`, compared as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::Error;

/// Version of a migration. `1` and `001` are one version, and so are `1` and `1.0`. A file that goes by its name comes
/// after all numbers.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    /// None where a name stands for it.
    parts: Vec<u64>,
}

impl Version {
    /// Reads a version: numbers with dots or underscores between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for part in text.split(['.', '_']) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            parts.push(part.parse().ok()?);
        }
        while parts.len() > 1 && parts.last() == Some(&0) {
            parts.pop();
        }
        Some(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Makes what stands for the version of a file that has none: a repeatable one, or one outside of the folder.
    pub(super) fn named(text: String) -> Self {
        Self {
            text,
            parts: Vec::new(),
        }
    }

    /// Reads what the ledger keeps: a version, or the name that stands for it.
    pub(super) fn kept(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::named(text.to_owned()))
    }

    /// Tells whether a name stands for it.
    pub fn is_name(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns what is compared.
    fn order(&self) -> (bool, &[u64], &str) {
        let name = if self.is_name() { self.text.as_str() } else { "" };
        (self.is_name(), &self.parts, name)
    }

    /// Makes the version of a number.
    pub fn of(number: u64) -> Self {
        Self {
            text: number.to_string(),
            parts: vec![number],
        }
    }

    /// Returns the version as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is the same for two ways of writing one version.
    pub fn key(&self) -> String {
        if self.is_name() {
            return self.text.clone();
        }
        let parts: Vec<String> = self.parts.iter().map(u64::to_string).collect();
        parts.join(".")
    }

    /// Returns the first number.
    pub fn first(&self) -> u64 {
        self.parts.first().copied().unwrap_or_default()
    }

    /// Tells whether it is written as a time, `YYYYMMDDHHMMSS`.
    pub fn is_time(&self) -> bool {
        self.parts.len() == 1 && self.text.len() == 14
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| {
            Error::usage(format!("`{text}` is no version"))
                .hint("Pass a version as `trueup migrate list` shows it, such as 003 or 20260101120000.")
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.order().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn compares_as_numbers() {
        assert_eq!(version("001"), version("1"));
        assert_eq!(version("1.0"), version("1"));
        assert_eq!(version("1_1"), version("1.1"));
        assert!(version("9") < version("10"));
        assert!(version("1.9") < version("1.10"));
        assert!(version("2") > version("1.10"));
        assert_eq!(version("007.10").key(), "7.10");
        for text in ["", "a", "1a", "1..2", "-1", "99999999999999999999999"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
