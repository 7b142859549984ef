//! Questions that a plan leaves open: what looks like a rename and would cost rows if it is none.

use serde::{Deserialize, Serialize};

use super::file::Plan;
use crate::catalog::Identity;
use crate::error::{Error, ErrorKind, Result};

/// Most questions that an error repeats.
const SHOWN: usize = 10;

/// One answer, in each of the forms in which it can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Comment above the declaration in SQL target files.
    pub sql: String,
    /// Key of the declaration in YAML target files.
    pub yaml: String,
    /// Flag of `plan` and `apply`, quoted for a shell.
    pub flag: String,
}

/// An object that goes, and may be the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// The object, by its live name.
    pub object: Identity,
    /// How much speaks for it, of 100.
    pub score: u32,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
    /// Rows whose values are lost unless it is a rename, in words; none where nobody knows.
    pub rows: Option<String>,
    /// What says that it is a rename.
    pub rename: Answer,
}

/// Whether an object that comes is one that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What comes.
    pub object: Identity,
    /// Where the target files declare it, as `file:line`.
    pub declared_at: Option<String>,
    /// What it may have been, likeliest first.
    pub formers: Vec<Former>,
    /// What says that it is none of them.
    pub not_renamed: Answer,
}

impl Question {
    /// Says what is asked, in a sentence.
    pub fn words(&self) -> String {
        let kind = self.object.kind;
        let place = self.declared_at.as_ref().map(|place| format!(" ({place})"));
        let place = place.unwrap_or_default();
        format!(
            "Is the {kind} `{}`{place} another name of one that the plan drops, or is it new?",
            self.object.path_text()
        )
    }
}

impl Former {
    /// Says what it is and what speaks for it.
    pub fn words(&self) -> String {
        let rows = self.rows.as_deref().unwrap_or("number of rows unknown");
        format!(
            "`{}` ({rows}; {} of 100 points: {})",
            self.object.path_text(),
            self.score,
            self.evidence.join(", ")
        )
    }
}

impl Plan {
    /// Refuses a plan that leaves questions open.
    pub fn must_be_answered(&self) -> Result<()> {
        let count = self.questions.len();
        if count == 0 {
            return Ok(());
        }
        let noun = if count == 1 { "a question" } else { "questions" };
        let error = Error::new(
            ErrorKind::Blocked,
            format!("the plan drops what may only have another name now, and leaves {noun} open ({count})"),
        )
        .hint(
            "Answer with a line in the target files, which counts for every database, or with a flag of `trueup plan` or \
             `trueup apply`; then plan again.",
        );
        let lines = self.questions.iter().take(SHOWN).flat_map(lines);
        let more = (count > SHOWN).then(|| format!("and {} more", count - SHOWN));
        Err(lines.chain(more).fold(error, Error::detail))
    }
}

fn lines(question: &Question) -> Vec<String> {
    let answer = |answer: &Answer| {
        let Answer { sql, yaml, flag } = answer;
        format!("{sql}   or in YAML   {yaml}   or   {flag}")
    };
    let mut out = vec![question.words()];
    for former in &question.formers {
        out.push(format!("  it was {}:", former.words()));
        out.push(format!("      {}", answer(&former.rename)));
    }
    out.push("  it is new:".to_owned());
    out.push(format!("      {}", answer(&question.not_renamed)));
    out
}
