//! Every rule on a real server: a case that fires it, one that does not, and one where the size of the table changes its
//! level; and one realistic plan with its reports on every server.

#[path = "rules/cases.rs"]
mod cases;
#[path = "rules/figures.rs"]
mod figures;
#[path = "rules/rulings.rs"]
mod rulings;

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use trueup::catalog::Identity;
use trueup::kinds::{AnyObject, Kind};
use trueup::plan::{Database as Target, Plan, Sides, Verb, draft};
use trueup::report::{self, Direction, Style};
use trueup::risk::{self, Candidate, Figures, Look, Risk, Statistics};

use self::cases::{CASES, Case};
use crate::schema;
use crate::support::{Database, newest, servers};

/// Plans the way from one database to another, with findings.
fn plan(live: &Database, desired: &Database) -> Plan {
    let (from, to) = (live.catalog(), desired.catalog());
    let sides = Sides {
        live: &from,
        from: &from,
        to: &to,
        renames: &[],
        large: trueup::kinds::Large::NONE,
        backfills: trueup::backfill::Backfills::NONE,
        old_values: trueup::kinds::OldValues::NONE,
    };
    let database = Target {
        name: "shop".to_owned(),
        system_identifier: None,
        version_num: from.version_num,
        time_zone: None,
        stand_in: None,
    };
    let mut plan = draft(sides, database);
    let pairs = risk::candidates(plan.changes.iter().map(|detail| &detail.change), &from, &to, &[]);
    let mut asked = risk::touched(&plan.forward, &from);
    asked.extend(pairs.iter().flat_map(Candidate::measured));
    let mut client = live.connect();
    let statistics = risk::statistics(&mut client, &asked, &[]).unwrap();
    let pairs = risk::weigh(Some(&mut client), pairs, [&from, &to], &statistics, &[]);
    let look = Look::new(&from, &to, &plan.forward, &statistics).with_candidates(&pairs);
    plan.findings = risk::findings(&look);
    plan
}

fn found(plan: &Plan) -> Vec<String> {
    let mut out: Vec<String> = plan
        .findings
        .iter()
        .map(|finding| format!("{} {} {}", finding.code, finding.risk, finding.object))
        .collect();
    out.sort();
    out
}

/// Leaves nothing but an empty `public`.
const EMPTIED: &str = "DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', name);
        END LOOP;
        FOR name IN SELECT pubname FROM pg_publication LOOP
            EXECUTE format('DROP PUBLICATION %I', name);
        END LOOP;
        CREATE SCHEMA public;
    END $$;";

/// Runs every `parts`-th case, beginning with `first`, on two databases; returns what is wrong.
fn wrong(server: &str, first: usize, parts: usize) -> Vec<String> {
    // A database for each case would take longer than all the rest.
    let (live, desired) = (Database::new(server), Database::new(server));
    let own = CASES.iter().skip(first).step_by(parts);
    own.filter_map(|case| {
        live.execute(&format!("{EMPTIED} {}", case.live));
        desired.execute(&format!("{EMPTIED} {}", case.desired));
        let plan = plan(&live, &desired);
        let found = found(&plan);
        (found != case.findings).then(|| {
            let messages: Vec<&str> = plan.findings.iter().map(|finding| finding.message.as_str()).collect();
            format!(
                "{}: {}\n→ {}\n  {found:#?}\n  {messages:#?}",
                case.rule, case.live, case.desired
            )
        })
    })
    .collect()
}

#[test]
fn cases() {
    const PARTS: usize = 3;
    let server = newest();
    let wrong: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = (0..PARTS)
            .map(|part| {
                scope.spawn({
                    let server = &server;
                    move || wrong(server, part, PARTS)
                })
            })
            .collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n\n")
    );
}

/// Rules whose level no table's size changes, and why.
const WITHOUT_SIZE: &[(&str, &str)] = &[
    ("TU104", "what holds meaning has no rows of its own"),
    ("TU401", "rights count for the rows to come"),
    ("TU402", "rights count for the rows to come"),
    ("TU403", "rights count for the rows to come"),
    ("TU601", "a server has it or has it not"),
    ("TU701", "advice"),
    ("TU702", "advice"),
    ("TU703", "advice"),
    ("TU704", "advice"),
    ("TU705", "advice"),
];

/// Rules that tests of their own fire: a rename needs target files with a hint, a rollback an execution.
const ELSEWHERE: &[&str] = &["TU501", "TU901"];

#[test]
fn every_rule_has_cases_that_fire_it_do_not_fire_it_and_change_its_level() {
    let level = |case: &Case| {
        let own = case.findings.iter().filter(|finding| finding.starts_with(case.rule));
        own.filter_map(|finding| finding.split(' ').nth(1)?.parse::<Risk>().ok())
            .max()
    };
    let mut missing = Vec::new();
    for rule in risk::RULES.iter().filter(|rule| !ELSEWHERE.contains(&rule.code)) {
        let own = CASES.iter().filter(|case| case.rule == rule.code);
        let levels: BTreeSet<Option<Risk>> = own.map(level).collect();
        let by_size = !WITHOUT_SIZE.iter().any(|(code, _)| *code == rule.code);
        // What can fail on one row, or not at all, has one level, and none on an empty table.
        let all_or_nothing = ["TU201", "TU202"].contains(&rule.code);
        let wanted = if by_size && !all_or_nothing { 3 } else { 2 };
        if !levels.contains(&None) || levels.len() < wanted {
            missing.push(format!("{}: {levels:?}", rule.code));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Of every object that is dropped while what it belongs to stays, a rule says something.
#[test]
fn every_drop_is_found() {
    const LIVE: &str = "CREATE SCHEMA x; CREATE EXTENSION citext; CREATE COLLATION k (provider = 'icu', locale = 'und');
        CREATE TYPE e AS ENUM ('a'); CREATE TYPE r AS RANGE (subtype = int); CREATE TYPE c AS (a int);
        CREATE DOMAIN d AS int; CREATE SEQUENCE s; CREATE SEQUENCE u;
        CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE q() LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE FUNCTION h() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE AGGREGATE m(int) (sfunc = int4pl, stype = int); CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
        CREATE CAST (c AS text) WITH INOUT;
        CREATE TABLE t (id int CONSTRAINT t_key PRIMARY KEY, a int NOT NULL DEFAULT 1, b int CONSTRAINT t_check CHECK (b > 0),
                        i int GENERATED ALWAYS AS IDENTITY, gone text, p int REFERENCES t);
        COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO PUBLIC; CREATE INDEX t_index ON t (b);
        ALTER TABLE t REPLICA IDENTITY FULL; ALTER SEQUENCE u OWNED BY t.a; CREATE STATISTICS t_statistics ON a, b FROM t;
        CREATE RULE t_rule AS ON DELETE TO t WHERE false DO INSTEAD NOTHING; CREATE POLICY t_policy ON t;
        CREATE TRIGGER t_trigger BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
        CREATE TABLE w (a int) PARTITION BY RANGE (a); CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (2);
        CREATE VIEW v AS SELECT 1 AS a; CREATE MATERIALIZED VIEW z AS SELECT 1 AS a; CREATE TABLE gone (a int);
        CREATE EVENT TRIGGER y ON ddl_command_end EXECUTE FUNCTION h();
        CREATE TEXT SEARCH DICTIONARY n (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION o (PARSER = default);
        CREATE FOREIGN DATA WRAPPER j; CREATE SERVER l FOREIGN DATA WRAPPER j; CREATE USER MAPPING FOR PUBLIC SERVER l;
        CREATE PUBLICATION aa FOR TABLE t; CREATE PUBLICATION bb; ALTER PUBLICATION bb ADD TABLE t;
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;";
    const DESIRED: &str =
        "CREATE TABLE t (id int, a int, b int, i int, p int); CREATE SEQUENCE u; CREATE PUBLICATION bb;
        CREATE TABLE w (a int) PARTITION BY RANGE (a); CREATE TABLE w1 (a int);";
    let server = newest();
    let (live, desired) = (Database::with(&server, LIVE), Database::with(&server, DESIRED));
    let plan = plan(&live, &desired);
    let from = live.catalog();
    let dropped: BTreeSet<&Identity> = plan
        .changes
        .iter()
        .filter(|detail| detail.change.verb == Verb::Drop)
        .map(|detail| &detail.change.object)
        .collect();
    let said: BTreeSet<&Identity> = plan.findings.iter().map(|finding| &finding.object).collect();
    let stands_alone = |object: &&&Identity| {
        let parent = from.get(object).and_then(AnyObject::parent);
        let needs_gone = from.dependencies_of(object).any(|on| dropped.contains(on));
        !parent.is_some_and(|parent| dropped.contains(&parent)) && !needs_gone
    };
    let silent: Vec<String> = dropped
        .iter()
        .filter(|object| !said.contains(*object))
        .filter(stands_alone)
        .map(ToString::to_string)
        .collect();
    assert!(
        silent.is_empty() && dropped.len() > 40,
        "{} of {}: {silent:#?}",
        silent.len(),
        dropped.len()
    );
}

/// A large table that is written to all the time raises what keeps writers waiting.
#[test]
fn a_large_and_busy_table_raises_the_level() {
    let server = newest();
    let (live, desired) = (
        Database::with(&server, "CREATE TABLE t (a int, b int);"),
        Database::with(
            &server,
            "CREATE TABLE t (a bigint, b int, CHECK (b > 0)); CREATE INDEX i ON t (b);",
        ),
    );
    let (from, to) = (live.catalog(), desired.catalog());
    let plan = plan(&live, &desired);
    for (writes_per_second, bytes, expected) in [
        (0.1, 1 << 34, Risk::Dangerous),
        (500.0, 1 << 34, Risk::Critical),
        (500.0, 1 << 20, Risk::Caution),
    ] {
        let mut statistics = Statistics::default();
        let figures = Figures {
            heap_bytes: bytes,
            bytes,
            writes_per_second,
            measured: true,
            ..Figures::default()
        };
        statistics.insert(Identity::new(Kind::Table, ["public", "t"]), figures);
        let found = risk::findings(&Look::new(&from, &to, &plan.forward, &statistics));
        for code in ["TU301", "TU302", "TU303"] {
            let level = found
                .iter()
                .filter(|finding| finding.code == code)
                .map(|finding| finding.risk)
                .max();
            assert_eq!(level, Some(expected), "{code}");
        }
    }
}

const LIVE: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id int PRIMARY KEY, customer text, total numeric(10,2), state text, old_note text);
    CREATE TABLE shop.items (id int PRIMARY KEY, order_id int REFERENCES shop.orders, price numeric(10,2));
    CREATE TABLE shop.audit (at timestamptz, what text);
    CREATE INDEX items_price_idx ON shop.items (price);
    CREATE VIEW shop.totals AS SELECT o.id, sum(i.price) AS total FROM shop.orders o JOIN shop.items i ON i.order_id = o.id GROUP BY o.id;
    CREATE FUNCTION shop.tax(amount numeric) RETURNS numeric LANGUAGE plpgsql AS $$
    BEGIN
        RETURN amount * 0.19;
    END $$;
    INSERT INTO shop.orders SELECT n, 'c', n, 'new', repeat('x', 1000) FROM generate_series(1, 20000) n;
    INSERT INTO shop.items SELECT n, n, n FROM generate_series(1, 1000) n;
    INSERT INTO shop.audit VALUES (now(), 'x');
    ANALYZE;";

const DESIRED: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer text NOT NULL, total numeric(8,2), state text, placed_at timestamptz DEFAULT now());
    CREATE TABLE shop.items (id int PRIMARY KEY, order_id bigint REFERENCES shop.orders, price numeric(10,2) CHECK (price >= 0));
    CREATE TABLE shop.refunds (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders, amount numeric NOT NULL);
    CREATE INDEX refunds_order_id_idx ON shop.refunds (order_id);
    CREATE INDEX items_order_id_idx ON shop.items (order_id);
    COMMENT ON TABLE shop.orders IS 'What people have bought.';
    CREATE VIEW shop.totals AS SELECT o.id, sum(i.price) AS total, count(*) AS items FROM shop.orders o JOIN shop.items i ON i.order_id = o.id GROUP BY o.id;
    CREATE FUNCTION shop.tax(amount numeric) RETURNS numeric LANGUAGE plpgsql AS $$
    BEGIN
        RETURN round(amount * 0.21, 2);
    END $$;";

/// The plan file holds nothing that its schema does not name, and reads back as it was.
pub(crate) fn fits_schema(plan: &Plan) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/plan.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = plan.to_file().unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema::validate(&schema, &file), Vec::<String>::new());
    assert_eq!(Plan::from_file(&text).unwrap(), *plan);
    file["plan"]["forward"][0]["phase"] = "later".into();
    file["plan"]["surprise"] = 1.into();
    assert_eq!(schema::validate(&schema, &file).len(), 2);
}

/// One realistic plan on every server: the chain is named, the reports are complete and deterministic.
#[test]
fn whole_plan() {
    for (_, server) in servers() {
        let plan = plan(&Database::with(&server, LIVE), &Database::with(&server, DESIRED));
        let chain = plan.findings.iter().find(|finding| finding.code == "TU101").unwrap();
        assert_eq!(
            chain.message,
            "`shop.orders.id` changes from `integer` to `bigint` and identifies rows: it belongs to the primary key. \
             Foreign keys tie 1 more column to it: `shop.items.order_id` (also `integer` to `bigint`)."
        );
        let style = Style {
            color: false,
            width: 80,
            plan_file: Some("plan.json"),
            verbose: false,
        };
        let human = report::human(&plan, &style);
        if let Some(folder) = std::env::var_os("TRUEUP_SHOW") {
            show(&plan, &style, Path::new(&folder));
        }
        let tables = ["shop.orders", "shop.audit", "shop.refunds"];
        assert!(tables.iter().all(|table| human.contains(table)), "{human}");
        assert!(human.contains("about 20,000 rows"), "{human}");
        assert!(
            human.ends_with("Next: trueup apply plan.json --approve critical\n"),
            "{human}"
        );
        assert!(!human.contains('\u{1b}'));
        let wide = human.lines().filter(|line| line.chars().count() > 80);
        let wide: Vec<&str> = wide.filter(|line| !line.starts_with("      ")).collect();
        assert_eq!(wide, Vec::<&str>::new(), "only SQL may be wider than the terminal");
        fits_schema(&plan);
    }
}

/// Writes the reports where somebody wants to look at them.
fn show(plan: &Plan, style: &Style, folder: &Path) {
    let color = Style { color: true, ..*style };
    for (name, text) in [
        ("human.txt", report::human(plan, style)),
        ("color.txt", report::human(plan, &color)),
        ("forward.sql", report::sql(plan, Direction::Forward)),
        ("rollback.sql", report::sql(plan, Direction::Rollback)),
        ("plan.json", report::json(plan).unwrap()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}
