//! Reading a database takes the same number of round trips whatever is in it.

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
