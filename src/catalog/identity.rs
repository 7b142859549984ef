//! Names of objects: a kind and a path of names, never an OID.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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

/// Names of an identity, outermost first. Copies share the names: one identity stands in many edges.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Arc<[String]>);

impl Path {
    /// Returns the names.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl Deref for Path {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Into<String>> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl<'a> IntoIterator for &'a Path {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Path {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.0.iter().eq(other)
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
    pub fn new<S: Into<String>>(kind: Kind, path: impl IntoIterator<Item = S>) -> Self {
        Self {
            kind,
            path: path.into_iter().collect(),
        }
    }

    /// Returns the last name of the path.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
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
