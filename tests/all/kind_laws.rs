//! The laws on random pairs of databases that hold objects of every kind: the way to a state reaches it and leaves no
//! difference, the way back restores. A state takes one of several variants, or none, of each slot below.

pub(super) mod slots;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use trueup::catalog::Catalog;
use trueup::diff::diff;
use trueup::kinds::{AnyObject, Context, Kind, readers};
use trueup::plan::route;

use self::slots::SLOTS;
use crate::support::{Database, servers};

/// Pairs in one run, over all servers; `TRUEUP_LAW_PAIRS` asks for more, `TRUEUP_LAW_SEED` (0 to 255) for others.
const PAIRS: usize = 100;

/// A place of a state: since which major, which slots it needs, and its variants.
pub(crate) type Slot = (i32, &'static [usize], &'static [&'static str]);

/// What a state takes of each slot: a variant, or nothing.
fn choices() -> impl Strategy<Value = Vec<Option<usize>>> {
    let slots: Vec<_> = SLOTS
        .iter()
        .map(|(_, _, variants)| prop::option::weighted(0.8, 0..variants.len()).boxed())
        .collect();
    slots
}

/// Returns the SQL of a state; a slot whose needs are missing stays empty.
pub(super) fn sql(choices: &[Option<usize>], major: i32) -> String {
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
    walk_with(database, from, to, &|database| database.catalog())
}

/// The same with a way of reading the catalog.
pub(super) fn walk_with(
    database: &Database,
    from: &Catalog,
    to: &Catalog,
    read: &dyn Fn(&Database) -> Catalog,
) -> Result<Catalog, String> {
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
    let found = read(database);
    let left = diff(&Context::new(&found, to, to.version_num));
    if left.is_empty() && significant(&found) == significant(to) {
        return Ok(found);
    }
    let differing = to.objects.iter().filter(|(identity, object)| {
        let found = found.get(identity).cloned().map(AnyObject::significant);
        found.as_ref() != Some(&(*object).clone().significant())
    });
    let differing: Vec<_> = differing
        .map(|(identity, object)| (object, found.get(identity)))
        .collect();
    let left: Vec<_> = left.keys().collect();
    Err(format!(
        "left: {left:?}; wanted and found: {differing:?} after\n{script}"
    ))
}

/// Brings one database through all states, then back through all of them.
fn chain(major: i32, server: &str, states: &[Vec<Option<usize>>], failures: &mut Vec<String>) {
    let empty = Database::new(server).catalog();
    let mut known = vec![(String::new(), empty)];
    for state in states {
        let text = sql(state, major);
        let catalog = Database::with(server, &text).catalog();
        known.push((text, catalog));
    }
    let forward = (1..known.len()).map(|at| (at - 1, at));
    let back = (1..known.len()).rev().map(|at| (at, at - 1));
    let mut live = Database::new(server);
    let mut found = live.catalog();
    for (from, to) in forward.chain(back) {
        let (from, to) = (&known[from], &known[to]);
        match walk(&live, &found, &to.1) {
            Ok(reached) => found = reached,
            Err(why) => {
                failures.push(format!(
                    "PostgreSQL {major}\n-- from\n{}\n-- to\n{}\n-- {why}",
                    from.0, to.0
                ));
                live = Database::with(server, &to.0);
                found = live.catalog();
            }
        }
    }
}

#[test]
fn the_laws_hold_on_pairs_with_every_kind() {
    let wanted = std::env::var("TRUEUP_LAW_PAIRS")
        .ok()
        .and_then(|text| text.parse().ok());
    let random = match std::env::var("TRUEUP_LAW_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
        None => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    };
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

/// States of one database each that hold every variant of every slot.
fn every_variant() -> impl Iterator<Item = Catalog> {
    let (major, server) = servers().into_iter().max_by_key(|(major, _)| *major).unwrap();
    let most = SLOTS.iter().map(|(_, _, variants)| variants.len()).max().unwrap();
    (0..most).map(move |number| {
        let choices: Vec<_> = SLOTS
            .iter()
            .map(|(_, _, variants)| Some(number % variants.len()))
            .collect();
        Database::with(&server, &sql(&choices, major)).catalog()
    })
}

/// Returns a value with each of its parts changed in turn.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!("x"), json!(7), json!(true), json!(["x"])],
        Value::Bool(yes) => vec![json!(!yes)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or_default() + 1)],
        Value::String(text) => vec![json!(format!("{text}x"))],
        Value::Array(items) => {
            let each = (0..items.len()).flat_map(|at| {
                let one = changed(&items[at]).into_iter();
                one.map(move |item| [&items[..at], &[item], &items[at + 1..]].concat())
            });
            let longer = [Value::Null, json!("x"), json!(7), json!(["x", "y"])];
            let longer = longer.map(|item| [&items[..], &[item]].concat());
            each.chain(longer).map(Value::Array).collect()
        }
        Value::Object(fields) => {
            let each = fields
                .iter()
                .filter(|(name, _)| *name != "kind")
                .flat_map(|(name, value)| {
                    let one = changed(value).into_iter();
                    one.map(move |value| {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), value);
                        Value::Object(fields)
                    })
                });
            each.collect()
        }
    }
}

/// Objects that are identical are held once for both sides of a plan.
#[test]
fn nothing_differs_in_objects_that_are_identical() {
    let (mut compared, mut apart) = (0, BTreeSet::new());
    for catalog in every_variant() {
        for object in catalog.objects.values() {
            let value = serde_json::to_value(object).unwrap();
            let again: AnyObject = serde_json::from_value(value.clone()).unwrap();
            assert!(object.is_identical(&again), "{value}");
            // What the type does not hold is no change.
            let others = changed(&value).into_iter().filter_map(|changed| {
                let other: AnyObject = serde_json::from_value(changed).ok()?;
                (serde_json::to_value(&other).unwrap() != value).then_some(other)
            });
            for other in others {
                compared += 1;
                assert!(!object.is_identical(&other), "{value} {other:?}");
                if *object == other {
                    apart.insert(object.kind());
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(apart.contains(&Kind::Column), "a column's place is no difference");
}

#[test]
fn the_slots_cover_every_kind() {
    let mut found: BTreeSet<Kind> = every_variant()
        .flat_map(|catalog| catalog.objects.into_values().map(|object| object.kind()))
        .collect();
    // What belongs to no database cannot be in states that share a server.
    let beside = readers().into_iter().filter(|reader| reader.area.is_some());
    found.extend(beside.map(|reader| reader.kind));
    let missing: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !found.contains(*kind)).collect();
    assert!(missing.is_empty(), "no state holds {missing:?}");
}
