//! Routines, views, rules, triggers, policies and event triggers on real servers: every pair of states is planned and
//! run in both directions, and what is read afterwards is the state that was aimed at.

mod definitions;
mod harness;
mod relations;
mod routines;
