//! What a rule reports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::ruling::Applied;
use crate::catalog::Identity;
use crate::evidence::Evidence;

/// Grade of a finding, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Needs no approval.
    Safe,
    /// Worth a look; needs no approval.
    Caution,
    /// Needs approval.
    Dangerous,
    /// Needs approval by name of the level.
    Critical,
}

impl Risk {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Caution => "caution",
            Self::Dangerous => "dangerous",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Risk {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Safe, Self::Caution, Self::Dangerous, Self::Critical]
            .into_iter()
            .find(|risk| risk.word() == text)
            .ok_or(())
    }
}

/// One finding of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable code of the rule, for example `TU101`.
    pub code: String,
    /// Grade.
    pub risk: Risk,
    /// Object that it is about.
    pub object: Identity,
    /// Index of the step in the plan's way forward.
    pub step: usize,
    /// What was found, as one full sentence.
    pub message: String,
    /// Safer way, as full sentences; empty when there is none.
    pub hint: String,
    /// What the live server knows of the use of its object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What the project says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Applied>,
}

impl Finding {
    /// Returns the evidence of use as one line, empty where there is none.
    pub fn evidence_line(&self) -> String {
        let texts: Vec<&str> = self.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        if texts.is_empty() {
            return String::new();
        }
        format!("Evidence: {}.", texts.join("; "))
    }

    /// Tells whether the finding is waived today: it is shown, and does not block.
    pub fn is_waived(&self) -> bool {
        let waiver = self.ruling.as_ref().filter(|ruling| ruling.waived);
        waiver.is_some_and(|waiver| waiver.until.is_none_or(|until| until >= Day::today()))
    }
}
