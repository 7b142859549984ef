//! Laws, on random pairs of schemas: a state differs from itself by nothing; the way to a state reaches it; the way back
//! restores; the same two states give the same bytes on one thread and on many.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use trueup::catalog::Catalog;
use trueup::diff::diff;
use trueup::kinds::{AnyObject, Context};
use trueup::plan::{Database as Named, Sides, draft, route};

use crate::support::{Database, newest};

/// Pairs in one run; `TRUEUP_LAW_PAIRS` asks for more.
const PAIRS: u32 = 24;

/// One table of a random schema.
#[derive(Debug, Clone)]
struct Table {
    columns: Vec<(usize, usize)>,
    key: bool,
    reference: bool,
    index: bool,
    check: bool,
    view: bool,
    comment: bool,
}

const TYPES: [&str; 7] = [
    "integer",
    "bigint",
    "text",
    "numeric(10,2)",
    "timestamptz",
    "mood",
    "varchar(20)",
];
const MODIFIERS: [&str; 4] = ["", " NOT NULL", " DEFAULT NULL", " COLLATE \"C\""];

fn table() -> impl Strategy<Value = Table> {
    let columns = prop::collection::vec((0..TYPES.len(), 0..MODIFIERS.len()), 1..5);
    (columns, any::<[bool; 6]>()).prop_map(|(columns, [key, reference, index, check, view, comment])| Table {
        columns,
        key,
        reference,
        index,
        check,
        view,
        comment,
    })
}

/// Tables may be missing, so that a pair creates and drops some.
fn schema() -> impl Strategy<Value = (Vec<Option<Table>>, bool)> {
    (
        prop::collection::vec(prop::option::weighted(0.8, table()), 3),
        any::<bool>(),
    )
}

fn sql((tables, more_moods): &(Vec<Option<Table>>, bool)) -> String {
    let labels = if *more_moods {
        "'sad', 'fine', 'glad'"
    } else {
        "'fine', 'glad'"
    };
    let mut out = format!("CREATE TYPE mood AS ENUM ({labels});\n");
    for (number, table) in tables.iter().enumerate() {
        let Some(table) = table else { continue };
        out.push_str(&format!("CREATE TABLE t{number} (id bigint NOT NULL"));
        for (at, (data_type, modifier)) in table.columns.iter().enumerate() {
            let data_type = TYPES[*data_type];
            let modifier = MODIFIERS[*modifier];
            let fits = !modifier.contains("COLLATE") || ["text", "varchar(20)"].contains(&data_type);
            out.push_str(&format!(", c{at} {data_type}{}", if fits { modifier } else { "" }));
        }
        out.push_str(");\n");
        if table.key {
            out.push_str(&format!("ALTER TABLE t{number} ADD PRIMARY KEY (id);\n"));
        }
        if table.check {
            out.push_str(&format!(
                "ALTER TABLE t{number} ADD CONSTRAINT filled CHECK (c0 IS NOT NULL);\n"
            ));
        }
        if table.index {
            out.push_str(&format!(
                "CREATE INDEX t{number}_c0 ON t{number} (c0 DESC, id) WHERE id > 0;\n"
            ));
        }
        if table.comment {
            out.push_str(&format!("COMMENT ON COLUMN t{number}.c0 IS 'number {number}';\n"));
        }
        if table.view {
            out.push_str(&format!("CREATE VIEW v{number} AS SELECT * FROM t{number};\n"));
        }
    }
    for (number, table) in tables.iter().enumerate() {
        let target = (number + 1) % tables.len();
        let has_key = tables[target].as_ref().is_some_and(|table| table.key);
        if table.as_ref().is_some_and(|table| table.reference) && has_key {
            out.push_str(&format!(
                "ALTER TABLE t{number} ADD FOREIGN KEY (id) REFERENCES t{target};\n"
            ));
        }
    }
    out
}

fn context<'a>(from: &'a Catalog, to: &'a Catalog) -> Context<'a> {
    Context::new(from, to, from.version_num)
}

fn plan(from: &Catalog, to: &Catalog) -> String {
    let database = Named {
        name: "x".to_owned(),
        system_identifier: None,
        version_num: from.version_num,
        time_zone: None,
        stand_in: None,
    };
    draft(
        Sides {
            live: from,
            from,
            to,
            renames: &[],
            large: trueup::kinds::Large::NONE,
            backfills: trueup::backfill::Backfills::NONE,
            old_values: trueup::kinds::OldValues::NONE,
        },
        database,
    )
    .to_file()
    .unwrap()
}

fn walk(database: &Database, from: &Catalog, to: &Catalog) {
    let mut client = database.connect();
    let mut script = String::new();
    for sentence in route(&context(from, to)).steps.iter().flat_map(|step| &step.statements) {
        script.push_str(&format!("{};\n", sentence.sql));
        client
            .batch_execute(&sentence.sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{script}"));
    }
    let found = database.catalog();
    let significant = |catalog: &Catalog| -> Vec<AnyObject> {
        catalog.objects.values().cloned().map(AnyObject::significant).collect()
    };
    assert_eq!(significant(&found), significant(to), "after\n{script}");
    assert!(diff(&context(&found, to)).is_empty());
}

#[test]
fn the_laws_hold_on_random_pairs() {
    let server = newest();
    let pairs = std::env::var("TRUEUP_LAW_PAIRS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(PAIRS);
    let config = Config {
        cases: pairs,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let run = runner.run(&(schema(), schema()), |(before, after)| {
        let live = Database::with(&server, &sql(&before));
        let (from, to) = (live.catalog(), Database::with(&server, &sql(&after)).catalog());
        assert!(diff(&context(&from, &from)).is_empty());
        assert_eq!(plan(&from, &to), one.install(|| plan(&from, &to)));
        walk(&live, &from, &to);
        walk(&live, &live.catalog(), &from);
        Ok(())
    });
    run.unwrap();
}
