//! Plans of many transactions that are killed after each of their statements, or fail in the middle of one: what is done
//! stays, and the ledger leads on to the end or back to the start with nothing left behind.

use trueup::error::ErrorKind;

use super::*;

const BEFORE: &str = "CREATE TABLE customers (id bigint PRIMARY KEY); INSERT INTO customers VALUES (1);
     CREATE TABLE orders (id bigint NOT NULL, note text, amount int CONSTRAINT positive CHECK (amount > 0), customer bigint);
     INSERT INTO orders SELECT n, 'note ' || n, n, 1 FROM generate_series(1, 50) n;
     CREATE INDEX orders_note ON orders (note); CREATE INDEX orders_gone ON orders (amount);
     CREATE TABLE events (at int NOT NULL, note text) PARTITION BY RANGE (at);
     CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (2); INSERT INTO events VALUES (1, 'x');
     CREATE TABLE events_2 (at int NOT NULL, note text); INSERT INTO events_2 VALUES (2, 'x');";

const AFTER: &str = "CREATE TABLE customers (id bigint PRIMARY KEY);
     CREATE TABLE orders (id bigint PRIMARY KEY, note text, amount int NOT NULL CONSTRAINT positive CHECK (amount >= 0),
         customer bigint REFERENCES customers, token uuid DEFAULT gen_random_uuid() NOT NULL);
     CREATE INDEX orders_note ON orders (note, amount);
     CREATE TABLE events (at int NOT NULL, note text) PARTITION BY RANGE (at); CREATE INDEX events_note ON events (note);
     CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (2) TO (3);
     CREATE TABLE events_1 (at int NOT NULL, note text);";

/// Ends the sessions that work in the database.
pub(super) fn kill(live: &Database) {
    live.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
}

/// Applies the plan and kills it when this many statements have run; returns the plan.
pub(super) fn killed_after(pair: &Pair, statements: usize) -> Plan {
    let plan = pair.plan(Online::Always);
    let mut done = 0;
    let stopped = pair.apply(&plan, &mut |event| {
        if matches!(event, Event::Done { .. }) {
            done += 1;
            if done == statements {
                kill(&pair.live);
            }
        }
    });
    assert_eq!(stopped.unwrap_err().kind, ErrorKind::Partial);
    plan
}

fn killed_after_each(server: &str, go: impl Fn(usize, &Pair, &str)) {
    let pair = Pair::new(server, BEFORE, AFTER);
    let plan = there_and_back(&pair);
    assert_online(&plan);
    let count = plan.forward.iter().map(|step| step.statements.len()).sum::<usize>();
    assert!(count > 25, "{}", script(&plan.forward));
    for statements in 1..=count {
        let pair = Pair::new(server, BEFORE, AFTER);
        let plan = killed_after(&pair, statements);
        let text = format!("killed after {statements}\n{}", script(&plan.forward));
        go(statements, &pair, &text);
    }
}

fn resumes(pair: &Pair, text: &str) {
    let wanted = pair.desired.catalog();
    pair.resume().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    pair.assert_is(&wanted, text);
    assert!(pair.plan(Online::Always).is_empty());
    let empty = "SELECT count(*)::text FROM orders WHERE token IS NULL";
    assert_eq!(pair.live.text(empty), "0", "{text}");
}

fn goes_back(pair: &Pair, text: &str) {
    let server = pair.live.server();
    let before = Database::with(server, BEFORE).catalog();
    pair.rollback().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    pair.assert_is(&before, text);
    assert_eq!(pair.live.text("SELECT count(*)::text FROM orders"), "50");
}

#[test]
fn a_killed_plan_goes_on_or_back_on_the_newest_server() {
    let (_, server) = servers().into_iter().max_by_key(|(major, _)| *major).unwrap();
    killed_after_each(&server, |at, pair, text| {
        if at % 2 == 0 {
            resumes(pair, text);
        } else {
            goes_back(pair, text);
        }
    });
}

#[test]
fn a_killed_plan_goes_on_or_back_on_the_oldest_server() {
    let (_, server) = servers().into_iter().min_by_key(|(major, _)| *major).unwrap();
    killed_after_each(&server, |at, pair, text| {
        if at % 2 == 1 {
            resumes(pair, text);
        } else {
            goes_back(pair, text);
        }
    });
}

const INVALID: &str = "SELECT count(*)::text FROM pg_index WHERE NOT indisvalid";

#[test]
fn a_build_that_fails_leaves_nothing_behind() {
    for (_, server) in servers() {
        let orders =
            "CREATE TABLE orders (id bigint NOT NULL, note text); INSERT INTO orders VALUES (1, 'a'), (1, 'b');";
        for after in [
            "CREATE TABLE orders (id bigint PRIMARY KEY, note text)",
            "CREATE TABLE orders (id bigint NOT NULL, note text); CREATE UNIQUE INDEX orders_id ON orders (id)",
        ] {
            let pair = Pair::new(&server, orders, after);
            let plan = pair.plan(Online::Always);
            let error = pair.apply(&plan, &mut |_| {}).unwrap_err();
            assert_eq!(
                (error.kind, error.sqlstate.as_deref()),
                (ErrorKind::Partial, Some("23505")),
                "{error:?}"
            );
            assert_eq!(pair.live.text(INVALID), "0");
            assert_eq!(
                pair.live
                    .text("SELECT count(*)::text FROM pg_class WHERE relname ~ '^orders_'"),
                "0"
            );
            assert_eq!(pair.resume().unwrap_err().sqlstate.as_deref(), Some("23505"));
            pair.live.execute("UPDATE orders SET id = 2 WHERE note = 'b'");
            resumes_to(&pair);
        }
    }
}

fn resumes_to(pair: &Pair) {
    let wanted = pair.desired.catalog();
    pair.resume().unwrap();
    pair.assert_is(&wanted, "resumed");
    assert_eq!(pair.live.text(INVALID), "0");
}

#[test]
fn rows_that_break_a_constraint_leave_it_as_it_was() {
    for (_, server) in servers() {
        let orders = |check: &str| format!("CREATE TABLE orders (amount int CONSTRAINT positive CHECK ({check}));");
        let before = orders("amount > 0") + "INSERT INTO orders VALUES (1), (200);";
        let pair = Pair::new(&server, &before, &orders("amount < 100"));
        let live = pair.live.catalog();
        let plan = pair.plan(Online::Always);
        let error = pair.apply(&plan, &mut |_| {}).unwrap_err();
        assert_eq!(error.sqlstate.as_deref(), Some("23514"), "{error:?}");
        // The old constraint still stands beside the one that is not valid.
        assert!(
            pair.live
                .connect()
                .execute("INSERT INTO orders VALUES (0)", &[])
                .is_err()
        );
        assert!(
            pair.live
                .connect()
                .execute("INSERT INTO orders VALUES (300)", &[])
                .is_err()
        );
        pair.rollback().unwrap();
        pair.assert_is(&live, "rolled back");
    }
}

/// Kills the plan while a statement waits for a transaction that is older.
fn killed_while_waiting(pair: &Pair) {
    let plan = pair.plan(Online::Always);
    let mut older = pair.live.connect();
    let mut transaction = older.transaction().unwrap();
    transaction
        .batch_execute("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
        .unwrap();
    let mut killed = false;
    let stopped = pair.apply(&plan, &mut |event| {
        if matches!(event, Event::WaitingForLock { .. }) && !killed {
            killed = true;
            pair.live.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'trueup'",
            );
        }
    });
    assert_eq!(stopped.unwrap_err().kind, ErrorKind::Partial);
    transaction.rollback().unwrap();
}

#[test]
fn a_build_that_is_killed_is_cleared_away() {
    for (_, server) in servers() {
        let orders = "CREATE TABLE orders (id bigint NOT NULL, note text); INSERT INTO orders VALUES (1, 'a');";
        let index = "CREATE INDEX orders_note ON orders (note);";
        let pair = Pair::new(&server, orders, &format!("{orders}{index}"));
        let before = pair.live.catalog();
        killed_while_waiting(&pair);
        assert_eq!(pair.live.text(INVALID), "1");
        resumes_to(&pair);
        pair.rollback().unwrap();
        pair.assert_is(&before, "rolled back");
        killed_while_waiting(&pair);
        pair.rollback().unwrap();
        pair.assert_is(&before, "rolled back part-way");
        // Killed while it drops.
        let pair = Pair::new(&server, &format!("{orders}{index}"), orders);
        killed_while_waiting(&pair);
        resumes_to(&pair);
    }
}
