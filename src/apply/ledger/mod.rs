//! The ledger: trueup's own tables in schema `trueup` of the live database. It says what was executed, how far each
//! statement came, and what a rollback needs.

mod account;
mod applied;
mod filled;
pub(crate) mod migrations;
mod paces;
mod read;
mod record;
mod snapshots;
mod trace;
mod version;
mod write;

pub use account::{Account, Approved, Ran, account};
pub use applied::{Applied, AppliedObject, Print, applied, print};
pub use read::{history, status};
pub use record::{ExecutionKind, ExecutionStatus, ExecutionSummary, Status};
pub use snapshots::{Point, SnapshotFacts, snapshot};
pub use trace::{LastChange, last_change};

pub(super) use account::backup;
pub(crate) use applied::{follows, record_between};
pub(super) use applied::{record, record_all, record_some};
pub(super) use filled::Filled;
pub(crate) use paces::paces;
pub(crate) use read::paused;
pub(super) use read::{load, newest};
pub(super) use record::{Execution, Reached, Snapshot};
pub(super) use snapshots::{Cause, before as snapshot_before, record as record_snapshot};
pub(super) use version::{ensure, is_there};
pub(super) use write::{Ledger, Opening, Progress, close_interrupted, record_backup, record_checks};
