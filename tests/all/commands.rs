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
        human.starts_with("Difference from git:HEAD:schema to schema\n"),
        "{human}"
    );
    assert!(
        human.contains("ALTER TABLE public.customers RENAME COLUMN email TO mail;"),
        "{human}"
    );
    assert!(!human.contains("apply"), "there is nothing to apply it to: {human}");
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

/// What a file at a revision includes is read from that revision, wherever it is in the tree.
#[test]
fn includes_are_followed_within_a_revision() {
    let project = Project::new(
        "includes",
        &[
            (
                "db/main.sql",
                "\\ir ../shared/types.sql\n\\i db/parts/b.sql\n\\i parts/a.sql\n",
            ),
            ("db/parts/a.sql", "CREATE TABLE a (m mood);"),
            (
                "db/parts/b.sql",
                "\\ir a.sql\nCREATE TABLE b (id int);\n\\ir ../../shared/more.sql\n",
            ),
            ("shared/types.sql", "CREATE TYPE mood AS ENUM ('ok');"),
            ("shared/more.sql", "\\ir types.sql\nCREATE TABLE c (m mood);"),
        ],
    );
    project.git("init -q");
    project.git("add -A");
    project.git("commit -q -m before");
    let same = project.run("diff git:HEAD:db/main.sql db/main.sql --exit-code --no-prove");
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    let whole = project.run("diff git:HEAD:db db/main.sql --exit-code --no-prove");
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    project.write("shared/more.sql", "CREATE TABLE c (m mood, n int);");
    let text = project
        .run("diff git:HEAD:db/main.sql db/main.sql --exit-code --no-prove --format sql")
        .expect(2);
    assert!(text.contains("ALTER TABLE public.c ADD COLUMN n integer"), "{text}");
    project.git("rm -q --cached shared/types.sql");
    project.git("commit -q -m lost");
    let lost = project.run("diff git:HEAD:db db/main.sql --no-prove");
    assert_eq!(lost.code, 1);
    assert!(
        lost.err
            .contains("there is no file db/../shared/types.sql at revision HEAD"),
        "{}",
        lost.err
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
        assert!(human.starts_with("Plan for snapshot live.json\n"), "{human}");
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

/// The adopted database plans to nothing, has no drift, and nothing that was written is ever overwritten.
#[test]
fn init_adopts_a_database() {
    let everything = include_str!("yaml_everything.sql");
    for (major, server) in servers() {
        for (arguments, sql) in [
            ("--yes", everything),
            ("--yes --format yaml", everything),
            ("--yes --layout family", everything),
            ("--no-baseline --format yaml --layout table", BEFORE),
        ] {
            let database = Database::with(&server, if major >= 17 { sql } else { BEFORE });
            let project = Project::of(&database, major, &[]);
            let refused = project.run("init");
            assert_eq!(refused.code, 1);
            assert!(refused.err.contains("nobody can be asked"), "{}", refused.err);
            assert!(
                !project.path("trueup.yaml").exists(),
                "refused before anything is written"
            );
            let text = project.run(&format!("init {arguments}")).expect(0);
            assert!(text.contains("a plan with these files has nothing to do"), "{text}");
            project.run("plan --exit-code").expect(0);
            let is_recorded = arguments.contains("--yes");
            let ledger = "SELECT count(*)::text FROM pg_catalog.pg_namespace WHERE nspname = 'trueup'";
            assert_eq!(database.text(ledger), if is_recorded { "1" } else { "0" });
            assert!(project.run("drift").expect(0).contains("none: live, desired"));
            let again = project.run("init --yes");
            assert_eq!(again.code, 1);
            assert!(again.err.contains("trueup.yaml is there already"), "{}", again.err);
            std::fs::remove_file(project.path("trueup.yaml")).unwrap();
            assert!(project.run("init --yes").err.contains("schema is there already"));
            if is_recorded {
                database.execute("CREATE TABLE public.by_hand (id int)");
                let text = project.run("drift").expect(2);
                assert!(text.contains("drifted\n") && text.contains("public.by_hand"), "{text}");
            }
        }
    }
}

#[test]
fn an_empty_database_is_adopted_too() {
    let (major, server) = servers().remove(0);
    let database = Database::new(&server);
    let project = Project::of(&database, major, &[]);
    project.run("init --no-baseline").expect(0);
    project.run("plan --exit-code").expect(0);
    assert!(project.read("trueup.yaml").contains("schema: schema"));
}

#[test]
fn the_doctor_finds_what_will_hurt() {
    for (major, server) in servers() {
        let database = Database::with(
            &server,
            "CREATE TABLE shop (id smallserial PRIMARY KEY, name text, n int);
             SELECT setval('shop_id_seq', 32000);
             ALTER TABLE shop ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
             INSERT INTO shop (name) VALUES ('a'), ('a')",
        );
        let index = "CREATE UNIQUE INDEX CONCURRENTLY shop_name_key ON shop (name)";
        database.connect().batch_execute(index).unwrap_err();
        let project = Project::of(&database, major, &[("schema/shop.sql", BEFORE)]);
        let report = json(&project.run("doctor --format json").expect(1));
        let health = |name: &str| {
            let check = report.as_array().unwrap().iter().find(|check| check["name"] == name);
            check.unwrap_or_else(|| panic!("{name}"))["health"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        for (name, expected) in [
            ("connection", "ok"),
            ("version", "ok"),
            ("privileges", "ok"),
            ("ownership", "ok"),
            ("indexes", "warn"),
            ("constraints", "warn"),
            ("sequences", "fail"),
            ("ledger", "ok"),
            ("scratch", "ok"),
        ] {
            assert_eq!(health(name), expected, "PostgreSQL {major}: {name}\n{report:#}");
        }
        database.execute(
            "ALTER TABLE shop VALIDATE CONSTRAINT positive; DROP INDEX shop_name_key; SELECT setval('shop_id_seq', 9)",
        );
        let text = project.run("doctor").expect(0);
        assert!(!text.contains("warn") && text.contains("ok    sequences"), "{text}");
    }
}

/// What a role may not do is said with the grant that is missing; a password is never said.
#[test]
fn the_doctor_knows_what_a_role_may_not_do() {
    for (major, server) in servers() {
        let database = Database::with(&server, "CREATE TABLE shop (id int)");
        let role = format!("{}_reader", database.name());
        database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'geheim'"));
        let mut project = Project::of(&database, major, &[("schema/shop.sql", BEFORE)]);
        let url = database.url().replacen("postgres@", &format!("{role}:geheim@"), 1);
        let url = url.replacen("user=postgres", &format!("user={role}&password=geheim"), 1);
        project.set("DATABASE_URL", &url);
        let text = project.run("doctor");
        database.execute(&format!("DROP ROLE {role}"));
        assert_eq!(text.code, 0, "{}{}", text.out, text.err);
        let grant = format!("GRANT CREATE ON DATABASE {} TO {role};", database.name());
        let words = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains(&grant) && words.contains(&format!("GRANT postgres TO {role};")),
            "{words}"
        );
        assert!(!words.contains("geheim"), "{words}");
        let gone = project.run("doctor --database postgres://ann:geheim@localhost:1/shop");
        assert_eq!(gone.code, 1);
        assert!(
            gone.out.contains("fail  connection") && !gone.out.contains("geheim"),
            "{}",
            gone.out
        );
    }
}

#[test]
fn inspect_draws_measures_and_picks() {
    for (major, server) in servers() {
        let database = Database::with(
            &server,
            "CREATE TABLE customers (id serial PRIMARY KEY, \"e mail\" varchar(80) UNIQUE);
             CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, twin int UNIQUE
                 REFERENCES orders, price numeric(12,2));
             CREATE INDEX ON orders (customer_id);
             COMMENT ON COLUMN orders.price IS 'gross';
             INSERT INTO customers (id) SELECT generate_series(1, 2000); ANALYZE customers",
        );
        let project = Project::of(&database, major, &[]);
        let url = database.url();
        let diagram = project.run(&format!("inspect {url} --format mermaid")).expect(0);
        let expected = "erDiagram
    \"public.customers\" {
        integer id PK
        character_varying(80) e_mail UK \"e mail\"
    }
    \"public.orders\" {
        bigint id PK
        integer customer_id FK
        integer twin FK, UK
        numeric(12_2) price
    }
    \"public.customers\" ||--o{ \"public.orders\" : \"orders_customer_id_fkey\"
    \"public.orders\" |o--o| \"public.orders\" : \"orders_twin_fkey\"
";
        assert_eq!(diagram, expected, "PostgreSQL {major}");
        let sizes = json(&project.run(&format!("inspect {url} --sizes --format json")).expect(0));
        assert_eq!(sizes[0]["object"]["path"][1], "customers");
        assert_eq!(sizes[0]["rows"], 2000);
        assert!(sizes[0]["bytes"].as_i64() > sizes[0]["heap_bytes"].as_i64());
        assert!(
            project
                .run(&format!("inspect {url} --sizes"))
                .expect(0)
                .contains("~2000")
        );
        let table = project.run(&format!("inspect {url} --table orders")).expect(0);
        for part in [
            "CREATE TABLE public.orders (",
            "CREATE INDEX orders_customer_id_idx",
            "COMMENT ON COLUMN",
        ] {
            assert!(table.contains(part), "{part}\n{table}");
        }
        assert!(!table.contains("CREATE TABLE public.customers"), "{table}");
        let alone = project.run(&format!("inspect {url} --table customers")).expect(0);
        let copy = Database::with(&server, &alone);
        assert_eq!(
            copy.text("SELECT pg_get_serial_sequence('customers', 'id')"),
            "public.customers_id_seq"
        );
        let yaml = project
            .run(&format!("inspect {url} --table orders --format yaml"))
            .expect(0);
        assert!(
            yaml.contains("  orders:\n") && !yaml.contains("  customers:\n"),
            "{yaml}"
        );
        for (layout, path) in [
            ("family", "sql/public/table.sql"),
            ("table", "sql/public/table/orders.sql"),
        ] {
            project
                .run(&format!("inspect {url} --out sql --layout {layout}"))
                .expect(0);
            assert!(project.read(path).contains("CREATE TABLE public.orders"));
            project.run("plan --schema sql --exit-code").expect(0);
            std::fs::remove_dir_all(project.path("sql")).unwrap();
        }
        let wrong = project.run("inspect trueup.yaml --sizes");
        assert_eq!(wrong.code, 1);
    }
}
