//! The command line: thin, one file per command. Only here is the terminal written to and the environment read.

mod apply;
mod arguments;
mod demo;
mod execution;
mod explain;
mod format;
mod history;
mod inspect;
mod plan;
mod progress;
mod rollback;
mod setup;
mod terminal;

pub use arguments::run;
