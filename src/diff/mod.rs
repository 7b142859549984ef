//! Live × desired → actions: generic, one rayon task per table. Names no kind.

mod compare;
mod filter;
mod rename;

pub use compare::{Action, Actions, diff};
pub use filter::{Filter, Pattern};
pub use rename::{Hint, Rename, renames};
