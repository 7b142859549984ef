//! Backfills: columns of rows that are there get their values batch by batch, each batch in a transaction of its own.
//!
//! [`Batches`] says what a statement does to the rows of one range of keys or pages, [`Walk`] goes from range to range,
//! [`Pace`] decides how large the next one is and how long to wait before it. Names no kind.

mod batches;
mod declared;
mod pace;
mod walk;

pub use batches::{Batches, Place};
pub use declared::{Backfills, is_expression};
pub(crate) use pace::LAG;
pub use pace::Pace;
pub use walk::{Walk, replication_lag, whole};
