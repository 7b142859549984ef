//! Reading and planning against `pg_dump --schema-only` of the same database, alternating in the same run.
//!
//! `bash tests/servers.sh 17 -- cargo bench -- 100 1000 10000`; the numbers are sizes, by default 100 and 1,000 tables.
//! Every figure but the proof's is a ratio: the median over the rounds of one time against that of `pg_dump` beside it.

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

mod generator;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use measure::{median, sizes};
use postgres::Client;
use support::{Database, binaries, servers};
use trueup::db::{Environment, Url};
use trueup::introspect::{Options, introspect};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;

/// Variable with the URL that a process of its own reads: a program reads once, with memory that nothing was in before.
const READ: &str = "TRUEUP_BENCH_READ";

/// Seconds of one round.
struct Round {
    pg_dump: f64,
    introspect: f64,
    unchanged: f64,
    changed: f64,
    one: f64,
    proven: f64,
}

fn main() {
    if let Ok(url) = env::var(READ) {
        return read_here(&url);
    }
    println!(
        "| tables | objects | pg_dump | introspection | plan, nothing changed | plan, 5 % changed | proof of one table | \
         first plan | memory per table |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let measured: Vec<(usize, usize)> = sizes(&[100, 1000])
        .into_iter()
        .map(|size| (size, measure(size)))
        .collect();
    for pair in measured.windows(2) {
        let [(few, less), (many, more)] = [pair[0], pair[1]];
        let growth = more.saturating_sub(less) / many.saturating_sub(few).max(1);
        println!("\nFrom {few} to {many} tables a plan takes {growth} KiB more for each.");
    }
}

/// Target files in three states.
struct Targets {
    same: PathBuf,
    some: PathBuf,
    one: PathBuf,
}

impl Targets {
    fn of(database: &Database, size: usize) -> Self {
        let file = |name: &str| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{size}-{name}.sql"));
        let out = Self {
            same: file("same"),
            some: file("some"),
            one: file("one"),
        };
        for (target, step) in [(&out.same, usize::MAX), (&out.some, 20), (&out.one, size)] {
            dump(database, Some(target));
            generator::change(target, size, step);
        }
        out
    }
}

/// Measures one size, and returns the most memory that a plan took, in KiB.
fn measure(size: usize) -> usize {
    let (major, server) = servers().pop().unwrap();
    let database = Database::new(&server);
    generator::fill(&database, size);
    let targets = Targets::of(&database, size);
    let plan = |target: &Path, flag: Option<&str>| plan(&database, major, target, flag);

    let objects = database.catalog().objects.len();
    let first = measure::seconds(|| _ = plan(&targets.some, Some("--no-prove")));
    // The second plan of an empty one is known to be empty; the others find the desired catalog in the cache.
    plan(&targets.same, None);
    plan(&targets.one, None);
    let mut watch = database.connect();
    let mut seconds = |work: &mut dyn FnMut()| {
        wait_until_alone(&mut watch);
        measure::seconds(work)
    };
    let mut memory = 0;
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| Round {
            pg_dump: seconds(&mut || dump(&database, None)),
            introspect: seconds(&mut || read(&database)),
            unchanged: seconds(&mut || _ = plan(&targets.same, None)),
            changed: seconds(&mut || memory = memory.max(plan(&targets.some, Some("--no-prove")))),
            one: seconds(&mut || _ = plan(&targets.one, Some("--no-prove"))),
            proven: seconds(&mut || _ = plan(&targets.one, None)),
        })
        .collect();
    for target in [&targets.same, &targets.some, &targets.one] {
        fs::remove_file(target).unwrap();
    }

    let median = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    println!(
        "| {size} | {objects} | {:.2} s | {:.2} | {:.2} | {:.2} | {:.2} s | {:.2} | {} KiB |",
        median(|round| round.pg_dump),
        median(|round| round.introspect / round.pg_dump),
        median(|round| round.unchanged / round.pg_dump),
        median(|round| round.changed / round.pg_dump),
        median(|round| round.proven - round.one),
        first / median(|round| round.pg_dump),
        memory / size,
    );
    memory
}

/// Waits until the server processes of earlier measurements have ended: nobody pays for another one's end.
fn wait_until_alone(watch: &mut Client) {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while watch.query_one(others, &[]).unwrap().get::<_, i64>(0) > 0 {
        sleep(Duration::from_millis(10));
    }
}

fn read(database: &Database) {
    let mut command = Command::new(env::current_exe().unwrap());
    assert!(command.env(READ, database.url()).status().unwrap().success());
}

fn read_here(url: &str) {
    let url = Url::parse(url, &Environment::default()).unwrap();
    let read = introspect(&url, Options::default()).unwrap();
    assert!(!read.1.objects.is_empty());
    // Nobody waits for the memory: a program that ends does not give it back piece by piece.
    std::mem::forget(read);
}

/// Plans, and returns the most memory that it took, in KiB.
fn plan(database: &Database, major: i32, target: &Path, flag: Option<&str>) -> usize {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command
        .args(["plan", "--database", &database.url(), "--schema"])
        .arg(target)
        .args(flag);
    command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command.envs(binaries(major).map(|folder| ("TRUEUP_PG_BIN", folder)));
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", running.id()));
    let mut most = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = most.max(
            line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
                .unwrap_or(0),
        );
        if let Some(done) = running.try_wait().unwrap() {
            assert!(done.success());
            return most;
        }
        sleep(Duration::from_millis(2));
    }
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
