//! ## What it finds
//!
//! A rollback that would lose data: it drops a table or a column that has been filled since the plan was applied, or it
//! narrows values. `trueup rollback` and a failing `trueup apply` report it before the first statement of the rollback;
//! a plan does not, because its rollback loses only what came in after it.
//!
//! ## Why it is dangerous
//!
//! A rollback is the inverse change. What the plan created, it drops, with every row that applications have written in
//! the meantime. It is `critical`.
//!
//! ## Safer way
//!
//! Prefer to go forward: correct the target files and plan again. If it must be the rollback, stop the writers, and keep a
//! copy of what it drops (`pg_dump --table`).
//!
//! ## PostgreSQL versions
//!
//! All.

use crate::risk::look::{Hit, Look};

/// Finds nothing in a plan: rollback and apply raise it, who know what has happened since.
pub(in crate::risk) fn check(_look: &Look) -> Vec<Hit> {
    Vec::new()
}
