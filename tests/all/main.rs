//! All integration tests in one program, since every program of its own is linked anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod apply;
mod backfill;
mod bad_input;
mod blockers;
mod cases;
mod catalog_columns;
mod cluster;
mod commands;
mod configuration;
mod connections;
mod convergence;
mod cross_version;
mod deadlocks;
mod definitions;
mod desired;
mod drift;
mod evidence;
mod faults;
mod house;
mod kind_laws;
mod kinds;
mod laws;
mod lock_facts;
mod manage;
mod manual;
mod migrate;
mod online;
mod outages;
mod paces;
mod print;
mod proof;
mod renames;
mod reports;
mod role_laws;
mod roles;
mod round_trips;
mod rules;
mod safety;
mod schema;
mod scratch;
mod secrets;
mod servers;
mod settings;
mod snapshots;
mod table_parts;
mod told;
mod whole_loop;
mod yaml;
