//! Deparsed definitions, and renames.

use trueup::catalog::{Catalog, Path};
use trueup::kinds::Context;

use super::{assert_same, case, walk};
use crate::support::{Database, servers};

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

/// What a plan makes is deparsed like what the target files make, to the letter.
#[test]
fn definitions_come_back_as_they_are() {
    for (_, server) in servers() {
        let state = "CREATE TABLE public.t (a int, c varchar(9), d text); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
             CREATE VIEW public.v AS SELECT a FROM public.t WHERE c IN ('a', 'b') AND d IN ('x', 'y') AND c NOT IN ('x', 'y');
             CREATE VIEW public.w AS SELECT a FROM public.t WHERE a BETWEEN 1 AND 2 AND c = 'x' AND a > 0;
             CREATE VIEW public.x AS SELECT a FROM public.t WHERE a NOT BETWEEN 1 AND 2 OR (a BETWEEN 3 AND 4 AND c = 'x');
             CREATE MATERIALIZED VIEW public.m AS SELECT * FROM public.t WHERE (c IN ('a', 'b') OR a BETWEEN 5 AND 6) AND a > 0;
             CREATE POLICY p ON public.t USING (a NOT BETWEEN 1 AND 2 OR c NOT IN ('x', 'y'));
             CREATE VIEW public.dumped AS SELECT a FROM public.t
                 WHERE ((c)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]));
             CREATE FUNCTION public.f(a text[] DEFAULT ARRAY['x'::varchar, 'y'], b bool DEFAULT 1 BETWEEN 2 AND 3 AND true) RETURNS bool
                 LANGUAGE sql BEGIN ATOMIC SELECT a BETWEEN 1 AND 2 AND c IN ('a', 'b') FROM public.t; END;";
        let made = Database::with(&server, state).catalog();
        let planned = Database::with(&server, "");
        let script = walk(&planned, &made);
        let found = planned.catalog();
        for (identity, object) in &made.objects {
            assert_eq!(found.get(identity), Some(object), "{identity} after\n{script}");
        }
    }
}

#[test]
fn renames_keep_the_object() {
    let pairs = [
        (
            "CREATE FUNCTION public.f(a int, OUT b int) LANGUAGE sql AS 'select 1';",
            "CREATE FUNCTION s.\"G\"(a int, OUT b int) LANGUAGE sql AS 'select 1';",
        ),
        (
            "CREATE PROCEDURE public.f(a int, OUT b int) LANGUAGE sql AS 'select 1';",
            "CREATE PROCEDURE s.\"G\"(a int, OUT b int) LANGUAGE sql AS 'select 1';",
        ),
        (
            "CREATE AGGREGATE public.f(*) (SFUNC = int8inc, STYPE = int8, INITCOND = 0);",
            "CREATE AGGREGATE s.\"G\"(*) (SFUNC = int8inc, STYPE = int8, INITCOND = 0);",
        ),
        (
            "CREATE VIEW public.f AS SELECT 1 AS a;",
            "CREATE VIEW s.\"G\" AS SELECT 1 AS a;",
        ),
        (
            "CREATE MATERIALIZED VIEW public.f AS SELECT 1 AS a;",
            "CREATE MATERIALIZED VIEW s.\"G\" AS SELECT 1 AS a;",
        ),
        (
            "CREATE RULE f AS ON INSERT TO public.t DO ALSO NOTHING;",
            "CREATE RULE \"G\" AS ON INSERT TO public.t DO ALSO NOTHING;",
        ),
        ("CREATE POLICY f ON public.t;", "CREATE POLICY \"G\" ON public.t;"),
        (
            "CREATE TRIGGER f BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();",
            "CREATE TRIGGER \"G\" BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();",
        ),
        (
            "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end'; CREATE EVENT TRIGGER f ON ddl_command_end EXECUTE FUNCTION public.e();",
            "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end'; CREATE EVENT TRIGGER \"G\" ON ddl_command_end EXECUTE FUNCTION public.e();",
        ),
    ];
    for (_, server) in servers() {
        for (before, after) in pairs {
            let common = "CREATE SCHEMA s; CREATE TABLE public.t (a int);";
            let live = Database::with(&server, &format!("{common}{before}"));
            let from = live.catalog();
            let to = Database::with(&server, &format!("{common}{after}")).catalog();
            let named = |catalog: &Catalog, name: &str| {
                let has = |path: &Path| path.last().is_some_and(|last| last.split('(').next() == Some(name));
                let objects = catalog.objects.values().filter(|object| has(&object.identity().path));
                objects.cloned().collect::<Vec<_>>()
            };
            let (old, new) = (&named(&from, "f")[0], &named(&to, "G")[0]);
            let context = Context::new(&from, &to, from.version_num);
            for statement in old.rename(new, &context).unwrap() {
                live.connect().batch_execute(&statement.sql()).unwrap();
            }
            assert_same(&live.catalog(), &to, before);
        }
    }
}
