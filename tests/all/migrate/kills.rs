//! The program is killed, or its connection cut, inside every statement of a mixed set of files and at every row that the
//! ledger gets: between files, inside of them, between a statement and its record. Afterwards the same command finishes,
//! and everything is as after an undisturbed run: nothing half-recorded, nothing run twice.

use std::thread;
use std::time::{Duration, Instant};

use super::Site;
use crate::support::fault::{Moment, asleep, clear, each, passed, start, stop_at, stop_at_row};
use crate::support::{Database, newest, pg_dump};

/// Files whose rows in `log` tell how often each part of them ran.
const FILES: &[(&str, &str)] = &[
    (
        "001_start.sql",
        "CREATE TABLE log (at int GENERATED ALWAYS AS IDENTITY, what text);\nINSERT INTO log (what) VALUES ('1');\n",
    ),
    ("001_start_rollback.sql", "DROP TABLE log;\n"),
    (
        "002_quick.sql",
        "CREATE TABLE a (id int PRIMARY KEY, b text, n int);\nCREATE INDEX a_id_n ON a (id, n);\nINSERT INTO log (what) VALUES ('2');\n",
    ),
    ("002_quick_rollback.sql", "DROP TABLE a;\n"),
    (
        "003_slow.sql",
        "INSERT INTO a SELECT g, 'b' || g, g FROM generate_series(1, 20) g;\nINSERT INTO log (what) SELECT '3';\n\
         ALTER TABLE a ADD c int DEFAULT 1;\nCREATE VIEW v AS SELECT id, c FROM a;\n",
    ),
    (
        "003_slow_rollback.sql",
        "DROP VIEW v;\nALTER TABLE a DROP c;\nDELETE FROM a;\n",
    ),
    (
        "004_label.sql",
        "CREATE TYPE e AS ENUM ('x');\nALTER TYPE e ADD VALUE 'y';\nCREATE TABLE u (e e DEFAULT 'y');\n\
         INSERT INTO log (what) VALUES ('4');\n",
    ),
    ("004_label_rollback.sql", "DROP TABLE u;\nDROP TYPE e;\n"),
    (
        "005_outside.sql",
        "CREATE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO log (what) VALUES ('5 a');\n\
         CREATE UNIQUE INDEX CONCURRENTLY a_n ON a (n);\nDROP INDEX CONCURRENTLY a_b;\nINSERT INTO log (what) VALUES ('5 b');\n",
    ),
    (
        "005_outside_rollback.sql",
        "DROP INDEX CONCURRENTLY a_n;\nINSERT INTO log (what) VALUES ('5 back');\n",
    ),
    (
        "006_alone.sql",
        "-- Transaction: none\nCREATE TABLE w (a int);\nINSERT INTO log (what) VALUES ('6 a');\nINSERT INTO w VALUES (1);\n\
         ALTER TABLE w ADD b text;\nINSERT INTO log (what) VALUES ('6 b');\n",
    ),
    (
        "006_alone_rollback.sql",
        "-- Transaction: none\nALTER TABLE w DROP b;\nDROP TABLE w;\n",
    ),
    (
        "007_blocks.sql",
        "BEGIN;\nCREATE TABLE x (a int);\nINSERT INTO log (what) VALUES ('7 a');\nCOMMIT;\nBEGIN;\nALTER TABLE x ADD b int;\n\
         INSERT INTO log (what) VALUES ('7 b');\nCOMMIT;\n",
    ),
    ("007_blocks_rollback.sql", "DROP TABLE x;\n"),
    (
        "008_last.sql",
        "COMMENT ON TABLE a IS 'a';\nINSERT INTO log (what) VALUES ('8');\n",
    ),
    ("008_last_rollback.sql", "COMMENT ON TABLE a IS NULL;\n"),
    (
        "009_together.sql",
        "CREATE TABLE y (a int);\nINSERT INTO log (what) VALUES ('9');\n",
    ),
    ("009_together_rollback.sql", "DROP TABLE y;\n"),
    (
        "010_together.sql",
        "ALTER TABLE y ADD b int;\nINSERT INTO log (what) VALUES ('10');\n",
    ),
    ("010_together_rollback.sql", "ALTER TABLE y DROP b;\n"),
];

const FIRST: &str = "up --yes --no-prove --to 001";
const UP: &str = "up --yes --no-prove --wait 60s --max-retries 6";
const DOWN: &str = "down --to 001 --yes --no-prove --wait 60s --max-retries 6";

/// What stops the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Cut,
}

/// Where it is stopped: at a DDL statement, or at a row of the ledger.
#[derive(Debug, Clone, Copy)]
enum Place {
    Statement(usize, Moment),
    Record(usize),
}

impl Place {
    fn set(self, database: &Database) {
        match self {
            Self::Statement(number, moment) => stop_at(database, number, moment),
            Self::Record(number) => stop_at_row(database, number, "trueup.migration"),
        }
    }
}

/// The schema as an independent program sees it, the rows, and the ledger.
fn state(site: &Site) -> (Option<Vec<String>>, String, String) {
    let rows = site.database.text(
        "SELECT concat_ws(' | ', (SELECT string_agg(what, ',' ORDER BY at) FROM log),
             CASE WHEN to_regclass('a') IS NOT NULL
                  THEN (xpath('//text()', query_to_xml('SELECT count(*) FROM a', true, true, '')))[2]::text END,
             CASE WHEN to_regclass('w') IS NOT NULL
                  THEN (xpath('//text()', query_to_xml('SELECT count(*) FROM w', true, true, '')))[2]::text END)",
    );
    let ledger = site.database.text(
        "SELECT string_agg(format('%s %s %s/%s %s %s', version, status, done, statements, running, rolling_back), E'\\n' ORDER BY id)
         FROM trueup.migration",
    );
    (pg_dump(&site.database.url()), rows, ledger)
}

fn site(server: &str, all: bool) -> Site {
    let site = Site::new(server, FILES);
    site.run(if all { UP } else { FIRST }, 0);
    site
}

/// Returns how many places there are of a sort.
fn count(server: &str, place: Place, command: &str) -> usize {
    let site = site(server, command == DOWN);
    place.set(&site.database);
    site.run(command, 0);
    passed(&site.database)
}

/// Every place, with a fault for each.
fn cases(server: &str, command: &str) -> Vec<(Place, Fault)> {
    let never = usize::MAX >> 16;
    let mut out = Vec::new();
    for moment in [Moment::Start, Moment::End] {
        let all = 1..=count(server, Place::Statement(never, moment), command);
        out.extend(all.map(|number| Place::Statement(number, moment)));
    }
    out.extend((1..=count(server, Place::Record(never), command)).map(Place::Record));
    let fault = |at: usize| {
        if at.is_multiple_of(2) {
            Fault::Killed
        } else {
            Fault::Cut
        }
    };
    out.into_iter()
        .enumerate()
        .map(|(at, place)| (place, fault(at)))
        .collect()
}

/// Waits until the server has noticed that a client is gone.
fn wait_for_end(database: &Database, pid: i32) {
    let until = Instant::now() + Duration::from_secs(60);
    let there = format!("SELECT count(*)::text FROM pg_stat_activity WHERE pid = {pid}");
    while database.text(&there) != "0" {
        assert!(Instant::now() < until, "the server goes on for a client that is gone");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Stops a command once, lets it finish, and compares.
fn disturb(
    server: &str,
    command: &str,
    (place, fault): (Place, Fault),
    undisturbed: &(Option<Vec<String>>, String, String),
) {
    let what = format!("{fault:?} at {place:?} of {command}");
    let site = site(server, command == DOWN);
    place.set(&site.database);
    let mut child = start(&site.project, &format!("migrate {command}"));
    let pid = asleep(&site.database, &mut child);
    let pid = pid.unwrap_or_else(|| panic!("{what}: it was not stopped"));
    match fault {
        Fault::Killed => child.kill().unwrap(),
        Fault::Cut => drop(site.database.rows(&format!("SELECT pg_terminate_backend({pid})"))),
    }
    let code = child.wait().unwrap().code();
    assert_eq!(code, (fault == Fault::Cut).then_some(5), "{what}");
    wait_for_end(&site.database, pid);
    clear(&site.database);
    let half = site.project.run("migrate status");
    assert_eq!(half.code, 0, "{what}: {}", half.err);
    let done = site.project.run(&format!("migrate {command}"));
    assert_eq!(done.code, 0, "{what}: {}{}\nbefore: {}", done.out, done.err, half.out);
    let now = state(&site);
    assert_eq!(now.1, undisturbed.1, "{what}: rows\nbefore: {}", half.out);
    assert_eq!(now.2, undisturbed.2, "{what}: ledger\nbefore: {}", half.out);
    assert_eq!(now.0, undisturbed.0, "{what}: schema");
    site.run(command, 0);
    assert_eq!(state(&site), now, "{what}: the command runs nothing again");
}

#[test]
fn stopped_anywhere_on_the_way_forward() {
    let server = newest();
    let undisturbed = state(&site(&server, true));
    assert!(
        undisturbed.1.starts_with("1,2,3,4,5 a,5 b,6 a,6 b,7 a,7 b,8,9,10 | "),
        "{}",
        undisturbed.1
    );
    let cases = cases(&server, UP);
    assert!(cases.len() > 40, "{}", cases.len());
    each(cases, |case| disturb(&server, UP, case, &undisturbed));
}

#[test]
fn stopped_anywhere_on_the_way_back() {
    let server = newest();
    let site = site(&server, true);
    site.run(DOWN, 0);
    let undisturbed = state(&site);
    let cases = cases(&server, DOWN);
    assert!(cases.len() > 25, "{}", cases.len());
    each(cases, |case| disturb(&server, DOWN, case, &undisturbed));
}

#[test]
fn a_checksum_that_changes_in_the_middle_stops_the_rest() {
    let site = site(&newest(), false);
    stop_at(&site.database, 1, Moment::Start);
    let mut child = start(&site.project, &format!("migrate {UP}"));
    let pid = asleep(&site.database, &mut child).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for_end(&site.database, pid);
    clear(&site.database);
    site.write("001_start.sql", "CREATE TABLE log (what varchar);\n");
    let (_, err) = site.run(UP, 1);
    assert!(err.contains("001_start.sql was changed after it was applied"), "{err}");
    assert_eq!(site.ledger(), ["001 applied 1 2/2"]);
    assert_eq!(site.tables(), "log");
}

#[test]
fn six_runners_at_once_and_one_of_them_is_killed() {
    let server = newest();
    let undisturbed = state(&site(&server, true));
    let site = site(&server, false);
    stop_at(&site.database, 4, Moment::End);
    let mut children: Vec<_> = (0..6).map(|_| start(&site.project, &format!("migrate {UP}"))).collect();
    let pid = asleep(&site.database, &mut children[0]).unwrap();
    site.database.rows(&format!("SELECT pg_terminate_backend({pid})"));
    let mut codes: Vec<_> = children.iter_mut().map(|child| child.wait().unwrap().code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(0), Some(0), Some(0), Some(0), Some(5)]);
    clear(&site.database);
    let now = state(&site);
    assert_eq!(
        (&now.0, &now.1, &now.2),
        (&undisturbed.0, &undisturbed.1, &undisturbed.2)
    );
}
