//! Proof: a plan is executed on a scratch database, forward and back, before it is shown.
//!
//! Scratch holds the touched part of the live state. Both ways run once as `apply` runs them, without rows, and must
//! lead to the desired and to the live state. Then they run once more with generated rows, each statement in a
//! transaction of its own, so that its locks, rewrites and scans can be seen; rows that must stay have to. Names no
//! kind.

mod compare;
pub(crate) mod files;
mod observe;
mod part;
mod prover;
mod rows;
mod survival;
mod together;
mod values;

pub(crate) use part::named;
pub use prover::{Ground, prove};
