//! Types, domains, collations and extensions on real servers, in both directions, with rows in the way.

use postgres::error::SqlState;

use super::{case, script, walk};
use crate::support::{Database, newest};

#[test]
fn labels_are_added_in_place() {
    case(
        "CREATE TYPE public.m AS ENUM ('a', 'c'); CREATE TABLE public.t (x public.m DEFAULT 'a');
         INSERT INTO public.t VALUES ('c');",
        "CREATE TYPE public.m AS ENUM ('z', 'a', 'b', 'c', 'it''s'); CREATE TABLE public.t (x public.m DEFAULT 'it''s');",
        &[
            "ADD VALUE 'z' BEFORE 'a'",
            "ADD VALUE 'b' AFTER 'a'",
            "ADD VALUE 'it''s';",
        ],
        &["DROP TYPE"],
    );
}

#[test]
fn an_enum_is_exchanged_under_its_users() {
    let state = |labels: &str| {
        format!(
            "CREATE TYPE public.m AS ENUM ({labels});
             CREATE DOMAIN public.d AS public.m DEFAULT 'a';
             CREATE TYPE public.c AS (x public.m, y int);
             CREATE TYPE public.free AS (x public.m[]);
             CREATE FUNCTION public.f(public.m) RETURNS public.m LANGUAGE sql AS 'select $1';
             CREATE TABLE public.t (x public.m DEFAULT public.f('a') NOT NULL, y public.m[], z public.d, w public.c);
             CREATE INDEX ON public.t (x);
             CREATE VIEW public.v AS SELECT x, (w).y FROM public.t WHERE x = 'a';
             INSERT INTO public.t VALUES ('a', '{{a,b}}', 'b', ROW('a', 1));"
        )
    };
    case(
        &state("'a', 'b', 'gone'"),
        &state("'b', 'a'"),
        &["DROP TYPE public.m_replaced_"],
        &["DROP TABLE", "DROP COLUMN"],
    );
}

#[test]
fn ranges_bring_their_multirange_and_constructors() {
    case(
        "CREATE TYPE public.r AS RANGE (subtype = float8, subtype_diff = float8mi);
         CREATE TABLE public.t (a public.r, b public.r[], c public.r_multirange);
         INSERT INTO public.t VALUES ('[1,2]', '{\"[1,2]\"}', '{[1,2]}');",
        "CREATE TYPE public.r AS RANGE (subtype = text, collation = \"C\", multirange_type_name = public.\"Many\");
         CREATE TABLE public.t (a public.r, b public.r[], c public.\"Many\");",
        &[],
        &["DROP TABLE", "DROP COLUMN"],
    );
}

#[test]
fn ranges_with_a_canonical_function() {
    let range = "CREATE TYPE s.r;
        CREATE FUNCTION s.canonical(s.r) RETURNS s.r LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
        CREATE TYPE s.r AS RANGE (subtype = int4, canonical = s.canonical, subtype_diff = int4range_subdiff);
        CREATE TABLE s.t (a s.r, b s.r[], c s.m_r); CREATE FUNCTION s.f(s.r) RETURNS s.r LANGUAGE sql AS 'select $1';
        COMMENT ON TYPE s.r IS 'r'; COMMENT ON FUNCTION s.canonical IS 'c';"
        .replace("s.m_r", "s.r_multirange");
    case(
        "CREATE SCHEMA s",
        &format!("CREATE SCHEMA s; {range}"),
        &["CREATE TYPE s.r;"],
        &[],
    );
    case(
        &format!("CREATE SCHEMA s; {range}"),
        &format!("CREATE SCHEMA s; {range} ALTER TABLE s.t ADD d int; COMMENT ON TYPE s.r IS 's'"),
        &[],
        &["DROP TYPE s.r", "DROP FUNCTION"],
    );
}

#[test]
fn attributes_change_in_place_where_postgres_can() {
    case(
        "CREATE TYPE public.c AS (a int, b text); CREATE FUNCTION public.f(public.c) RETURNS int LANGUAGE sql AS 'select 1';
         CREATE TYPE public.held AS (a int, b text); CREATE TABLE public.t (x public.held);
         CREATE TYPE public.row AS (a int); CREATE TABLE public.typed OF public.row;
         CREATE VIEW public.v AS SELECT (x).b FROM public.t;",
        "CREATE TYPE public.c AS (a bigint, b text COLLATE \"C\", \"Z z\" varchar(3));
         CREATE FUNCTION public.f(public.c) RETURNS int LANGUAGE sql AS 'select 1';
         CREATE TYPE public.held AS (b text, d int[]); CREATE TABLE public.t (x public.held);
         CREATE TYPE public.row AS (a int, b text); CREATE TABLE public.typed OF public.row;
         CREATE VIEW public.v AS SELECT (x).b FROM public.t;",
        &["ALTER TYPE public.held DROP ATTRIBUTE a, ADD ATTRIBUTE d integer[]"],
        &["DROP TYPE"],
    );
}

#[test]
fn values_of_an_exchanged_composite_survive() {
    let server = newest();
    let live = Database::with(
        &server,
        "CREATE TYPE public.c AS (a int, b text); CREATE TABLE public.t (n int, x public.c);
         INSERT INTO public.t VALUES (1, ROW(7, 'x,y')), (2, NULL), (3, ROW(NULL, NULL));",
    );
    let aimed = Database::with(
        &server,
        "CREATE TYPE public.c AS (b text, new int, a bigint); CREATE TABLE public.t (n int, x public.c);",
    );
    walk(&live, &aimed.catalog());
    let found = live.text("SELECT string_agg(coalesce(x::text, 'null'), ' ' ORDER BY n) FROM public.t");
    assert_eq!(found, "(\"x,y\",,7) null (,,)");
}

/// Attributes that change places would change their values where these went by their text.
#[test]
fn values_inside_of_others_are_exchanged_by_name() {
    let state = |attributes: &str| {
        format!(
            "CREATE TYPE public.c AS ({attributes}); CREATE DOMAIN public.d AS public.c; CREATE DOMAIN public.l AS public.c[];
             CREATE TYPE public.o AS (n int, x public.c, y public.d[]);
             CREATE TABLE public.t (n int, one public.c, many public.c[], d public.d, l public.l, o public.o, os public.o[]);"
        )
    };
    let server = newest();
    let live = Database::with(&server, &state("a text, b text"));
    live.execute(
        "INSERT INTO public.t (n) VALUES (2);
         INSERT INTO public.t VALUES (1, ('1', '2'), '[0:1]={\"(1,2)\",NULL}', ('1', '2'), '{\"(1,2)\",\"(,)\"}',
             (7, ('1', '2'), NULL), ARRAY[(7, NULL, ARRAY[('1', '2')::public.d])::public.o])",
    );
    let values =
        || live.text("SELECT string_agg(to_jsonb(t)::text || array_lower(many, 1), ' ' ORDER BY n) FROM public.t t");
    let before = values();
    let aimed = Database::with(&server, &state("b text, a varchar(3)"));
    walk(&live, &aimed.catalog());
    assert_eq!(values(), before);
    assert_eq!(
        live.text("SELECT many::text FROM public.t WHERE n = 1"),
        "[0:1]={\"(2,1)\",NULL}"
    );
}

#[test]
fn domains_change_in_place_but_for_their_base() {
    case(
        "CREATE DOMAIN public.d AS int DEFAULT 3 CHECK (value > 0);
         CREATE DOMAIN public.base AS int DEFAULT 3 CHECK (value > 0); CREATE DOMAIN public.over AS public.base NOT NULL;
         CREATE DOMAIN public.nv AS int; ALTER DOMAIN public.nv ADD CONSTRAINT a CHECK (value > 0) NOT VALID;
         CREATE TABLE public.t (x public.d, y public.base DEFAULT 5, z public.over[]);
         CREATE VIEW public.v AS SELECT y FROM public.t;
         INSERT INTO public.t VALUES (3, 4, '{5}');",
        "CREATE DOMAIN public.d AS int DEFAULT 4 NOT NULL CHECK (value > 1) CONSTRAINT \"K\" CHECK (value < 9);
         CREATE DOMAIN public.base AS bigint DEFAULT 3 CHECK (value > 0); CREATE DOMAIN public.over AS public.base NOT NULL;
         CREATE DOMAIN public.nv AS int CONSTRAINT a CHECK (value > 0);
         ALTER DOMAIN public.nv ADD CONSTRAINT b CHECK (value < 5) NOT VALID;
         CREATE TABLE public.t (x public.d, y public.base DEFAULT 5, z public.over[]);
         CREATE VIEW public.v AS SELECT y FROM public.t;",
        &["VALIDATE CONSTRAINT a", "ALTER DOMAIN public.d SET NOT NULL"],
        &["DROP DOMAIN public.d;", "DROP COLUMN"],
    );
}

/// A cast to a domain cuts what its type refuses; nothing may be cut.
#[test]
fn values_that_do_not_fit_a_narrower_domain_stop_the_plan() {
    let server = newest();
    let state =
        |base: &str, column: &str| format!("CREATE DOMAIN public.d AS {base}; CREATE TABLE public.t (x {column});");
    for (before, after) in [
        (("varchar(9)", "public.d"), ("varchar(3)", "public.d")),
        (("varchar(3)", "text"), ("varchar(3)", "public.d")),
        (("char(9)", "public.d[]"), ("char(3)", "public.d[]")),
    ] {
        let live = Database::with(&server, &state(before.0, before.1));
        let value = if before.1.ends_with(']') { "{abcdef}" } else { "abcdef" };
        live.execute(&format!("INSERT INTO public.t VALUES ('{value}')"));
        let aimed = Database::with(&server, &state(after.0, after.1));
        let all = format!("BEGIN; {} COMMIT;", script(&live, &aimed.catalog()).concat());
        let refused = live.connect().batch_execute(&all);
        let code = refused.err().and_then(|error| error.code().cloned());
        assert_eq!(code.as_ref().map(SqlState::code), Some("22001"), "{all}");
        live.execute("TRUNCATE public.t");
        walk(&live, &aimed.catalog());
    }
}

#[test]
fn collations_are_exchanged_under_their_columns() {
    let state = |provider: &str| {
        format!(
            "CREATE COLLATION public.c ({provider});
             CREATE TABLE public.t (x text COLLATE public.c); CREATE INDEX ON public.t (x);
             CREATE DOMAIN public.d AS text COLLATE public.c; CREATE TYPE public.ct AS (x text COLLATE public.c);
             INSERT INTO public.t VALUES ('a');"
        )
    };
    case(
        &state("lc_collate = 'C', lc_ctype = 'POSIX'"),
        &state("provider = icu, locale = 'sv-SE', deterministic = false"),
        &[],
        &["DROP COLUMN", "DROP TABLE"],
    );
}
