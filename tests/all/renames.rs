//! Renames that nobody has said: what is found, what is asked, and how it is answered, through the built program.

use serde_json::Value;

use crate::schema;
use crate::support::{Database, Output, Project, newest, servers};

const PEOPLE: &str = "CREATE TABLE public.people (id int PRIMARY KEY, email text NOT NULL, note text);
    CREATE INDEX people_email_idx ON public.people (email);
    CREATE VIEW public.addresses AS SELECT email AS address FROM public.people;";
const ROWS: &str =
    "INSERT INTO people SELECT n, n || '@example.org', NULL FROM generate_series(1, 100) n; ANALYZE people;";
const RENAMED: &str = "CREATE TABLE public.people (
    id int PRIMARY KEY,
    -- HINT
    mail text NOT NULL,
    note text
);
CREATE INDEX people_mail_idx ON public.people (mail);
CREATE VIEW public.addresses AS SELECT mail AS address FROM public.people;";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the findings of the rule as `level object`.
fn found(report: &Value) -> Vec<String> {
    let path = |object: &Value| -> String {
        let parts = object["path"].as_array().unwrap().iter();
        parts.filter_map(Value::as_str).collect::<Vec<_>>().join(".")
    };
    let own = report["findings"].as_array().unwrap().iter();
    own.filter(|finding| finding["code"] == "TU508")
        .map(|finding| format!("{} {}", finding["risk"].as_str().unwrap(), path(&finding["object"])))
        .collect()
}

/// Plans from one state to another; returns the run and the report.
fn plan(live: &str, desired: &str) -> (Output, Value) {
    let server = newest();
    let database = Database::with(&server, live);
    let mut project = Project::new(database.name(), &[("schema/shop.sql", desired)]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &database.url());
    let run = project.run("plan --format json --no-prove");
    let report = json(&run.out);
    (run, report)
}

#[test]
fn a_column_that_holds_rows_is_asked_about() {
    for (major, server) in servers() {
        let database = Database::with(&server, &format!("{PEOPLE} {ROWS}"));
        let project = Project::of(&database, major, &[("schema/shop.sql", RENAMED)]);
        let human = project.run("plan --out plan.json");
        assert_eq!(human.code, 0, "PostgreSQL {major}: {}{}", human.out, human.err);
        assert_eq!(project.run("plan --out plan.json --exit-code").code, 3);
        let words = human.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "TU508 column public.people.mail",
            "may be another name of what is dropped: `public.people.email`",
            "about 100 rows",
            "The plan waits for an answer",
        ] {
            assert!(words.contains(part), "{part}\n{}", human.out);
        }
        for part in [
            "leaves a question open (1)",
            "schema/shop.sql:4",
            "-- trueup: renamed from email",
            "--rename public.people.email=mail",
            "not_renamed: true",
            "--no-rename public.people.mail",
        ] {
            assert!(human.err.contains(part), "{part}\n{}", human.err);
        }
        let refused = project.run("apply plan.json --approve dangerous --yes");
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.err.contains("-- trueup: not renamed"), "{}", refused.err);
        assert_eq!(project.run("apply --approve dangerous --yes").code, 3);
        assert_eq!(database.text("SELECT count(email)::text FROM people"), "100");

        let run = project.run("plan --format json");
        assert_eq!(run.code, 3);
        let report = json(&run.out);
        let question = &report["questions"][0];
        assert_eq!(question["object"]["path"][2], "mail");
        assert_eq!(question["formers"][0]["object"]["path"][2], "email");
        assert_eq!(question["formers"][0]["rename"]["yaml"], "renamed_from: email");
        assert!(question["formers"][0]["score"].as_u64() >= Some(80), "{question:#}");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");
        let standard = json(&std::fs::read_to_string(path).unwrap());
        assert_eq!(schema::validate(&standard, &report), Vec::<String>::new());

        // Each answer, in each form.
        let sql = |arguments: &str| project.run(format!("plan --format sql {arguments}").trim()).expect(0);
        let renames = "RENAME COLUMN email TO mail";
        let drops = "DROP COLUMN email";
        assert!(sql("--rename public.people.email=mail").contains(renames));
        assert!(sql("--rename people.email=people.mail").contains(renames));
        for name in ["public.people.mail", "people.email"] {
            let text = sql(&format!("--no-rename {name}"));
            assert!(text.contains(drops) && !text.contains(renames), "{text}");
        }
        project.write("schema/shop.sql", &RENAMED.replace("HINT", "trueup: not renamed"));
        assert!(sql("").contains(drops));
        project.write(
            "schema/shop.sql",
            &RENAMED.replace("HINT", "trueup: renamed from email"),
        );
        assert!(sql("").contains(renames));
        project.write("schema/shop.sql", RENAMED);
        project
            .run("apply --rename public.people.email=mail --approve critical --yes")
            .expect(0);
        assert_eq!(database.text("SELECT count(mail)::text FROM people"), "100");
        // The same command once more has nothing to do.
        project
            .run("apply --rename public.people.email=mail --approve critical --yes")
            .expect(0);
    }
}

/// Nothing is lost on an empty table, whether somebody has analysed it or not.
#[test]
fn an_empty_table_is_not_asked_about() {
    for (major, server) in servers() {
        let database = Database::with(&server, PEOPLE);
        let project = Project::of(&database, major, &[("schema/shop.sql", RENAMED)]);
        let report = json(&project.run("plan --format json").expect(0));
        assert_eq!(found(&report)[0], "safe public.people.mail", "{report:#}");
        assert_eq!(report["questions"], Value::Null);
        // Rows that are gone leave a size behind.
        database.execute(&format!("{ROWS} DELETE FROM people;"));
        let report = json(&project.run("plan --format json --out plan.json").expect(0));
        assert_eq!(found(&report)[0], "safe public.people.mail");
        project.run("apply plan.json --approve critical --yes").expect(0);
        project.run("plan --exit-code").expect(0);
    }
}

/// Who may not look at the rows cannot say that there are none.
#[test]
fn hidden_rows_count_as_rows() {
    for (major, server) in servers() {
        let database = Database::with(&server, &format!("{PEOPLE} {ROWS}"));
        let mut project = Project::of(&database, major, &[("schema/shop.sql", RENAMED)]);
        let role = format!("{}_reader", database.name());
        database.execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT ON people TO {role}; ALTER TABLE people ENABLE ROW LEVEL SECURITY;"
        ));
        project.write(
            "schema/shop.sql",
            &format!("{RENAMED} ALTER TABLE public.people ENABLE ROW LEVEL SECURITY;"),
        );
        let url = database.url().replacen("postgres@", &format!("{role}@"), 1);
        project.set(
            "DATABASE_URL",
            &url.replacen("user=postgres", &format!("user={role}"), 1),
        );
        project.set("TRUEUP_SCRATCH", &database.url());
        let asked = |rows: &str| {
            let run = project.run("plan --no-prove --format json");
            assert_eq!(run.code, 3, "{rows}: {}", run.err);
            assert!(run.err.contains(rows), "{}", run.err);
        };
        asked("number of rows unknown");
        database.execute(&format!("CREATE POLICY all_of_them ON people TO {role} USING (true)"));
        asked("number of rows unknown");
        database.execute(&format!("REVOKE ALL ON people FROM {role}"));
        asked("number of rows unknown");
        database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

#[test]
fn what_is_a_pair_and_what_is_none() {
    let rows = "INSERT INTO t DEFAULT VALUES;";
    for (live, desired, expected) in [
        // Another type, and names that tell nothing.
        (
            "CREATE TABLE t (id int, a text);",
            "CREATE TABLE t (id int, b int);",
            vec![],
        ),
        // Another type that values can take, at the same place, with a similar name.
        (
            "CREATE TABLE t (id int, price numeric(10,2), z int);",
            "CREATE TABLE t (id int, price_cents bigint, z int);",
            vec!["caution public.t.price_cents"],
        ),
        // Of two the one that fits is found.
        (
            "CREATE TABLE t (id int, first text, last text);",
            "CREATE TABLE t (id int, first_name text, last_name text);",
            vec!["caution public.t.first_name", "caution public.t.last_name"],
        ),
        // What is computed has no values of its own.
        (
            "CREATE TABLE t (id int, a int GENERATED ALWAYS AS (id * 2) STORED);",
            "CREATE TABLE t (id int, b int);",
            vec![],
        ),
        // A table under another name, in another schema, and one that has nothing to do with it.
        (
            "CREATE TABLE t (id int, a text, b text);",
            "CREATE TABLE u (id int, a text, b text);",
            vec!["caution public.u"],
        ),
        (
            "CREATE TABLE t (id int, a text, b text);",
            "CREATE SCHEMA s; CREATE TABLE s.t (id int, a text, b text);",
            vec!["caution s.t"],
        ),
        (
            "CREATE TABLE t (id int, a text, b text);",
            "CREATE TABLE u (id int, x date, y date, z date);",
            vec![],
        ),
    ] {
        let (_, report) = plan(&format!("{live} {rows}"), desired);
        assert_eq!(found(&report), expected, "{live} → {desired}");
    }
}

#[test]
fn what_holds_no_rows_is_advice() {
    for (live, desired, expected) in [
        (
            "CREATE TABLE t (id int); CREATE INDEX one ON t (id); INSERT INTO t VALUES (1);",
            "CREATE TABLE t (id int); CREATE INDEX two ON t (id);",
            vec!["safe public.two"],
        ),
        (
            "CREATE TYPE state AS ENUM ('new', 'payed', 'sent');",
            "CREATE TYPE state AS ENUM ('new', 'paid', 'sent');",
            vec!["safe public.state"],
        ),
        (
            "CREATE SEQUENCE old_numbers;",
            "CREATE SEQUENCE numbers;",
            vec!["safe public.numbers"],
        ),
        // Partitions come and go; another bound is another partition.
        (
            "CREATE TABLE p (at date) PARTITION BY RANGE (at);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); INSERT INTO p VALUES ('2026-01-02');",
            "CREATE TABLE p (at date) PARTITION BY RANGE (at);
             CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');",
            vec![],
        ),
    ] {
        let (run, report) = plan(live, desired);
        assert_eq!((run.code, found(&report)), (0, expected.iter().map(|text| (*text).to_owned()).collect()), "{live} → {desired}");
    }
}

/// A schema is asked about as a whole, not table by table.
#[test]
fn a_schema_is_one_question() {
    let tables = |schema: &str| {
        format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.a (id int PRIMARY KEY, x text);
             CREATE TABLE {schema}.b (id int PRIMARY KEY, a_id int REFERENCES {schema}.a);"
        )
    };
    let (run, report) = plan(
        &format!("{} INSERT INTO shop.a VALUES (1, 'x')", tables("shop")),
        &tables("store"),
    );
    assert_eq!(run.code, 3);
    assert_eq!(found(&report), ["caution store"]);
    assert!(run.err.contains("--rename shop=store"), "{}", run.err);
}

#[test]
fn statistics_speak_for_and_against() {
    let live = "CREATE TABLE t (id int, code text); INSERT INTO t SELECT n, nullif(n % 5, 0)::text FROM generate_series(1, 500) n;
                ANALYZE t;";
    let (_, report) = plan(live, "CREATE TABLE t (id int, kind text NOT NULL UNIQUE);");
    let evidence = report["questions"][0]["formers"][0]["evidence"].to_string();
    for part in [
        "added anew it would be refused",
        "about 20 % of the values are null",
        "its values repeat",
    ] {
        assert!(evidence.contains(part), "{part}: {report:#}");
    }
}

#[test]
fn a_project_may_want_no_questions() {
    let database = Database::with(&newest(), &format!("{PEOPLE} {ROWS}"));
    let mut project = Project::new(database.name(), &[("schema/shop.sql", RENAMED)]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &database.url());
    let rule = |level: &str| {
        format!("rules:\n  - {{code: TU508, object: public.people, {level}, reason: we read every drop}}\n")
    };
    project.write("trueup.yaml", &rule("level: dangerous"));
    assert_eq!(project.run("plan --no-prove").code, 3);
    for level in ["level: safe", "level: waived, until: 2999-01-01"] {
        project.write("trueup.yaml", &rule(level));
        project.run("plan --no-prove").expect(0);
    }
}

/// A snapshot stands for a database whose rows nobody sees; two sources are only compared.
#[test]
fn without_a_database_rows_are_unknown() {
    let database = Database::with(&newest(), PEOPLE);
    let mut project = Project::new(database.name(), &[("old.sql", PEOPLE), ("new.sql", RENAMED)]);
    project.set("TRUEUP_SCRATCH", &database.url());
    let snapshot = project
        .run(&format!("inspect {} --format json", database.url()))
        .expect(0);
    project.write("live.json", &snapshot);
    let run = project.run("plan --live live.json --schema new.sql --no-prove");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("number of rows unknown"), "{}", run.err);
    project
        .run("plan --live live.json --schema new.sql --no-prove --rename people.email=mail")
        .expect(0);
    let report = json(&project.run("diff old.sql new.sql --no-prove --format json").expect(0));
    assert_eq!(found(&report)[0], "caution public.people.mail");
    let text = project
        .run("diff old.sql new.sql --no-prove --format sql --rename people.email=mail")
        .expect(0);
    assert!(text.contains("RENAME COLUMN email TO mail"), "{text}");
}

#[test]
fn wrong_answers() {
    let database = Database::with(&newest(), &format!("{PEOPLE} {ROWS}"));
    let mut project = Project::new(database.name(), &[("schema/shop.sql", RENAMED)]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &database.url());
    for (arguments, expected) in [
        (
            "--rename people.emial=mail",
            "the live database has nothing of that name",
        ),
        ("--rename people.email=mial", "nothing of that name is declared"),
        ("--rename people.email", "does not say what is renamed"),
        ("--rename people=addresses", "it is of another kind"),
        ("--no-rename people..mail", "names nothing"),
    ] {
        let run = project.run(&format!("plan --no-prove {arguments}"));
        assert_eq!(run.code, 1, "{arguments}: {}", run.err);
        assert!(run.err.contains(expected), "{arguments}: {}", run.err);
    }
    let run = project.run("apply plan.json --rename people.email=mail");
    assert!(run.code == 1 && run.err.contains("cannot be used with"), "{}", run.err);
}

/// YAML says the same, and waives what SQL files waive above a declaration.
#[test]
fn yaml_says_it_beside_the_declaration() {
    let database = Database::with(
        &newest(),
        "CREATE TABLE people (id int PRIMARY KEY, email text NOT NULL, gone text); INSERT INTO people VALUES (1, 'x', 'y');",
    );
    let mut project = Project::new(database.name(), &[]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &database.url());
    let run = |beside: &str, column: &str| {
        let text = format!(
            "tables:\n  people:\n    columns:\n      id: int\n      mail: {{type: text, not_null: true{column}}}\n    primary_key: [id]\n{beside}"
        );
        project.write("schema/people.yaml", &text);
        project.run("plan --no-prove --format json --schema schema/people.yaml")
    };
    let asked = run("", "");
    assert_eq!(asked.code, 3, "{}{}", asked.out, asked.err);
    assert!(asked.err.contains("schema/people.yaml:5"), "{}", asked.err);
    assert!(
        run("", ", renamed_from: email")
            .expect(0)
            .contains("RENAME COLUMN email TO mail")
    );
    let waiver = "    waive: {tu103: {until: 2999-12-31, reason: the notes were moved}}\n";
    let report = json(&run(waiver, ", not_renamed: true").expect(0));
    let drop = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["code"] == "TU103")
        .unwrap();
    assert_eq!(drop["ruling"]["waived"], true);
    assert_eq!(drop["ruling"]["reason"], "the notes were moved");
    assert_eq!(drop["ruling"]["place"], "schema/people.yaml:7");
    for (waiver, expected) in [
        ("TU103: {until: 2999-12-31}", "has no reason"),
        ("TU103: {reason: x}", "has no last day"),
        ("TU103: {until: soon, reason: x}", "`soon` is no day"),
        ("TU999: {until: 2999-12-31, reason: x}", "no rule `TU999`"),
        ("TU103: {till: 2999-12-31, reason: x}", "unknown key `till`"),
    ] {
        let wrong = run(&format!("    waive: {{{waiver}}}\n"), ", not_renamed: true");
        assert!(
            wrong.code == 1 && wrong.err.contains(expected),
            "{waiver}: {}",
            wrong.err
        );
        assert!(wrong.err.contains("people.yaml:7"), "{}", wrong.err);
    }
}

/// At a terminal each question is asked, and the plan is made again with the answers.
#[test]
fn a_terminal_asks() {
    let database = Database::with(&newest(), &format!("{PEOPLE} {ROWS}"));
    let mut project = Project::new(database.name(), &[("schema/shop.sql", RENAMED)]);
    project.set("DATABASE_URL", &database.url());
    project.set("TRUEUP_SCRATCH", &database.url());
    for (answer, code, expected) in [
        ("1\n", 0, "RENAME COLUMN email TO mail"),
        ("7\n2\n", 0, "DROP COLUMN email"),
        ("x\ny\nz\n", 3, "leaves a question open"),
    ] {
        let run = project.run_at_terminal("plan --no-prove --format sql", answer);
        assert_eq!(run.code, code, "{answer:?}: {}", run.out);
        assert!(run.out.contains("1  rename `public.people.email`"), "{}", run.out);
        assert!(run.out.contains(expected), "{answer:?}: {}", run.out);
    }
}

#[test]
fn an_approved_loss_is_an_answer() {
    for approval in ["critical", "dangerous --approve TU508:public.people.mail"] {
        let database = Database::with(
            &newest(),
            "CREATE TABLE people (id int PRIMARY KEY, email text); INSERT INTO people VALUES (1, 'x')",
        );
        let mut project = Project::new(
            database.name(),
            &[(
                "schema/shop.sql",
                "CREATE TABLE people (id int PRIMARY KEY, mail text);",
            )],
        );
        project.set("DATABASE_URL", &database.url());
        project.set("TRUEUP_SCRATCH", &database.url());
        project.run("plan --out plan.json").expect(0);
        project
            .run(&format!("apply plan.json --approve {approval} --yes"))
            .expect(0);
        assert_eq!(database.text("SELECT count(mail)::text FROM people"), "0", "{approval}");
    }
}
