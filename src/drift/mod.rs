//! Drift: live against desired and against what was last applied; each difference says who moved. Names no kind.

mod classify;

pub use classify::{Sides, classify};

use serde::Serialize;

use crate::catalog::Identity;
use crate::plan::{Difference, Verb};

/// Who moved, seen from what was last applied.
///
/// With L live, D desired and A what was last applied: L = A ≠ D is pending; D = A ≠ L is drifted, or reverted where L is
/// what stood there before A; L ≠ A ≠ D is both. L = D ≠ A is no difference that anybody must act on: it is adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The database changed since it was applied; the declaration did not, or says nothing about it.
    Drifted,
    /// The same, and the database is as it was before the execution that last changed the object.
    Reverted,
    /// Database and declaration changed, each in its own way.
    Both,
    /// Nothing is recorded of what was last applied, so that nobody knows who moved.
    Unrecorded,
    /// The declaration changed since it was applied; the database did not.
    Pending,
}

impl State {
    /// Every state, most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Drifted,
        Self::Reverted,
        Self::Both,
        Self::Unrecorded,
        Self::Pending,
    ];

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drifted => "drifted",
            Self::Reverted => "reverted",
            Self::Both => "both",
            Self::Unrecorded => "unrecorded",
            Self::Pending => "pending",
        }
    }

    /// Says in a sentence what the state means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Drifted => "The database was changed since this was last applied; the declaration was not.",
            Self::Reverted => "The database is again as it was before this was applied; the declaration stands.",
            Self::Both => "Database and declaration were both changed since this was last applied, and differ.",
            Self::Unrecorded => "Database and declaration differ; nothing is recorded of what was last applied.",
            Self::Pending => "The declaration was changed and is not applied yet.",
        }
    }
}

/// One object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// Object, by its desired name.
    pub object: Identity,
    /// Who moved.
    pub state: State,
    /// What would bring live to desired; none where the target files say nothing about the object.
    pub verb: Option<Verb>,
    /// Attributes that differ, from live to desired.
    pub differences: Vec<Difference>,
    /// Where the target files declare the object, as `file:line`.
    pub declared_at: Option<String>,
    /// Execution that last changed the object.
    pub execution: Option<i64>,
    /// Object that this one goes with: it is missing, or there, just as that one is.
    pub part_of: Option<Identity>,
}

/// An object that was changed by hand and is declared as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Object.
    pub object: Identity,
    /// Its state, as the ledger writes it.
    #[serde(skip)]
    pub print: Option<String>,
}

/// All drift of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Name of the database.
    pub database: String,
    /// `server_version_num`.
    pub version_num: i32,
    /// When the whole database was recorded, in UTC; none where nothing is known of what was last applied.
    pub recorded_at: Option<String>,
    /// Differences, most urgent first.
    pub differences: Vec<Drifted>,
    /// Objects whose record is behind, and that nobody need act on.
    pub adopted: Vec<Adopted>,
    /// What stands in the way of a good answer.
    pub notes: Vec<String>,
    /// Objects that trueup does not model: kind in words, and name.
    pub unmodelled: Vec<(String, String)>,
}

impl Drift {
    /// Tells whether there is drift; what is pending counts only when it is asked for.
    pub fn is_there(&self, with_pending: bool) -> bool {
        let counts = |one: &Drifted| with_pending || one.state != State::Pending;
        self.differences.iter().any(counts)
    }
}
