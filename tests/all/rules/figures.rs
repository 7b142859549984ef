//! Figures of live tables: they never wait for a lock, follow renames, and raise or lower levels.

use std::time::{Duration, Instant};

use trueup::catalog::Identity;
use trueup::diff::Rename;
use trueup::kinds::Kind;
use trueup::risk::{Size, statistics};

use crate::support::{Database, newest, servers};

fn table(name: &str) -> Identity {
    Identity::new(Kind::Table, ["public", name])
}

const TABLES: &str = "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE INDEX i ON a (n);
    INSERT INTO a SELECT n, nullif(n % 4, 0) FROM generate_series(1, 1000) n;
    CREATE TABLE nothing (id int);
    CREATE TABLE p (id int) PARTITION BY LIST (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
    INSERT INTO p VALUES (1), (2), (2);
    CREATE TABLE mother (id int); CREATE TABLE child () INHERITS (mother); INSERT INTO child VALUES (1);
    CREATE SEQUENCE s; SELECT setval('s', 7);
    ANALYZE;";

#[test]
fn what_is_read() {
    for (major, server) in servers() {
        let database = Database::with(&server, TABLES);
        let column = Identity::new(Kind::Column, ["public", "a", "n"]);
        let sequence = Identity::new(Kind::Sequence, ["public", "s"]);
        let index = Identity::new(Kind::Index, ["public", "i"]);
        let mut asked = ["a", "nothing", "p", "mother", "missing"].map(table).to_vec();
        asked.extend([column.clone(), sequence.clone(), index.clone()]);
        let found = statistics(&mut database.connect(), &asked.into_iter().collect(), &[]).unwrap();
        let a = found.get(&table("a")).unwrap();
        assert_eq!(
            (a.rows, a.indexes, a.measured),
            (Some(1000), 2, true),
            "PostgreSQL {major}"
        );
        assert!(
            a.bytes > a.heap_bytes + a.index_bytes - 1 && a.index_bytes >= 4 * 8192,
            "{a:?}"
        );
        assert_eq!(a.analyzed_days_ago, Some(0));
        assert_eq!(found.size(&table("nothing")), Size::Empty);
        // Once, not once for the table and once for its partitions.
        assert_eq!(found.get(&table("p")).unwrap().rows, Some(3), "PostgreSQL {major}");
        assert_eq!(found.size(&table("mother")), Size::Small);
        assert_eq!(found.size(&table("missing")), Size::Unknown);
        assert!((found.nulls(&column).unwrap() - 0.25).abs() < 0.01);
        assert_eq!(found.values().collect::<Vec<_>>(), [(&sequence, 7)]);
        assert_eq!(found.uses(&index), Some(0));
    }
}

#[test]
fn a_locked_table_is_not_waited_for() {
    for (major, server) in servers() {
        let database = Database::with(&server, TABLES);
        for locks in [
            "LOCK TABLE a, nothing, p2",
            "LOCK TABLE a; LOCK TABLE nothing; LOCK TABLE p1; SELECT nextval('s')",
        ] {
            let mut holder = database.connect();
            let mut transaction = holder.transaction().unwrap();
            transaction.batch_execute(locks).unwrap();
            let begun = Instant::now();
            let asked = ["a", "nothing", "p", "mother"].map(table).into_iter().collect();
            let found = statistics(&mut database.connect(), &asked, &[]).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(20), "PostgreSQL {major}");
            assert!(!found.get(&table("a")).unwrap().measured);
            assert_eq!(found.size(&table("a")), Size::Small);
            assert_eq!(
                found.size(&table("nothing")),
                Size::Unknown,
                "somebody may be filling it"
            );
            assert!(found.get(&table("mother")).unwrap().measured);
            transaction.rollback().unwrap();
        }
    }
}

#[test]
fn a_renamed_table_has_its_figures() {
    let database = Database::with(&newest(), TABLES);
    let renames = [Rename {
        from: table("a"),
        to: table("b"),
        subject: table("b"),
        forward: Vec::new(),
        rollback: Vec::new(),
    }];
    let found = statistics(&mut database.connect(), &[table("b")].into(), &renames).unwrap();
    assert_eq!(found.get(&table("b")).unwrap().rows, Some(1000));
}
