//! Migration files against psql running the same statements, and against `pg_dump`, alternating in the same run.
//!
//! `bash tests/servers.sh 17 -- cargo bench --bench migrations -- 1000`; the numbers are files, by default 1,000. `up` runs
//! three times: not tried, tried on scratch, and with a trial that another database's `up` has made before.

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

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use measure::{median, seconds, sizes};
use support::{Database, Folder, binaries, servers};

const ROUNDS: usize = 5;

/// Seconds of one round.
struct Round {
    psql: f64,
    pg_dump: f64,
    tried: f64,
    remembered: f64,
    up: f64,
    status: f64,
    nothing: f64,
}

fn main() {
    println!(
        "| files | psql | pg_dump | up, not tried | up, tried before | up, tried on scratch | status | up, nothing to do |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for size in sizes(&[1000]) {
        measure(size);
    }
}

fn measure(size: usize) {
    let (major, server) = servers().pop().unwrap();
    let files = files(size);
    let named: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let folder = Folder::new(&named);
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| {
            let by = [(), (), (), ()].map(|()| Database::new(&server));
            let trueup =
                |database: &Database, arguments: &[&str]| seconds(|| trueup(database, major, folder.path(), arguments));
            Round {
                psql: seconds(|| psql(&by[0], &folder, &files)),
                up: trueup(&by[1], &["up", "--yes", "--no-prove"]),
                tried: {
                    let _ = fs::remove_dir_all(concat!(env!("CARGO_TARGET_TMPDIR"), "/cache/trueup/trials"));
                    trueup(&by[2], &["up", "--yes", "--approve", "critical"])
                },
                remembered: trueup(&by[3], &["up", "--yes", "--approve", "critical"]),
                status: trueup(&by[1], &["status"]),
                nothing: trueup(&by[1], &["up", "--yes"]),
                pg_dump: seconds(|| dump(&by[1])),
            }
        })
        .collect();
    let median = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    println!(
        "| {size} | {:.2} s | {:.2} s | {:.2} | {:.2} | {:.2} | {:.3} s | {:.3} s |",
        median(|round| round.psql),
        median(|round| round.pg_dump),
        median(|round| round.up / round.psql),
        median(|round| round.remembered / round.psql),
        median(|round| round.tried / round.psql),
        median(|round| round.status),
        median(|round| round.nothing),
    );
}

/// Makes files as teams write them, in fives: a table, a column, an index, a view, rows with a constraint; each with its
/// rollback.
fn files(count: usize) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for number in 0..count {
        let table = number / 5;
        let (forward, back) = match number % 5 {
            0 => (
                format!(
                    "CREATE TABLE t{table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,\n    \
                     amount numeric(12, 2) DEFAULT 0, made_at timestamptz NOT NULL DEFAULT now());\n\
                     CREATE INDEX t{table}_made ON t{table} (made_at);\n"
                ),
                format!("DROP TABLE t{table};\n"),
            ),
            1 => (
                format!("ALTER TABLE t{table} ADD COLUMN note text;\nCOMMENT ON COLUMN t{table}.note IS 'a note';\n"),
                format!("ALTER TABLE t{table} DROP COLUMN note;\n"),
            ),
            2 => (
                format!("CREATE INDEX t{table}_name ON t{table} (name);\n"),
                format!("DROP INDEX t{table}_name;\n"),
            ),
            3 => (
                format!("CREATE VIEW v{table} AS SELECT id, name FROM t{table} WHERE amount > 0;\n"),
                format!("DROP VIEW v{table};\n"),
            ),
            _ => (
                format!(
                    "INSERT INTO t{table} (name) VALUES ('a'), ('b');\n\
                     ALTER TABLE t{table} ADD CONSTRAINT t{table}_amount CHECK (amount >= 0);\n"
                ),
                format!("ALTER TABLE t{table} DROP CONSTRAINT t{table}_amount;\nDELETE FROM t{table};\n"),
            ),
        };
        out.push((format!("{:05}_step.sql", number + 1), forward));
        out.push((format!("{:05}_step_rollback.sql", number + 1), back));
    }
    out
}

fn trueup(database: &Database, major: i32, folder: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.arg("migrate").args(arguments).arg("--dir").arg(folder);
    command.args(["--database", &database.url()]);
    command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command.envs(binaries(major).map(|folder| ("TRUEUP_PG_BIN", folder)));
    finish(&mut command);
}

fn psql(database: &Database, folder: &Folder, files: &[(String, String)]) {
    let mut command = Command::new(beside_pg_dump("psql"));
    command.args(["-qX", "-v", "ON_ERROR_STOP=1", &database.url()]);
    for (name, _) in files.iter().filter(|(name, _)| !name.ends_with("_rollback.sql")) {
        command.arg("-f").arg(folder.path().join(name));
    }
    finish(&mut command);
}

fn dump(database: &Database) {
    let mut command = Command::new(beside_pg_dump("pg_dump"));
    finish(command.args(["--schema-only", "--file", "/dev/null", &database.url()]));
}

/// Returns a client program, of the same folder as the `pg_dump` that tests use.
fn beside_pg_dump(name: &str) -> PathBuf {
    let pg_dump = env::var_os("TRUEUP_TEST_PG_DUMP").filter(|path| !path.is_empty());
    pg_dump.map_or_else(|| PathBuf::from(name), |path| PathBuf::from(path).with_file_name(name))
}

fn finish(command: &mut Command) {
    let done = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
