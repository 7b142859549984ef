//! Reading and planning against `pg_dump --schema-only` of the same database, alternating in the same run.
//!
//! `bash tests/servers.sh 17 -- cargo bench -- 100 1000 10000`; the numbers are sizes, by default 100 and 1,000 tables.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise and prints"
)]

#[path = "../../support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "tests use the rest")]
mod support;

mod generator;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Database, newest, trueup_with};
use trueup::introspect::{Options, introspect};

const ROUNDS: usize = 7;

/// Seconds of one round.
struct Round {
    pg_dump: f64,
    introspect: f64,
    plan: f64,
}

fn main() {
    let sizes: Vec<usize> = env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() { vec![100, 1000] } else { sizes };
    println!(
        "| tables | objects | pg_dump | introspection | plan | plan, first | introspection : pg_dump | plan : pg_dump |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for size in sizes {
        measure(size);
    }
}

fn measure(size: usize) {
    let database = Database::new(&newest());
    generator::fill(&database, size);
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{size}.sql"));
    dump(&database, Some(&target));
    generator::change(&target, size);

    let objects = database.catalog().objects.len();
    let first = seconds(|| plan(&database, &target));
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| Round {
            pg_dump: seconds(|| dump(&database, None)),
            introspect: seconds(|| read(&database)),
            plan: seconds(|| plan(&database, &target)),
        })
        .collect();
    fs::remove_file(&target).unwrap();

    let median = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    println!(
        "| {size} | {objects} | {:.2} s | {:.2} s | {:.2} s | {first:.2} s | {:.2} | {:.2} |",
        median(|round| round.pg_dump),
        median(|round| round.introspect),
        median(|round| round.plan),
        median(|round| round.introspect / round.pg_dump),
        median(|round| round.plan / round.pg_dump),
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    Duration::as_secs_f64(&begin.elapsed())
}

fn read(database: &Database) {
    let read = introspect(&database.target(), Options::default()).unwrap();
    assert!(!read.1.objects.is_empty());
}

fn plan(database: &Database, target: &Path) {
    let url = database.url();
    let target = target.to_str().unwrap();
    let arguments = ["plan", "--exit-code", "--database", &url, "--schema", target];
    trueup_with(Path::new("."), &[], arguments).expect(2);
}

fn dump(database: &Database, file: Option<&Path>) {
    let program = env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty());
    let done = Command::new(program.unwrap_or_else(|| "pg_dump".into()))
        .arg("--schema-only")
        .arg("--file")
        .arg(file.unwrap_or(Path::new("/dev/null")))
        .arg(database.url())
        .status();
    assert!(done.unwrap().success());
}
