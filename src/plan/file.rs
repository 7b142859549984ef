//! The plan and its file: everything that reports, apply and rollback need, and nothing that changes between two runs
//! on the same input.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::proof::{Direction, Proof};
use super::question::Question;
use super::steps::{Change, Step};
use crate::catalog::{Fingerprint, Identity};
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::Area;
use crate::kinds::{Large, OldValues, needs_secrets};
use crate::preflight::Trial;
use crate::risk::Finding;

/// Version of the plan file's format.
pub const FORMAT: u32 = 1;

/// The database that a plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Name of the database.
    pub name: String,
    /// Identifier that `initdb` gave the cluster, as decimal digits; none where the role may not read it.
    pub system_identifier: Option<String>,
    /// `server_version_num`.
    pub version_num: i32,
    /// `TimeZone` of the session that planned: the plan is executed in it, wherever and by whomever. None where nothing says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What the live side was read from, where it was no database; `name` is then the name of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<StandIn>,
}

/// What stands in for a live database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandIn {
    /// A snapshot of a live database; the plan can be applied where the touched objects are as in it.
    Snapshot,
    /// A source, which is compared with another one; nothing can be applied.
    Source {
        /// The other source.
        desired: String,
    },
}

/// One attribute of a changed object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Name of the attribute.
    pub attribute: String,
    /// Value in the live state, `None` when it has none.
    pub before: Option<String>,
    /// Value in the desired state, `None` when it has none.
    pub after: Option<String>,
}

/// What a change looks like to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Attributes that differ; empty for what is created, dropped or merely rebuilt.
    pub differences: Vec<Difference>,
    /// Object that it belongs to: is created and dropped with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Identity>,
    /// Where the target files declare the object, as `file:line`.
    pub declared_at: Option<String>,
}

/// One table's rows that refer to another one's, before or after the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Object that refers: a foreign key.
    pub by: Identity,
    /// Table that it belongs to.
    pub from: Identity,
    /// Table that it refers to.
    pub to: Identity,
}

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the format.
    pub format: u32,
    /// Version of trueup that made it.
    pub tool: String,
    /// Database that it was made for.
    pub database: Database,
    /// Fingerprint over `scope`.
    pub fingerprint: Fingerprint,
    /// Objects that the plan reads and touches, and what they depend on, with the fingerprint of each as it was live
    /// (`None`: it was not there).
    pub scope: Vec<(Identity, Option<Fingerprint>)>,
    /// The same objects as they will be.
    pub expected: Vec<(Identity, Option<Fingerprint>)>,
    /// Every change by object.
    pub changes: Vec<Detail>,
    /// References of the tables that the plan touches, for diagrams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The objects of `scope` as they were, but under the names that renames give them: what a rollback from half-way goes
    /// back to before it renames. None where nothing is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<serde_json::Value>,
    /// Way forward.
    pub forward: Vec<Step>,
    /// Way back, from the last step to the first.
    pub rollback: Vec<Step>,
    /// Tables whose size gave statements their form, each with its size in words.
    #[serde(default, skip_serializing_if = "Large::is_empty")]
    pub large: Large,
    /// Where the old values of columns are kept that change in stages.
    #[serde(default, skip_serializing_if = "OldValues::is_empty")]
    pub old_values: OldValues,
    /// What the rules found.
    pub findings: Vec<Finding>,
    /// What somebody has to say before it can be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Questions to the rows, of which some findings depend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
    /// What came of executing it on a scratch database; none where there is nothing to execute, or a question is open.
    pub proof: Option<Proof>,
    /// Target files that hold the values of the secrets which the statements name by their marks; none where no statement
    /// does, or where they came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_from: Option<String>,
    /// What was passed over in the target files, with its place.
    pub notes: Vec<String>,
    /// Objects that trueup does not model: kind in words, and name.
    pub unmodelled: Vec<(String, String)>,
}

/// A plan with the checksum that makes an edited file recognisable.
#[derive(Serialize, Deserialize)]
struct Sealed {
    checksum: Fingerprint,
    plan: Plan,
}

impl Plan {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.forward.is_empty()
    }

    /// Tells whether a statement of the way forward names a secret by its mark.
    pub fn needs_secrets(&self) -> bool {
        let sentences = self.forward.iter().flat_map(|step| &step.statements);
        sentences.into_iter().any(|sentence| needs_secrets(&sentence.sql))
    }

    /// Refuses a plan that failed its proof.
    pub fn must_hold(&self) -> Result<()> {
        let Some(refutation) = self.proof.as_ref().and_then(|proof| proof.refutation.as_ref()) else {
            return Ok(());
        };
        let step = refutation
            .step
            .map(|step| format!(", step {}", step + 1))
            .unwrap_or_default();
        let place = match refutation.direction {
            None => "before its first step".to_owned(),
            Some(Direction::Forward) => format!("on the way forward{step}"),
            Some(Direction::Rollback) => format!("on the way back{step}"),
        };
        let message = format!(
            "the plan failed its proof on a scratch database, {place}: {}",
            refutation.message
        );
        Err(Error::new(ErrorKind::Refuted, message).hint(
            "It cannot be applied. Where the target files are right this is a fault of trueup: please report it. \
             `--no-prove` plans without proof, at your own risk.",
        ))
    }

    /// Returns the text of the plan file.
    pub fn to_file(&self) -> Result<String> {
        let sealed = Sealed {
            checksum: Fingerprint::of(self),
            plan: self.clone(),
        };
        let mut text = serde_json::to_string_pretty(&sealed).map_err(|error| Error::internal(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a plan file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| Error::io(format!("read plan file {shown}"), &error))?;
        Self::from_file(&text).map_err(|error| error.context(format!("plan file {shown}")))
    }

    /// Reads the text of a plan file.
    pub fn from_file(text: &str) -> Result<Self> {
        let again = "Make the plan again with `trueup plan --out FILE`; plan files are not meant to be edited.";
        let sealed: Sealed = serde_json::from_str(text).map_err(|error| {
            let what = if error.is_eof() {
                "is truncated"
            } else {
                "is no plan that this version can read"
            };
            Error::usage(format!("{what} (line {}, column {})", error.line(), error.column())).hint(again)
        })?;
        if sealed.plan.format != FORMAT {
            let found = sealed.plan.format;
            return Err(Error::usage(format!("has format {found}, this version reads format {FORMAT}")).hint(again));
        }
        if sealed.checksum != Fingerprint::of(&sealed.plan) {
            return Err(Error::usage("was edited after it was made: its checksum does not fit").hint(again));
        }
        Area::manage_those_of(sealed.plan.scope.iter().map(|(object, _)| object));
        Ok(sealed.plan)
    }
}
