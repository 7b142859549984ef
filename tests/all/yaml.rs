//! YAML target files: what people write, what is wrong with it, and every catalog written and read again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use trueup::desired::yaml::{json_schema, reference};

use crate::support::{Database, Output, newest, servers, trueup_with};

fn trueup<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Output {
    trueup_with(Path::new(env!("CARGO_TARGET_TMPDIR")), &[], arguments)
}

/// A folder of target files that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("trueup-yaml-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Returns the SQL of what the folder declares.
    fn sql(&self) -> String {
        trueup(["inspect", self.path(), "--scratch", newest().as_str()]).expect(0)
    }

    /// Returns the error that the folder gives, with the folder's name left out.
    fn error(&self) -> String {
        let output = trueup(["inspect", self.path(), "--scratch", newest().as_str()]);
        assert_eq!(output.code, 1, "{}", output.out);
        output.err.replace(&format!("{}/", self.path()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SHOP: &str = "\
schema: shop
enums:
  order_state: [new, paid, shipped]
tables:
  customers:
    comment: People who buy.
    columns:
      id: {type: bigint, identity: always}
      email: {type: citext, not_null: true}
      joined_at: {type: timestamptz, not_null: true, default: now()}
    primary_key: [id]
    unique: {customers_email_key: [email]}
    indexes: {customers_joined_at_idx: {on: [joined_at desc]}}
views:
  recent_customers: |
    select * from shop.customers where joined_at > now() - interval '30 days'
";

#[test]
fn mixes_with_sql_in_any_order() {
    let more =
        "create table shop.visits (at timestamptz, state shop.order_state, who bigint references shop.customers);";
    let folder = Folder::with(&[
        ("0.sql", more),
        ("shop.yaml", SHOP),
        ("z.sql", "create extension citext;"),
    ]);
    let sql = folder.sql();
    for part in [
        "CREATE SCHEMA shop",
        "AS ENUM ('new', 'paid', 'shipped')",
        "id bigint NOT NULL GENERATED ALWAYS AS IDENTITY",
        "email public.citext NOT NULL",
        "joined_at timestamp with time zone DEFAULT now() NOT NULL",
        "CONSTRAINT customers_email_key UNIQUE (email)",
        "CONSTRAINT customers_pkey PRIMARY KEY (id)",
        "CREATE INDEX customers_joined_at_idx ON shop.customers USING btree (joined_at DESC)",
        "CREATE VIEW shop.recent_customers",
        "COMMENT ON TABLE shop.customers IS 'People who buy.'",
        "CREATE TABLE shop.visits",
    ] {
        assert!(sql.contains(part), "{part} is missing in\n{sql}");
    }
}

#[test]
fn names_the_nearest_key_at_its_place() {
    for (text, expected) in [
        (
            "schema: shop\ntabels:\n  a: {}\n",
            ["a.yaml:2:1: unknown key `tabels`", "`tables`"],
        ),
        (
            "tables:\n  a:\n    colums: {id: int}\n",
            ["a.yaml:3:5: unknown key `colums` of `a`", "`columns`"],
        ),
        (
            "tables:\n  a:\n    columns:\n      id: {type: int, notnull: true}\n",
            ["a.yaml:4:23: unknown key `notnull` of `id`", "`not_null`"],
        ),
        (
            "tables:\n  a:\n    columns:\n      id:\n        type: int\n        identity: {genrated: always}\n",
            ["a.yaml:6:20: unknown key `genrated` of `identity`", "`generated`"],
        ),
    ] {
        let error = Folder::with(&[("a.yaml", text)]).error();
        for part in expected {
            assert!(error.contains(part), "{part} is missing in\n{error}");
        }
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, expected) in [
        (
            "tables: [a]\n",
            "a.yaml:1:9: `tables` must be a mapping from names, not a list",
        ),
        (
            "tables:\n  a:\n    unlogged: maybe\n",
            "a.yaml:3:15: `unlogged` must be true or false",
        ),
        ("tables:\n  a: {}\n  a: {}\n", "a.yaml:3:3: `a` stands twice"),
        ("tables:\n  a:\n   b: [\n", "no valid YAML"),
        (
            "enums: {e: [x]}\ndomains: {d: {type: int, checks: {c: {}}}}\n",
            "a.yaml:2:35: a check needs an `expression`",
        ),
        (
            "tables:\n  a:\n    foreign_keys: {f: {columns: [x]}}\n",
            "a.yaml:3:20: a foreign key needs `references`",
        ),
        (
            "tables:\n  a:\n    columns: {b: {type: int, storage: fast}}\n",
            "a.yaml:3:39: `fast` is no value of `storage`",
        ),
        (
            "objects:\n  - kind: view\n    nam: x\n",
            "a.yaml:2:5: unknown field `nam`",
        ),
        ("- a\n", "a.yaml:1:1: a target file must be a mapping"),
    ] {
        let error = Folder::with(&[("a.yaml", text)]).error();
        assert!(error.contains(expected), "{expected} is missing in\n{error}");
    }
}

#[test]
fn names_both_places_of_a_second_declaration() {
    let one = "tables:\n  a: {columns: {id: int}}\n";
    let error = Folder::with(&[("a.yaml", one), ("b.yaml", one)]).error();
    assert!(
        error.contains("b.yaml:2:3: table public.a is declared twice, first at a.yaml:2:3"),
        "{error}"
    );
    let error = Folder::with(&[("a.yaml", one), ("b.sql", "create table a ();")]).error();
    assert!(
        error.contains("b.sql:1:1: table `public.a` is declared twice, first at a.yaml:2:3"),
        "{error}"
    );
}

#[test]
fn refusals_of_the_server_point_into_the_file() {
    for (text, expected) in [
        (
            "tables:\n  a:\n    columns:\n      id: int\n      b: strange\n",
            "a.yaml:5:7: type \"strange\" does not exist",
        ),
        (
            "tables:\n  a: {columns: {id: int}}\nviews:\n  v: select nothing from a\n",
            "a.yaml:4:3: column \"nothing\"",
        ),
        (
            "tables:\n  a:\n    columns: {id: int}\n    indexes:\n      i: [nothing]\n",
            "a.yaml:5:7: column \"nothing\" does not exist",
        ),
    ] {
        let error = Folder::with(&[("a.yaml", text)]).error();
        assert!(error.contains(expected), "{expected} is missing in\n{error}");
    }
}

#[test]
fn partitions_take_columns_over() {
    let text = "\
tables:
  events:
    columns:
      id: {type: bigint, not_null: true}
      at: {type: date, not_null: true, default: current_date}
    primary_key: [id, at]
    checks: {positive: id > 0}
    partition_by: range (at)
    partitions:
      events_2024: for values from ('2024-01-01') to ('2025-01-01')
      events_rest:
        bound: default
        partition_by: list (id)
        partitions: {events_one: for values in (1)}
";
    let database = Database::with(
        &newest(),
        "create table events (id bigint not null, at date not null default current_date, primary key (id, at),
             constraint positive check (id > 0)) partition by range (at);
         create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
         create table events_rest partition of events default partition by list (id);
         create table events_one partition of events_rest for values in (1)",
    );
    let folder = Folder::with(&[("a.yaml", text)]);
    let url = database.url();
    trueup([
        "plan",
        "--database",
        &url,
        "--schema",
        folder.path(),
        "--scratch",
        newest().as_str(),
        "--exit-code",
    ])
    .expect(0);
}

#[test]
fn former_names_become_renames() {
    let database = Database::with(
        &newest(),
        "create table people (id int, mail text, constraint known check (id > 0)); create view all_people as select id from people;
         create type mood as enum ('ok', 'sad')",
    );
    let text = "\
tables:
  customers:
    renamed_from: people
    columns:
      id: int
      email: {type: text, renamed_from: mail}
    checks:
      positive: {expression: id > 0, renamed_from: known}
enums:
  mood: {labels: [fine, sad], renamed_labels: {fine: ok}}
views:
  everybody: {definition: select id from customers, renamed_from: all_people}
";
    let folder = Folder::with(&[("a.yaml", text)]);
    let url = database.url();
    let server = newest();
    let plan = [
        "plan",
        "--database",
        &url,
        "--schema",
        folder.path(),
        "--scratch",
        &server,
        "--format",
        "sql",
    ];
    let sql = trueup(plan).expect(0);
    for part in [
        "RENAME TO customers",
        "RENAME COLUMN mail TO email",
        "RENAME CONSTRAINT known TO positive",
        "RENAME TO everybody",
        "RENAME VALUE 'ok' TO 'fine'",
    ] {
        assert!(sql.contains(part), "{part} is missing in\n{sql}");
    }
    assert!(!sql.contains("DROP"), "{sql}");
}

/// One of everything that a form says, with a name that needs quotes here and there.
const EVERYTHING: &str = include_str!("yaml_everything.sql");

#[test]
fn everything_comes_back() {
    for (_, server) in servers() {
        let database = Database::with(&server, EVERYTHING);
        let folder = Folder::with(&[]);
        let url = database.url();
        trueup(["inspect", &url, "--format", "yaml", "--out", folder.path()]).expect(0);
        trueup([
            "plan",
            "--database",
            &url,
            "--schema",
            folder.path(),
            "--scratch",
            &server,
            "--exit-code",
        ])
        .expect(0);
        for file in fs::read_dir(&folder.0).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("objects:"), "a form is missing:\n{text}");
        }
    }
}

/// Whatever file a statement stands in, it runs in its place: what is made after default privileges would have more.
#[test]
fn everything_comes_back_from_a_file_per_table() {
    for (_, server) in servers() {
        let database = Database::with(&server, EVERYTHING);
        let folder = Folder::with(&[]);
        let url = database.url();
        let inspect = [
            "inspect",
            &url,
            "--format",
            "yaml",
            "--layout",
            "table",
            "--out",
            folder.path(),
        ];
        trueup(inspect).expect(0);
        assert!(folder.0.join("shop/orders.yaml").exists());
        let plan = [
            "plan",
            "--database",
            &url,
            "--schema",
            folder.path(),
            "--scratch",
            &server,
        ];
        trueup(plan.into_iter().chain(["--exit-code", "--no-prove", "--no-cache"])).expect(0);
    }
}

#[test]
fn what_no_form_says_comes_back_too() {
    let database = Database::with(
        &newest(),
        "create schema apart; create function apart.same(int, int) returns boolean language sql as 'select $1 = $2';
         create operator apart.=== (leftarg = int, rightarg = int, function = apart.same);
         create table t (id int constraint k primary key); comment on index k is 'of a key'; create publication p for table t",
    );
    let folder = Folder::with(&[]);
    let url = database.url();
    trueup(["inspect", &url, "--format", "yaml", "--out", folder.path()]).expect(0);
    let database_wide = fs::read_to_string(folder.0.join("database-wide.yaml")).unwrap();
    assert!(database_wide.contains("kind: publication"), "{database_wide}");
    trueup([
        "plan",
        "--database",
        &url,
        "--schema",
        folder.path(),
        "--scratch",
        newest().as_str(),
        "--exit-code",
    ])
    .expect(0);
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a generated file with what the code generates now; `TRUEUP_BLESS=1` writes it anew.
fn compare(path: &str, generated: &str) {
    if std::env::var_os("TRUEUP_BLESS").is_some() {
        fs::write(root(path), generated).unwrap();
    }
    let known = fs::read_to_string(root(path)).unwrap_or_default();
    assert_eq!(known, generated, "{path}: review, then TRUEUP_BLESS=1");
}

#[test]
fn the_json_schema_knows_what_the_code_knows() {
    let text = serde_json::to_string_pretty(&json_schema()).unwrap();
    compare("schema/target.schema.json", &format!("{text}\n"));
}

#[test]
fn the_reference_knows_what_the_code_knows() {
    const MARK: &str = "<!-- generated -->\n";
    let known = fs::read_to_string(root("docs/yaml.md")).unwrap();
    let (head, _) = known.split_once(MARK).expect("docs/yaml.md has the mark");
    compare("docs/yaml.md", &format!("{head}{MARK}\n{}", reference()));
}

#[test]
fn the_examples_of_the_reference_are_target_files() {
    let text = fs::read_to_string(root("docs/yaml.md")).unwrap();
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() > 2);
    for example in examples {
        Folder::with(&[("a.yaml", example)]).sql();
    }
}
