//! Functions, procedures, aggregates, event triggers.

use super::case;

#[test]
fn functions_are_redefined_in_place() {
    case(
        "CREATE FUNCTION public.f(a int, text DEFAULT 'x', VARIADIC r text[] DEFAULT '{}') RETURNS int LANGUAGE sql AS 'select 1';
         CREATE VIEW public.v AS SELECT public.f(1) AS x;",
        "CREATE FUNCTION public.f(a int, \"Odd\" text DEFAULT 'y''\\z', VARIADIC r text[] DEFAULT '{a}') RETURNS int
             LANGUAGE sql IMMUTABLE STRICT SECURITY DEFINER LEAKPROOF PARALLEL SAFE COST 0.5
             SET search_path = '' SET work_mem = '64MB' AS 'select $1 -- $$ $_$ ';
         CREATE VIEW public.v AS SELECT public.f(1) AS x;",
        &["CREATE OR REPLACE FUNCTION public.f(a integer, \"Odd\" text"],
        &["DROP"],
    );
}

#[test]
fn functions_are_rebuilt_with_what_calls_them() {
    case(
        "CREATE FUNCTION public.f(a int) RETURNS int LANGUAGE sql AS 'select 1';
         CREATE VIEW public.v AS SELECT public.f(1)::text AS x;
         CREATE TABLE public.t (a int DEFAULT public.f(2));
         CREATE FUNCTION public.g(OUT a int, OUT b text) LANGUAGE sql AS $$select 1, 'x'$$;
         CREATE FUNCTION public.rows() RETURNS TABLE(a int, b text) ROWS 5 LANGUAGE sql AS $$select 1, 'x'$$;
         CREATE PROCEDURE public.p(IN a int, OUT b int) LANGUAGE sql AS 'select 1';",
        "CREATE FUNCTION public.f(b int) RETURNS bigint LANGUAGE sql AS 'select 1';
         CREATE VIEW public.v AS SELECT public.f(1)::text AS x;
         CREATE TABLE public.t (a int DEFAULT public.f(2));
         CREATE FUNCTION public.g(OUT a int, OUT c text) LANGUAGE sql AS $$select 1, 'x'$$;
         CREATE FUNCTION public.rows() RETURNS TABLE(a int, b text, c date) LANGUAGE sql AS $$select 1, 'x', now()::date$$;
         CREATE PROCEDURE public.p(IN a int, OUT b int, OUT c int) SECURITY DEFINER LANGUAGE sql AS 'select 1, 2';",
        &["DROP FUNCTION public.f(integer)", "DROP PROCEDURE public.p(IN integer, OUT integer)", "DROP VIEW public.v"],
        &["DROP TABLE"],
    );
}

#[test]
fn functions_become_procedures_and_back() {
    case(
        "CREATE FUNCTION public.f(a int) RETURNS void LANGUAGE sql AS 'select 1';",
        "CREATE PROCEDURE public.f(a int) LANGUAGE sql AS 'select 1';",
        &["DROP FUNCTION", "CREATE PROCEDURE"],
        &[],
    );
}

#[test]
fn parsed_bodies_are_rebuilt_around_a_column() {
    case(
        "CREATE TABLE public.t (a int, b text);
         CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(a) FROM public.t; SELECT 1; END;
         CREATE FUNCTION public.r(x int) RETURNS int LANGUAGE sql RETURN x + 1;
         CREATE PROCEDURE public.p() LANGUAGE sql BEGIN ATOMIC INSERT INTO public.t VALUES (1, 'x'); END;",
        "CREATE TABLE public.t (a smallint, b text);
         CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(a) FROM public.t; SELECT 1; END;
         CREATE FUNCTION public.r(x int) RETURNS int LANGUAGE sql RETURN x + 2;
         CREATE PROCEDURE public.p() LANGUAGE sql BEGIN ATOMIC INSERT INTO public.t VALUES (1, 'x'); END;",
        &[
            "DROP FUNCTION public.f()",
            "CREATE OR REPLACE FUNCTION public.r",
            "BEGIN ATOMIC",
        ],
        &["DROP FUNCTION public.r"],
    );
}

#[test]
fn internal_and_window_functions_and_support_survive() {
    case(
        "CREATE FUNCTION public.w() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_row_number';
         CREATE FUNCTION public.s(int, int) RETURNS SETOF int LANGUAGE internal STRICT ROWS 10 SUPPORT pg_catalog.generate_series_int4_support AS 'generate_series_int4';
         CREATE FUNCTION public.poly(a anyelement, b anyarray DEFAULT NULL) RETURNS anyelement LANGUAGE sql AS 'select $1';",
        "CREATE FUNCTION public.w() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_rank';
         CREATE FUNCTION public.s(int, int) RETURNS SETOF int LANGUAGE internal STRICT ROWS 20 AS 'generate_series_int4';
         CREATE FUNCTION public.poly(a anyelement, b anyarray DEFAULT NULL) RETURNS anyelement PARALLEL RESTRICTED STABLE LANGUAGE sql AS 'select $1';",
        &["WINDOW", "ROWS 20"],
        &["DROP"],
    );
}

#[test]
fn aggregates_of_every_sort() {
    case(
        "CREATE FUNCTION public.step(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'select $1 + $2';
         CREATE FUNCTION public.back(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'select $1 - $2';
         CREATE AGGREGATE public.plain(int) (SFUNC = public.step, STYPE = int, INITCOND = '0');
         CREATE AGGREGATE public.nothing(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
         CREATE AGGREGATE public.named(a int) (SFUNC = public.step, STYPE = int);
         CREATE AGGREGATE public.med(p float8 ORDER BY v anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);",
        "CREATE FUNCTION public.step(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'select $1 + $2';
         CREATE FUNCTION public.back(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'select $1 - $2';
         CREATE AGGREGATE public.plain(int) (SFUNC = public.step, STYPE = int, INITCOND = '5', COMBINEFUNC = public.step, PARALLEL = SAFE,
             MSFUNC = public.step, MINVFUNC = public.back, MSTYPE = int, MINITCOND = '5', SORTOP = <, SSPACE = 9, FINALFUNC = int4abs, FINALFUNC_MODIFY = SHAREABLE);
         CREATE AGGREGATE public.nothing(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '7');
         CREATE AGGREGATE public.named(b int) (SFUNC = public.step, STYPE = int);
         CREATE AGGREGATE public.med(p float8 ORDER BY v anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA, FINALFUNC_MODIFY = SHAREABLE);
         CREATE AGGREGATE public.rk(VARIADIC \"any\" ORDER BY VARIADIC \"any\") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);",
        &["CREATE OR REPLACE AGGREGATE public.plain", "DROP AGGREGATE public.named(a integer)", "HYPOTHETICAL", "MINVFUNC"],
        &["DROP AGGREGATE public.plain", "DROP AGGREGATE public.nothing"],
    );
}

#[test]
fn event_triggers() {
    let function = "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';";
    case(
        &format!(
            "{function} CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION public.e();
             CREATE EVENT TRIGGER b ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION public.e();"
        ),
        &format!(
            "{function} CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION public.e();
             CREATE EVENT TRIGGER b ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.e();
             ALTER EVENT TRIGGER a DISABLE; ALTER EVENT TRIGGER b ENABLE ALWAYS;"
        ),
        &["ALTER EVENT TRIGGER a DISABLE", "DROP EVENT TRIGGER b", "ENABLE ALWAYS"],
        &[],
    );
}

#[test]
fn event_triggers_that_refuse_go_first_and_come_last() {
    let refuse = |name: &str| {
        format!(
            "CREATE FUNCTION public.{name}() RETURNS event_trigger LANGUAGE plpgsql AS 'begin raise ''no''; end';
             CREATE EVENT TRIGGER {name} ON ddl_command_start EXECUTE FUNCTION public.{name}();
             COMMENT ON EVENT TRIGGER {name} IS 'refuses';"
        )
    };
    case(
        &format!("CREATE TABLE t (a int, b int); {}", refuse("one")),
        &format!("CREATE TABLE t (a bigint); CREATE TABLE u (); {}", refuse("two")),
        &["DROP EVENT TRIGGER one;", "CREATE EVENT TRIGGER two"],
        &[],
    );
}

#[test]
fn routines_of_extensions_that_go_with_them() {
    case(
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'select 1';
         CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a;",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'select 1';
         ALTER FUNCTION public.f() DEPENDS ON EXTENSION plpgsql;
         CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a; ALTER MATERIALIZED VIEW public.m DEPENDS ON EXTENSION plpgsql;",
        &["ALTER FUNCTION public.f() DEPENDS ON EXTENSION plpgsql", "ALTER MATERIALIZED VIEW public.m DEPENDS"],
        &["DROP"],
    );
}
