//! Preflight against a sequential scan of the table that it asks, alternating in the same run.
//!
//! `bash tests/servers.sh 18 -- cargo bench --bench preflight -- 5000000`; the numbers are rows, by default 5 million. The
//! table is `pgbench_accounts` with two further columns. Two scans are the measure: a bare `count(*)`, which looks at no column
//! and has helpers, and the one that `SET NOT NULL` makes. Beside them stands what the statement itself takes that preflight
//! asks for, under its lock.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise and prints"
)]

#[path = "../../support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "tests use the rest")]
mod support;

#[path = "../measure.rs"]
mod measure;

use std::time::Duration;

use measure::{median, seconds, sizes};
use postgres::Client;
use support::{Database, Project, servers};
use trueup::plan::Plan;
use trueup::preflight::{Options, refuse};

const ROUNDS: usize = 7;

/// What is asked: its name, what stands behind the columns `bid`, `abalance` and `filler` and behind all, and the statement.
const CASES: [(&str, [&str; 4], &str); 8] = [
    (
        "NOT NULL",
        ["integer NOT NULL", "integer", "char(84)", ""],
        "ALTER bid SET NOT NULL",
    ),
    (
        "CHECK",
        ["integer", "integer", "char(84)", ", CHECK (customer > 0)"],
        "ADD CHECK (customer > 0)",
    ),
    (
        "smaller integer",
        ["integer", "smallint", "char(84)", ""],
        "ALTER abalance TYPE smallint",
    ),
    (
        "shorter string",
        ["integer", "integer", "char(80)", ""],
        "ALTER filler TYPE char(80)",
    ),
    (
        "five: these and another CHECK",
        [
            "integer NOT NULL",
            "smallint",
            "char(80)",
            ", CHECK (customer > 0), CHECK (number > 0)",
        ],
        "ALTER bid SET NOT NULL, ADD CHECK (customer > 0), ALTER abalance TYPE smallint, ALTER filler TYPE char(80), ADD CHECK (number > 0)",
    ),
    (
        "FOREIGN KEY to few rows",
        ["integer REFERENCES shop.branches", "integer", "char(84)", ""],
        "ADD FOREIGN KEY (bid) REFERENCES shop.branches",
    ),
    (
        "FOREIGN KEY to a tenth as many",
        [
            "integer",
            "integer",
            "char(84)",
            ", FOREIGN KEY (customer) REFERENCES shop.customers",
        ],
        "ADD FOREIGN KEY (customer) REFERENCES shop.customers",
    ),
    (
        "UNIQUE",
        ["integer", "integer", "char(84)", ", UNIQUE (number)"],
        "ADD UNIQUE (number)",
    ),
];

/// The five, and the foreign key to few rows.
const SIX: [&str; 4] = [
    "integer NOT NULL REFERENCES shop.branches",
    "smallint",
    "char(80)",
    ", CHECK (customer > 0), CHECK (number > 0)",
];

fn main() {
    for rows in sizes(&[5_000_000]) {
        measure(rows);
    }
}

fn schema([bid, abalance, filler, more]: [&str; 4]) -> String {
    format!(
        "CREATE SCHEMA shop; CREATE TABLE shop.branches (bid integer PRIMARY KEY); CREATE TABLE shop.customers (id integer PRIMARY KEY);
         CREATE TABLE shop.accounts (aid integer PRIMARY KEY, bid {bid}, abalance {abalance}, filler {filler}, customer integer, number integer{more});"
    )
}

/// One thing that is asked, and the times that it took.
struct Case {
    name: &'static str,
    plan: Plan,
    statement: Option<&'static str>,
    asked: Vec<f64>,
    counts: Vec<f64>,
    scans: Vec<f64>,
    done: Vec<f64>,
}

/// Seconds of the scans that are the measure.
#[derive(Clone, Copy)]
struct Scan {
    count: f64,
    not_null: f64,
}

impl Case {
    /// Asks as `apply` does, with no limit that a slow machine would reach, right after the scans.
    fn ask(&mut self, client: &mut Client, holds: bool) -> Scan {
        let options = Options {
            limit: Duration::from_secs(600),
        };
        let scan = Scan {
            count: seconds(|| run(client, "SELECT count(*) FROM shop.accounts")),
            not_null: alter(client, CASES[0].2),
        };
        let asked = seconds(|| assert_eq!(refuse(client, &self.plan, options).is_ok(), holds));
        self.counts.push(asked / scan.count);
        self.scans.push(asked / scan.not_null);
        self.asked.push(asked);
        scan
    }
}

fn measure(rows: usize) {
    let (major, server) = servers().pop().unwrap();
    let branches = (rows / 100_000).max(1);
    let customers = (rows / 10).max(1);
    let database = Database::with(&server, &schema(["integer", "integer", "char(84)", ""]));
    database.execute(&format!(
        "INSERT INTO shop.branches SELECT n FROM generate_series(1, {branches}) n;
         INSERT INTO shop.customers SELECT n FROM generate_series(1, {customers}) n;
         INSERT INTO shop.accounts SELECT n, 1 + n % {branches}, 0, '', 1 + n::bigint * 7919 % {customers}, n FROM generate_series(1, {rows}) n"
    ));
    database.execute("VACUUM (ANALYZE)");
    let mut cases: Vec<Case> = CASES
        .into_iter()
        .map(|(name, of, statement)| case(&database, major, name, of, Some(statement)))
        .collect();
    cases.push(case(
        &database,
        major,
        "six: the five, and FOREIGN KEY to few rows",
        SIX,
        None,
    ));
    let mut client = database.target().connect().unwrap();
    let mut scans = Vec::new();
    for _ in 0..ROUNDS {
        for case in &mut cases {
            scans.push(case.ask(&mut client, true));
        }
    }
    for case in &mut cases {
        let Some(statement) = case.statement else { continue };
        for _ in 0..ROUNDS.div_ceil(2) {
            case.done.push(alter(&mut client, statement));
        }
    }
    let wrong = rows / 10_000;
    database.execute(&format!(
        "UPDATE shop.accounts SET bid = 0 WHERE aid % {} = 0",
        rows / wrong.max(1)
    ));
    let name = "FOREIGN KEY to few rows, one in 10,000 wrong, with keys";
    let mut failing = case(&database, major, name, CASES[5].1, None);
    for _ in 0..ROUNDS {
        failing.ask(&mut client, false);
    }
    cases.push(failing);
    let size = database.text("SELECT pg_size_pretty(pg_table_size('shop.accounts'))");
    let scan = |value: fn(&Scan) -> f64| median(scans.iter().map(value).collect());
    println!(
        "PostgreSQL {major}, {rows} rows, {size}: count(*) takes {:.2} s, the scan of SET NOT NULL {:.2} s",
        scan(|scan| scan.count),
        scan(|scan| scan.not_null)
    );
    println!("| asked | seconds | of `count(*)` | of the scan of `SET NOT NULL` | the statement itself, seconds |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for case in cases {
        let done = if case.done.is_empty() {
            String::new()
        } else {
            format!("{:.2}", median(case.done))
        };
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {done} |",
            case.name,
            median(case.asked),
            median(case.counts),
            median(case.scans)
        );
    }
}

fn case(database: &Database, major: i32, name: &'static str, of: [&str; 4], statement: Option<&'static str>) -> Case {
    let mut project = Project::of(database, major, &[("schema/shop.sql", &schema(of))]);
    project.set("TRUEUP_SCRATCH", database.server());
    project.run("plan --no-prove --no-cache --out plan.json").expect(0);
    let plan = Plan::read(&project.path("plan.json")).unwrap();
    assert!(!plan.trials.is_empty());
    Case {
        name,
        plan,
        statement,
        asked: Vec::new(),
        counts: Vec::new(),
        scans: Vec::new(),
        done: Vec::new(),
    }
}

/// Returns the seconds that a change of the table takes, which is taken back.
fn alter(client: &mut Client, change: &str) -> f64 {
    run(client, "BEGIN");
    let done = seconds(|| run(client, &format!("ALTER TABLE shop.accounts {change}")));
    run(client, "ROLLBACK");
    done
}

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap();
}
