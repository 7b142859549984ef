//! Sessions in the way of a statement: each policy, with other connections that are in the way on real servers.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use crate::support::fault::start;
use crate::support::{Database, OwnServer, Project, servers};

const BEFORE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text);
    INSERT INTO shop.orders VALUES (1, 'a'), (2, 'b');";
const COLUMN: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text, total numeric);";
const INDEX: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text);
    CREATE INDEX orders_note ON shop.orders (note);";
const APPLY: &str = "apply --yes --approve critical --no-prove --max-retries 0 --log-file log.txt";

struct Shop {
    database: Database,
    project: Project,
}

impl Shop {
    fn new(major: i32, server: &str, schema: &str) -> Self {
        let database = Database::with(server, BEFORE);
        let mut project = Project::of(&database, major, &[("schema/shop.sql", schema)]);
        project.set("TRUEUP_SCRATCH", server);
        Self { database, project }
    }

    /// Opens a transaction that has read the table, and so holds the weakest lock on it.
    fn reader(&self) -> Client {
        let mut other = self.database.connect();
        other
            .batch_execute("SET application_name = 'reporting'; BEGIN; SELECT FROM shop.orders")
            .unwrap();
        other
    }

    fn fails(&self, more: &str, parts: &[&str]) {
        let failed = self.project.run(&format!("{APPLY} {more}"));
        assert_eq!(failed.code, 5, "{more}: {}{}", failed.out, failed.err);
        for part in parts {
            assert!(failed.err.contains(part), "{more}: {part}\n{}", failed.err);
        }
    }

    fn has_column(&self) -> bool {
        !self
            .database
            .rows("SELECT 1 FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = 'total'")
            .is_empty()
    }

    fn logged(&self, part: &str) -> bool {
        std::fs::read_to_string(self.project.path("log.txt")).is_ok_and(|log| log.contains(part))
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn succeeds(mut child: Child) {
    assert!(child.wait().unwrap().success());
}

#[test]
fn refused_by_name_without_queueing() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server, COLUMN);
        let mut reader = shop.reader();
        let parts = [
            "others hold what it needs, and it did not queue behind them",
            "(`reporting`) of role `postgres`, idle in transaction, since ",
            "nothing was changed",
        ];
        shop.fails("--blockers refuse --lock-timeout 200ms", &parts);
        shop.fails("--resume --blockers wait:100ms", &parts[..2]);
        reader.batch_execute("COMMIT").unwrap();
        shop.project.run("apply --resume --blockers refuse").expect(0);
        assert!(shop.has_column(), "PostgreSQL {major}");
    }
}

#[test]
fn the_policy_of_the_environment_counts() {
    let (major, server) = servers().pop().unwrap();
    let mut shop = Shop::new(major, &server, COLUMN);
    let url = shop.database.url();
    shop.project.set("SHOP_URL", &url);
    let file = |policy: &str| {
        format!("environments:\n  near: {{url_env: SHOP_URL, lock_timeout: 200ms, blockers: '{policy}'}}\n")
    };
    shop.project.write("trueup.yaml", &file("refuse"));
    let mut reader = shop.reader();
    shop.fails("--env near", &["did not queue behind them"]);
    reader.batch_execute("COMMIT").unwrap();
    shop.project.write("trueup.yaml", &file("cancel"));
    let refused = shop.project.run("status --env near");
    assert!(
        refused.code == 1 && refused.err.contains("has no place in the file"),
        "{}",
        refused.err
    );
}

#[test]
fn waited_for_while_nobody_queues() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, COLUMN);
    let mut reader = shop.reader();
    let child = start(&shop.project, &format!("{APPLY} --blockers wait:60s"));
    wait_for("nobody is waited for", || shop.logged("waiting_for_lock"));
    // Whoever comes now is not kept waiting.
    shop.database
        .execute("SET lock_timeout = '1ms'; SELECT FROM shop.orders; UPDATE shop.orders SET note = 'c'");
    assert!(!shop.has_column());
    reader.batch_execute("COMMIT").unwrap();
    succeeds(child);
    assert!(shop.has_column());
}

#[test]
fn cancelled_or_ended_only_when_told_so() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server, COLUMN);
        // A statement that runs is cancelled.
        let mut other = shop.database.connect();
        let busy = thread::spawn(move || other.batch_execute("SELECT pg_sleep(600) FROM shop.orders"));
        wait_for("nobody sleeps", || {
            let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
            !shop.database.rows(sql).is_empty()
        });
        let done = shop
            .project
            .run(&format!("{APPLY} --blockers cancel --lock-timeout 300ms"));
        assert_eq!(done.code, 0, "PostgreSQL {major}: {}", done.err);
        assert!(done.err.contains("cancelled: process "), "{}", done.err);
        let error = busy.join().unwrap().unwrap_err();
        assert_eq!(
            error.code().map(|code| code.code().to_owned()),
            Some("57014".to_owned())
        );
        // A session that does nothing in an open transaction has no statement to cancel.
        shop.project
            .write("schema/shop.sql", BEFORE.split("INSERT").next().unwrap());
        let mut idle = shop.reader();
        shop.fails(
            "--blockers cancel --lock-timeout 300ms",
            &["others hold what it needs", "idle in transaction"],
        );
        assert!(shop.has_column());
        let done = shop
            .project
            .run("apply --resume --blockers terminate --lock-timeout 300ms")
            .err;
        assert!(
            done.contains("ended: process ") && !shop.has_column(),
            "PostgreSQL {major}: {done}"
        );
        assert!(idle.batch_execute("SELECT 1").is_err());
    }
}

#[test]
fn old_snapshots_are_named_before_a_concurrent_build() {
    let (major, server) = servers().pop().unwrap();
    let shop = Shop::new(major, &server, INDEX);
    let mut other = shop.database.connect();
    other
        .batch_execute("SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .unwrap();
    shop.fails(
        "--online always --blockers refuse --lock-timeout 200ms",
        &["others hold what it needs", "`report`"],
    );
    wait_for("time stands still", || {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'report' AND now() - xact_start > '500ms'";
        !shop.database.rows(sql).is_empty()
    });
    let child = start(&shop.project, "apply --resume --lock-timeout 200ms --log-file log.txt");
    wait_for("nobody is named", || shop.logged("it waits until they end"));
    other.batch_execute("COMMIT").unwrap();
    succeeds(child);
    shop.database
        .execute("SET enable_seqscan = off; DROP INDEX shop.orders_note");
}

#[test]
fn prepared_transactions_and_workers_are_said_and_left_alone() {
    let (major, _) = servers().pop().unwrap();
    let own = OwnServer::new(
        major,
        &[
            "max_prepared_transactions=5",
            "autovacuum=on",
            "autovacuum_naptime=1",
            "autovacuum_freeze_max_age=100000",
            "synchronous_commit=off",
        ],
    );
    let shop = Shop::new(major, &own.url(), COLUMN);
    let mut other = shop.database.connect();
    other
        .batch_execute("BEGIN; INSERT INTO shop.orders VALUES (3, 'c'); PREPARE TRANSACTION 'half'")
        .unwrap();
    shop.fails(
        "--blockers cancel --lock-timeout 200ms",
        &["(`half`) of role `postgres`, a prepared transaction,", "is left alone"],
    );
    other.batch_execute("COMMIT PREPARED 'half'").unwrap();
    shop.project.run("apply --resume").expect(0);
    // Slow enough to be met: every page is waited for.
    shop.database.execute(
        "INSERT INTO shop.orders SELECT n, repeat('x', 1000) FROM generate_series(10, 20000) n;
         ALTER TABLE shop.orders SET (autovacuum_enabled = off, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)",
    );
    shop.database
        .execute("DO $$ BEGIN FOR i IN 1..110000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
    let worker = "SELECT 1 FROM pg_stat_activity WHERE query ~ 'shop.orders .to prevent wraparound' AND backend_type = 'autovacuum worker'
                  AND datname = current_database()";
    wait_for("no autovacuum", || !shop.database.rows(worker).is_empty());
    shop.project.write("schema/shop.sql", &COLUMN.replace("total", "price"));
    shop.fails(
        "--blockers terminate --lock-timeout 200ms",
        &[
            "autovacuum to prevent wraparound",
            "is no session of a client and is left alone",
        ],
    );
    assert!(!shop.database.rows(worker).is_empty());
}

#[test]
fn a_replica_that_is_far_behind_is_minded() {
    let (major, _) = servers().pop().unwrap();
    let own = OwnServer::new(major, &["wal_level=replica", "max_wal_senders=5", "max_wal_size=2GB"]);
    let shop = Shop::new(major, &own.url(), COLUMN);
    let replica = own.replica_at(&shop.database.text("SELECT pg_current_wal_lsn()::text"));
    shop.database
        .execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)) FROM generate_series(1, 70)");
    wait_for("no replica", || {
        let sql = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn IS NOT NULL";
        !shop.database.rows(sql).is_empty()
    });
    shop.fails("--blockers wait:200ms", &["a replica is ", "MiB behind"]);
    let done = shop.project.run("apply --resume");
    assert!(
        done.code == 0 && done.err.contains("queries there may wait for what is locked here"),
        "{}",
        done.err
    );
    drop(replica);
}
