//! Kills, two runners, changed files in the middle: nothing half-recorded, nothing run twice.

use std::thread;
use std::time::Duration;

use super::Site;
use crate::support::newest;

#[test]
fn a_file_that_fails_leaves_nothing_and_the_files_before_it_stay() {
    let site = Site::new(
        &newest(),
        &[
            ("001_a.sql", "CREATE TABLE a ();\n"),
            (
                "002_b.sql",
                "CREATE TABLE b (c int);\nINSERT INTO b VALUES (1);\nALTER TABLE b ADD CHECK (c > 1);\n",
            ),
        ],
    );
    let (_, err) = site.run("up --yes --no-prove", 5);
    assert!(err.contains("migrations/002_b.sql:3:1: check constraint"), "{err}");
    assert!(
        err.contains("nothing of 002_b lasts; 1 of 2 files before it are done and stay"),
        "{err}"
    );
    assert_eq!(site.tables(), "a");
    assert_eq!(site.ledger(), ["001 applied 1 1/1"]);
    let history = site.project.run("history").expect(0);
    assert!(history.contains("migrate up  failed"), "{history}");
    let (_, err) = site.run("up --yes --no-prove", 5);
    assert!(err.contains("002_b.sql:3:1"), "{err}");
    let resumed = site.project.run("apply --resume");
    assert!(resumed.err.contains("ran migration files"), "{}", resumed.err);
}

#[test]
fn what_ran_outside_a_transaction_is_not_run_twice() {
    let site = Site::new(
        &newest(),
        &[
            (
                "001_a.sql",
                "CREATE TABLE a (b int);\nSET search_path = pg_catalog, public;\nINSERT INTO public.a VALUES (1), (1);\n\
                 CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO a VALUES (2);\n",
            ),
            ("001_a_rollback.sql", "DROP TABLE a;\n"),
        ],
    );
    let (_, err) = site.run("up --yes --no-prove", 5);
    assert!(
        err.contains("migrations/001_a.sql:4:1: could not create unique index"),
        "{err}"
    );
    assert!(err.contains("3 of 5 statements of 001_a are done and stay"), "{err}");
    assert_eq!(site.ledger(), ["001 partial 1 3/5"]);
    let invalid = "SELECT count(*)::text FROM pg_index WHERE NOT indisvalid";
    assert_eq!(site.database.text(invalid), "0");
    assert!(site.run("status", 0).0.contains("partial: 3 of 5 statements"));
    site.write("001_a.sql", "CREATE TABLE c ();\n");
    assert!(
        site.run("up --yes", 1)
            .1
            .contains("stopped after 3 of 5 statements, and was changed since")
    );
    site.run("down --yes --no-prove", 0);
    assert_eq!(site.tables(), "");
}

#[test]
fn a_killed_build_goes_on() {
    let files = [(
        "001_a.sql",
        "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\nCREATE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO a VALUES (2);\n",
    )];
    let site = Site::new(&newest(), &files);
    let folder = site.project.path("migrations");
    let url = site.database.url();
    // An old snapshot holds the build up until its backend is killed.
    let mut old = site.database.connect();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .unwrap();
    let runner = thread::spawn(move || {
        crate::support::trueup_with(
            &std::env::temp_dir(),
            &[("DATABASE_URL", &url)],
            [
                "migrate",
                "up",
                "--yes",
                "--no-prove",
                "--dir",
                &folder.display().to_string(),
            ],
        )
    });
    let kill = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()";
    while site.database.text(kill) == "0" {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(runner.join().unwrap().code, 5);
    old.batch_execute("COMMIT").unwrap();
    assert_eq!(site.ledger(), ["001 partial 1 2/4"]);
    site.run("up --yes --no-prove", 0);
    assert_eq!(site.ledger(), ["001 applied 1 4/4"]);
    assert_eq!(
        site.database.text("SELECT string_agg(b::text, ',' ORDER BY b) FROM a"),
        "1,2"
    );
    let indexes = "SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ',') FROM pg_index WHERE indrelid = 'a'::regclass";
    assert_eq!(site.database.text(indexes), "a_b true");
}

#[test]
fn two_runners_apply_every_file_once() {
    let site = Site::new(&newest(), &[]);
    for number in 1..=20 {
        site.write(
            &format!("{number:03}_t.sql"),
            &format!("CREATE TABLE t{number} (); SELECT pg_sleep(0.02);\n"),
        );
    }
    let runners: Vec<_> = (0..3)
        .map(|_| {
            let (folder, url) = (
                site.project.path("migrations").display().to_string(),
                site.database.url(),
            );
            thread::spawn(move || {
                crate::support::trueup_with(
                    &std::env::temp_dir(),
                    &[("DATABASE_URL", &url)],
                    [
                        "migrate",
                        "up",
                        "--yes",
                        "--no-prove",
                        "--wait",
                        "60s",
                        "--dir",
                        &folder,
                    ],
                )
            })
        })
        .collect();
    for runner in runners {
        runner.join().unwrap().expect(0);
    }
    assert_eq!(site.ledger().len(), 20);
    let batches = site
        .database
        .text("SELECT count(DISTINCT batch)::text FROM trueup.migration");
    assert_eq!(batches, "1");
}

#[test]
fn a_file_cannot_leave_its_settings_or_its_role_to_the_next() {
    let site = Site::new(
        &newest(),
        &[
            (
                "001_a.sql",
                "CREATE SCHEMA s; GRANT ALL ON SCHEMA s TO pg_monitor; SET search_path = s; SET ROLE pg_monitor; CREATE TABLE a ();\n",
            ),
            ("002_b.sql", "CREATE TABLE b ();\n"),
        ],
    );
    site.run("up --yes --no-prove", 0);
    assert_eq!(site.tables(), "b");
    let by = site
        .database
        .text("SELECT string_agg(DISTINCT role, ',') FROM trueup.migration");
    assert_eq!(by, "postgres");
}

#[test]
fn drift_knows_what_migrations_did() {
    let site = Site::new(&newest(), &[("001_a.sql", "CREATE TABLE a ();\n")]);
    site.project.run("init --yes").expect(0);
    site.run("up --yes --no-prove", 0);
    let owner = site
        .database
        .text("SELECT coalesce(execution::text, '') FROM trueup.applied WHERE kind = 'table'");
    assert_eq!(owner, "1");
}
