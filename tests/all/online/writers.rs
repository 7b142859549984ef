//! Somebody writes while an online form waits or works. Nothing here measures time: another session holds a lock that the
//! statement has to wait for, and while `pg_locks` shows it waiting the writer must get through.

use std::thread;

use super::*;

const ORDERS: &str = "CREATE TABLE customers (id bigint PRIMARY KEY); INSERT INTO customers VALUES (1), (2);
     CREATE TABLE orders (id bigint NOT NULL, note text, amount int, customer bigint);
     INSERT INTO orders VALUES (1, 'a', 1, 1);";

/// Applies a change while another session holds a lock on the table, and writes whenever the plan waits: with so short a
/// limit that the writer cannot have waited behind it. Returns how often it wrote.
fn writes_while_waiting(pair: &Pair, lock: &str) -> usize {
    let plan = pair.plan(Online::Always);
    let mut holder = pair.live.connect();
    let mut held = Some(holder.transaction().unwrap());
    if let Some(held) = &mut held {
        held.batch_execute(lock).unwrap();
    }
    let mut writer = pair.live.connect();
    writer.batch_execute("SET lock_timeout = '20ms'").unwrap();
    let mut written = 0;
    pair.apply(&plan, &mut |event| {
        if matches!(event, Event::WaitingForLock { .. }) && waiting(&pair.live) > 0 {
            writer.batch_execute("INSERT INTO orders VALUES (100, 'x', 1, 1); UPDATE orders SET note = 'y' WHERE id = 100; DELETE FROM orders WHERE id = 100").unwrap();
            written += 1;
            if let Some(held) = held.take() {
                held.rollback().unwrap();
            }
        }
    })
    .unwrap_or_else(|error| panic!("{error:?}\n{}", script(&plan.forward)));
    written
}

#[test]
fn writers_pass_while_builds_and_validations_wait() {
    // As a VACUUM holds it: what the builds and validations themselves ask for.
    let vacuum = "LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE";
    for (_, server) in servers() {
        for (before, after) in [
            ("", "CREATE INDEX ON orders (note);"),
            ("CREATE INDEX gone ON orders (note);", ""),
            ("CREATE INDEX i ON orders (note);", "CREATE INDEX i ON orders (amount);"),
            ("", "ALTER TABLE orders ADD UNIQUE (id);"),
            (
                "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;",
                "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);",
            ),
            (
                "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID;",
                "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;",
            ),
        ] {
            let pair = Pair::new(&server, &format!("{ORDERS}{before}"), &format!("{ORDERS}{after}"));
            assert!(writes_while_waiting(&pair, vacuum) > 0, "{after}");
            pair.assert_is(&pair.desired.catalog(), after);
        }
    }
}

/// A constraint whose check stops, in the sessions of trueup only, while somebody holds an advisory lock.
const STOPS: &str = "CREATE FUNCTION stops(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
         IF current_setting('application_name') = 'trueup' THEN
             PERFORM pg_advisory_xact_lock(4711); PERFORM pg_advisory_unlock(4711);
         END IF;
         RETURN true; END $$;
     CREATE FUNCTION pure(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.stops(n); RETURN n; END $$;";

#[test]
fn writers_pass_in_the_middle_of_a_scan() {
    for (_, server) in servers() {
        for after in [
            "ALTER TABLE orders ADD CONSTRAINT c CHECK (stops(amount));",
            "CREATE INDEX i ON orders (pure(amount));",
            "ALTER TABLE orders ADD token int DEFAULT pure(random()::int);",
        ] {
            let orders = format!("{STOPS}{ORDERS}");
            let pair = Pair::new(&server, &orders, &format!("{orders}{after}"));
            assert!(
                writes_while_waiting(&pair, "SELECT pg_advisory_xact_lock(4711)") > 0,
                "{after}"
            );
            pair.assert_is(&pair.desired.catalog(), after);
        }
    }
}

#[test]
fn a_strong_lock_gives_way_to_writers() {
    for (_, server) in servers() {
        let after = "ALTER TABLE orders ADD CHECK (amount > 0), ADD FOREIGN KEY (customer) REFERENCES customers, ALTER note SET NOT NULL;";
        let pair = Pair::new(&server, ORDERS, &format!("{ORDERS}{after}"));
        let plan = pair.plan(Online::Always);
        let mut older = pair.live.connect();
        let mut held = Some(older.transaction().unwrap());
        if let Some(held) = &mut held {
            held.batch_execute("INSERT INTO orders VALUES (2, 'b', 2, 2)").unwrap();
        }
        // A writer that comes while the plan waits stands behind it, until the plan gives up its place.
        let mut behind = None;
        let mut gave_way = false;
        let url = pair.live.url();
        pair.apply(&plan, &mut |event| match event {
            Event::WaitingForLock { .. } if behind.is_none() => {
                let url = url.clone();
                behind = Some(thread::spawn(move || {
                    let mut writer = postgres::Client::connect(&url, postgres::NoTls).unwrap();
                    writer.batch_execute("SET lock_timeout = '60s'; INSERT INTO orders VALUES (3, 'c', 3, 1)")
                }));
            }
            Event::Retry { .. } if !gave_way => {
                behind.take().unwrap().join().unwrap().unwrap();
                behind = Some(thread::spawn(|| Ok(())));
                gave_way = true;
                if let Some(held) = held.take() {
                    held.commit().unwrap();
                }
            }
            _ => {}
        })
        .unwrap();
        assert!(gave_way);
        pair.assert_is(&pair.desired.catalog(), after);
    }
}
