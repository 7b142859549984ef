//! Routines, views, rules, triggers, policies and event triggers on real servers: every pair of states is planned and
//! run in both directions, and what is read afterwards is the state that was aimed at.

use trueup::catalog::Catalog;
use trueup::kinds::{AnyObject, Context};
use trueup::plan::route;

use crate::support::{Database, servers};

mod attached;
mod catalogs;
mod definitions;
mod inheritance;
mod not_null;
mod relations;
mod routines;
mod sequences;
mod types;

/// Plans and runs the way from the database's state to another; returns the SQL.
pub(super) fn walk(database: &Database, to: &Catalog) -> String {
    let script = script(database, to);
    let mut client = database.connect();
    client.batch_execute("SET check_function_bodies = off").unwrap();
    for sql in &script {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{}", script.concat()));
    }
    assert_same(&database.catalog(), to, &script.concat());
    script.concat()
}

/// Returns the statements that lead a database to a state.
pub(super) fn script(database: &Database, to: &Catalog) -> Vec<String> {
    let from = database.catalog();
    let context = Context::new(&from, to, from.version_num);
    let steps = route(&context).steps;
    let sentences = steps.iter().flat_map(|step| &step.statements);
    sentences.map(|sentence| format!("{};\n", sentence.sql)).collect()
}

fn assert_same(found: &Catalog, aimed: &Catalog, script: &str) {
    for (identity, object) in &aimed.objects {
        let found = found.get(identity).cloned().map(AnyObject::significant);
        assert_eq!(found, Some(object.clone().significant()), "{identity} after\n{script}");
    }
    for identity in found.objects.keys() {
        assert!(aimed.contains(identity), "{identity} is left after\n{script}");
    }
}

/// Runs a pair of states in both directions and from nothing; returns the SQL of the way forward.
fn both_ways(server: &str, before: &str, after: &str) -> String {
    let (live, other) = (Database::with(server, before), Database::with(server, after));
    let (from, to) = (live.catalog(), other.catalog());
    assert_ne!(from.objects, to.objects, "nothing differs:\n{before}\n{after}");
    let forward = walk(&live, &to);
    walk(&live, &from);
    let fresh = Database::with(server, "");
    walk(&fresh, &to);
    let again = Database::with(server, "");
    walk(&again, &from);
    forward
}

/// Runs a pair on every server; each server's script holds, or does not hold, these words.
pub(super) fn case(before: &str, after: &str, holds: &[&str], holds_not: &[&str]) {
    for (_, server) in servers() {
        let script = both_ways(&server, before, after);
        for words in holds {
            assert!(script.contains(words), "no `{words}` in\n{script}");
        }
        for words in holds_not {
            assert!(!script.contains(words), "`{words}` in\n{script}");
        }
    }
}
