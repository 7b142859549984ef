//! The laws on random pairs of databases that hold objects of every kind: the way to a state reaches it and leaves no
//! difference, the way back restores. A state takes one of several variants, or none, of each slot below.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use trueup::catalog::Catalog;
use trueup::diff::diff;
use trueup::kinds::{AnyObject, Context, Kind};
use trueup::plan::route;

use crate::support::{Database, servers};

/// Pairs in one run, over all servers; `TRUEUP_LAW_PAIRS` asks for more.
const PAIRS: usize = 100;

/// A place of a state: since which major, which slots it needs, and its variants.
type Slot = (i32, &'static [usize], &'static [&'static str]);

include!("kind_laws/slots.rs");

/// What a state takes of each slot: a variant, or nothing.
fn choices() -> impl Strategy<Value = Vec<Option<usize>>> {
    let slots: Vec<_> = SLOTS
        .iter()
        .map(|(_, _, variants)| prop::option::weighted(0.8, 0..variants.len()).boxed())
        .collect();
    slots
}

/// Returns the SQL of a state; a slot whose needs are missing stays empty.
fn sql(choices: &[Option<usize>], major: i32) -> String {
    let mut taken = vec![false; SLOTS.len()];
    let mut out = String::new();
    for (at, ((since, needs, variants), choice)) in SLOTS.iter().zip(choices).enumerate() {
        let fits = major >= *since && needs.iter().all(|need| taken[*need]);
        if let Some(variant) = choice.filter(|_| fits) {
            taken[at] = true;
            out.push_str(variants[variant]);
            out.push_str(";\n");
        }
    }
    out
}

fn significant(catalog: &Catalog) -> Vec<AnyObject> {
    catalog.objects.values().cloned().map(AnyObject::significant).collect()
}

/// Runs the way from what the database is to another state; returns what is wrong afterwards.
fn walk(database: &Database, from: &Catalog, to: &Catalog) -> Result<Catalog, String> {
    let mut client = database.connect();
    client
        .batch_execute("SET check_function_bodies = off; SET search_path = ''")
        .unwrap();
    let context = Context::new(from, to, from.version_num);
    let mut script = String::new();
    for sentence in route(&context).steps.iter().flat_map(|step| &step.statements) {
        script.push_str(&format!("{};\n", sentence.sql));
        client
            .batch_execute(&sentence.sql)
            .map_err(|error| format!("{error:?}\n{script}"))?;
    }
    let found = database.catalog();
    let left = diff(&Context::new(&found, to, to.version_num));
    if left.is_empty() && significant(&found) == significant(to) {
        return Ok(found);
    }
    Err(format!("{:?} is left after\n{script}", left.keys().collect::<Vec<_>>()))
}

/// Brings one database from each state to the next, back and there again.
fn chain(major: i32, server: &str, states: &[Vec<Option<usize>>], failures: &mut Vec<String>) {
    let mut before = String::new();
    let mut live = Database::new(server);
    let mut from = live.catalog();
    for state in states {
        let after = sql(state, major);
        let to = Database::with(server, &after).catalog();
        let ways = walk(&live, &from, &to)
            .and_then(|found| walk(&live, &found, &from))
            .and_then(|found| walk(&live, &found, &to));
        match ways {
            Ok(found) => from = found,
            Err(why) => {
                failures.push(format!(
                    "PostgreSQL {major}\n-- from\n{before}\n-- to\n{after}\n-- {why}"
                ));
                live = Database::with(server, &after);
                from = live.catalog();
            }
        }
        before = after;
    }
}

#[test]
fn the_laws_hold_on_pairs_with_every_kind() {
    let wanted = std::env::var("TRUEUP_LAW_PAIRS")
        .ok()
        .and_then(|text| text.parse().ok());
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let servers = servers();
    let length = wanted.unwrap_or(PAIRS).div_ceil(servers.len());
    let mut failures = Vec::new();
    for (major, server) in servers {
        let states: Vec<_> = (0..length)
            .map(|_| choices().new_tree(&mut runner).unwrap().current())
            .collect();
        chain(major, &server, &states, &mut failures);
    }
    let shown = failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} pairs fail\n{shown}", failures.len());
}

#[test]
fn the_slots_cover_every_kind() {
    let (major, server) = servers().into_iter().max_by_key(|(major, _)| *major).unwrap();
    let mut found = std::collections::BTreeSet::new();
    let most = SLOTS.iter().map(|(_, _, variants)| variants.len()).max().unwrap();
    for number in 0..most {
        let choices: Vec<_> = SLOTS
            .iter()
            .map(|(_, _, variants)| Some(number % variants.len()))
            .collect();
        let state = sql(&choices, major);
        let catalog = Database::with(&server, &state).catalog();
        found.extend(catalog.objects.values().map(AnyObject::kind));
    }
    let missing: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !found.contains(*kind)).collect();
    assert!(missing.is_empty(), "no state holds {missing:?}");
}
