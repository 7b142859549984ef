//! Risk rules: one file per rule; each turns facts of statements and live figures into findings with a stable code.

mod advice;
mod candidates;
mod chain;
mod day;
mod duration;
mod family;
mod finding;
mod large;
mod look;
mod manual;
mod pace;
mod registry;
mod rules;
mod ruling;
mod serving;
mod statistics;

pub use candidates::{Candidate, Rows, candidates, questions, undecided, weigh};
pub use day::Day;
pub use duration::{Blocks, Estimate, estimate};
pub use finding::{Finding, Risk};
pub use large::{Bytes, ONLINE_ABOVE, Online, measured};
pub use look::Look;
pub use manual::{explain, manual};
pub use pace::{Correction, Expected, Pace, Paces};
pub use registry::{RULES, Rule, findings};
pub use ruling::{Applied, Entry, Level, Ruling, Waiver, apply_rulings};
pub(crate) use statistics::live_path;
pub use statistics::{Figures, Size, Statistics, statistics, touched};
