//! Sessions in the way of a migration file: what a file was seen to lock on scratch decides who is asked for.

use postgres::Client;

use super::Site;
use crate::support::{ends, newest};

const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, note text)";
const UP: &str = "up --yes --approve critical --max-retries 0 --lock-timeout 200ms";

fn site(server: &str, files: &[(&str, &str)]) -> Site {
    let site = Site::new(server, files);
    site.database.execute(ORDERS);
    site
}

/// Opens a transaction that holds the weakest lock, of which nobody but a strong one takes notice.
fn reader(site: &Site) -> Client {
    let mut other = site.database.connect();
    other
        .batch_execute("SET application_name = 'reporting'; BEGIN; SELECT FROM shop.orders")
        .unwrap();
    other
}

const FILES: [(&str, &str); 3] = [
    ("001_new.sql", "CREATE TABLE public.new (id bigint);\n"),
    ("002_weak.sql", "ALTER TABLE shop.orders SET (fillfactor = 90);\n"),
    ("003_total.sql", "ALTER TABLE shop.orders ADD total numeric;\n"),
];

#[test]
fn a_file_is_refused_without_queueing_and_goes_on_later() {
    for (major, server) in ends() {
        let site = site(&server, &FILES);
        let mut reader = reader(&site);
        let (_, said) = site.run(&format!("{UP} --blockers refuse"), 5);
        for part in [
            "003_total.sql:1:1: others hold what it needs, and it did not queue behind them",
            "(`reporting`)",
            "nothing of 003_total lasts; 2 of 3 files before it are done",
        ] {
            assert!(said.contains(part), "PostgreSQL {major}: {part}\n{said}");
        }
        // What is remembered of a trial knows as much; who asks for it ends the session.
        let (_, said) = site.run(&format!("{UP} --blockers refuse"), 5);
        assert!(said.contains("(`reporting`)"), "{said}");
        let (_, said) = site.run(&format!("{UP} --blockers terminate"), 0);
        assert!(said.contains("ended: process "), "{said}");
        assert!(reader.batch_execute("COMMIT").is_err());
        assert_eq!(site.ledger().len(), 3);
    }
}

#[test]
fn the_environment_and_the_way_back_ask_too() {
    let mut site = site(&newest(), &FILES[2..]);
    site.write("003_total_rollback.sql", "ALTER TABLE shop.orders DROP total;\n");
    site.project.set("SHOP_URL", &site.database.url());
    site.project.write(
        "trueup.yaml",
        "environments:\n  near: {url_env: SHOP_URL, lock_timeout: 200ms, blockers: refuse}\n",
    );
    site.run("up --env near --yes", 0);
    let mut reader = reader(&site);
    let down = "down --env near --yes --approve critical --max-retries 0";
    let (_, said) = site.run(down, 5);
    assert!(said.contains("(`reporting`)"), "{said}");
    reader.batch_execute("COMMIT").unwrap();
    site.run(down, 0);
}

#[test]
fn a_concurrent_build_asks_for_old_snapshots_and_an_untried_file_says_so() {
    let build = "CREATE INDEX CONCURRENTLY orders_note ON shop.orders (note);\n";
    let site = site(&newest(), &[("001_index.sql", build)]);
    let mut other = site.database.connect();
    other
        .batch_execute("SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .unwrap();
    for how in ["", " --no-prove"] {
        let (_, said) = site.run(&format!("{UP} --blockers refuse{how}"), 5);
        assert!(said.contains("`report`"), "{how} {said}");
        let is_said = said.contains("nobody knows who would be in the way of 1 file");
        assert_eq!(is_said, !how.is_empty(), "{said}");
    }
    other.batch_execute("COMMIT").unwrap();
    site.run(UP, 0);
}
