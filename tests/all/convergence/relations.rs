//! Views, and what stands on tables and views.

use super::case;

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
fn a_table_takes_the_name_of_a_view_that_is_read() {
    case(
        "CREATE TABLE data (id uuid, name text); CREATE VIEW q AS SELECT * FROM data; CREATE VIEW r AS SELECT * FROM q;",
        "CREATE TABLE t_data (id uuid, name text); CREATE VIEW data AS SELECT * FROM t_data;
         CREATE VIEW q AS SELECT * FROM data; CREATE VIEW r AS SELECT * FROM q;",
        &[],
        &[],
    );
}

#[test]
fn triggers_of_a_table_that_becomes_a_partition() {
    let function = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';";
    case(
        &format!(
            "{function} CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1);
             CREATE TRIGGER x BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f();
             CREATE TRIGGER z BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER z;"
        ),
        &format!(
            "{function} CREATE TABLE p (a int); CREATE TABLE t (a int);
             CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();
             CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();"
        ),
        &["DETACH PARTITION"],
        &["DROP TABLE public.t;"],
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

/// Copies of a trigger on partitions follow their original, but for those that were set otherwise.
#[test]
fn copies_on_partitions_keep_their_own_state() {
    let state = |rest: &str| {
        format!(
            "{TRIGGER_FUNCTION} CREATE TABLE public.t (a int) PARTITION BY LIST (a);
             CREATE TABLE public.t1 PARTITION OF public.t FOR VALUES IN (1);
             CREATE TABLE public.t2 PARTITION OF public.t FOR VALUES IN (2); {rest}"
        )
    };
    let trigger =
        |events: &str| format!("CREATE TRIGGER x AFTER {events} ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();");
    let one_off = format!("{} ALTER TABLE public.t1 DISABLE TRIGGER x;", trigger("INSERT"));
    let redefined = format!(
        "{} ALTER TABLE public.t1 DISABLE TRIGGER x;",
        trigger("INSERT OR DELETE")
    );
    let original_off = format!(
        "{} ALTER TABLE public.t DISABLE TRIGGER x; ALTER TABLE public.t1 ENABLE ALWAYS TRIGGER x;
         ALTER TABLE public.t2 DISABLE TRIGGER x;",
        trigger("INSERT")
    );
    case(
        &state(&one_off),
        &state(&redefined),
        &["ALTER TABLE public.t1 DISABLE TRIGGER x"],
        &["DROP TRIGGER"],
    );
    case(
        &state(&one_off),
        &state(&original_off),
        &["ALTER TABLE public.t DISABLE TRIGGER x"],
        &["DROP TRIGGER"],
    );
    case(
        &state(&one_off),
        &state(&trigger("INSERT")),
        &["ALTER TABLE public.t1 ENABLE TRIGGER x"],
        &["DROP TRIGGER"],
    );
    case(
        &state(""),
        &state(&one_off),
        &["ALTER TABLE public.t1 DISABLE TRIGGER x"],
        &[],
    );
}
