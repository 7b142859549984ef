//! The executor: runs a plan, or its way back, against a live database. Names no kind.
//!
//! Gate, approvals, lock, transactions with retry, ledger, and a last look at the catalog. Every public function opens
//! its own connections: one that runs the statements, and one that holds the advisory lock and watches the first.

mod advisory;
mod approvals;
mod backup;
mod baseline;
mod batch;
pub(crate) mod blockers;
mod checks;
pub mod command;
mod event;
mod explain;
mod failure;
pub(crate) mod files;
mod fill;
mod forward;
mod gate;
mod guarded;
pub mod ledger;
mod leftovers;
mod moment;
mod promote;
mod restore;
mod resume;
mod rollback;
mod run;
mod secrets;
mod session;
mod watch;

pub(crate) use approvals::refuse;
pub use approvals::{Approval, Approvals, unapproved};
pub use backup::{FOLDER as BACKUPS, list as backups};
pub use baseline::{accept, record_baseline};
pub(crate) use batch::{batches, items};
pub use checks::Checked;
pub use event::{Event, Kept, NO_BACKUP, Options, Outcome, Record};
pub use forward::apply;
pub(crate) use guarded::{Errand, guarded_work};
pub use guarded::{Guard, guarded, guarded_resume};
pub use ledger::{Account, ExecutionKind, ExecutionStatus, ExecutionSummary, Status, account, history, status};
pub(crate) use leftovers::clear;
pub use promote::promoted;
pub use restore::{Into, restore};
pub use resume::{Resumable, resumable, resume};
pub use rollback::{LOSS_CODE, Preview, preview, rollback};
pub(crate) use session::{MEANING, in_time_zone, settings};
pub use watch::Party;
