//! Not-null constraints of partitions and heirs that have one of their own, while that of the table above comes and goes.

use trueup::catalog::Catalog;
use trueup::kinds::complete_not_null_names;

use super::walk;
use crate::support::{Database, servers};

/// Columns of the upper table, and what is said afterwards. Named ones are for PostgreSQL 18.
const STATES: &[(&str, &str)] = &[
    ("a int, b int", ""),
    ("a int NOT NULL, b int", ""),
    ("a int, b int", "ALTER TABLE c ALTER a SET NOT NULL"),
    (
        "a int, b int",
        "ALTER TABLE c ALTER a SET NOT NULL; ALTER TABLE p ALTER a SET NOT NULL",
    ),
    ("a int, b int", "ALTER TABLE c ADD PRIMARY KEY (a, b)"),
    ("a int, b int, PRIMARY KEY (a, b)", ""),
];

const NAMED: &[(&str, &str)] = &[
    ("a int, b int", "ALTER TABLE c ADD CONSTRAINT x NOT NULL a"),
    (
        "a int, b int",
        "ALTER TABLE c ADD CONSTRAINT x NOT NULL a; ALTER TABLE p ALTER a SET NOT NULL",
    ),
    (
        "a int, b int",
        "ALTER TABLE c ADD PRIMARY KEY (a, b); ALTER TABLE p ADD CONSTRAINT pp NOT NULL a",
    ),
];

fn state((columns, more): &(&str, &str)) -> String {
    format!(
        "CREATE SCHEMA heirs; CREATE SCHEMA parts;
         SET search_path = heirs; CREATE TABLE p ({columns}); CREATE TABLE c () INHERITS (p); {more};
         SET search_path = parts; CREATE TABLE p ({columns}) PARTITION BY LIST (a);
         CREATE TABLE c PARTITION OF p FOR VALUES IN (1); {more}"
    )
}

#[test]
fn a_constraint_of_ones_own_outlives_the_one_above_it() {
    let servers = servers();
    // What lies between the oldest and the newest does as the oldest: a constraint has no name there.
    let ends = servers
        .iter()
        .enumerate()
        .filter(|(at, _)| *at == 0 || at + 1 == servers.len());
    for (_, (major, server)) in ends {
        let states: Vec<_> = if *major >= 18 {
            STATES[1..]
                .iter()
                .filter(|state| !state.1.contains("TABLE p"))
                .chain(NAMED)
                .collect()
        } else {
            STATES.iter().collect()
        };
        let states: Vec<Catalog> = states
            .into_iter()
            .map(|text| Database::with(server, &state(text)).catalog())
            .collect();
        let database = Database::with(server, &state(&STATES[0]));
        let reach = |aim: &Catalog| {
            let mut to = aim.clone();
            complete_not_null_names(&mut to, &database.catalog());
            walk(&database, &to);
        };
        for (at, one) in states.iter().enumerate() {
            reach(one);
            for other in &states[at + 1..] {
                reach(other);
                reach(one);
            }
        }
    }
}
