//! The command line: thin, one file per command. Only here is the terminal written to and the environment read.

mod arguments;
mod explain;
mod inspect;
mod plan;
mod setup;
mod terminal;

pub use arguments::run;
