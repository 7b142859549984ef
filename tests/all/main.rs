//! All integration tests in one program, since every program of its own is linked anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod apply;
mod convergence;
mod desired;
mod house;
mod round_trips;
mod scratch;
mod sequences;
mod servers;
mod types;
mod whole_loop;
