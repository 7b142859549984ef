//! Identifiers that change their type where what is dropped is kept: the old columns go to quarantine with what each value
//! became, whoever writes meanwhile and wherever it is killed, and the way back gives every value back as it was.

use trueup::error::ErrorKind;
use trueup::plan::Reversal;
use trueup::risk::{Finding, Risk};

use super::interrupted::kill;
use super::*;

/// Tables whose identifiers refer to one another, also in themselves, with values of which some become others.
const SHOP: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.customers (n integer, id OLD PRIMARY KEY, boss OLD REFERENCES shop.customers);
    CREATE TABLE shop.orders (n integer PRIMARY KEY, customer OLD REFERENCES shop.customers ON DELETE CASCADE);
    CREATE TABLE shop.lines (customer OLD REFERENCES shop.customers, n integer, PRIMARY KEY (customer, n)) PARTITION BY RANGE (n);
    CREATE TABLE shop.lines_1 PARTITION OF shop.lines FOR VALUES FROM (0) TO (3);
    CREATE TABLE shop.lines_2 PARTITION OF shop.lines DEFAULT;
    GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA shop TO PUBLIC;";

/// Rows by number `n`, of which every second value is written in capitals.
const ROWS: &str =
    "INSERT INTO shop.customers SELECT n, CASE n % 2 WHEN 0 THEN upper(v) ELSE v END, CASE n % 2 WHEN 0 THEN upper(v) ELSE v END
        FROM (SELECT n, 'abcdef00-0000-4000-8000-00000000000' || n AS v FROM generate_series(1, 6) n) r;
     INSERT INTO shop.orders SELECT n, id FROM shop.customers; INSERT INTO shop.orders VALUES (9);
     INSERT INTO shop.lines SELECT id, n FROM shop.customers;";

const CONTENTS: &str =
    "SELECT (SELECT string_agg(concat(n, '|', id, '|', boss), ';' ORDER BY n) FROM shop.customers) || '#'
    || (SELECT string_agg(concat(n, '|', customer), ';' ORDER BY n) FROM shop.orders) || '#'
    || (SELECT string_agg(concat(n, '|', customer), ';' ORDER BY n) FROM shop.lines)";

/// Tables of quarantine, by name.
const KEPT: &str = "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class
    WHERE relnamespace = to_regnamespace('trueup_quarantine') AND relkind = 'r'";

fn pair(server: &str, schema: &str, (from, to): (&str, &str), rows: &str, on_drop: OnDrop) -> Pair {
    let before = format!("{}{rows}", schema.replace("OLD", from));
    Pair {
        on_drop,
        ..Pair::new(server, &before, &schema.replace("OLD", to))
    }
}

fn shop(server: &str) -> Pair {
    pair(server, SHOP, ("text", "uuid"), ROWS, OnDrop::Quarantine)
}

/// Plans with proof, and looks whether it held.
fn proven(pair: &Pair) -> Plan {
    let plan = pair.plan_with(Online::Always, true);
    let verdict = plan.proof.as_ref().unwrap();
    assert_eq!(verdict.verdict, Verdict::Held, "{verdict:?}\n{}", script(&plan.forward));
    crate::rules::fits_schema(&plan);
    plan
}

fn is_exact(plan: &Plan) -> bool {
    plan.forward.iter().all(|step| step.reversal == Reversal::Exact)
}

/// Somebody who may write to the tables as everybody may, and has no right to anything else.
fn clerk(pair: &Pair) -> Client {
    let mut client = pair.live.connect();
    client.batch_execute("SET ROLE pg_read_all_stats").unwrap();
    client
}

#[test]
fn every_value_is_kept_and_comes_back_as_it_was() {
    for (major, server) in servers() {
        let pair = shop(&server);
        let (first, rows) = (pair.live.catalog(), pair.live.text(CONTENTS));
        let plan = proven(&pair);
        assert!(is_exact(&plan), "{}", script(&plan.forward));
        let of_kind = |finding: &&Finding| finding.code == "TU101";
        let risks: Vec<Risk> = plan
            .findings
            .iter()
            .filter(of_kind)
            .map(|finding| finding.risk)
            .collect();
        assert!(
            !risks.is_empty() && risks.iter().all(|risk| *risk == Risk::Dangerous),
            "{risks:?}"
        );
        let mut clerk = clerk(&pair);
        let upper = "'FEDCBA00-0000-4000-8000-000000000007'";
        pair.apply(&plan, &mut |event| {
            if let Event::Started { step, .. } = event {
                // A row is written while old ones are filled, another has its value changed.
                match step {
                    5 => clerk
                        .batch_execute(&format!(
                            "INSERT INTO shop.customers VALUES (7, {upper}, {upper}); INSERT INTO shop.orders VALUES (7, {upper});
                             INSERT INTO shop.customers VALUES (8, '{{ABCDEF00-0000-4000-8000-00000000000F}}');"
                        ))
                        .unwrap(),
                    6 => clerk
                        .batch_execute("UPDATE shop.customers SET id = upper(btrim(id, '{}')) WHERE n = 8")
                        .unwrap(),
                    _ => {}
                }
            }
        })
        .unwrap_or_else(|error| panic!("{error:?}\n{}", script(&plan.forward)));
        pair.assert_is(&pair.desired.catalog(), &format!("PostgreSQL {major}"));
        assert!(pair.plan(Online::Always).is_empty());
        assert_eq!(pair.live.text(KEPT), "shop.customers.id");
        let kept = "SELECT string_agg(id_trueup_old, ' ' ORDER BY id) FROM trueup_quarantine.\"shop.customers.id\" WHERE id_trueup_old <> id::text";
        let upper = [2, 4, 6]
            .map(|n| format!("ABCDEF00-0000-4000-8000-00000000000{n}"))
            .join(" ");
        let more = "ABCDEF00-0000-4000-8000-00000000000F FEDCBA00-0000-4000-8000-000000000007";
        assert_eq!(pair.live.text(kept), format!("{upper} {more}"), "PostgreSQL {major}");
        // What is written behind the change, and while it is taken back.
        clerk
            .batch_execute(
                "INSERT INTO shop.customers VALUES (10, 'aaaaaaaa-0000-4000-8000-000000000010');
                 INSERT INTO shop.orders VALUES (10, 'aaaaaaaa-0000-4000-8000-000000000010')",
            )
            .unwrap_err();
        clerk
            .batch_execute(
                "INSERT INTO shop.customers (n, id) VALUES (10, 'aaaaaaaa-0000-4000-8000-000000000010');
                 INSERT INTO shop.orders (n, customer) VALUES (10, 'aaaaaaaa-0000-4000-8000-000000000010')",
            )
            .unwrap();
        pair.rollback_with(&mut |event| {
            if matches!(event, Event::Started { step: 5, .. }) {
                clerk
                    .batch_execute(
                        "INSERT INTO shop.orders (n, customer) VALUES (11, 'abcdef00-0000-4000-8000-000000000002');
                         INSERT INTO shop.orders (n, customer) VALUES (12, 'aaaaaaaa-0000-4000-8000-000000000010')",
                    )
                    .unwrap();
            }
        })
        .unwrap_or_else(|error| panic!("{error:?}\n{}", script(&plan.rollback)));
        pair.assert_is(&first, &format!("PostgreSQL {major}"));
        assert_eq!(pair.live.text(KEPT), "");
        let new =
            "SELECT string_agg(concat(n, '|', customer), ';' ORDER BY n) FROM shop.orders WHERE n IN (7, 10, 11, 12)";
        assert_eq!(
            pair.live.text(new),
            "7|FEDCBA00-0000-4000-8000-000000000007;10|aaaaaaaa-0000-4000-8000-000000000010;\
             11|ABCDEF00-0000-4000-8000-000000000002;12|aaaaaaaa-0000-4000-8000-000000000010"
        );
        pair.live.execute(
            "DELETE FROM shop.orders WHERE n IN (7, 10, 11, 12); DELETE FROM shop.customers WHERE n IN (7, 8, 10)",
        );
        assert_eq!(pair.live.text(CONTENTS), rows, "PostgreSQL {major}");
    }
}

/// One table with a key of one or several columns.
const ONE: &str = "CREATE DOMAIN word AS text; CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
    CREATE TABLE t (n integer, id OLD, KEY);";

#[test]
fn other_types_and_keys_come_back_as_they_were() {
    for (major, server) in ends() {
        for (from, to, key, value) in [
            ("text", "bigint", "PRIMARY KEY (id)", "' 0' || n"),
            ("text", "integer", "PRIMARY KEY (n, id)", "' 0' || n % 2"),
            ("numeric", "integer", "PRIMARY KEY (id, n)", "n + 0.4"),
            ("numeric(10,2)", "bigint", "PRIMARY KEY (id), UNIQUE (n)", "n + 0.4"),
            (
                "character varying(40)",
                "character varying(10)",
                "PRIMARY KEY (id)",
                "'k' || n || '     '",
            ),
            (
                "character varying(40)",
                "character(8)",
                "PRIMARY KEY (id)",
                "'k' || n || '  '",
            ),
            (
                "text COLLATE \"C\"",
                "uuid",
                "PRIMARY KEY (id)",
                "upper('abcdef00-0000-4000-8000-00000000000' || n)",
            ),
            (
                "word",
                "uuid",
                "PRIMARY KEY (id)",
                "upper('abcdef00-0000-4000-8000-00000000000' || n)",
            ),
            ("numeric", "numeric(8,0)", "PRIMARY KEY (id)", "n + 0.4"),
            (
                "text",
                "colour",
                "PRIMARY KEY (id)",
                "CASE n WHEN 1 THEN 'red' WHEN 2 THEN 'green' ELSE 'blue' END",
            ),
            (
                "colour",
                "text",
                "PRIMARY KEY (id)",
                "CASE n WHEN 1 THEN 'red' WHEN 2 THEN 'green' ELSE 'blue' END::colour",
            ),
            ("integer", "bigint", "PRIMARY KEY (id)", "n"),
            ("bigint", "uuid", "PRIMARY KEY (id)", "n"),
        ] {
            for on_drop in [OnDrop::Quarantine, OnDrop::Backup] {
                let text = format!("{from} to {to}, {key}, {on_drop:?} on PostgreSQL {major}");
                let rows = format!("INSERT INTO t SELECT n, {value} FROM generate_series(1, 3) n;");
                let pair = pair(&server, &ONE.replace("KEY", key), (from, to), &rows, on_drop);
                let contents = "SELECT string_agg(concat(n, '|', id, '|'), ';' ORDER BY n) FROM t";
                let (first, rows) = (pair.live.catalog(), pair.live.text(contents));
                let plan = proven(&pair);
                assert!(is_exact(&plan), "{text} {}", script(&plan.forward));
                assert!(!script(&plan.forward).contains(" TYPE "), "{text}");
                pair.apply(&plan, &mut |_| {})
                    .unwrap_or_else(|error| panic!("{text}: {error:?}"));
                pair.assert_is(&pair.desired.catalog(), &text);
                let kept = pair.live.text(KEPT);
                // What the new column holds too is no loss, but the old one goes.
                let is_kept = on_drop == OnDrop::Quarantine || alters_values(&plan);
                assert_eq!(kept, if is_kept { "public.t.id" } else { "" }, "{text}");
                pair.rollback()
                    .unwrap_or_else(|error| panic!("{text}: {error:?}\n{}", script(&plan.rollback)));
                pair.assert_is(&first, &text);
                assert_eq!(pair.live.text(contents), rows, "{text}");
                assert_eq!(pair.live.text(KEPT), "", "{text}");
            }
        }
    }
}

/// Tells whether values become others.
fn alters_values(plan: &Plan) -> bool {
    plan.findings.iter().any(|finding| finding.code == "TU105")
}

/// Goes back, and is killed when this many statements have run.
fn back_killed_after(pair: &Pair, statements: usize) {
    let mut done = 0;
    let stopped = pair.rollback_with(&mut |event| {
        if matches!(event, Event::Done { .. }) {
            done += 1;
            if done == statements {
                kill(&pair.live);
            }
        }
    });
    assert_eq!(stopped.unwrap_err().kind, ErrorKind::Partial);
}

#[test]
fn a_killed_change_keeps_what_values_were() {
    let (_, server) = servers().into_iter().max_by_key(|(major, _)| *major).unwrap();
    let count = |steps: &[Step]| -> usize { steps.iter().map(|step| step.statements.len()).sum() };
    let plan = shop(&server).plan(Online::Always);
    for at in (1..=count(&plan.forward)).step_by(2) {
        let pair = shop(&server);
        let (first, rows) = (pair.live.catalog(), pair.live.text(CONTENTS));
        let plan = super::interrupted::killed_after(&pair, at);
        let text = format!("killed after {at}\n{}", script(&plan.forward));
        if at % 4 == 1 {
            pair.resume().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
            pair.assert_is(&pair.desired.catalog(), &text);
        }
        pair.rollback().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        pair.assert_is(&first, &text);
        assert_eq!(pair.live.text(CONTENTS), rows, "{text}");
        assert_eq!(pair.live.text(KEPT), "", "{text}");
    }
    for at in (1..=count(&plan.rollback)).step_by(3).chain([count(&plan.rollback)]) {
        let pair = shop(&server);
        let (first, rows) = (pair.live.catalog(), pair.live.text(CONTENTS));
        let plan = pair.plan(Online::Always);
        pair.apply(&plan, &mut |_| {}).unwrap();
        back_killed_after(&pair, at);
        let text = format!("way back killed after {at}\n{}", script(&plan.rollback));
        pair.rollback().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        pair.assert_is(&first, &text);
        assert_eq!(pair.live.text(CONTENTS), rows, "{text}");
        assert_eq!(pair.live.text(KEPT), "", "{text}");
    }
}

#[test]
fn what_was_purged_is_missed_only_where_it_is_needed() {
    let (_, server) = servers().pop().unwrap();
    let pair = shop(&server);
    let plan = pair.plan(Online::Always);
    pair.apply(&plan, &mut |_| {}).unwrap();
    pair.live.execute("DROP TABLE trueup_quarantine.\"shop.customers.id\"");
    let refused = pair.rollback().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Blocked, "{refused:?}");
    assert!(refused.message.contains("shop.customers.id"), "{refused:?}");
    let schema = SHOP.replace("OLD PRIMARY", "OLD GENERATED ALWAYS AS IDENTITY PRIMARY");
    let rows = "INSERT INTO shop.customers (n) SELECT n FROM generate_series(1, 5) n;";
    let exact = self::pair(&server, &schema, ("integer", "bigint"), rows, OnDrop::Quarantine);
    let (first, rows) = (
        exact.live.catalog(),
        exact.live.text("SELECT sum(id)::text FROM shop.customers"),
    );
    exact.apply(&exact.plan(Online::Always), &mut |_| {}).unwrap();
    exact.live.execute("DROP TABLE trueup_quarantine.\"shop.customers.id\"");
    exact.rollback().unwrap();
    exact.assert_is(&first, "purged");
    assert_eq!(exact.live.text("SELECT sum(id)::text FROM shop.customers"), rows);
}

/// Every write to the table would fail if what its trigger writes to were gone.
#[test]
fn what_a_change_is_writing_to_is_not_purged() {
    let (_, server) = servers().pop().unwrap();
    let pair = shop(&server);
    let in_use = || {
        let all = trueup::quarantine::list(&pair.live.target()).unwrap();
        all.iter().map(|kept| kept.in_use).collect::<Vec<bool>>()
    };
    super::interrupted::killed_after(&pair, 20);
    assert_eq!(in_use(), [true]);
    pair.resume().unwrap();
    assert_eq!(in_use(), [false]);
    back_killed_after(&pair, 20);
    assert_eq!(in_use(), [true]);
    pair.rollback().unwrap();
    assert!(in_use().is_empty());
}

/// Where nothing tells what became of which value, the plan says so, and is critical.
#[test]
fn values_that_no_key_tells_apart_are_said_to_be_lost() {
    let (_, server) = servers().pop().unwrap();
    let schema = "CREATE TABLE a (id OLD, n integer, PRIMARY KEY (id, n));
        CREATE TABLE b (id OLD, n integer, FOREIGN KEY (id, n) REFERENCES a);";
    let rows = "INSERT INTO a VALUES (1.4, 1); INSERT INTO b VALUES (1.4, 1);";
    for on_drop in [OnDrop::Quarantine, OnDrop::Backup] {
        let pair = pair(&server, schema, ("numeric", "integer"), rows, on_drop);
        let plan = proven(&pair);
        assert!(!is_exact(&plan));
        assert!(
            plan.notes.iter().any(|note| note.contains("is not kept")),
            "{:?}",
            plan.notes
        );
        let risks = plan.findings.iter().filter(|finding| finding.code == "TU101");
        assert!(risks.map(|finding| finding.risk).all(|risk| risk == Risk::Critical));
    }
}
