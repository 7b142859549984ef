//! ## What it finds
//!
//! A new object whose name is 63 bytes long, which is as long as PostgreSQL keeps them. Advice: the finding is `safe`.
//!
//! ## Why it is dangerous
//!
//! What was written longer was cut, with no more than a notice. Two names that differ only behind the cut are the same
//! name, a cut name is not what the code says, and a name that a tool derives from it is cut at another place.
//!
//! ## Safer way
//!
//! Choose a shorter name; letters beyond ASCII count two to four bytes each.
//!
//! ## PostgreSQL versions
//!
//! All; a server can be compiled with another limit (`NAMEDATALEN`).

use crate::kinds::{Kind, NAME_LIMIT};
use crate::plan::Verb;
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Rename))
        // A character that does not fit whole is cut off whole.
        .filter(|(_, change)| has_own_name(change.object.kind) && change.object.name().len() > NAME_LIMIT - 4)
        .filter(|(_, change)| change.object.name().len() == NAME_LIMIT || !change.object.name().is_ascii())
        .map(|(at, change)| {
            let message = format!(
                "The name of the {} `{}` is as long as PostgreSQL keeps names: what was written longer was cut.",
                change.object.kind,
                change.object.path_text()
            );
            Hit::new(Risk::Safe, at, &change.object, message).hint("Choose a shorter name.")
        })
        .collect()
}

/// Tells whether the last part of an object's path is a name of its own and not that of what it belongs to.
fn has_own_name(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Schema
            | Kind::EnumType
            | Kind::RangeType
            | Kind::CompositeType
            | Kind::Domain
            | Kind::DomainCheck
            | Kind::Sequence
            | Kind::Table
            | Kind::Column
            | Kind::Check
            | Kind::Key
            | Kind::Index
            | Kind::ForeignKey
            | Kind::Statistics
            | Kind::View
            | Kind::MaterializedView
            | Kind::Rule
            | Kind::Trigger
            | Kind::Policy
            | Kind::EventTrigger
            | Kind::Publication
    )
}
