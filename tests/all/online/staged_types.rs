//! Identifiers of any two types that change in stages: what becomes of each value is what PostgreSQL's own statement makes of
//! it, whoever writes it meanwhile and in whatever settings.

use trueup::plan::Reversal;

use super::*;

/// Types before and after, and what each of five rows gets, by its number `n`.
const TYPES: [(&str, &str, &str); 14] = [
    ("uuid", "text", "gen_random_uuid()"),
    ("text", "uuid", "upper(gen_random_uuid()::text)"),
    ("integer", "text", "n * 1000"),
    ("text", "bigint", "' ' || n"),
    ("character varying(40)", "character varying(10)", "'k' || n || '     '"),
    ("character(8)", "text", "'k' || n"),
    ("text", "character(8)", "'k' || n"),
    ("bigint", "numeric(12,2)", "n"),
    ("numeric", "integer", "n + 0.4"),
    ("date", "timestamp with time zone", "date '2024-07-01' + n"),
    (
        "timestamp without time zone",
        "timestamp with time zone",
        "timestamp '2024-07-01 12:00' + n * interval '1 hour'",
    ),
    (
        "timestamp with time zone",
        "text",
        "timestamptz '2024-07-01 12:00+02' + n * interval '1 hour'",
    ),
    ("double precision", "text", "n / 3.0"),
    ("bytea", "text", "decode(lpad(n::text, 4, '0'), 'hex')"),
];

fn tables(data_type: &str) -> String {
    format!(
        "CREATE TABLE t (n integer, id {data_type} PRIMARY KEY);
         CREATE TABLE u (n integer, t {data_type} REFERENCES t);
         CREATE INDEX u_t ON u (t DESC);"
    )
}

fn pair(server: &str, (from, to, value): (&str, &str, &str)) -> Pair {
    let before = format!(
        "{}INSERT INTO t SELECT n, {value} FROM generate_series(1, 5) n; INSERT INTO u SELECT n, id FROM t; INSERT INTO u VALUES (9);",
        tables(from)
    );
    let pair = Pair::new(server, &before, &tables(to));
    let name = pair.live.text("SELECT current_database()");
    pair.live
        .execute(&format!("ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'"));
    pair
}

fn values(pair: &Pair) -> String {
    let mut client = pair.live.connect();
    client.batch_execute("SET timezone = 'UTC'").unwrap();
    let row = client
        .query_one(
            "SELECT (SELECT string_agg(concat(n, '|', id), ';' ORDER BY n) FROM t) || '#'
                || (SELECT string_agg(concat(n, '|', t), ';' ORDER BY n) FROM u)",
            &[],
        )
        .unwrap();
    row.get(0)
}

/// A row that comes in while the old rows are filled, from a session that shows and reads values otherwise.
fn write(pair: &Pair, value: &str) {
    let mut client = pair.live.connect();
    client
        .batch_execute(
            "SET timezone = 'America/New_York'; SET datestyle = 'SQL, DMY'; SET extra_float_digits = -10; SET bytea_output = 'escape'",
        )
        .unwrap();
    let sql = format!(
        "WITH row AS (INSERT INTO t SELECT n, {value} FROM (VALUES (7)) AS v (n) RETURNING n, id) INSERT INTO u SELECT * FROM row"
    );
    // The key of the row that refers is looked at when both are there.
    client.batch_execute(&sql).unwrap();
}

/// Tells whether a plan says that it cannot give every value back.
fn is_lossy(plan: &Plan) -> bool {
    let mut steps = plan.forward.iter();
    steps.any(|step| matches!(step.reversal, Reversal::Lossy(_)))
}

#[test]
fn every_type_becomes_what_postgresql_makes_of_it() {
    for (major, server) in ends() {
        for types in TYPES {
            let (from, to, value) = types;
            let text = format!("{from} to {to} on PostgreSQL {major}");
            let whole = pair(&server, types);
            write(&whole, value);
            let plan = whole.plan(Online::Never);
            let loses = is_lossy(&plan);
            assert!(script(&plan.forward).contains(" TYPE "), "{text}");
            whole
                .apply(&plan, &mut |_| {})
                .unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let staged = pair(&server, types);
            let (first, rows) = (staged.live.catalog(), values(&staged));
            let plan = staged.plan_with(Online::Above(1 << 40), true);
            assert_eq!(
                plan.proof.as_ref().unwrap().verdict,
                Verdict::Held,
                "{text}: {:?}",
                plan.proof
            );
            // Back again a limit may grow without a look at a row.
            assert!(!script(&plan.forward).contains(" TYPE "), "{text}");
            let mut statements = plan
                .forward
                .iter()
                .chain(&plan.rollback)
                .flat_map(|step| &step.statements);
            assert!(statements.all(|sentence| sentence.facts.rewrites.is_empty()), "{text}");
            assert_eq!(is_lossy(&plan), loses, "{text}");
            let is_random = value.contains("random");
            let mut written = false;
            staged
                .apply(&plan, &mut |event| {
                    if matches!(event, Event::Started { step: 4, .. }) && !written && !is_random {
                        written = true;
                        write(&staged, value);
                    }
                })
                .unwrap_or_else(|error| panic!("{text}: {error:?}\n{}", script(&plan.forward)));
            staged.assert_is(&staged.desired.catalog(), &text);
            assert!(staged.plan(Online::Always).is_empty(), "{text}");
            if is_random {
                assert_eq!(values(&staged).to_lowercase(), rows.to_lowercase(), "{text}");
            } else {
                assert!(written, "{text}");
                assert_eq!(values(&staged), values(&whole), "{text}");
            }
            staged.rollback().unwrap_or_else(|error| panic!("{text}: {error:?}"));
            staged.assert_is(&first, &text);
        }
    }
}

#[test]
fn a_value_that_is_none_of_the_new_type_stops_the_stages_and_nothing_is_lost() {
    let (_, server) = servers().pop().unwrap();
    let pair = pair(&server, ("text", "integer", "'number ' || n"));
    let (first, rows) = (pair.live.catalog(), values(&pair));
    let plan = pair.plan(Online::Always);
    let stopped = pair.apply(&plan, &mut |_| {}).unwrap_err();
    assert!(!stopped.to_string().contains("number 1"), "{stopped:?}");
    pair.rollback().unwrap();
    pair.assert_is(&first, "after the rollback");
    assert_eq!(values(&pair), rows);
}

const WORDS: &str = "CREATE TYPE size AS ENUM ('small', 'large'); CREATE TABLE w (id size PRIMARY KEY);
    CREATE TABLE t (id text PRIMARY KEY); CREATE TABLE u (t text REFERENCES t);
    INSERT INTO w VALUES ('large'); INSERT INTO t VALUES ('red'), ('green'); INSERT INTO u VALUES ('green');";

/// A type that the same plan makes stands before the first column of it, and one that it drops until the last is gone.
#[test]
fn types_of_the_same_plan_come_first_and_go_last() {
    for (major, server) in ends() {
        let pair = Pair::new(
            &server,
            WORDS,
            "CREATE SCHEMA types; CREATE TYPE types.colour AS ENUM ('red', 'green'); COMMENT ON TYPE types.colour IS 'Of all.';
             CREATE DOMAIN types.word AS text; CREATE TABLE w (id types.word PRIMARY KEY);
             CREATE TABLE t (id types.colour PRIMARY KEY); CREATE TABLE u (t types.colour REFERENCES t);",
        );
        let plan = there_and_back(&pair);
        super::staged::assert_staged(&plan);
        let left = "SELECT concat_ws(' ', (SELECT string_agg(id, ',' ORDER BY id) FROM t), (SELECT t FROM u), (SELECT id FROM w))";
        assert_eq!(pair.live.text(left), "green,red green large", "PostgreSQL {major}");
    }
}

/// PostgreSQL writes a table anew to add a column whose domain has checks.
#[test]
fn a_domain_with_checks_is_refused() {
    let (_, server) = servers().pop().unwrap();
    let pair = Pair::new(
        &server,
        "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)",
        "CREATE DOMAIN positive AS bigint CHECK (VALUE > 0); CREATE TABLE t (id positive PRIMARY KEY)",
    );
    let refused = pair.try_plan(Online::Always).unwrap_err();
    assert!(
        refused.message.contains("becomes public.positive, which has checks"),
        "{refused:?}"
    );
}
