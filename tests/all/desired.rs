//! Target files executed on real servers: in any order, as dumps, as migrations, and with every mistake that is
//! promised an answer.

use postgres::{Client, NoTls};
use trueup::desired::execute::{Executed, execute};
use trueup::desired::hints::Says;
use trueup::desired::source::{Form, Source, TargetFile};
use trueup::desired::statement::prepare;
use trueup::error::{Error, ErrorKind, Result};

use crate::support::{Database, newest, servers};

fn files(texts: &[(&str, &str)]) -> Vec<TargetFile> {
    let file = |(path, text): &(&str, &str)| TargetFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
        form: Form::Sql,
    };
    texts.iter().map(file).collect()
}

fn run(scratch: &Database, texts: &[(&str, &str)], own_cluster: bool) -> Result<Executed> {
    execute(&prepare(&files(texts))?, &mut scratch.connect(), own_cluster)
}

/// Executes on every server and returns one text that a query gives on each.
fn query_after(texts: &[(&str, &str)], query: &str) -> Vec<String> {
    let ask = |(_, server): &(i32, String)| {
        let scratch = Database::new(server);
        run(&scratch, texts, false).unwrap_or_else(|error| panic!("{error}\n{}", error.detail.join("\n")));
        scratch.text(query)
    };
    servers().iter().map(ask).collect()
}

fn assert_everywhere(texts: &[(&str, &str)], query: &str, expected: &str) {
    let answers = query_after(texts, query);
    assert!(!answers.is_empty());
    for answer in answers {
        assert_eq!(answer, expected);
    }
}

fn refusal(texts: &[(&str, &str)]) -> Error {
    let scratch = Database::new(&newest());
    run(&scratch, texts, false).expect_err("the target must be refused")
}

const RELATIONS: &str = "SELECT string_agg(c.oid::regclass || ' ' || c.relkind::text, ', ' ORDER BY c.oid::regclass::text) \
    FROM pg_class c WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND relkind IN ('r', 'v', 'i', 'S', 'm')";

#[test]
fn files_and_statements_may_stand_in_any_order() {
    let texts = [
        (
            "a.sql",
            "CREATE VIEW shop.top AS SELECT * FROM shop.middle; CREATE VIEW shop.middle AS SELECT shop.twice(id) AS d FROM shop.orders;",
        ),
        (
            "b.sql",
            "SET search_path = shop; CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, s state);",
        ),
        (
            "c.sql",
            "CREATE FUNCTION shop.twice(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT shop.once($1) * 2; END;\n\
                   CREATE FUNCTION shop.once(x int) RETURNS int LANGUAGE sql AS 'SELECT later($1)';",
        ),
        (
            "d.sql",
            "CREATE TABLE shop.customers (id int PRIMARY KEY, last_order int);\n\
                   ALTER TABLE shop.customers ADD FOREIGN KEY (last_order) REFERENCES shop.orders;",
        ),
        ("e.sql", "CREATE TYPE shop.state AS ENUM ('new');"),
        ("z.sql", "CREATE SCHEMA shop;"),
    ];
    assert_everywhere(
        &texts,
        RELATIONS,
        "shop.customers r, shop.customers_pkey i, shop.middle v, shop.orders r, shop.orders_pkey i, shop.top v",
    );
    let forward: Vec<_> = texts.iter().rev().copied().collect();
    let count = "SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND convalidated";
    assert_everywhere(&forward, count, "2");
}

#[test]
fn tables_may_reference_each_other_in_their_own_statements() {
    let texts = [(
        "a.sql",
        "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED NOT NULL);\n\
         CREATE TABLE b (id int PRIMARY KEY, a int CHECK (a > 0), CONSTRAINT named FOREIGN KEY (a) REFERENCES a (id));\n\
         CREATE TABLE c (id int PRIMARY KEY REFERENCES c);",
    )];
    let query = "SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), '; ' ORDER BY conname) \
        FROM pg_constraint WHERE contype = 'f'";
    let expected = "a_b_fkey FOREIGN KEY (b) REFERENCES b(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED; \
        c_id_fkey FOREIGN KEY (id) REFERENCES c(id); named FOREIGN KEY (a) REFERENCES a(id)";
    assert_everywhere(&texts, query, expected);
    let error = refusal(&[("a.sql", "CREATE TABLE a (b int REFERENCES nothing);")]);
    assert_eq!(error.message, "a.sql:1:1: relation \"nothing\" does not exist");
}

#[test]
fn a_waiting_statement_is_not_overtaken_by_a_later_one_about_the_same_object() {
    let texts = [
        ("1.sql", "CREATE FUNCTION f() RETURNS s.t LANGUAGE sql AS 'SELECT 1';"),
        (
            "2.sql",
            "CREATE VIEW gone AS SELECT * FROM s.base; DROP VIEW IF EXISTS gone;",
        ),
        (
            "3.sql",
            "CREATE OR REPLACE FUNCTION f() RETURNS s.t LANGUAGE sql AS 'SELECT 2';",
        ),
        (
            "4.sql",
            "CREATE SCHEMA s; CREATE DOMAIN s.t AS int; CREATE TABLE s.base ();",
        ),
    ];
    assert_everywhere(
        &texts,
        "SELECT prosrc || (to_regclass('gone') IS NULL)::text FROM pg_proc WHERE proname = 'f'",
        "SELECT 2true",
    );
}

#[test]
fn a_dump_is_a_target() {
    let dump = "\\restrict abc\n\
        SET transaction_timeout = 0;\nSET nonsense_of_a_later_version = 1;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\n\
        CREATE DATABASE x WITH TEMPLATE = template0;\n\\connect x\n\
        CREATE SCHEMA public;\nCREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;\n\
        SET default_table_access_method = heap;\n\
        CREATE TABLE public.t (id integer NOT NULL, note text DEFAULT '\\.'::text);\n\
        COPY public.t (id, note) FROM stdin;\n1\tit's; \"odd\n\\.\n\n\
        INSERT INTO public.t VALUES (2, 'x');\n\
        CREATE SEQUENCE public.s;\nSELECT pg_catalog.setval('public.s', 7, true);\n\
        \\unrestrict abc\n";
    assert_everywhere(&[("dump.sql", dump)], RELATIONS, "s S, t r");
    assert_everywhere(&[("dump.sql", dump)], "SELECT count(*)::text FROM t", "0");
    let scratch = Database::new(&newest());
    let notes = run(&scratch, &[("dump.sql", dump)], false).unwrap().notes;
    let notes: Vec<String> = notes
        .iter()
        .map(|note| format!("{}: {}", note.place.line, note.text))
        .collect();
    assert_eq!(
        notes,
        [
            "3: `nonsense_of_a_later_version` is no parameter of the scratch server; the setting is skipped.",
            "5: `CREATE DATABASE` is skipped: it is about the database itself; trueup looks after what is in it.",
            "6: psql's `\\connect` is skipped; all statements of the file are taken for one database.",
            "11: `COPY` is skipped: it is about rows, not about the schema.",
            "15: `INSERT` is skipped: it is about rows, not about the schema.",
            "17: `SELECT` is skipped: it is about rows, not about the schema.",
        ]
    );
}

#[test]
fn a_folder_of_migrations_is_a_target() {
    let texts = [
        (
            "1.sql",
            "BEGIN; CREATE TABLE old (id int, gone int); CREATE TYPE e AS ENUM ('a'); COMMIT;",
        ),
        (
            "2.sql",
            "ALTER TABLE old RENAME TO new; ALTER TABLE new DROP gone; CREATE TABLE old (x int); DROP TABLE old;",
        ),
        (
            "3.sql",
            "ALTER TYPE e ADD VALUE 'b'; ALTER TABLE new ADD e e DEFAULT 'b'; CREATE INDEX CONCURRENTLY i ON new (id);",
        ),
        (
            "4.sql",
            "BEGIN; CREATE TABLE never (); ROLLBACK; BEGIN; SET LOCAL search_path = pg_catalog, public; COMMIT; CREATE TABLE last ();",
        ),
        (
            "5.sql",
            "DO $$ BEGIN EXECUTE 'CREATE TABLE made ()'; END $$; SELECT 1 AS one INTO selected;",
        ),
    ];
    assert_everywhere(&texts, RELATIONS, "i i, last r, made r, new r, selected r");
}

#[test]
fn settings_hold_for_the_rest_of_their_file_only() {
    let texts = [
        (
            "1.sql",
            "CREATE SCHEMA a; CREATE SCHEMA b; SET search_path TO a; CREATE TABLE t (x later);",
        ),
        (
            "2.sql",
            "CREATE TABLE t (); SET search_path = b; CREATE TABLE t (); RESET search_path; CREATE TABLE u ();",
        ),
        ("3.sql", "CREATE DOMAIN a.later AS int;"),
    ];
    assert_everywhere(&texts, RELATIONS, "a.t r, b.t r, t r, u r");
}

#[test]
fn roles_are_made_on_a_cluster_of_our_own_only() {
    let role = format!("desired \"role\" {}", std::process::id());
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    let text = format!("CREATE TABLE t (); ALTER TABLE t OWNER TO {quoted};\nSET ROLE {quoted}; CREATE TABLE u ();");
    let server = newest();
    let scratch = Database::new(&server);
    let error = run(&scratch, &[("a.sql", &text)], false).unwrap_err();
    assert_eq!(error.message, format!("a.sql:1:20: role \"{role}\" does not exist"));
    assert!(error.hint.unwrap().contains(&format!("CREATE ROLE {quoted}")));

    let scratch = Database::new(&server);
    let done = run(&scratch, &[("a.sql", &text)], true);
    let owners = "SELECT string_agg(relname, ',' ORDER BY 1) FROM pg_class WHERE relowner = $1::text::regrole";
    let owned: Option<String> = scratch.connect().query_one(owners, &[&quoted]).unwrap().get(0);
    drop(scratch);
    Client::connect(&server, NoTls)
        .unwrap()
        .batch_execute(&format!("DROP ROLE {quoted}"))
        .unwrap();
    assert_eq!(owned.as_deref(), Some("t,u"));
    assert_eq!(done.unwrap().owner_roles.into_iter().collect::<Vec<_>>(), [role]);
}

#[test]
fn a_block_that_needs_rows_is_passed_over() {
    let text = "CREATE TABLE t (a text); INSERT INTO t VALUES ('x');\n\
        DO $$ DECLARE n text; BEGIN SELECT a INTO n FROM t; EXECUTE 'CREATE TABLE ' || n || ' ()'; END $$;";
    let scratch = Database::new(&newest());
    let notes = run(&scratch, &[("a.sql", text)], false).unwrap().notes;
    assert!(notes[1].text.starts_with("`DO` is skipped: it needs rows"), "{notes:?}");
    let error = refusal(&[("a.sql", "DO $$ BEGIN PERFORM * FROM nothing; END $$;")]);
    assert_eq!(error.message, "a.sql:1:1: relation \"nothing\" does not exist");
}

#[test]
fn a_block_makes_no_role_on_somebodys_server() {
    let role = format!("desired_made_{}", std::process::id());
    let text = format!("DO $$ BEGIN CREATE ROLE {role}; END $$; DO $$ BEGIN CREATE TABLE t (); END $$;");
    let scratch = Database::new(&newest());
    let notes = run(&scratch, &[("a.sql", &text)], false).unwrap().notes;
    assert!(notes[0].text.starts_with("`DO` is skipped: it makes or drops roles"));
    let query = "SELECT to_regrole($1) IS NULL AND to_regclass('t') IS NOT NULL";
    assert!(scratch.connect().query_one(query, &[&role]).unwrap().get::<_, bool>(0));
}

#[test]
fn a_duplicate_names_both_places() {
    let error = refusal(&[
        ("a.sql", "CREATE TABLE t (a int);"),
        ("b.sql", "\n  CREATE VIEW public.t AS SELECT 1;"),
    ]);
    assert_eq!(error.kind, ErrorKind::Target);
    assert_eq!(
        error.message,
        "b.sql:2:3: view `public.t` is declared twice, first at a.sql:1:1"
    );
    let error = refusal(&[
        ("a.sql", "CREATE TABLE t (a int);"),
        ("b.sql", "ALTER TABLE t ADD COLUMN b int, ADD COLUMN a int;"),
    ]);
    assert_eq!(
        error.message,
        "b.sql:1:44: column `public.t.a` is declared twice, first at a.sql:1:17"
    );
    let error = refusal(&[(
        "a.sql",
        "CREATE FUNCTION f(a int, OUT b int) LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(x integer) RETURNS int LANGUAGE sql AS 'SELECT 1';",
    )]);
    assert_eq!(
        error.message,
        "a.sql:1:65: function `public.f(int4)` is declared twice, first at a.sql:1:1"
    );
}

#[test]
fn a_reference_to_nothing_is_reported_at_its_place_before_its_consequences() {
    let error = refusal(&[
        ("a.sql", "CREATE VIEW w AS SELECT * FROM v;"),
        (
            "b.sql",
            "CREATE TABLE fine ();\nCREATE VIEW v AS\n  SELECT 'ä', x FROM nothing;",
        ),
    ]);
    assert_eq!(error.message, "b.sql:3:22: relation \"nothing\" does not exist");
    assert_eq!(
        error.detail,
        [
            "3 |   SELECT 'ä', x FROM nothing;",
            "  |                      ^",
            "a.sql:1:32: relation \"v\" does not exist",
        ]
    );
    assert_eq!(error.sqlstate.as_deref(), Some("42P01"));
}

#[test]
fn a_missing_extension_says_what_to_install() {
    let error = refusal(&[
        ("a.sql", "CREATE TABLE t (v vector(3));"),
        ("b.sql", "CREATE EXTENSION no_such_thing;"),
    ]);
    assert_eq!(error.kind, ErrorKind::Scratch);
    assert_eq!(
        error.message,
        "b.sql:1:1: the scratch server does not have extension `no_such_thing`"
    );
    assert!(error.hint.unwrap().contains("no-such-thing"));
}

#[test]
fn what_has_no_place_in_a_schema_is_refused_without_a_server() {
    for (sql, words) in [
        ("DROP DATABASE shop;", "DROP DATABASE"),
        ("VACUUM FULL t;", "VACUUM"),
        ("ALTER SYSTEM SET work_mem = '1GB';", "ALTER SYSTEM"),
        ("CHECKPOINT;", "CHECKPOINT"),
        ("PREPARE p AS SELECT 1;", "PREPARE"),
        ("DECLARE c CURSOR FOR SELECT 1;", "DECLARE"),
        ("LOAD 'auto_explain';", "LOAD"),
        ("ALTER DATABASE a RENAME TO b;", "ALTER DATABASE"),
    ] {
        let error = prepare(&files(&[("a.sql", &format!("CREATE TABLE t ();\n -- why\n {sql}"))])).unwrap_err();
        assert_eq!(error.message, format!("a.sql:3:2: `{words}` has no place in a schema"));
        assert_eq!(error.kind, ErrorKind::Target);
        assert!(error.detail[0].contains(sql) && error.hint.is_some());
    }
}

#[test]
fn hints_name_what_stands_below_them() {
    let text = "-- trueup: renamed from old_shop\nCREATE SCHEMA shop;\n\
        /* about */ CREATE TABLE shop.a (\n  -- trueup: renamed from \"Id\"\n  -- the key\n  id int,\n\
        \x20 -- trueup: renamed from chk\n  CONSTRAINT c CHECK (id > 0)\n);\n\
        CREATE TYPE shop.e AS ENUM (\n  -- trueup: renamed from 'one'\n  'uno', 'two');\n\
        -- trueup: renamed from old_shop.f\nCREATE FUNCTION shop.g(a int) RETURNS int LANGUAGE sql AS '-- trueup: x';\n\
        -- trueup: renamed from v\nALTER TABLE t ENABLE ROW LEVEL SECURITY;";
    let hints = prepare(&files(&[("a.sql", text)])).unwrap().hints;
    let found: Vec<String> = hints
        .iter()
        .map(|hint| {
            let says = match &hint.says {
                Says::RenamedFrom(former) => former.join("."),
                other => format!("{other:?}"),
            };
            format!("{} {} {} < {says}", hint.place.line, hint.word, hint.path.join("."))
        })
        .collect();
    assert_eq!(
        found,
        [
            "1 schema shop < old_shop",
            "4 column shop.a.id < Id",
            "7 constraint shop.a.c < chk",
            "11 enum value shop.e.uno < one",
            "13 function shop.g(int4) < old_shop.f",
            "15 table t < v",
        ]
    );
}

#[test]
fn a_wrong_hint_is_an_error_at_its_line() {
    let fails = |text: &str| prepare(&files(&[("a.sql", text)])).unwrap_err().message;
    assert_eq!(
        fails("\n-- trueup: rename from x\nCREATE TABLE t ();"),
        "a.sql:2:1: unknown hint `rename from x`"
    );
    assert_eq!(
        fails("CREATE TABLE t (a int, -- trueup: renamed from x\n b int);"),
        "a.sql:1:24: a hint stands behind something else"
    );
    assert_eq!(
        fails("-- trueup: renamed from x\nINSERT INTO t VALUES (1);"),
        "a.sql:1:1: a hint stands above nothing that has a name"
    );
}

#[test]
fn sources_without_files_say_so() {
    let folder = std::env::temp_dir().join(format!("trueup-desired-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("deep/er/.hidden")).unwrap();
    let source = Source::parse(folder.to_str().unwrap()).unwrap();
    let error = source.files().unwrap_err();
    assert_eq!(
        (error.kind, error.message),
        (ErrorKind::Usage, format!("no target files in `{}`", folder.display()))
    );

    for name in [
        "deep/er/b.sql",
        "c.yaml",
        "trueup.yaml",
        ".x.sql",
        "deep/er/.hidden/y.sql",
        "a.txt",
    ] {
        std::fs::write(folder.join(name), "-- x").unwrap();
    }
    let paths: Vec<String> = source.files().unwrap().into_iter().map(|file| file.path).collect();
    let expected = ["c.yaml", "deep/er/b.sql"].map(|name| folder.join(name).display().to_string());
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(paths, expected);
    let missing = Source::parse("no/such/folder").unwrap_err();
    assert_eq!(missing.message, "no such file or folder: `no/such/folder`");
    assert_eq!(
        format!("{:?}", Source::parse("postgres://u:secret@h/d").unwrap()),
        "Source(database)"
    );
}
