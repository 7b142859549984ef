//! Live × desired → actions: generic, one rayon task per table. Names no kind.

mod compare;

pub use compare::{Action, Actions, diff};
