//! The print of the catalogs: whatever changes a definition changes it, rows and upkeep do not.

use trueup::catalog::Fingerprint;
use trueup::db::Server;
use trueup::introspect::print;

use crate::support::{Database, Project, Proxy, servers};

const STATEMENTS: &[&str] = &[
    "CREATE SCHEMA s",
    "COMMENT ON SCHEMA s IS 'x'",
    "GRANT USAGE ON SCHEMA s TO PUBLIC",
    "CREATE TYPE s.mood AS ENUM ('a')",
    "ALTER TYPE s.mood ADD VALUE 'b'",
    "ALTER TYPE s.mood RENAME VALUE 'b' TO 'c'",
    "CREATE DOMAIN s.d AS integer",
    "ALTER DOMAIN s.d ADD CHECK (VALUE > 0)",
    "CREATE TYPE s.pair AS (a integer)",
    "ALTER TYPE s.pair ADD ATTRIBUTE b text",
    "CREATE TYPE s.span AS RANGE (subtype = integer)",
    "CREATE TABLE s.t (a integer, b text)",
    "ALTER TABLE s.t ADD COLUMN c integer",
    "ALTER TABLE s.t ALTER c SET DEFAULT 1",
    "ALTER TABLE s.t ALTER c SET DEFAULT 2",
    "ALTER TABLE s.t ALTER c SET NOT NULL",
    "ALTER TABLE s.t ALTER a TYPE bigint",
    "ALTER TABLE s.t ALTER b SET STATISTICS 10",
    "ALTER TABLE s.t ADD PRIMARY KEY (a)",
    "ALTER TABLE s.t ADD CHECK (c > 0) NOT VALID",
    "ALTER TABLE s.t VALIDATE CONSTRAINT t_c_check",
    "ALTER TABLE s.t SET (fillfactor = 70)",
    "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON s.t USING (true)",
    "ALTER POLICY p ON s.t USING (false)",
    "ALTER TABLE s.t REPLICA IDENTITY FULL",
    "CREATE INDEX i ON s.t (b)",
    "ALTER INDEX s.i RENAME TO j",
    "CREATE STATISTICS s.st ON a, c FROM s.t",
    "CREATE SEQUENCE s.q",
    "ALTER SEQUENCE s.q INCREMENT 5",
    "ALTER SEQUENCE s.q OWNED BY s.t.a",
    "CREATE VIEW s.v AS SELECT a FROM s.t",
    "CREATE OR REPLACE VIEW s.v AS SELECT a FROM s.t WHERE a > 1",
    "CREATE MATERIALIZED VIEW s.m AS SELECT a FROM s.t",
    "CREATE RULE r AS ON DELETE TO s.v DO INSTEAD NOTHING",
    "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE OR REPLACE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER g BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()",
    "ALTER TABLE s.t DISABLE TRIGGER g",
    "CREATE TABLE s.p (a integer) PARTITION BY LIST (a)",
    "CREATE TABLE s.p1 (a integer)",
    "ALTER TABLE s.p ATTACH PARTITION s.p1 FOR VALUES IN (1)",
    "ALTER TABLE s.p DETACH PARTITION s.p1",
    "CREATE PUBLICATION pub FOR TABLE s.t",
    "ALTER PUBLICATION pub ADD TABLE s.p1",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE SERVER srv FOREIGN DATA WRAPPER w",
    "CREATE FOREIGN TABLE s.ft (a integer) SERVER srv",
    "ALTER FOREIGN TABLE s.ft OPTIONS (x 'y')",
    "CREATE COLLATION s.c FROM \"C\"",
    "CREATE TEXT SEARCH DICTIONARY s.dict (TEMPLATE = simple)",
    "CREATE TEXT SEARCH CONFIGURATION s.conf (PARSER = default)",
    "ALTER TEXT SEARCH CONFIGURATION s.conf ADD MAPPING FOR word WITH simple",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "GRANT SELECT (a) ON s.t TO PUBLIC",
    "REVOKE SELECT (a) ON s.t FROM PUBLIC",
    "COMMENT ON COLUMN s.t.a IS 'x'",
    "COMMENT ON COLUMN s.t.a IS NULL",
    "DROP VIEW s.v",
    "DROP TABLE s.p1",
    "DROP SCHEMA s CASCADE",
];

fn of(database: &Database) -> Option<Fingerprint> {
    let mut client = database.connect();
    let server = Server::read(&mut client).unwrap();
    print(&mut client, &server).unwrap()
}

#[test]
fn every_change_of_a_definition_changes_the_print() {
    for (major, server) in servers() {
        let database = Database::new(&server);
        let mut client = database.connect();
        let facts = Server::read(&mut client).unwrap();
        let mut before = print(&mut client, &facts).unwrap().unwrap();
        for statement in STATEMENTS {
            client.batch_execute(statement).unwrap();
            let after = print(&mut client, &facts).unwrap().unwrap();
            assert_ne!(before, after, "PostgreSQL {major}: {statement}");
            before = after;
        }
    }
}

#[test]
fn rows_and_upkeep_do_not_change_the_print() {
    let (_, server) = &servers()[0];
    let database = Database::with(server, "CREATE TABLE t (a serial PRIMARY KEY, b text)");
    let before = of(&database);
    assert!(before.is_some());
    database.execute("INSERT INTO t (b) SELECT 'x' FROM generate_series(1, 1000); DELETE FROM t WHERE a < 500");
    database.execute("VACUUM t");
    assert_eq!(of(&database), before);
    let other = Database::with(server, "CREATE TABLE t (a serial PRIMARY KEY, b text)");
    assert_ne!(of(&other), before, "another database is another state");
}

#[test]
fn what_is_known_to_agree_is_not_read_again() {
    let (major, server) = servers().pop().unwrap();
    let database = Database::with(&server, "CREATE TABLE t (a int PRIMARY KEY)");
    let target = "-- trueup: waive TU101 until 2020-01-01: gone\nCREATE TABLE t (a int PRIMARY KEY);";
    let proxy = Proxy::new(&server);
    let mut project = Project::of(&database, major, &[("schema/t.sql", target)]);
    project.set(
        "DATABASE_URL",
        &format!("{}?sslmode=disable", proxy.address(database.name())),
    );
    let plan = |code: i32| {
        let out = project.run("plan --exit-code --format json").expect(code);
        (out, proxy.round_trips())
    };
    let (first, whole) = plan(0);
    let (second, known) = plan(0);
    assert_eq!(first, second, "the plan is the same, its notes included");
    assert!(
        known <= 10 && known * 3 < whole,
        "{known} round trips where the first plan took {whole}"
    );

    database.execute("INSERT INTO t VALUES (1)");
    assert_eq!(plan(0), (first.clone(), known), "rows are no definitions");
    database.execute("ALTER TABLE t ADD COLUMN b text");
    plan(2);
    database.execute("ALTER TABLE t DROP COLUMN b");
    let (dropped, again) = plan(0);
    assert_eq!(dropped, first);
    assert!(again > known, "a dropped column leaves a trace in the catalogs");
    project.write("schema/t.sql", "CREATE TABLE t (a int PRIMARY KEY, b text);");
    plan(2);
}
