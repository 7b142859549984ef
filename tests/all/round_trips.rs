//! Reading a database takes the same number of round trips whatever is in it.

use std::thread::sleep;
use std::time::Duration;

use trueup::introspect::{Options, introspect};

use crate::support::{Database, Proxy, servers};

/// Everything that a reader might be tempted to ask about one by one, some number of times.
fn objects(count: usize) -> String {
    let mut sql = String::from("CREATE EXTENSION IF NOT EXISTS plpgsql;");
    for n in 0..count {
        sql += &format!(
            "CREATE SCHEMA s{n};
             CREATE TYPE s{n}.e AS ENUM ('a', 'b');
             CREATE DOMAIN s{n}.d AS int CHECK (VALUE > 0);
             CREATE TYPE s{n}.c AS (a int, b text);
             CREATE TABLE s{n}.p (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, e s{n}.e DEFAULT 'a', d s{n}.d,
                 n int NOT NULL DEFAULT {n}, t text COLLATE \"C\", CHECK (n > 0), UNIQUE (n));
             CREATE TABLE s{n}.f (id bigint REFERENCES s{n}.p) PARTITION BY RANGE (id);
             CREATE TABLE s{n}.f1 PARTITION OF s{n}.f FOR VALUES FROM (0) TO (10);
             CREATE INDEX ON s{n}.p (lower(t)) WHERE n > 1;
             CREATE STATISTICS s{n}.st ON n, t FROM s{n}.p;
             CREATE VIEW s{n}.v AS SELECT * FROM s{n}.p;
             CREATE MATERIALIZED VIEW s{n}.m AS SELECT * FROM s{n}.v;
             CREATE FUNCTION s{n}.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER g BEFORE INSERT ON s{n}.p FOR EACH ROW EXECUTE FUNCTION s{n}.g();
             CREATE RULE r AS ON DELETE TO s{n}.p DO INSTEAD NOTHING;
             CREATE POLICY y ON s{n}.p USING (n > 0);
             COMMENT ON TABLE s{n}.p IS 'a';
             GRANT SELECT ON s{n}.p TO PUBLIC;\n"
        );
    }
    sql
}

fn trips(server: &str, count: usize) -> (usize, usize) {
    let database = Database::with(server, &objects(count));
    let proxy = Proxy::new(server);
    let one = Options { connections: 1 };
    let (_, catalog) = introspect(&proxy.url(database.name()), one).unwrap();
    assert!(catalog.objects.len() > count * 20, "{} objects", catalog.objects.len());
    (proxy.round_trips(), proxy.connections())
}

#[test]
fn round_trips_do_not_grow_with_the_number_of_objects() {
    for (major, server) in servers() {
        let few = trips(&server, 2);
        assert!(few.0 > 10, "the proxy sees what passes");
        assert_eq!(trips(&server, 120), few, "PostgreSQL {major}");
    }
}

#[test]
fn a_large_database_is_read_through_two_connections() {
    let (_, server) = servers().pop().unwrap();
    let database = Database::with(&server, &objects(120));
    let proxy = Proxy::new(&server);
    let url = proxy.url(database.name());
    let (_, shared) = introspect(&url, Options { connections: 2 }).unwrap();
    assert_eq!(proxy.connections(), 2);
    let together = proxy.round_trips();
    let (_, alone) = introspect(&url, Options { connections: 1 }).unwrap();
    // The second one opens the snapshot that the first one has exported.
    assert!(together <= proxy.round_trips() + 3);
    assert_eq!(shared.fingerprint(), alone.fingerprint());
}

/// Returns how many rows of each system catalog a reader fetches.
fn rows_fetched(server: &str, count: usize) -> Vec<(String, i64)> {
    let database = Database::with(server, &objects(count));
    let fetched = "SELECT relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_catalog.pg_stat_sys_tables
                   WHERE schemaname = 'pg_catalog' ORDER BY 1";
    let read = || -> Vec<(String, i64)> {
        let mut client = database.connect();
        let others = "SELECT count(*) FROM pg_catalog.pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        // A session's figures are there when it has ended.
        while client.query_one(others, &[]).unwrap().get::<_, i64>(0) > 0 {
            sleep(Duration::from_millis(10));
        }
        let rows = client.query(fetched, &[]).unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let before = read();
    introspect(&database.target(), Options { connections: 1 }).unwrap();
    read()
        .into_iter()
        .zip(before)
        .map(|((name, after), (_, before))| (name, after - before))
        .collect()
}

/// The server has no statistics about the catalogs of a database that was made or restored a moment ago, and takes a few
/// rows for granted.
#[test]
fn what_is_read_grows_no_faster_than_the_database_where_nobody_has_analysed_it() {
    // Before 15 a process of its own collects the figures, some time later.
    let Some((_, server)) = servers().into_iter().rfind(|(major, _)| *major >= 15) else {
        return;
    };
    let few = rows_fetched(&server, 60);
    let many = rows_fetched(&server, 240);
    assert!(
        few.iter().any(|(name, rows)| name == "pg_class" && *rows > 1000),
        "{few:?}"
    );
    for ((name, few), (_, many)) in few.into_iter().zip(many) {
        // A catalog of a few pages is read whole where an index would cost as much; schemas have the fewest.
        let most = few * 6 + if name == "pg_namespace" { 250_000 } else { 70_000 };
        assert!(many <= most, "{name}: {few} rows of 60 schemas, {many} of 240");
    }
}
