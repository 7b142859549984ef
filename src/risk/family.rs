//! Sorts of objects as rules see them.

use crate::kinds::Kind;

/// What an object is to the people who depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// A table.
    Table,
    /// A column.
    Column,
    /// Holds data beside tables, or gives values their meaning.
    Holder,
    /// Can be written again from its text.
    Definition,
    /// Keeps rows from being wrong.
    Guard,
    /// Makes rows quick to find.
    Index,
    /// Says who may.
    Right,
    /// Row security.
    Policy,
    /// An extension.
    Extension,
    /// A property of something else.
    Property,
}

impl Family {
    /// Returns the family of a kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind.words() {
            "table" => Self::Table,
            "column" => Self::Column,
            "schema" | "collation" | "enum" | "range type" | "composite type" | "domain" | "sequence"
            | "materialized view" => Self::Holder,
            "function"
            | "procedure"
            | "aggregate"
            | "view"
            | "rule"
            | "trigger"
            | "event trigger"
            | "extended statistics" => Self::Definition,
            "domain constraint" | "not-null constraint" | "check constraint" | "key" | "foreign key" => Self::Guard,
            "index" => Self::Index,
            "default privilege" | "owner" | "privilege" => Self::Right,
            "policy" => Self::Policy,
            "extension" => Self::Extension,
            _ => Self::Property,
        }
    }
}
