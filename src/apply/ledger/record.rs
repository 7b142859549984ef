//! What the ledger holds, as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::apply::watch::Party;
use crate::catalog::{Catalog, Edges, Identity};
use crate::kinds::AnyObject;
use crate::plan::{Plan, Step};

/// Sort of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionKind {
    /// A plan's way forward.
    Apply,
    /// The way back of an execution.
    Rollback,
    /// Migration files, in either direction.
    Migrate,
}

impl ExecutionKind {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Rollback => "rollback",
            Self::Migrate => "migrate",
        }
    }

    /// Returns the direction of its statements.
    pub(in crate::apply) fn direction(self) -> &'static str {
        match self {
            Self::Apply | Self::Migrate => "forward",
            Self::Rollback => "rollback",
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        match word {
            "rollback" => Self::Rollback,
            "migrate" => Self::Migrate,
            _ => Self::Apply,
        }
    }
}

/// How far an execution came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// A session is at work on it.
    Running,
    /// It stopped where it was told to.
    Paused,
    /// Every statement ran, and the catalog was as planned.
    Succeeded,
    /// It stopped part-way.
    Failed,
    /// It was undone.
    RolledBack,
}

impl ExecutionStatus {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        match word {
            "succeeded" => Self::Succeeded,
            "rolled_back" => Self::RolledBack,
            "running" => Self::Running,
            "paused" => Self::Paused,
            _ => Self::Failed,
        }
    }
}

/// One execution, as history and status show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecutionSummary {
    /// Number.
    pub id: i64,
    /// Sort.
    pub kind: ExecutionKind,
    /// Execution that a rollback rolls back.
    pub of_execution: Option<i64>,
    /// How far it came. One whose session is gone shows as failed.
    pub status: ExecutionStatus,
    /// Fingerprint of its plan.
    pub plan_fingerprint: String,
    /// Version of trueup.
    pub tool: String,
    /// Role that ran it.
    pub role: String,
    /// Environment of the configuration file.
    pub environment: Option<String>,
    /// Start, in UTC.
    pub started_at: String,
    /// End, in UTC.
    pub finished_at: Option<String>,
    /// Counts of changes, steps and statements, and findings by code.
    pub summary: serde_json::Value,
    /// Statements that are done.
    pub done: i64,
    /// Statements in all.
    pub statements: i64,
    /// What stopped it.
    pub error: Option<String>,
    /// SQLSTATE of that.
    pub sqlstate: Option<String>,
}

/// The ledger at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Version of the ledger; none where there is no ledger.
    pub ledger_version: Option<i32>,
    /// Newest execution.
    pub latest: Option<ExecutionSummary>,
    /// Who is at work now.
    pub at_work: Option<Party>,
}

/// The objects of a plan's scope and their edges, as they were before the first statement.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::apply) struct Snapshot {
    objects: Vec<AnyObject>,
    dependencies: Vec<(Identity, Edges)>,
}

impl Snapshot {
    /// Takes the objects of the scope out of a catalog.
    pub(in crate::apply) fn take(catalog: &Catalog, plan: &Plan) -> Self {
        let scope = || plan.scope.iter().map(|(identity, _)| identity);
        let edges = scope().filter_map(|identity| catalog.dependencies.get_key_value(identity));
        Self {
            objects: scope().filter_map(|identity| catalog.get(identity).cloned()).collect(),
            dependencies: edges.map(|(identity, on)| (identity.clone(), on.clone())).collect(),
        }
    }

    /// Returns a catalog with the objects of the scope as they were.
    pub(in crate::apply) fn restore(&self, catalog: &Catalog, plan: &Plan) -> Catalog {
        let mut out = catalog.clone();
        for (identity, _) in plan.scope.iter().chain(&plan.expected) {
            out.remove(identity);
        }
        for object in &self.objects {
            out.insert(object.clone());
        }
        for (identity, on) in &self.dependencies {
            out.dependencies.insert(identity.clone(), on.clone());
        }
        out
    }
}

/// An execution with everything that going on or going back needs.
#[derive(Debug)]
pub(in crate::apply) struct Execution {
    /// Number.
    pub(in crate::apply) id: i64,
    /// Sort.
    pub(in crate::apply) kind: ExecutionKind,
    /// Execution that a rollback rolls back.
    pub(in crate::apply) of_execution: Option<i64>,
    /// How far it came.
    pub(in crate::apply) status: ExecutionStatus,
    /// Its plan.
    pub(in crate::apply) plan: Plan,
    /// Steps that it runs.
    pub(in crate::apply) steps: Vec<Step>,
    /// What was there before; only an apply has it.
    pub(in crate::apply) before: Snapshot,
    /// Statements by ordinal: whether each is done, and whether it was begun.
    pub(in crate::apply) statements: BTreeMap<i32, Reached>,
    /// Whether a rollback of it was begun and has failed.
    pub(in crate::apply) half_rolled_back: bool,
}

/// How far a statement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::apply) enum Reached {
    /// It has not run, or what it did was rolled back.
    Pending,
    /// It was begun; outside a transaction nobody knows whether it ended.
    Begun,
    /// It ran, and lasts.
    Done,
}

impl Execution {
    /// Tells whether a statement is done.
    pub(in crate::apply) fn reached(&self, ordinal: i32) -> Reached {
        self.statements.get(&ordinal).copied().unwrap_or(Reached::Pending)
    }
}
