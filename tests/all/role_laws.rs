//! The laws on random pairs of states of roles and of the database itself, which the laws on every kind leave out because
//! they belong to a whole server.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use trueup::catalog::Catalog;
use trueup::desired::yaml::yaml_files;
use trueup::diff::Filter;
use trueup::kinds::{Area, name_database_as_in};

use crate::kind_laws::{Slot, walk_with};
use crate::manage::Roles;
use crate::support::{Database, servers};

/// States of one run on each server; each makes two pairs.
const STATES: usize = 4;

/// `@` stands for the ending of roles, `here` for the database.
const SLOTS: &[Slot] = &[
    (
        14,
        &[],
        &[
            "CREATE ROLE a_@",
            "CREATE ROLE a_@ LOGIN CONNECTION LIMIT 4",
            "CREATE ROLE a_@ NOINHERIT CREATEDB",
        ],
    ),
    (
        14,
        &[],
        &[
            "CREATE ROLE b_@",
            "CREATE ROLE b_@ LOGIN VALID UNTIL '2031-01-01 00:00:00+00'",
        ],
    ),
    (
        14,
        &[],
        &["CREATE ROLE c_@ CREATEROLE", "CREATE ROLE c_@ NOINHERIT BYPASSRLS"],
    ),
    (14, &[], &["CREATE ROLE d_@ REPLICATION", "CREATE ROLE d_@"]),
    (14, &[0, 1], &["GRANT a_@ TO b_@ WITH ADMIN OPTION"]),
    (14, &[0, 2], &["GRANT a_@ TO c_@", "GRANT a_@ TO c_@ WITH ADMIN OPTION"]),
    (
        16,
        &[0, 3],
        &[
            "GRANT a_@ TO d_@ WITH INHERIT FALSE",
            "GRANT a_@ TO d_@ WITH SET FALSE, ADMIN TRUE",
        ],
    ),
    (
        16,
        &[2, 4],
        &[
            "GRANT a_@ TO c_@ WITH ADMIN OPTION GRANTED BY b_@",
            "GRANT a_@ TO c_@ GRANTED BY b_@",
        ],
    ),
    (
        16,
        &[3, 4],
        &[
            "GRANT a_@ TO d_@ GRANTED BY b_@",
            "GRANT a_@ TO d_@ WITH INHERIT TRUE GRANTED BY b_@",
        ],
    ),
    (14, &[2, 3], &["GRANT c_@ TO d_@", "GRANT d_@ TO c_@"]),
    (14, &[1], &["GRANT pg_monitor TO b_@"]),
    (
        14,
        &[0],
        &[
            "ALTER ROLE a_@ SET work_mem TO '5MB'",
            "ALTER ROLE a_@ SET work_mem TO '6MB'",
        ],
    ),
    (14, &[0], &["ALTER ROLE a_@ IN DATABASE \"here\" SET work_mem TO '5MB'"]),
    (
        14,
        &[1],
        &[
            "ALTER ROLE b_@ SET search_path TO a, \"B c\"",
            "ALTER ROLE b_@ SET search_path TO ''",
        ],
    ),
    (
        14,
        &[2],
        &["COMMENT ON ROLE c_@ IS 'one'", "COMMENT ON ROLE c_@ IS 'two'"],
    ),
    (14, &[], &["ALTER DATABASE \"here\" CONNECTION LIMIT 9"]),
    (
        14,
        &[],
        &[
            "ALTER DATABASE \"here\" SET work_mem TO '7MB'",
            "ALTER DATABASE \"here\" SET work_mem TO '8MB'",
        ],
    ),
    (
        14,
        &[],
        &[
            "COMMENT ON DATABASE \"here\" IS 'one'",
            "COMMENT ON DATABASE \"here\" IS 'two'",
        ],
    ),
    (14, &[3], &["ALTER DATABASE \"here\" OWNER TO d_@"]),
    (
        14,
        &[2],
        &[
            "GRANT CONNECT ON DATABASE \"here\" TO c_@",
            "GRANT CREATE ON DATABASE \"here\" TO c_@ WITH GRANT OPTION",
        ],
    ),
    (14, &[], &["REVOKE CONNECT, TEMPORARY ON DATABASE \"here\" FROM PUBLIC"]),
];

/// Returns the SQL of a random state.
fn state(runner: &mut TestRunner, major: i32) -> String {
    let mut taken = Vec::new();
    let mut out = String::new();
    for (since, needs, variants) in SLOTS {
        let choice = prop::option::weighted(0.75, 0..variants.len())
            .new_tree(runner)
            .unwrap()
            .current();
        let fits = major >= *since && needs.iter().all(|need| taken[*need]);
        let variant = choice.filter(|_| fits);
        taken.push(variant.is_some());
        out.extend(variant.map(|variant| format!("{};\n", variants[variant])));
    }
    out
}

/// Reads what is looked after, without the roles of other tests.
fn read(database: &Database, id: &str) -> Catalog {
    let mut catalog = database.catalog();
    let filter = Filter {
        include: vec![format!("role:?_{id}"), "database:*".to_owned()],
        exclude: Vec::new(),
    };
    filter.apply(&mut catalog).unwrap();
    catalog
}

#[test]
fn the_laws_hold_on_pairs_of_roles_and_databases() {
    Area::Roles.manage();
    Area::Database.manage();
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    for (major, server) in servers() {
        let id = format!("law_{major}_{}", std::process::id());
        let names: Vec<String> = ["a", "b", "c", "d"].map(|name| format!("{name}_{id}")).to_vec();
        let roles = || Roles::of(&server, names.clone());
        let live_roles = roles();
        let live = Database::new(&server);
        let mut known = vec![(String::new(), read(&live, &id))];
        for _ in 0..STATES {
            let text = state(&mut runner, major).replace('@', &id);
            // The roles of one state are gone before the next one is made.
            let gone = roles();
            let database = Database::new(&server);
            database.execute(&text.replace("here", database.name()));
            let mut catalog = read(&database, &id);
            name_database_as_in(&mut catalog, &known[0].1);
            let yaml = yaml_files(&catalog, None).into_values().collect::<String>();
            assert!(!yaml.contains("objects:"), "PostgreSQL {major}\n{text}\n{yaml}");
            drop(database);
            drop(gone);
            known.push((text, catalog));
        }
        let forward = (1..known.len()).map(|at| (at - 1, at));
        let back = (1..known.len()).rev().map(|at| (at, at - 1));
        for (from, to) in forward.chain(back) {
            let found = read(&live, &id);
            let walked = walk_with(&live, &found, &known[to].1, &|database| read(database, &id));
            if let Err(why) = walked {
                panic!(
                    "PostgreSQL {major}\n-- from\n{}\n-- to\n{}\n-- {why}",
                    known[from].0, known[to].0
                );
            }
        }
        drop(live);
        drop(live_roles);
    }
}
