//! Words for verbs, phases, rollback labels and locks.

use crate::kinds::Lock;
use crate::plan::{Phase, Reversal, Verb};

/// Returns the word of a verb as an order: `create`.
pub(super) fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Alter => "alter",
        Verb::Replace => "replace",
        Verb::Rebuild => "rebuild",
        Verb::Rename => "rename",
        Verb::Drop => "drop",
    }
}

/// Returns the word of a verb as a result: `created`.
pub(super) fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Alter => "altered",
        Verb::Replace => "replaced",
        Verb::Rebuild => "rebuilt",
        Verb::Rename => "renamed",
        Verb::Drop => "dropped",
    }
}

/// Returns the word of a phase.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Structure => "structure",
        Phase::Data => "data",
        Phase::Validation => "validation",
        Phase::Contract => "contract",
    }
}

/// Returns the label of a rollback, and its reason.
pub(super) fn reversal(reversal: &Reversal) -> (&'static str, Option<&str>) {
    match reversal {
        Reversal::Exact => ("exact", None),
        Reversal::SchemaOnly(reason) => ("schema only", Some(reason)),
        Reversal::Lossy(reason) => ("lossy", Some(reason)),
        Reversal::Impossible(reason) => ("impossible", Some(reason)),
    }
}

/// Says whom a lock keeps waiting; `None` for locks that keep neither readers nor writers.
pub(super) fn waits(lock: Lock) -> Option<&'static str> {
    match lock {
        Lock::AccessExclusive => Some("reads and writes wait"),
        Lock::Share | Lock::ShareRowExclusive | Lock::Exclusive => Some("writes wait"),
        _ => None,
    }
}
