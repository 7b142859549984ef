//! The executor: runs a plan, or its way back, against a live database. Names no kind.
//!
//! Gate, approvals, lock, transactions with retry, ledger, and a last look at the catalog. Every public function opens
//! its own connections: one that runs the statements, and one that holds the advisory lock and watches the first.

mod advisory;
mod approvals;
mod baseline;
mod batch;
mod event;
mod failure;
pub(crate) mod files;
mod forward;
mod gate;
pub mod ledger;
mod leftovers;
mod resume;
mod rollback;
mod run;
mod session;
mod watch;

pub(crate) use approvals::refuse;
pub use approvals::{Approval, Approvals, unapproved};
pub use baseline::{accept, record_baseline};
pub(crate) use batch::{batches, items};
pub use event::{Event, Options, Outcome};
pub use forward::apply;
pub use ledger::{ExecutionKind, ExecutionStatus, ExecutionSummary, Status, history, status};
pub(crate) use leftovers::clear;
pub use resume::resume;
pub use rollback::{LOSS_CODE, Preview, preview, rollback};
pub(crate) use session::SETTINGS;
pub use watch::Party;
