//! Rulings of a project on the rules, from its configuration file and from comments above declarations, through the built
//! program.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Database, Output, newest, trueup_with};

struct Project {
    database: Database,
    folder: PathBuf,
}

const LIVE: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, note text);
    CREATE TABLE shop.items (id int PRIMARY KEY, note text); INSERT INTO shop.orders VALUES (1, 'x');
    INSERT INTO shop.items VALUES (1, 'x');";

const DESIRED: &str = "CREATE SCHEMA shop;
    {orders}CREATE TABLE shop.orders (id int PRIMARY KEY);
    CREATE TABLE shop.items (id int PRIMARY KEY);";

impl Project {
    fn new(live: &str, configuration: &str, declared: &str) -> Self {
        let database = Database::with(&newest(), live);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rulings-{}", database.name()));
        fs::create_dir_all(folder.join("schema")).unwrap();
        fs::write(folder.join("trueup.yaml"), configuration).unwrap();
        fs::write(folder.join("schema/shop.sql"), declared).unwrap();
        Self { database, folder }
    }

    fn run(&self, arguments: &str) -> Output {
        let url = self.database.url();
        let variables = [("DATABASE_URL", url.as_str()), ("TRUEUP_SCRATCH", url.as_str())];
        trueup_with(&self.folder, &variables, arguments.split(' '))
    }

    /// Returns the plan as JSON.
    fn plan(&self) -> Value {
        serde_json::from_str(&self.run("plan --format json").expect(0)).unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns code, level and name of each finding, with `*` where it is waived.
fn findings(plan: &Value) -> Vec<String> {
    let all = plan["findings"].as_array().unwrap().iter();
    let mut out: Vec<String> = all
        .map(|finding| {
            let path: Vec<&str> = finding["object"]["path"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let waived = if finding["ruling"]["waived"] == true { "*" } else { "" };
            let (code, risk) = (finding["code"].as_str().unwrap(), finding["risk"].as_str().unwrap());
            format!("{code}{waived} {risk} {}", path.join("."))
        })
        .collect();
    out.sort();
    out
}

#[test]
fn a_level_of_the_configuration_and_a_waiver_above_a_declaration() {
    let waiver = "-- trueup: waive TU103 until 2999-12-31: the notes were moved\n";
    let configuration =
        "rules:\n  - code: TU103\n    object: shop.items\n    level: caution\n    reason: nobody reads it\n";
    let project = Project::new(LIVE, configuration, &DESIRED.replace("{orders}", waiver));
    let plan = project.plan();
    assert_eq!(
        findings(&plan),
        ["TU103 caution shop.items.note", "TU103* dangerous shop.orders.note"]
    );
    let human = project.run("plan --out plan.json").expect(0);
    assert!(
        human.contains("Waived until 2999-12-31: the notes were moved (schema/shop.sql:2)"),
        "{human}"
    );
    assert!(
        human.contains("The rule says dangerous: nobody reads it (trueup.yaml)"),
        "{human}"
    );
    assert!(!human.contains("--approve"), "{human}");
    project.run("apply plan.json").expect(0);
    project.run("plan --exit-code").expect(0);
}

#[test]
fn an_expired_waiver_is_reported_and_does_not_count() {
    let waiver = "-- trueup: waive TU103 until 2001-01-01: the notes were moved\n";
    let configuration = "rules:\n  - code: TU103\n    object: shop.items\n    level: waived\n    until: 2001-01-01\n    reason: nobody reads it\n";
    let project = Project::new(LIVE, configuration, &DESIRED.replace("{orders}", waiver));
    let plan = project.plan();
    assert_eq!(
        findings(&plan),
        ["TU103 dangerous shop.items.note", "TU103 dangerous shop.orders.note"]
    );
    let notes = plan["notes"].to_string();
    assert!(
        notes.contains("trueup.yaml: the waiver of TU103 for `shop.items` expired on 2001-01-01"),
        "{notes}"
    );
    assert!(
        notes.contains("schema/shop.sql:2: the waiver of TU103 for `shop.orders` expired"),
        "{notes}"
    );
    project.run("plan --out plan.json").expect(0);
    assert_eq!(project.run("apply plan.json").code, 3);
}

#[test]
fn mistakes_are_named() {
    let rule = |text: &str| format!("rules:\n  - {}\n", text.replace('\n', "\n    "));
    for (configuration, declared, expected) in [
        (
            rule("code: TU999\nlevel: safe\nreason: x"),
            "",
            "there is no rule `TU999`",
        ),
        (rule("code: TU103\nlevel: waived\nreason: x"), "", "waived for ever"),
        (
            rule("code: TU103\nlevel: harmless\nreason: x"),
            "",
            "unknown variant `harmless`",
        ),
        (rule("code: TU103\nlevel: safe"), "", "missing field `reason`"),
        (
            rule("code: TU103\nlevel: waived\nuntil: tomorrow\nreason: x"),
            "",
            "`tomorrow` is no day such as 2027-01-31",
        ),
        (
            String::new(),
            "-- trueup: waive TU103: later\nCREATE TABLE t (id int);",
            "unknown hint",
        ),
        (
            String::new(),
            "-- trueup: waive TU103 until 2999-01-01:\nCREATE TABLE t (id int);",
            "unknown hint",
        ),
        (
            String::new(),
            "-- trueup: waive TU999 until 2999-01-01: why\nCREATE TABLE t (id int);",
            "there is no rule `TU999`",
        ),
    ] {
        let project = Project::new("", &configuration, declared);
        let output = project.run("plan");
        assert_eq!(output.code, 1, "{configuration}{declared}");
        assert!(output.err.contains(expected), "{expected}\n{}", output.err);
    }
}

/// TU501 fires by size, and the figures are those of the former name.
#[test]
fn a_rename_is_found_by_size() {
    let hinted = "-- trueup: renamed from t\nCREATE TABLE u (a int);";
    for (live, expected) in [
        (
            "CREATE TABLE t (a int); INSERT INTO t VALUES (1);",
            vec!["TU501 dangerous public.u"],
        ),
        ("CREATE TABLE t (a int);", vec!["TU501 caution public.u"]),
        ("CREATE TABLE u (a int);", vec![]),
    ] {
        let project = Project::new(live, "", hinted);
        assert_eq!(findings(&project.plan()), expected, "{live}");
    }
    let label = "CREATE TYPE e AS ENUM (\n    -- trueup: renamed from 'a'\n    'b');";
    let project = Project::new("CREATE TYPE e AS ENUM ('a');", "", label);
    assert_eq!(findings(&project.plan()), ["TU501 dangerous public.e"]);
    let live =
        "CREATE TABLE t (a int, b text); INSERT INTO t SELECT 1, repeat('x', 1000) FROM generate_series(1, 20000);";
    let hinted = "-- trueup: renamed from t\nCREATE TABLE u (a bigint, b text);";
    let plan = Project::new(live, "", hinted).plan();
    assert_eq!(
        findings(&plan),
        ["TU301 dangerous public.u.a", "TU501 dangerous public.u"]
    );
    let statements = plan["forward"].as_array().unwrap().iter();
    let last = statements.last().unwrap()["statements"][0]["estimate"].clone();
    assert_eq!(last["blocks"], "reads");
    assert!(
        last["basis"]
            .as_str()
            .unwrap()
            .starts_with("rewrite of `public.u` (22 MiB) at "),
        "{last}"
    );
}
