//! Risk rules: one file per rule; each turns facts of statements and live figures into findings with a stable code.

mod finding;

pub use finding::{Finding, Risk};
