//! Preflight: whether the rows that are there let a plan through. Counted on the live database before anything is changed,
//! by reading alone, with a limit of time; keys of rows that stand in the way are shown, never what is in them. And whether
//! the server has the roles, tablespaces and extensions that a plan needs.

mod bounds;
mod live;
mod parts;
mod reading;
mod rows;
mod run;
mod server;
mod trial;
mod types;

pub use run::{LIMIT, Options, rate, refuse};
pub use server::{missing, must_have};
pub use trial::{Count, References, Trial, of};
