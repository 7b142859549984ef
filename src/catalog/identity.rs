//! Names of objects: a kind and a path of names, never an OID.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kinds::Kind;

/// Identifies one object: its kind and its path of names, outermost first (`[schema, table, column]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Sort of the object.
    pub kind: Kind,
    /// Names, outermost first; unquoted.
    pub path: Vec<String>,
}

impl Identity {
    /// Makes an identity from a kind and its path.
    pub fn new<S: Into<String>>(kind: Kind, path: impl IntoIterator<Item = S>) -> Self {
        Self {
            kind,
            path: path.into_iter().map(Into::into).collect(),
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
