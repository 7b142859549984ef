//! Names of objects: a kind and a path of names, never an OID.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kinds::Kind;

/// Identifies one object: its kind and its path of names, outermost first (`[schema, table, column]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Sort of the object.
    pub kind: Kind,
    /// Names, outermost first; unquoted.
    pub path: Path,
}

/// One name of a path; short ones take no memory of their own.
pub type Name = CompactString;

/// Names of an identity, outermost first. Copies share the names: one identity stands in many edges.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Arc<[Name]>);

impl Path {
    /// Returns the names.
    pub fn as_slice(&self) -> &[Name] {
        &self.0
    }

    /// Returns a copy of the names.
    pub fn to_strings(&self) -> Vec<String> {
        self.iter().map(Name::to_string).collect()
    }

    /// Tells whether the path begins with some names.
    pub fn is_below(&self, names: &[impl AsRef<str>]) -> bool {
        self.is_below_at(0, names)
    }

    /// The same for what is left without the outermost names, as many as `start`.
    pub fn is_below_at(&self, start: usize, names: &[impl AsRef<str>]) -> bool {
        let own = self.get(start..).unwrap_or_default();
        own.len() >= names.len() && own.iter().zip(names).all(|(own, name)| own == name.as_ref())
    }
}

impl Deref for Path {
    type Target = [Name];

    fn deref(&self) -> &[Name] {
        &self.0
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Name::new).collect())
    }
}

impl<'a> IntoIterator for &'a Path {
    type Item = &'a Name;
    type IntoIter = std::slice::Iter<'a, Name>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Path {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.0.iter().eq(other.iter())
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|names| Self(names.into()))
    }
}

impl Identity {
    /// Makes an identity from a kind and its path.
    pub fn new<S: AsRef<str>>(kind: Kind, path: impl IntoIterator<Item = S>) -> Self {
        Self {
            kind,
            path: path.into_iter().collect(),
        }
    }

    /// Returns the last name of the path.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", Name::as_str)
    }

    /// Returns the path as people read it: names joined by dots, quoted where SQL would quote them.
    pub fn path_text(&self) -> String {
        let names: Vec<String> = self.path.iter().map(|name| super::quote::readable(name)).collect();
        names.join(".")
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path_text())
    }
}
