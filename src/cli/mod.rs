//! The command line: thin, one file per command. Only here is the terminal written to and the environment read.

mod apply;
mod arguments;
mod demo;
mod diff;
mod doctor;
mod drift;
mod execution;
mod explain;
mod files;
mod format;
mod history;
mod init;
mod inspect;
mod lint;
mod migrate;
mod plan;
mod progress;
mod rollback;
mod setup;
mod terminal;
mod why;

pub use arguments::run;
