//! The whole state of one database as objects by identity, with their dependency edges.
//!
//! Nothing here knows a kind: what an object is stands in [`crate::kinds`].

mod addresses;
pub(crate) mod delta;
mod edges;
mod fingerprint;
mod identity;
pub(crate) mod packed;
mod pool;
pub mod quote;
mod state;

pub use addresses::{Address, Addresses, ColumnFacts, Noted};
pub use edges::Edges;
pub use fingerprint::Fingerprint;
pub use identity::{Identity, Name, Path};
pub use pool::Pool;
pub use state::Catalog;
pub(crate) use state::Part;
