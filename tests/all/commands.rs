//! Commands beside plan, apply and rollback, through the built program: what they print and which code they end with.

use serde_json::Value;

use crate::support::{Database, Project, servers};

const BEFORE: &str = "CREATE TABLE public.customers (id int PRIMARY KEY, email text NOT NULL);
    CREATE VIEW public.addresses AS SELECT email FROM public.customers;";
const AFTER: &str = "CREATE TABLE public.customers (
        id int PRIMARY KEY,
        -- trueup: renamed from email
        mail text NOT NULL,
        joined_at date
    );
    CREATE VIEW public.addresses AS SELECT mail AS email FROM public.customers;";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A pull request is judged without any database, rename hints included.
#[test]
fn two_revisions_are_compared_without_a_database() {
    let project = Project::new("revisions", &[("schema/shop.sql", BEFORE)]);
    project.git("init -q");
    project.git("add -A");
    project.git("commit -q -m before");
    project.write("schema/shop.sql", AFTER);
    let human = project.run("diff git:HEAD:schema schema --exit-code").expect(2);
    assert!(
        human.starts_with("Difference from git:HEAD:schema to schema (PostgreSQL "),
        "{human}"
    );
    assert!(
        human.contains("ALTER TABLE public.customers RENAME COLUMN email TO mail;"),
        "{human}"
    );
    assert!(
        !human.contains("trueup apply"),
        "there is nothing to apply it to: {human}"
    );
    let report = json(&project.run("diff git:HEAD:schema schema --format json").expect(0));
    assert_eq!(report["database"]["stand_in"]["source"]["desired"], "schema");
    assert_eq!(report["summary"]["changes"]["rename"], 1);
    let back = project
        .run("diff git:HEAD:schema schema --format sql --rollback")
        .expect(0);
    assert!(back.contains("RENAME COLUMN mail TO email"), "{back}");
    let same = project.run("diff schema schema --exit-code").expect(0);
    assert!(
        same.ends_with("No difference: schema and schema declare the same.\n"),
        "{same}"
    );
}

/// Whatever form a state is in, it equals itself in every other form.
#[test]
fn sources_of_every_form_are_compared() {
    for (major, server) in servers() {
        let database = Database::with(&server, BEFORE);
        let mut project = Project::of(&database, major, &[("schema/shop.sql", BEFORE)]);
        project.set("OTHER", &database.url());
        let url = database.url();
        let snapshot = project.run(&format!("inspect {url} --format json")).expect(0);
        project.write("live.json", &snapshot);
        let forms = [url.as_str(), "live.json", "env:OTHER", "schema/shop.sql"];
        for from in forms {
            for to in forms {
                let text = project.run(&format!("diff {from} {to} --exit-code"));
                assert_eq!(
                    text.code, 0,
                    "PostgreSQL {major}: {from} to {to}:\n{}{}",
                    text.out, text.err
                );
            }
        }
        project.write("schema/shop.sql", AFTER);
        let forward = project
            .run(&format!("diff {url} schema --exit-code --format sql"))
            .expect(2);
        let name = database.name();
        assert!(
            forward.contains(&format!("plan from database {name} to schema,")),
            "{forward}"
        );
        assert!(
            !forward.contains("postgres://") && !forward.contains("host="),
            "{forward}"
        );
    }
}

/// A plan from a snapshot is applied only where the touched objects are still as in it.
#[test]
fn a_snapshot_stands_in_for_the_live_database() {
    for (major, server) in servers() {
        let database = Database::with(&server, BEFORE);
        let project = Project::of(&database, major, &[("schema/shop.sql", AFTER)]);
        let snapshot = project
            .run(&format!("inspect {} --format json", database.url()))
            .expect(0);
        project.write("live.json", &snapshot);
        let human = project
            .run("plan --live live.json --out plan.json --exit-code")
            .expect(2);
        assert!(human.starts_with("Plan for snapshot live.json "), "{human}");
        assert!(human.contains("Nothing is known of the size of the tables"), "{human}");
        database.execute("DROP VIEW public.addresses; ALTER TABLE public.customers ALTER email TYPE varchar(99)");
        assert_eq!(project.run("apply plan.json --approve critical").code, 4);
        database.execute("DROP TABLE public.customers");
        database.execute(BEFORE);
        project.run("apply plan.json --approve critical").expect(0);
        project.run("plan --exit-code").expect(0);
        let wrong = project.run("plan --live schema");
        assert_eq!(wrong.code, 1);
        assert!(wrong.err.contains("only a snapshot can stand in"), "{}", wrong.err);
    }
}

#[test]
fn why_tells_all_about_one_object() {
    for (major, server) in servers() {
        let database = Database::new(&server);
        let files = [(
            "schema/shop.sql",
            "CREATE TABLE customers (id serial PRIMARY KEY, mail text);\nCREATE VIEW mails AS SELECT mail FROM customers;\n\
             CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';",
        )];
        let project = Project::of(&database, major, &files);
        project.run("apply --yes").expect(0);
        database.execute("ALTER TABLE customers ADD strange int");
        let text = project.run("why customers").expect(0);
        for part in [
            "table public.customers\n  declared: schema/shop.sql:1\n",
            "state: drifted: column public.customers.strange: in the database, but not declared",
            "CREATE SEQUENCE public.customers_id_seq",
            "last change: apply (execution 1, succeeded)",
            "needed by:\n    - view public.mails\n",
        ] {
            assert!(text.contains(part), "PostgreSQL {major}: {part}\n{text}");
        }
        let column = project
            .run("why column:public.customers.strange --format json")
            .expect(0);
        let column = &json(&column)[0];
        assert_eq!(
            (&column["desired"], &column["last_change"]),
            (&Value::Null, &Value::Null)
        );
        assert!(
            project
                .run("why twice")
                .expect(0)
                .contains("declared: schema/shop.sql:3")
        );
        let unknown = project.run("why custmers");
        assert_eq!(unknown.code, 1);
        assert!(
            unknown.err.contains("Did you mean `public.customers`"),
            "{}",
            unknown.err
        );
    }
}
