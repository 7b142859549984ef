//! Where the old values of columns are that change their type in stages.

use serde::{Deserialize, Serialize};

use crate::catalog::Identity;
use crate::catalog::quote::qualified;

/// Where what the values of one column were is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldColumn {
    /// Column whose type changes.
    pub column: Identity,
    /// Type that it had.
    pub data_type: String,
    /// Column whose values the table holds: the same, or the one that it refers to. What they became is in a column of its name.
    pub of: Identity,
    /// Schema of the table.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Columns of the row's key, where the value alone does not tell rows apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Column of the table that holds what values were.
    pub was: String,
    /// Whether some values become others, so that the way back has to look here.
    pub alters: bool,
}

impl OldColumn {
    /// Returns the qualified name of the table, quoted.
    pub fn place(&self) -> String {
        qualified([&self.schema, &self.table])
    }

    /// Tells whether the table holds the column's own values.
    pub fn is_own(&self) -> bool {
        self.of == self.column
    }
}

/// Columns whose old values are kept, by their identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OldValues(Vec<OldColumn>);

impl OldValues {
    /// None are kept.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Makes the set.
    pub fn new(mut columns: Vec<OldColumn>) -> Self {
        columns.sort_by(|one, other| one.column.cmp(&other.column));
        Self(columns)
    }

    /// Tells whether none are kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns where the old values of a column are kept.
    pub fn get(&self, column: &Identity) -> Option<&OldColumn> {
        let at = self.0.binary_search_by(|known| known.column.cmp(column)).ok()?;
        Some(&self.0[at])
    }

    /// Returns the columns whose values have a table of their own.
    pub fn own(&self) -> impl Iterator<Item = &OldColumn> {
        self.0.iter().filter(|old| old.is_own())
    }
}
