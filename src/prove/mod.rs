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

use postgres::Client;
use postgres::error::SqlState;

use crate::apply::in_time_zone;
use crate::error::Result;

pub(crate) use part::named;
pub use prover::{Ground, prove};

/// Takes the time zone in which statements will be executed; false where the scratch server's machine does not know it.
fn take_time_zone(client: &mut Client, zone: &str) -> Result<bool> {
    match client.batch_execute(&in_time_zone(zone)) {
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(false),
        outcome => Ok(outcome.map(|()| true)?),
    }
}
