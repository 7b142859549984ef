//! What came of executing a plan on a scratch database before anybody sees it.

use serde::{Deserialize, Serialize};

/// One of the two ways of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the desired state.
    Forward,
    /// Back to the live state.
    Rollback,
}

/// Verdict of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Forward led to the desired state, rollback to the live one, and no row was lost that had to stay.
    Held,
    /// Something went otherwise: the plan must not be applied.
    Failed,
    /// Nobody tried, because the user said so.
    Skipped,
}

/// The first thing that went otherwise than planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refutation {
    /// Way on which it happened; none when the live state could not even be built.
    pub direction: Option<Direction>,
    /// Index of the step, where one statement failed.
    pub step: Option<usize>,
    /// What happened.
    pub message: String,
}

/// A statement whose locks, rewrites or scans are not what its kind states; what was observed stands in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surprise {
    /// Way that the statement is on.
    pub direction: Direction,
    /// Index of its step.
    pub step: usize,
    /// What was expected and what was observed.
    pub message: String,
}

/// Outcome of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Verdict.
    pub verdict: Verdict,
    /// Server that it was made on, for example `PostgreSQL 17.10`; none where nobody tried.
    pub server: Option<String>,
    /// Generated rows that the touched tables held; those that had to stay were there afterwards, forward and back.
    pub rows: u64,
    /// Why it failed.
    pub refutation: Option<Refutation>,
    /// Where observation and expectation differ.
    pub surprises: Vec<Surprise>,
    /// What the proof could not look at, in full sentences.
    pub notes: Vec<String>,
}

impl Proof {
    /// Makes the proof that nobody made.
    pub fn skipped() -> Self {
        Self {
            verdict: Verdict::Skipped,
            server: None,
            rows: 0,
            refutation: None,
            surprises: Vec::new(),
            notes: Vec::new(),
        }
    }
}
