//! Routines, views, rules, triggers, policies and event triggers on real servers: every pair of states is planned and
//! run in both directions, and what is read afterwards is the state that was aimed at.

use trueup::catalog::Catalog;
use trueup::kinds::{AnyObject, Context};
use trueup::plan::route;

use crate::support::{Database, servers};

/// Plans and runs the way from the database's state to another; returns the SQL.
pub(crate) fn walk(database: &Database, to: &Catalog) -> String {
    let from = database.catalog();
    let context = Context {
        from: &from,
        to,
        version_num: from.version_num,
    };
    let steps = route(&context).steps;
    let mut client = database.connect();
    client.batch_execute("SET check_function_bodies = off").unwrap();
    let sentences = steps.iter().flat_map(|step| &step.statements);
    let script: Vec<String> = sentences.map(|sentence| format!("{};\n", sentence.sql)).collect();
    for sql in &script {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{}", script.concat()));
    }
    assert_same(&database.catalog(), to, &script.concat());
    script.concat()
}

fn assert_same(found: &Catalog, aimed: &Catalog, script: &str) {
    for (identity, object) in &aimed.objects {
        let found = found.get(identity).cloned().map(AnyObject::significant);
        assert_eq!(found, Some(object.clone().significant()), "{identity} after\n{script}");
    }
    for identity in found.objects.keys() {
        assert!(aimed.contains(identity), "{identity} is left after\n{script}");
    }
}

/// Runs a pair of states in both directions and from nothing; returns the SQL of the way forward.
fn both_ways(server: &str, before: &str, after: &str) -> String {
    let (live, other) = (Database::with(server, before), Database::with(server, after));
    let (from, to) = (live.catalog(), other.catalog());
    assert_ne!(from.objects, to.objects, "nothing differs:\n{before}\n{after}");
    let forward = walk(&live, &to);
    walk(&live, &from);
    let fresh = Database::with(server, "");
    walk(&fresh, &to);
    let again = Database::with(server, "");
    walk(&again, &from);
    forward
}

/// Runs a pair on every server; each server's script holds, or does not hold, these words.
pub(crate) fn case(before: &str, after: &str, holds: &[&str], holds_not: &[&str]) {
    for (_, server) in servers() {
        let script = both_ways(&server, before, after);
        for words in holds {
            assert!(script.contains(words), "no `{words}` in\n{script}");
        }
        for words in holds_not {
            assert!(!script.contains(words), "`{words}` in\n{script}");
        }
    }
}

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
fn views_change_in_place_where_they_can() {
    case(
        "CREATE TABLE public.t (a int, b text); CREATE SEQUENCE public.s;
         CREATE VIEW public.v AS SELECT a FROM public.t WHERE a > 0;
         CREATE VIEW public.gone AS SELECT a, b FROM public.t;
         CREATE RECURSIVE VIEW public.r(n) AS SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5;
         ALTER VIEW public.gone ALTER COLUMN a SET DEFAULT 3;",
        "CREATE TABLE public.t (a int, b text); CREATE SEQUENCE public.s;
         CREATE VIEW public.v WITH (security_barrier) AS SELECT a, b FROM public.t WHERE a > 0 WITH LOCAL CHECK OPTION;
         ALTER VIEW public.v ALTER COLUMN a SET DEFAULT 4; ALTER VIEW public.v ALTER COLUMN b SET DEFAULT 'x';
         CREATE VIEW public.gone AS SELECT b, a FROM public.t;
         CREATE RECURSIVE VIEW public.r(n) AS SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9;",
        &[
            "CREATE OR REPLACE VIEW public.v",
            "check_option",
            "DROP VIEW public.gone",
            "SET DEFAULT 4",
        ],
        &["DROP VIEW public.v", "DROP VIEW public.r"],
    );
}

#[test]
fn values_views_keep_their_names() {
    case(
        "CREATE VIEW public.v(x, \"Y\") AS VALUES (1, 2); ALTER VIEW public.v RENAME COLUMN x TO z;
         CREATE VIEW public.u AS SELECT 1 AS a UNION SELECT 2; ALTER VIEW public.u RENAME COLUMN a TO b;",
        "CREATE VIEW public.v(x, \"Y\") AS VALUES (1, 2);",
        &[],
        &[],
    );
}

#[test]
fn definitions_settle_at_once() {
    let state = |number: u8| {
        format!(
            "CREATE TABLE public.t (a int, c varchar(9)); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
             CREATE VIEW public.v AS SELECT * FROM public.t
                 WHERE a BETWEEN {number} AND 2 AND c IN ('a', 'b') AND a > 0 OR a NOT BETWEEN 3 AND 4 OR (a, c) IN (VALUES (1, 'x'));
             CREATE MATERIALIZED VIEW public.m (x, y) AS VALUES ({number}, 'a'), (2, 'b');
             CREATE POLICY p ON public.t USING (a NOT BETWEEN {number} AND 2 OR c NOT IN ('x', 'y'));
             CREATE FUNCTION public.f(a text[] DEFAULT ARRAY['x'::varchar, '{number}']) RETURNS bool LANGUAGE sql
                 BEGIN ATOMIC SELECT a BETWEEN 1 AND {number} AND c IN ('a', 'b') FROM public.t; END;"
        )
    };
    case(
        &state(1),
        &state(0),
        &[],
        &["DROP VIEW", "DROP POLICY", "DROP FUNCTION"],
    );
}

#[test]
fn materialized_views_with_settings() {
    case(
        "CREATE TABLE public.t (a int, b text);
         CREATE MATERIALIZED VIEW public.m WITH (fillfactor = 70) AS SELECT a, b FROM public.t WITH NO DATA;
         CREATE MATERIALIZED VIEW public.n AS SELECT a FROM public.t;",
        "CREATE TABLE public.t (a int, b text);
         CREATE MATERIALIZED VIEW public.m WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false) AS SELECT a, b FROM public.t;
         ALTER MATERIALIZED VIEW public.m ALTER COLUMN b SET STORAGE EXTERNAL;
         ALTER MATERIALIZED VIEW public.m ALTER COLUMN b SET COMPRESSION pglz;
         ALTER MATERIALIZED VIEW public.m ALTER COLUMN a SET STATISTICS 77;
         ALTER MATERIALIZED VIEW public.m ALTER COLUMN a SET (n_distinct = 5);
         CREATE MATERIALIZED VIEW public.n AS SELECT a + 1 AS a FROM public.t;",
        &["SET STATISTICS 77", "SET STORAGE EXTERNAL", "RESET (fillfactor)", "DROP MATERIALIZED VIEW public.n"],
        &["DROP MATERIALIZED VIEW public.m"],
    );
}

#[test]
fn rules_of_tables_and_views() {
    case(
        "CREATE TABLE public.t (a int); CREATE VIEW public.v AS SELECT a FROM public.t;
         CREATE RULE r AS ON INSERT TO public.t DO ALSO NOTHING;
         CREATE RULE \"Odd\" AS ON UPDATE TO public.v DO INSTEAD (INSERT INTO public.t VALUES (new.a); DELETE FROM public.t WHERE a = old.a);
         CREATE RULE off AS ON DELETE TO public.t DO INSTEAD NOTHING;",
        "CREATE TABLE public.t (a int); CREATE VIEW public.v AS SELECT a FROM public.t;
         CREATE RULE r AS ON INSERT TO public.t WHERE new.a > 1 DO ALSO DELETE FROM public.t WHERE a = new.a;
         CREATE RULE \"Odd\" AS ON UPDATE TO public.v DO INSTEAD DELETE FROM public.t WHERE a = old.a;
         CREATE RULE off AS ON DELETE TO public.t DO INSTEAD NOTHING;
         ALTER TABLE public.t DISABLE RULE off; ALTER TABLE public.t ENABLE REPLICA RULE r;",
        &["CREATE OR REPLACE RULE", "DISABLE RULE off", "ENABLE REPLICA RULE r"],
        &["DROP"],
    );
}

const TRIGGER_FUNCTION: &str =
    "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';";

#[test]
fn triggers_of_every_sort() {
    let before = format!(
        "{TRIGGER_FUNCTION} CREATE TABLE public.t (a int, b text); CREATE VIEW public.v AS SELECT a FROM public.t;
         CREATE TRIGGER x BEFORE INSERT OR UPDATE OF a ON public.t FOR EACH ROW EXECUTE FUNCTION public.f('1');
         CREATE TRIGGER y AFTER INSERT ON public.t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION public.f();
         CREATE TRIGGER z INSTEAD OF INSERT ON public.v FOR EACH ROW EXECUTE FUNCTION public.f();
         CREATE CONSTRAINT TRIGGER c AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.f();
         ALTER TABLE public.t DISABLE TRIGGER y;"
    );
    let after = format!(
        "{TRIGGER_FUNCTION} CREATE TABLE public.t (a int, b text); CREATE VIEW public.v AS SELECT a FROM public.t;
         CREATE TRIGGER x BEFORE INSERT OR UPDATE OF a, b ON public.t FOR EACH ROW WHEN (new.a > 1) EXECUTE FUNCTION public.f('1', 'it''s');
         CREATE TRIGGER y AFTER INSERT ON public.t REFERENCING NEW TABLE AS m FOR EACH STATEMENT EXECUTE FUNCTION public.f();
         CREATE TRIGGER z INSTEAD OF INSERT OR DELETE ON public.v FOR EACH ROW EXECUTE FUNCTION public.f();
         CREATE CONSTRAINT TRIGGER c AFTER INSERT ON public.t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION public.f();
         ALTER TABLE public.t DISABLE TRIGGER y; ALTER TABLE public.t ENABLE ALWAYS TRIGGER x;"
    );
    case(
        &before,
        &after,
        &[
            "CREATE OR REPLACE TRIGGER x",
            "DISABLE TRIGGER y",
            "ENABLE ALWAYS TRIGGER x",
            "DROP TRIGGER c",
        ],
        &["DROP TRIGGER x", "DROP TRIGGER y"],
    );
}

#[test]
fn triggers_are_rebuilt_around_a_column() {
    let state = |data_type: &str| {
        format!(
            "{TRIGGER_FUNCTION} CREATE TABLE public.t (a {data_type}); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
             CREATE TRIGGER x BEFORE UPDATE OF a ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();
             CREATE POLICY p ON public.t USING (a > 0);
             CREATE RULE r AS ON INSERT TO public.t WHERE new.a > 1 DO INSTEAD NOTHING;
             CREATE MATERIALIZED VIEW public.m AS SELECT a FROM public.t;"
        )
    };
    case(
        &state("int"),
        &state("bigint"),
        &[
            "DROP TRIGGER x",
            "DROP POLICY p",
            "DROP RULE r",
            "DROP MATERIALIZED VIEW public.m",
        ],
        &["DROP TABLE"],
    );
}

#[test]
fn policies_change_in_place_where_they_can() {
    let table = "CREATE TABLE public.t (a int, o text); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;";
    case(
        &format!(
            "{table} CREATE POLICY p ON public.t USING (a > 0);
             CREATE POLICY q ON public.t AS RESTRICTIVE FOR INSERT TO pg_monitor WITH CHECK (a > 0);
             CREATE POLICY r ON public.t FOR UPDATE USING (a > 0) WITH CHECK (a > 1);
             CREATE POLICY s ON public.t FOR SELECT USING (o = current_user);"
        ),
        &format!(
            "{table} CREATE POLICY p ON public.t TO pg_monitor, pg_read_all_data USING (a > 1) WITH CHECK (a > 2);
             CREATE POLICY q ON public.t AS RESTRICTIVE FOR INSERT WITH CHECK (a > 0);
             CREATE POLICY r ON public.t FOR UPDATE USING (a > 0);
             CREATE POLICY s ON public.t FOR DELETE USING (o = current_user);"
        ),
        &[
            "ALTER POLICY p ON public.t TO pg_monitor, pg_read_all_data USING ((a > 1)) WITH CHECK ((a > 2))",
            "ALTER POLICY q ON public.t TO PUBLIC",
            "DROP POLICY r",
            "DROP POLICY s",
        ],
        &["DROP POLICY p", "DROP POLICY q"],
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
