//! Drift through the built program: who moved, what the ledger records, and which code the command ends with.

use serde_json::Value;

use crate::support::{Database, Project, servers};

const SCHEMA: &str = "CREATE TABLE shop (id int PRIMARY KEY, name text NOT NULL, city text);
CREATE INDEX shop_name_idx ON shop (name);
CREATE VIEW names AS SELECT name FROM shop;
";

/// A project whose schema is applied to a database.
fn applied(major: i32, server: &str) -> (Database, Project) {
    let database = Database::with(server, "CREATE TABLE shop (id int PRIMARY KEY, name text)");
    let project = Project::of(&database, major, &[("schema/shop.sql", SCHEMA)]);
    project.run("apply --yes --approve critical").expect(0);
    (database, project)
}

/// Returns the state of each object that differs and is no part of another one, after a run that ends with a code.
fn states(project: &Project, arguments: &str, code: i32) -> Vec<String> {
    let text = project.run(&format!("drift --format json{arguments}")).expect(code);
    let report: Value = serde_json::from_str(&text).unwrap();
    let all = report["differences"].as_array().unwrap();
    let wholes = all.iter().filter(|one| one["part_of"].is_null());
    let words = wholes.map(|one| {
        let path = one["object"]["path"].as_array().unwrap();
        let path: Vec<&str> = path.iter().map(|name| name.as_str().unwrap()).collect();
        format!("{} {}", one["state"].as_str().unwrap(), path.join("."))
    });
    words.collect()
}

#[test]
fn each_difference_says_who_moved() {
    for (major, server) in servers() {
        let (database, project) = applied(major, &server);
        assert_eq!(states(&project, "", 0), Vec::<String>::new(), "PostgreSQL {major}");
        project.write("schema/shop.sql", &SCHEMA.replace("city text", "city varchar(80)"));
        assert_eq!(states(&project, "", 2), ["pending public.shop.city"]);
        states(&project, " --ignore-pending", 0);
        database.execute(
            "DROP INDEX shop_name_idx; ALTER TABLE shop ALTER name DROP NOT NULL; CREATE TABLE stray (id int);
             ALTER TABLE shop ALTER city TYPE varchar(9)",
        );
        let expected = [
            "drifted public.stray",
            "reverted public.shop.name",
            "reverted public.shop_name_idx",
            "both public.shop.city",
        ];
        let mut found = states(&project, " --ignore-pending", 2);
        found.sort_by_key(|line| expected.iter().position(|one| line.starts_with(one)));
        assert_eq!(found.len(), expected.len(), "PostgreSQL {major}: {found:?}");
        for (line, start) in found.iter().zip(expected) {
            assert!(line.starts_with(start), "PostgreSQL {major}: {line} is not {start}");
        }
        let human = project.run("drift").expect(2);
        assert!(
            human.contains("public.stray: in the database, but not declared, with "),
            "{human}"
        );
        assert!(human.contains("schema/shop.sql:1"), "{human}");
        let markdown = project.run("drift --format markdown").expect(2);
        assert!(
            markdown.contains("- `index public.shop_name_idx`: declared, but not in the database"),
            "{markdown}"
        );
    }
}

#[test]
fn what_was_changed_by_hand_and_declared_is_adopted() {
    for (major, server) in servers() {
        let (database, project) = applied(major, &server);
        database.execute("CREATE INDEX shop_city_idx ON shop (city); ALTER TABLE shop OWNER TO pg_monitor");
        project.write(
            "schema/shop.sql",
            &format!("{SCHEMA}CREATE INDEX shop_city_idx ON shop (city);"),
        );
        let text = project.run("drift").expect(2);
        assert!(
            text.contains("public.shop: changed; the target files say nothing about it"),
            "{text}"
        );
        database.execute("ALTER TABLE shop OWNER TO postgres");
        let text = project.run("drift --accept").expect(0);
        assert!(
            text.contains("declared so by now: index public.shop_city_idx."),
            "{text}"
        );
        assert!(!project.run("drift").expect(0).contains("shop_city_idx"));
        database.execute("DROP INDEX shop_city_idx");
        assert_eq!(states(&project, "", 2), ["drifted public.shop_city_idx"]);
    }
}

#[test]
fn renames_and_rollbacks_are_recorded() {
    for (major, server) in servers() {
        let (database, project) = applied(major, &server);
        project.write(
            "schema/shop.sql",
            "-- trueup: renamed from shop\nCREATE TABLE store (id int CONSTRAINT shop_pkey PRIMARY KEY, name text \
             CONSTRAINT shop_name_not_null NOT NULL, city text);
             CREATE INDEX shop_name_idx ON store (name);
             CREATE VIEW names AS SELECT name FROM store;",
        );
        let pending = states(&project, "", 2);
        assert!(pending.iter().all(|line| line.starts_with("pending ")), "{pending:?}");
        project.run("apply --yes --approve critical").expect(0);
        let quiet = project.run("drift").expect(0);
        assert!(!quiet.contains("by hand"), "PostgreSQL {major}: {quiet}");
        project.run("rollback --yes --approve critical").expect(0);
        project.write("schema/shop.sql", SCHEMA);
        let quiet = project.run("drift").expect(0);
        assert!(!quiet.contains("by hand"), "PostgreSQL {major}: {quiet}");
        drop(database);
    }
}

#[test]
fn without_a_record_nobody_can_tell() {
    for (major, server) in servers() {
        let database = Database::with(&server, "CREATE TABLE other (id int)");
        let project = Project::of(&database, major, &[("schema/shop.sql", SCHEMA)]);
        let found = states(&project, "", 2);
        assert!(found.iter().all(|line| line.starts_with("unrecorded ")), "{found:?}");
        let human = project.run("drift").expect(2);
        assert!(
            human.contains("Nothing is recorded of what was last applied"),
            "{human}"
        );
        let written = "SELECT count(*)::text FROM pg_catalog.pg_namespace WHERE nspname = 'trueup'";
        assert_eq!(database.text(written), "0", "drift only reads");
    }
}
