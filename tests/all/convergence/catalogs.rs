//! What stands beside tables and routines: languages, operators, text search, foreign data, replication, base types.

use super::{case, walk};
use crate::support::{Database, servers};

#[test]
fn languages_casts_transforms_and_access_methods() {
    let handler = "CREATE SCHEMA s; CREATE FUNCTION s.h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
        CREATE TYPE s.e AS ENUM ('x'); CREATE FUNCTION s.e2i(s.e) RETURNS int LANGUAGE sql IMMUTABLE AS 'select 1';";
    case(
        &format!("{handler} CREATE LANGUAGE mine HANDLER s.h; CREATE CAST (s.e AS int) WITH FUNCTION s.e2i(s.e);"),
        &format!(
            "{handler} CREATE TRUSTED LANGUAGE mine HANDLER s.h; COMMENT ON LANGUAGE mine IS 'l';
             REVOKE USAGE ON LANGUAGE mine FROM PUBLIC;
             CREATE CAST (s.e AS int) WITH FUNCTION s.e2i(s.e) AS IMPLICIT; CREATE CAST (s.e AS text) WITH INOUT AS ASSIGNMENT;
             COMMENT ON CAST (s.e AS int) IS 'c';
             CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
             COMMENT ON TRANSFORM FOR int LANGUAGE sql IS 't';
             CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE s.t (a int) USING heap2;
             CREATE DEFAULT CONVERSION s.k FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;"
        ),
        &["CREATE OR REPLACE TRUSTED LANGUAGE mine"],
        &[],
    );
}

#[test]
fn operators_and_their_classes() {
    let functions = "CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('x');
        CREATE FUNCTION s.lt(s.e, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'select true';
        CREATE FUNCTION s.gt(int, s.e) RETURNS bool LANGUAGE sql IMMUTABLE AS 'select true';";
    case(
        &format!(
            "{functions} CREATE OPERATOR s.<< (FUNCTION = s.lt, LEFTARG = s.e, RIGHTARG = int);
             CREATE OPERATOR FAMILY s.f USING btree;
             ALTER OPERATOR FAMILY s.f USING btree ADD OPERATOR 1 <(bigint, int4);"
        ),
        &format!(
            "{functions}
             CREATE OPERATOR s.<< (FUNCTION = s.lt, LEFTARG = s.e, RIGHTARG = int, COMMUTATOR = OPERATOR(s.>>), RESTRICT = scalarltsel);
             CREATE OPERATOR s.>> (FUNCTION = s.gt, LEFTARG = int, RIGHTARG = s.e, COMMUTATOR = OPERATOR(s.<<));
             COMMENT ON OPERATOR s.<< (s.e, int) IS 'o'; CREATE OPERATOR s.@ (FUNCTION = int4abs, RIGHTARG = int);
             CREATE OPERATOR FAMILY s.f USING btree;
             ALTER OPERATOR FAMILY s.f USING btree ADD OPERATOR 1 <(bigint, int4), OPERATOR 3 =(bigint, int4), FUNCTION 1 (int4, int4) btint4cmp(int4, int4);
             CREATE OPERATOR CLASS s.k FOR TYPE bigint USING btree FAMILY s.f AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
                 OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint8cmp(bigint, bigint);
             CREATE OPERATOR CLASS s.own FOR TYPE int USING gist AS STORAGE bigint;
             CREATE TABLE s.t (a bigint); CREATE INDEX i ON s.t (a s.k);"
        ),
        &["ALTER OPERATOR FAMILY s.f USING btree ADD"],
        &[],
    );
}

#[test]
fn text_search() {
    case(
        "CREATE SCHEMA s; CREATE TEXT SEARCH DICTIONARY s.d (template = simple, stopwords = english, accept = 'true');
         CREATE TEXT SEARCH CONFIGURATION s.c (copy = english); ALTER TEXT SEARCH CONFIGURATION s.c DROP MAPPING FOR word;",
        "CREATE SCHEMA s; CREATE TEXT SEARCH DICTIONARY s.d (template = simple, stopwords = russian);
         CREATE TEXT SEARCH CONFIGURATION s.c (copy = english);
         ALTER TEXT SEARCH CONFIGURATION s.c ALTER MAPPING FOR asciiword WITH s.d, english_stem;
         CREATE TEXT SEARCH TEMPLATE s.t (lexize = dsimple_lexize); COMMENT ON TEXT SEARCH TEMPLATE s.t IS 't';
         CREATE TEXT SEARCH PARSER s.p (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
         CREATE TEXT SEARCH CONFIGURATION s.own (parser = s.p);",
        &[
            "ALTER TEXT SEARCH DICTIONARY s.d (stopwords = 'russian', accept)",
            "ALTER MAPPING FOR asciiword WITH s.d, pg_catalog.english_stem",
            "ADD MAPPING FOR word WITH pg_catalog.english_stem",
        ],
        &["DROP TEXT SEARCH"],
    );
}

#[test]
fn foreign_data() {
    case(
        "CREATE SCHEMA s; CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'true'); CREATE SERVER far TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER w
             OPTIONS (host 'h', port '1');
         CREATE USER MAPPING FOR PUBLIC SERVER far; CREATE USER MAPPING FOR pg_monitor SERVER far OPTIONS (user 'u');
         CREATE FOREIGN TABLE s.t (a int OPTIONS (column_name 'x') NOT NULL, b text DEFAULT 'y', CONSTRAINT k CHECK (a > 0)) SERVER far OPTIONS (name 'n');",
        "CREATE SCHEMA s; CREATE FOREIGN DATA WRAPPER w OPTIONS (other 'it''s'); CREATE SERVER far TYPE 'x' FOREIGN DATA WRAPPER w
             OPTIONS (host 'i'); GRANT USAGE ON FOREIGN SERVER far TO pg_monitor; GRANT USAGE ON FOREIGN DATA WRAPPER w TO pg_monitor;
         CREATE USER MAPPING FOR pg_monitor SERVER far OPTIONS (user 'v', x 'y');
         CREATE FOREIGN TABLE s.t (a bigint OPTIONS (column_name 'z', q 'r'), b text, c int) SERVER far OPTIONS (name 'm', k 'l');
         COMMENT ON FOREIGN TABLE s.t IS 'f'; GRANT SELECT ON s.t TO pg_monitor;
         CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE FOREIGN TABLE s.part PARTITION OF s.p FOR VALUES IN (1) SERVER far;",
        &[
            "OPTIONS (DROP port, SET host 'i')",
            "OPTIONS (SET column_name 'z', ADD q 'r')",
            "COMMENT ON FOREIGN TABLE s.t IS 'f'",
        ],
        &["DROP FOREIGN TABLE"],
    );
}

#[test]
fn columns_of_foreign_tables_change_without_conversion() {
    case(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w; CREATE TYPE e AS ENUM ('a', 'b');
         CREATE FOREIGN TABLE t (a bool, b text, c e) SERVER far;",
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w; CREATE TYPE e AS ENUM ('b', 'a');
         CREATE FOREIGN TABLE t (a numeric(1,0), b int[], c e) SERVER far;",
        &["ALTER COLUMN a TYPE numeric(1,0);"],
        &["USING", "DROP FOREIGN TABLE"],
    );
}

#[test]
fn secrets_of_foreign_data_leave_the_server_as_marks() {
    for (_, server) in servers() {
        let database = Database::with(
            &server,
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host 'h', api_token 'hunter2');
             CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password 'hunter2');",
        );
        let text = serde_json::to_string(&database.catalog()).unwrap();
        assert!(
            text.contains("user=u") && text.contains("password=<secret:") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn publications() {
    let tables = "CREATE SCHEMA s; CREATE TABLE s.t (a int PRIMARY KEY, b text); CREATE TABLE s.u (a int);";
    case(
        &format!("{tables} CREATE PUBLICATION p FOR TABLE s.t; CREATE PUBLICATION every FOR ALL TABLES;"),
        &format!(
            "{tables} CREATE PUBLICATION p FOR TABLE s.t, s.u WITH (publish = 'insert, delete', publish_via_partition_root);
             COMMENT ON PUBLICATION p IS 'p'; CREATE PUBLICATION every;"
        ),
        &["SET (publish = 'insert, delete', publish_via_partition_root = true)", "ADD TABLE ONLY s.u"],
        &["DROP PUBLICATION p"],
    );
}

#[test]
fn filters_and_columns_of_publications() {
    for (major, server) in servers() {
        if major < 15 {
            continue;
        }
        let live = Database::with(
            &server,
            "CREATE SCHEMA s; CREATE TABLE t (a int PRIMARY KEY, b text); CREATE PUBLICATION p FOR TABLE t (a, b) WHERE (a > 5);",
        );
        let other = Database::with(
            &server,
            "CREATE SCHEMA s; CREATE TABLE t (a bigint PRIMARY KEY, b text); CREATE PUBLICATION p FOR TABLE t (a) WHERE (a > 7);
             CREATE PUBLICATION q FOR TABLES IN SCHEMA s;",
        );
        let (from, to) = (live.catalog(), other.catalog());
        let script = walk(&live, &to);
        assert!(script.contains("ADD TABLE ONLY public.t (a) WHERE (a > 7)"), "{script}");
        walk(&live, &from);
    }
}

#[test]
fn subscriptions_never_connect() {
    for (_, server) in servers() {
        // A database with a subscription cannot be dropped, so it has none at the end.
        let database = Database::with(&server, "");
        let none = database.catalog();
        database
            .connect()
            .batch_execute(
                "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere.invalid password=hunter2' PUBLICATION a, b
                 WITH (connect = false, binary = true)",
            )
            .unwrap();
        let one = database.catalog();
        assert!(!serde_json::to_string(&one).unwrap().contains("hunter2"));
        walk(&database, &none);
        let script = walk(&database, &one);
        assert!(
            script.contains("connect = false") && !script.contains("hunter2"),
            "{script}"
        );
        walk(&database, &none);
    }
}

#[test]
fn base_types_and_shells() {
    let base = |default: i32| {
        format!(
            "CREATE SCHEMA s; CREATE TYPE s.n;
             CREATE FUNCTION s.n_in(cstring) RETURNS s.n AS 'int4in' LANGUAGE internal STRICT IMMUTABLE;
             CREATE FUNCTION s.a_out(s.n) RETURNS cstring AS 'int4out' LANGUAGE internal STRICT IMMUTABLE;
             CREATE TYPE s.n (internallength = 4, input = s.n_in, output = s.a_out, alignment = int4, passedbyvalue, default = {default});
             COMMENT ON TYPE s.n IS 'n'; GRANT USAGE ON TYPE s.n TO pg_monitor;
             CREATE FUNCTION s.twice(s.n) RETURNS s.n LANGUAGE sql AS 'select $1'; CREATE TABLE s.t (a int, b s.n);"
        )
    };
    case(
        "CREATE SCHEMA s; CREATE TYPE s.n; CREATE TYPE s.m; COMMENT ON TYPE s.m IS 'm'",
        &base(1),
        &[],
        &[],
    );
    case(
        &base(1),
        &base(2),
        &["DROP TYPE s.n CASCADE"],
        &["DROP FUNCTION s.n_in"],
    );
}
