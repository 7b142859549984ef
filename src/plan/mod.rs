//! Actions → ordered steps, both ways: rebuilds, graph, order, phases, folding, transactions, the plan file. Names no
//! kind.

mod build;
mod draft;
mod file;
mod fold;
mod graph;
mod online;
mod order;
mod proof;
mod question;
mod rebuild;
mod references;
mod steps;
mod transactions;

pub use build::{Route, route};
pub use draft::{Sides, draft};
pub(crate) use draft::{differences, way};
pub use file::{Database, Detail, Difference, FORMAT, Plan, Reference, StandIn};
pub use proof::{Direction, Proof, Refutation, Surprise, Verdict};
pub use question::{Answer, Former, Question};
pub use steps::{Change, Phase, Reversal, Sentence, Step, Verb};
pub(crate) use steps::{go_on, transactions};
