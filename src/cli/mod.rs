//! The command line: thin, one file per command. Only here is the terminal written to and the environment read.

mod apply;
mod arguments;
mod demo;
mod diff;
mod doctor;
mod drift;
mod execution;
mod explain;
mod export;
mod files;
mod format;
mod history;
mod init;
mod inspect;
mod lint;
mod log;
mod migrate;
mod news;
mod place;
mod plan;
mod progress;
mod purge;
mod question;
mod restore;
mod rollback;
mod setup;
mod several;
mod terminal;
mod why;

pub use arguments::run;
