//! trueup brings a `PostgreSQL` database into true with its declared schema.
//!
//! The pipeline, in the order of the modules: target files are executed on a scratch database ([`desired`],
//! [`scratch`]) and the live database is read ([`introspect`]), each into a [`catalog`] of objects whose kinds live in
//! [`kinds`]. [`diff`] compares the two catalogs, [`plan`] orders the changes and writes forward and rollback SQL,
//! [`prove`] executes them on a scratch
//! database, [`risk`] rates them, [`apply`] executes them, [`drift`] tells who moved since, [`report`] shows them.
//! [`reconcile`] holds the use cases; the
//! command line ([`cli`]) only calls them.

pub mod apply;
pub mod backfill;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod db;
pub mod desired;
pub mod diff;
pub mod doctor;
pub mod drift;
pub mod error;
pub mod evidence;
mod http;
pub mod introspect;
pub mod kinds;
pub mod migrate;
pub mod notify;
pub mod plan;
pub mod preflight;
pub mod progress;
pub mod prove;
pub mod quarantine;
pub mod reconcile;
pub mod report;
pub mod risk;
pub mod scratch;
pub mod staged;
mod words;
