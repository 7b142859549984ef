//! Target files to statements to scratch to catalog.
//!
//! [`source`] finds the files, [`statement`] splits and understands them, [`execute`] runs them on an empty scratch
//! database in an order that works, whatever order they are in.

pub(crate) mod cache;
mod classify;
mod cycle;
pub mod declare;
pub mod elaborate;
pub mod execute;
pub(crate) mod expression;
mod git;
pub(crate) mod here;
pub mod hints;
mod keyword;
mod left_alone;
pub(crate) mod lex;
pub mod mermaid;
pub mod place;
pub mod places;
pub mod psql;
mod reader;
pub mod replay;
pub mod roles;
pub mod secrets;
pub mod source;
pub mod statement;
mod subscription;
mod syntax;
pub mod write;
pub mod yaml;
