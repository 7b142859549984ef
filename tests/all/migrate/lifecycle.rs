//! Up, down, status, and what stands in the way.

use super::Site;
use crate::support::{Proxy, newest, servers};

const FILES: [(&str, &str); 4] = [
    (
        "001_users.sql",
        "-- Description: people\n-- Author: ann\nCREATE TABLE users (id int PRIMARY KEY);\n",
    ),
    ("001_users_rollback.sql", "DROP TABLE users;\n"),
    (
        "002_orders.sql",
        "CREATE TABLE orders (id int PRIMARY KEY, owner int REFERENCES users);\n\
         CREATE INDEX CONCURRENTLY orders_owner ON orders (owner);\n",
    ),
    ("002_orders_rollback.sql", "DROP TABLE orders;\n"),
];

#[test]
fn files_go_up_and_down_on_every_server() {
    for (major, server) in servers() {
        let site = Site::new(&server, &FILES);
        let (plan, _) = site.run("up --dry-run", 0);
        assert!(plan.contains("CREATE INDEX CONCURRENTLY"), "{plan}");
        assert_eq!(site.tables(), "", "PostgreSQL {major}");
        let (_, err) = site.run("up --yes", 0);
        assert!(err.contains("tried on a scratch copy"), "{err}");
        assert_eq!(site.tables(), "orders users");
        assert_eq!(site.ledger(), ["001 applied 1 1/1", "002 applied 1 2/2"]);
        let (out, _) = site.run("status", 0);
        assert!(
            out.contains("2 migrations, 2 applied, 0 pending, last applied 002_orders."),
            "{out}"
        );
        assert!(site.run("up --yes", 0).1.contains("nothing to do"));
        site.run("down --yes", 0);
        assert_eq!(site.tables(), "users");
        site.run("up --yes", 0);
        site.run("down --yes --batch", 0);
        assert_eq!(site.tables(), "users");
        site.run("up --yes --steps 1", 0);
        site.run("down --yes --to 0 --no-prove", 0);
        assert_eq!(site.tables(), "");
        let (out, _) = site.run("status --exit-code", 2);
        assert!(out.contains("Taken back: 001_users"), "{out}");
        let history = site.project.run("history").expect(0);
        assert!(history.contains("migrate down  succeeded  2 statements"), "{history}");
    }
}

#[test]
fn the_ledger_keeps_the_rollback_as_it_was() {
    let site = Site::new(&newest(), &FILES);
    site.run("up --yes --no-prove --to 1", 0);
    site.write("001_users_rollback.sql", "DROP TABLE nothing;\n");
    site.run("down --yes", 0);
    assert_eq!(site.tables(), "");
    site.write("001_users_rollback.sql", "DROP TABLE users;\n");
    site.run("up --yes --no-prove", 0);
    site.remove("002_orders.sql");
    site.remove("002_orders_rollback.sql");
    let (out, _) = site.run("status", 0);
    assert!(out.contains("missing") && out.contains("its file is gone"), "{out}");
    assert!(site.run("up", 1).1.contains("002_orders was applied on"));
    site.run("down --yes", 0);
    assert_eq!(site.tables(), "users");
}

#[test]
fn comments_and_white_space_are_no_change_and_the_rest_needs_a_reason() {
    let site = Site::new(&newest(), &FILES);
    site.run("up --yes --no-prove", 0);
    site.write(
        "001_users.sql",
        "create table users(id  int primary key) -- as before\n",
    );
    assert!(!site.run("status", 0).0.contains("divergent"));
    site.write("001_users.sql", "CREATE TABLE users (id bigint PRIMARY KEY);\n");
    assert!(site.run("status", 0).0.contains("divergent"));
    let (_, err) = site.run("up", 1);
    assert!(err.contains("001_users.sql was changed after it was applied"), "{err}");
    assert!(err.contains("trueup migrate repair 001 --reason TEXT"), "{err}");
    site.run("repair 002 --reason x", 1);
    site.run("repair 001 --reason widened-by-hand", 0);
    assert!(site.run("up", 0).1.contains("nothing to do"));
    let note = site
        .database
        .text("SELECT note FROM trueup.migration WHERE version = '001'");
    assert!(note.ends_with("postgres: widened-by-hand"), "{note}");
}

#[test]
fn branches_that_meet_are_named_and_renumbered() {
    let site = Site::new(&newest(), &FILES);
    site.run("up --yes --no-prove", 0);
    site.write("002_invoices.sql", "CREATE TABLE invoices ();\n");
    let (_, err) = site.run("up", 1);
    assert!(err.contains("version 002 is given twice"), "{err}");
    assert!(err.contains("renumber migrations/002_invoices.sql"), "{err}");
    let (made, _) = site.run("renumber migrations/002_invoices.sql", 0);
    assert_eq!(made, "migrations/003_invoices.sql\n");
    site.run("up --yes --no-prove", 0);
    site.write("0002.5_notes.sql", "CREATE TABLE notes ();\n");
    let (_, err) = site.run("up", 1);
    assert!(err.contains("0002.5_notes.sql is older than 003_invoices"), "{err}");
    assert!(site.run("status", 0).0.contains("out of order"));
    site.run("up --yes --no-prove --allow-out-of-order", 0);
    assert_eq!(site.tables(), "invoices notes orders users");
}

#[test]
fn dependencies_and_orphans_stop() {
    let site = Site::new(&newest(), &[("001_a.sql", "-- Depends-On: 002\nCREATE TABLE a ();\n")]);
    assert!(
        site.run("up", 1)
            .1
            .contains("depends on 002, for which there is no file")
    );
    site.write("002_b.sql", "CREATE TABLE b ();\n");
    assert!(site.run("up", 1).1.contains("depends on 002, which comes after it"));
    site.write("001_a.sql", "CREATE TABLE a ();\n");
    site.write("003_c_rollback.sql", "DROP TABLE c;\n");
    assert!(site.run("up", 1).1.contains("takes back a migration that is not there"));
}

#[test]
fn one_file_alone_and_a_baseline() {
    let site = Site::new(&newest(), &FILES);
    site.database.execute("CREATE TABLE users (id int PRIMARY KEY)");
    assert_eq!(site.run("baseline 001", 0).0, "001_users: recorded as applied\n");
    assert!(site.run("baseline 002", 1).1.contains("001_users is applied already"));
    assert!(site.run("status", 0).0.contains("applied (baseline)"));
    site.write("003_notes.sql", "CREATE TABLE notes ();\n");
    site.write("003_notes_rollback.sql", "DROP TABLE notes;\n");
    site.run("run 003_notes.sql --yes", 0);
    assert_eq!(site.tables(), "notes users");
    site.run("run 003 --rollback --yes", 0);
    assert_eq!(site.tables(), "users");
    assert!(
        site.run("run other.sql", 1)
            .1
            .contains("`other.sql` is no migration of")
    );
    site.run("up --yes --no-prove", 0);
    assert_eq!(site.tables(), "notes orders users");
}

#[test]
fn new_files_follow_the_layout() {
    let site = Site::new(&newest(), &[]);
    let (made, _) = site.run("new Add-users", 0);
    assert_eq!(
        made,
        "migrations/001_add_users.sql\nmigrations/001_add_users_rollback.sql\n"
    );
    site.project
        .write("template.sql", "-- Description: {name} by {author}, {version}\n");
    site.run("new second --template template.sql", 0);
    let text = site.project.read("migrations/002_second.sql");
    assert!(
        text.starts_with("-- Description: second by ") && text.ends_with(", 002\n"),
        "{text}"
    );
    site.run("new thing_rollback", 1);
    let (made, _) = site.run("new x --dir other --layout up-down", 0);
    assert!(
        made.lines()
            .all(|line| line.ends_with("_x.up.sql") || line.ends_with("_x.down.sql")),
        "{made}"
    );
    let (made, _) = site.run("new y --dir fly --layout flyway", 0);
    assert_eq!(made, "fly/V1__y.sql\nfly/U1__y.sql\n");
    let (out, _) = site.run("list --dir fly", 0);
    assert!(out.starts_with("Layout: flyway\n"), "{out}");
}

#[test]
fn one_transaction_for_all_or_for_none() {
    let site = Site::new(
        &newest(),
        &[
            ("001_a.sql", "CREATE TABLE a ();\n"),
            ("002_b.sql", "CREATE TABLE b (); CREATE TABLE a ();\n"),
        ],
    );
    site.run("up --yes --no-prove --transaction batch", 5);
    assert_eq!((site.tables().as_str(), site.ledger().len()), ("", 0));
    site.run("up --yes --no-prove --transaction none", 5);
    assert_eq!(site.tables(), "a b");
    assert_eq!(site.ledger(), ["001 applied 1 1/1", "002 partial 1 1/2"]);
    let (_, err) = site.run("up --yes --no-prove", 5);
    assert!(
        err.contains("migrations/002_b.sql:1:20: relation \"a\" already exists"),
        "{err}"
    );
    assert!(err.contains("1 of 2 statements of 002_b are done and stay"), "{err}");
}

#[test]
fn a_machine_reads_what_ran() {
    let site = Site::new(&newest(), &FILES);
    let (out, _) = site.run(
        "up --yes --no-prove --format json --log log.jsonl --metrics trueup.prom --log-file all.jsonl --log-format json",
        0,
    );
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["migrations"][1]["migration"], "002_orders");
    let log = site.project.read("log.jsonl");
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["type"], &line["action"]),
        (&"migration".into(), &"applied".into())
    );
    assert_eq!(line["checksum"].as_str().unwrap().len(), 64);
    let metrics = site.project.read("trueup.prom");
    assert!(
        metrics.contains("trueup_migrations{action=\"applied\"} 2\n"),
        "{metrics}"
    );
    assert!(!metrics.contains(" -0"), "{metrics}");
    let all = site.project.read("all.jsonl");
    let events: Vec<serde_json::Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended = events
        .iter()
        .filter(|event| event["event"] == "migration" && event["action"] == "applied");
    assert_eq!(ended.count(), 2, "{all}");
    let (out, _) = site.run("status --format json", 0);
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&status["applied"], &status["pending"]), (&2.into(), &0.into()));
}

#[test]
fn many_files_take_as_many_round_trips_as_few() {
    let trips = |count: usize| {
        let site = Site::new(&newest(), &[]);
        for number in 1..=count {
            site.write(&format!("{number:04}_t.sql"), &format!("CREATE TABLE t{number} ();\n"));
        }
        let proxy = Proxy::new(&newest());
        let mut project = crate::support::Project::new(&format!("trips-{}-{count}", site.database.name()), &[]);
        let url = format!("{}?sslmode=disable", proxy.address(site.database.name()));
        project.set("DATABASE_URL", &url);
        let folder = site.project.path("migrations").display().to_string();
        let each = |command: &str| {
            project.run(&format!("migrate {command} --dir {folder}")).expect(0);
            (proxy.round_trips(), proxy.connections())
        };
        (each("up --yes --no-prove").0, each("status"), each("up"))
    };
    let (few, many) = (trips(3), trips(45));
    assert_eq!((few.1, few.2), (many.1, many.2));
    // Files that are over at once share a message; somebody who looks who blocks it may come in between.
    assert!(
        many.0 < few.0 + 20,
        "{} round trips for 3 files, {} for 45",
        few.0,
        many.0
    );
}
