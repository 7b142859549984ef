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
mod log;
mod news;
mod place;
mod lint;
mod migrate;
mod plan;
mod progress;
mod question;
mod purge;
mod restore;
mod rollback;
mod setup;
mod several;
mod terminal;
mod why;

pub use arguments::run;
