//! Comments, owners, privileges and default privileges. The grantees are roles that every server has.

use trueup::catalog::Catalog;
use trueup::desired::write::sql_script;

use super::{case, walk};
use crate::support::{Database, servers};

#[test]
fn comments_on_everything() {
    let objects = "
        CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('a'); CREATE TYPE s.c AS (x int);
        CREATE DOMAIN s.d AS int CONSTRAINT positive CHECK (VALUE > 0); CREATE SEQUENCE s.q;
        CREATE TABLE s.t (id int GENERATED ALWAYS AS IDENTITY, n serial, a int NOT NULL, \"B\" text,
            CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT u UNIQUE (a), CONSTRAINT ck CHECK (a > 0),
            CONSTRAINT fk FOREIGN KEY (a) REFERENCES s.t (id));
        CREATE INDEX i ON s.t (a); CREATE STATISTICS s.st ON a, n FROM s.t;
        CREATE VIEW s.v AS SELECT a FROM s.t; CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one;
        CREATE FUNCTION s.f(a int, VARIADIC b text[]) RETURNS int LANGUAGE sql AS 'select 1';
        CREATE FUNCTION s.g() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
        CREATE PROCEDURE s.p(a int) LANGUAGE sql AS 'select 1';
        CREATE AGGREGATE s.count(*) (sfunc = int8inc, stype = int8, initcond = '0');
        CREATE TRIGGER tr BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.g();
        CREATE POLICY po ON s.t USING (true); CREATE RULE ru AS ON DELETE TO s.t DO INSTEAD NOTHING;";
    let comments = "
        COMMENT ON SCHEMA s IS 'schema'; COMMENT ON TYPE s.e IS 'enum'; COMMENT ON TYPE s.c IS 'composite';
        COMMENT ON COLUMN s.c.x IS 'attribute'; COMMENT ON DOMAIN s.d IS 'domain';
        COMMENT ON CONSTRAINT positive ON DOMAIN s.d IS 'check of a domain'; COMMENT ON SEQUENCE s.q IS 'sequence';
        COMMENT ON SEQUENCE s.t_id_seq IS 'of an identity'; COMMENT ON TABLE s.t IS E'it''s \\\\ two\\nlines';
        COMMENT ON COLUMN s.t.\"B\" IS 'column'; COMMENT ON CONSTRAINT pk ON s.t IS 'key';
        COMMENT ON INDEX s.pk IS 'index of the key'; COMMENT ON CONSTRAINT u ON s.t IS 'unique';
        COMMENT ON CONSTRAINT ck ON s.t IS 'check'; COMMENT ON CONSTRAINT fk ON s.t IS 'foreign key';
        COMMENT ON INDEX s.i IS 'index'; COMMENT ON STATISTICS s.st IS 'statistics'; COMMENT ON VIEW s.v IS 'view';
        COMMENT ON COLUMN s.v.a IS 'column of a view'; COMMENT ON MATERIALIZED VIEW s.m IS 'materialized';
        COMMENT ON COLUMN s.m.one IS 'its column'; COMMENT ON FUNCTION s.f(int, text[]) IS 'function';
        COMMENT ON PROCEDURE s.p(int) IS 'procedure'; COMMENT ON AGGREGATE s.count(*) IS 'aggregate';
        COMMENT ON TRIGGER tr ON s.t IS 'trigger'; COMMENT ON POLICY po ON s.t IS 'policy';
        COMMENT ON RULE ru ON s.t IS 'rule';";
    case(
        objects,
        &format!("{objects}{comments}"),
        &["COMMENT ON INDEX s.pk IS"],
        &["NULL"],
    );
    case(
        "",
        &format!("{objects}{comments}"),
        &["COMMENT ON AGGREGATE s.count(*) IS"],
        &[],
    );
}

#[test]
fn comments_survive_a_rebuild() {
    case(
        "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; COMMENT ON VIEW v IS 'v';
         COMMENT ON COLUMN v.a IS 'a'; GRANT SELECT ON v TO pg_monitor; ALTER VIEW v OWNER TO pg_read_all_stats;",
        "CREATE TABLE t (a text); CREATE VIEW v AS SELECT a FROM t; COMMENT ON VIEW v IS 'v';
         COMMENT ON COLUMN v.a IS 'a'; GRANT SELECT ON v TO pg_monitor; ALTER VIEW v OWNER TO pg_read_all_stats;",
        &[
            "COMMENT ON VIEW public.v IS 'v'",
            "COMMENT ON COLUMN public.v.a IS 'a'",
            "GRANT SELECT ON TABLE public.v TO pg_monitor",
            "ALTER VIEW public.v OWNER TO pg_read_all_stats",
        ],
        &["IS NULL", "REVOKE"],
    );
}

#[test]
fn owners_and_what_follows_them() {
    case(
        "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';
         ALTER TABLE t OWNER TO pg_monitor; GRANT SELECT ON t TO pg_read_all_stats;",
        "CREATE TABLE t (a int, n serial); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';
         ALTER TABLE t OWNER TO pg_read_all_stats; ALTER FUNCTION f OWNER TO pg_monitor;
         CREATE TYPE e AS ENUM ('a'); ALTER TYPE e OWNER TO pg_monitor;
         CREATE AGGREGATE c(*) (sfunc = int8inc, stype = int8, initcond = '0'); ALTER AGGREGATE c(*) OWNER TO pg_monitor;",
        &["ALTER SEQUENCE public.t_n_seq OWNER TO pg_monitor", "ALTER AGGREGATE public.c(*) OWNER TO pg_monitor"],
        &[],
    );
}

#[test]
fn privileges_of_every_sort() {
    let objects = "
        CREATE SCHEMA s; CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY, b text, c text); CREATE SEQUENCE s.q;
        CREATE VIEW s.v AS SELECT a, b FROM s.t; CREATE TYPE s.e AS ENUM ('a'); CREATE DOMAIN s.d AS int;
        CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'select 1'; CREATE PROCEDURE s.p() LANGUAGE sql AS 'select 1';
        CREATE AGGREGATE s.c(*) (sfunc = int8inc, stype = int8, initcond = '0');";
    let before = "
        GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT, INSERT ON s.t TO pg_monitor; GRANT UPDATE (b) ON s.t TO pg_monitor;
        GRANT SELECT (b), INSERT (b) ON s.t TO pg_monitor; GRANT ALL ON s.v TO pg_monitor WITH GRANT OPTION;
        REVOKE DELETE ON s.t FROM CURRENT_USER;";
    let after = "
        GRANT SELECT (b), UPDATE (b), UPDATE (c) ON s.t TO pg_monitor; GRANT SELECT (a) ON s.v TO pg_monitor;
        GRANT INSERT ON s.v TO pg_monitor; GRANT USAGE ON SEQUENCE s.q, s.t_a_seq TO pg_monitor;
        REVOKE ALL ON FUNCTION s.f FROM PUBLIC; GRANT EXECUTE ON FUNCTION s.f TO pg_monitor;
        GRANT EXECUTE ON PROCEDURE s.p TO pg_monitor WITH GRANT OPTION; REVOKE ALL ON FUNCTION s.c() FROM PUBLIC;
        REVOKE USAGE ON TYPE s.e FROM PUBLIC; GRANT USAGE ON DOMAIN s.d TO pg_monitor;
        REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC; GRANT SELECT ON pg_authid TO pg_monitor;";
    case(
        &format!("{objects}{before}"),
        &format!("{objects}{after}"),
        &["GRANT DELETE ON TABLE s.t TO", "REVOKE USAGE ON TYPE s.e FROM PUBLIC"],
        &[],
    );
}

#[test]
fn default_privileges_do_not_leak_into_what_a_plan_creates() {
    let objects = "
        CREATE SCHEMA s; CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY, n serial); CREATE VIEW s.v AS SELECT 1 AS x;
        CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'select 1'; CREATE TYPE s.e AS ENUM ('a'); GRANT INSERT ON s.t TO pg_monitor;";
    let defaults = "
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO pg_monitor;
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO pg_monitor; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
        ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;";
    // Declared before and after the defaults: with and without the grants that come from them.
    case(
        defaults,
        &format!("{objects}{defaults}"),
        &["REVOKE SELECT ON TABLE s.v FROM pg_monitor"],
        &[],
    );
    case(
        defaults,
        &format!("{defaults}{objects}"),
        &["GRANT SELECT ON TABLE s.v TO pg_monitor"],
        &[],
    );
    // In force when the plan starts, and gone when it ends.
    case(defaults, objects, &["GRANT EXECUTE ON FUNCTION s.f() TO PUBLIC"], &[]);
}

#[test]
fn default_privileges_of_roles_and_schemas() {
    case(
        "CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor IN SCHEMA s GRANT SELECT, INSERT ON TABLES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor REVOKE ALL ON TABLES FROM pg_monitor;",
        "CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor IN SCHEMA s GRANT SELECT ON TABLES TO pg_read_all_stats WITH GRANT OPTION;
         ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
         CREATE SCHEMA s2; ALTER DEFAULT PRIVILEGES IN SCHEMA s2 GRANT ALL ON SEQUENCES TO pg_monitor;",
        &["ALTER DEFAULT PRIVILEGES FOR ROLE pg_monitor GRANT ALL ON TABLES TO pg_monitor"],
        &[],
    );
}

#[test]
fn public_has_its_own_privileges_again_after_the_schema_public_was_dropped() {
    for (_, server) in servers() {
        let (live, other) = (
            Database::with(&server, "DROP SCHEMA public"),
            Database::with(&server, ""),
        );
        let (bare, whole): (Catalog, Catalog) = (live.catalog(), other.catalog());
        walk(&live, &whole);
        walk(&live, &bare);
    }
}

#[test]
fn a_script_says_how_the_schema_public_differs() {
    for (_, server) in servers() {
        for changes in [
            "",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; COMMENT ON SCHEMA public IS NULL;",
            "ALTER SCHEMA public OWNER TO pg_monitor; GRANT CREATE ON SCHEMA public TO PUBLIC, pg_read_all_stats;",
            "COMMENT ON SCHEMA public IS 'ours'; ALTER SCHEMA public OWNER TO CURRENT_USER;",
        ] {
            let database = Database::with(&server, changes);
            let catalog = database.catalog();
            let script = sql_script(&catalog);
            assert_eq!(script.is_empty(), changes.is_empty(), "{script}");
            assert_eq!(
                Database::with(&server, &script).catalog().objects,
                catalog.objects,
                "{script}"
            );
        }
    }
}
