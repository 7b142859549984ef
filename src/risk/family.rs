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
        match kind {
            Kind::Table => Self::Table,
            Kind::Column => Self::Column,
            Kind::Schema
            | Kind::Collation
            | Kind::EnumType
            | Kind::RangeType
            | Kind::CompositeType
            | Kind::Domain
            | Kind::Sequence
            | Kind::MaterializedView
            // With the progress of replication.
            | Kind::Subscription => Self::Holder,
            Kind::DomainCheck | Kind::NotNull | Kind::Check | Kind::Key | Kind::ForeignKey => Self::Guard,
            Kind::Index => Self::Index,
            Kind::DefaultPrivilege | Kind::Owner | Kind::Privilege | Kind::UserMapping => Self::Right,
            Kind::Policy => Self::Policy,
            Kind::Extension => Self::Extension,
            Kind::ColumnDefault
            | Kind::ColumnIdentity
            | Kind::SequenceOwner
            | Kind::Partition
            | Kind::Inheritance
            | Kind::IndexAttachment
            | Kind::ReplicaIdentity
            | Kind::ForeignColumn
            | Kind::Comment => Self::Property,
            // What a kind is when nobody said otherwise: its text brings it back.
            _ => Self::Definition,
        }
    }
}
