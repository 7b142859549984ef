//! What a caller sets, sees on the way, and gets back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::watch::Party;
use crate::catalog::Identity;
use crate::config::Blockers;
use crate::kinds::Secrets;
use crate::plan::Phase;
use crate::risk::Risk;

/// How a plan is executed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Longest wait for a lock within one statement (`lock_timeout`).
    pub lock_timeout: Duration,
    /// Limit for one statement (`statement_timeout`); none when it may take as long as it takes.
    pub statement_timeout: Option<Duration>,
    /// How often a transaction is tried again after a lock that was not granted, a deadlock or a serialization failure.
    pub retries: u32,
    /// What is done about sessions that stand in the way.
    pub blockers: Blockers,
    /// Pause before the first retry; each further one is twice as long, and up to half of it is added at random.
    pub backoff: Duration,
    /// Longest wait for another trueup that works on the same database.
    pub wait: Duration,
    /// Makes all checks and executes nothing.
    pub dry_run: bool,
    /// Phase before whose steps it stops until it is resumed, each time that the way leads into it.
    pub pause_before: Option<Phase>,
    /// Whether the rows that could refuse the plan are looked at before the first statement.
    pub preflight: bool,
    /// What the ledger says about this run beside its statements.
    pub record: Record,
    /// Values of the secrets that the statements name by their marks.
    pub secrets: Secrets,
}

/// What the record says where the backup was left out.
pub const NO_BACKUP: &str = "no backup was made";

/// Who runs something where and why, for the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Environment of the configuration file.
    pub environment: Option<String>,
    /// Machine.
    pub host: Option<String>,
    /// Account on that machine.
    pub person: Option<String>,
    /// Reason that was given.
    pub reason: Option<String>,
    /// Safeguards that were overridden, in words.
    pub overrides: Vec<String>,
    /// Highest risk that the environment allows without approval.
    pub allowed: Option<Risk>,
    /// Backup that was made before.
    pub backup: Option<Kept>,
}

/// A backup, as the ledger and the file beside it describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Path of the file or folder.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the file, or of its files in the order of their names.
    pub sha256: String,
    /// Database that it is of.
    pub database: String,
    /// When it was made, in UTC.
    pub made_at: String,
    /// What it holds: the whole database, or these tables.
    pub tables: Option<Vec<String>>,
    /// Whether a command of the project's own made it, so that only the project knows its format.
    pub foreign: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(5),
            statement_timeout: None,
            retries: 3,
            blockers: Blockers::default(),
            backoff: Duration::from_secs(1),
            wait: Duration::from_secs(10),
            dry_run: false,
            pause_before: None,
            preflight: true,
            secrets: Secrets::default(),
            record: Record::default(),
        }
    }
}

/// What happens while a plan is executed, in order. Steps are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another trueup works on the database; it is waited for.
    WaitingForOther {
        /// Who holds the advisory lock, where it can be seen.
        holder: Option<Party>,
    },
    /// The ledger was created or brought up to date.
    LedgerReady {
        /// Its version.
        version: i32,
    },
    /// The execution has its place in the ledger.
    Opened {
        /// Its number.
        execution: i64,
        /// Statements that will run.
        statements: usize,
    },
    /// A step starts.
    Started {
        /// Which.
        step: usize,
        /// Of how many.
        of: usize,
        /// Object that gives the step its name.
        object: Identity,
    },
    /// A statement ran; it lasts when its transaction commits.
    Done {
        /// Step that it belongs to.
        step: usize,
        /// SQL text.
        sql: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// A statement waits for a lock.
    WaitingForLock {
        /// Step that it belongs to.
        step: usize,
        /// Sessions that hold the lock, or stand before us in its queue.
        blockers: Vec<Party>,
    },
    /// A transaction was rolled back and will be tried again.
    Retry {
        /// Step that failed.
        step: usize,
        /// Which retry this is, from 1.
        attempt: u32,
        /// Of how many.
        of: u32,
        /// Pause before it.
        pause: Duration,
        /// What the server said.
        cause: String,
        /// Sessions that held the lock, as far as they were seen.
        blockers: Vec<Party>,
    },
    /// A backfill has come so far.
    Filled {
        /// Step that it belongs to.
        step: usize,
        /// Rows that are filled, by earlier runs too.
        rows: u64,
        /// Rows of the table, about, where the planner knows.
        of: Option<u64>,
        /// Rows that this run has filled in a second.
        per_second: u64,
        /// Time that is left, about.
        left: Option<Duration>,
    },
    /// The invalid index or the pending detachment of a failed statement was cleared away.
    Cleared {
        /// SQL that did it.
        sql: String,
    },
    /// Something beside the statements is done, in words: a backup, a hook, a check.
    Noted {
        /// A lower-case fragment.
        text: String,
    },
    /// The live catalog was read again and is as planned.
    Verified {
        /// Objects that were compared.
        objects: usize,
    },
}

/// What an execution did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Number in the ledger; none when nothing was executed.
    pub execution: Option<i64>,
    /// Execution that was rolled back.
    pub of_execution: Option<i64>,
    /// SQL that ran or, in a dry run, would run.
    pub statements: Vec<String>,
    /// Step, counted from 1, before which it paused.
    pub paused_before: Option<usize>,
}
