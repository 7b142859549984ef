//! `on_drop: backup`: what a plan loses is copied first, whatever it is a part of, and the rollback puts it back.

use super::{Shop, prints};
use crate::support::servers;

const COPIED: &str = "environments:\n  production:\n    url_env: SHOP_URL\n    on_drop: backup\n";

/// Partitions, a family, types that go with their tables, values that nobody may give, triggers that must not fire, rows
/// that a constraint would refuse today, policies that bind the owner.
const YARD: &str = "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop;
    CREATE TYPE shop.mood AS ENUM ('fine', 'bad');
    CREATE DOMAIN shop.code AS text COLLATE \"C\" CHECK (value <> '');
    CREATE TYPE shop.pair AS (a int, b text);
    CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
    CREATE TABLE shop.owners (id bigint PRIMARY KEY, name text);
    CREATE TABLE shop.visits (
        id bigint GENERATED ALWAYS AS IDENTITY,
        at date NOT NULL,
        mood shop.mood,
        codes shop.code[],
        duo shop.pair,
        twice int GENERATED ALWAYS AS (length('x') * 2) STORED,
        owner bigint REFERENCES shop.owners,
        PRIMARY KEY (id, at)
    ) PARTITION BY RANGE (at);
    CREATE TABLE shop.visits_old PARTITION OF shop.visits FOR VALUES FROM ('2020-01-01') TO ('2024-01-01');
    CREATE TABLE shop.visits_rest PARTITION OF shop.visits DEFAULT;
    CREATE TABLE shop.animals (id int PRIMARY KEY, name text);
    CREATE TABLE shop.dogs (breed text) INHERITS (shop.animals);
    CREATE TABLE shop.plain (id serial PRIMARY KEY, v int, \"odd name\" text, up int REFERENCES shop.plain);
    CREATE TABLE shop.stays (
        id int PRIMARY KEY, amount numeric(12,4), word text, made int, gone shop.mood NOT NULL DEFAULT 'fine', n int
    );
    ALTER TABLE shop.stays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    INSERT INTO shop.owners SELECT n, 'o' || n FROM generate_series(1, 5) n;
    INSERT INTO shop.visits (at, mood, codes, duo, owner)
        SELECT date '2022-01-01' + n * 50, 'bad', ARRAY['a', 'b']::shop.code[], (n, 'x,\"' || n)::shop.pair, n % 5 + 1
        FROM generate_series(1, 30) n;
    INSERT INTO shop.animals VALUES (1, 'cat'); INSERT INTO shop.dogs VALUES (1, 'rex', 'mix'), (2, 'max', NULL);
    INSERT INTO shop.plain (v, \"odd name\") SELECT -n, 'it''s ' || n FROM generate_series(1, 20) n;
    UPDATE shop.plain SET up = 21 - id;
    ALTER TABLE shop.plain ADD CONSTRAINT positive CHECK (v > 0) NOT VALID;
    CREATE TRIGGER refuse BEFORE INSERT ON shop.plain FOR EACH ROW EXECUTE FUNCTION shop.refuse();
    INSERT INTO shop.stays SELECT n, n + 0.1234, n::text, n, 'bad', n FROM generate_series(1, 10) n;";

/// The type of `mood` goes, its column with it; `made` is computed from now on; `amount` and `word` are narrowed.
const AFTER: &str = "CREATE SCHEMA shop; CREATE TABLE shop.owners (id bigint PRIMARY KEY, name text);
    CREATE TABLE shop.stays (id int PRIMARY KEY, amount numeric(12,2), word int, made int GENERATED ALWAYS AS (n + 1) STORED, n int);
    ALTER TABLE shop.stays ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;";

const ROWS: &str = "SELECT concat_ws(E'\\n',
    (SELECT string_agg(v.tableoid::regclass || v::text, ',' ORDER BY id) FROM shop.visits v),
    (SELECT string_agg(a.tableoid::regclass || a::text, ',' ORDER BY a.tableoid::regclass::text, id) FROM shop.animals a),
    (SELECT string_agg(d::text, ',' ORDER BY id) FROM shop.dogs d), (SELECT string_agg(p::text, ',' ORDER BY id) FROM shop.plain p),
    (SELECT string_agg(concat_ws(' ', id, amount, word, made, gone, n), ',' ORDER BY id) FROM shop.stays),
    (SELECT last_value || is_called::text FROM shop.visits_id_seq), (SELECT last_value || is_called::text FROM shop.plain_id_seq))";

fn yard(major: i32, server: &str, target: &str) -> Shop {
    let shop = Shop::new(major, server, COPIED, target);
    shop.database.execute(YARD);
    shop
}

#[test]
fn whatever_goes_is_copied_and_put_back() {
    for (major, server) in servers() {
        let shop = yard(major, &server, AFTER);
        let before = (prints(&shop.database.catalog()), shop.one(ROWS));
        let plan = shop.run("plan --env production --no-cache --out plan.json").expect(0);
        for said in [
            "rows are kept: they are copied to trueup_quarantine.\"shop.visits_old\"",
            "values are kept: they are copied to trueup_quarantine.\"shop.stays.amount\"",
            "held",
        ] {
            assert!(plan.contains(said), "PostgreSQL {major}: {said}\n{plan}");
        }
        assert!(!plan.contains("not kept"), "PostgreSQL {major}: {plan}");
        let labels = shop.project.read("plan.json");
        let file: serde_json::Value = serde_json::from_str(&labels).unwrap();
        for step in file["plan"]["forward"].as_array().unwrap() {
            assert_eq!(step["reversal"]["label"], "exact", "PostgreSQL {major}: {step}");
        }
        shop.apply("").expect(0);
        assert_eq!(
            shop.one("SELECT count(*)::text FROM trueup_quarantine.\"shop.visits_rest\""),
            "16"
        );
        // What is copied holds no type, so nothing is in the way of whoever drops it.
        assert_eq!(
            shop.one("SELECT count(*)::text FROM pg_type WHERE typname IN ('mood', 'code', 'pair')"),
            "0",
            "PostgreSQL {major}"
        );
        shop.run("plan --env production --exit-code --no-cache").expect(0);
        // Values that came in meanwhile might not fit.
        shop.run("rollback --env production --yes --approve dangerous")
            .expect(0);
        assert_eq!(
            (prints(&shop.database.catalog()), shop.one(ROWS)),
            before,
            "PostgreSQL {major}"
        );
        assert_eq!(
            shop.one("SELECT count(*)::text FROM pg_class WHERE relnamespace = to_regnamespace('trueup_quarantine')"),
            "0"
        );
    }
}

#[test]
fn what_was_written_since_stays() {
    for (major, server) in servers() {
        let shop = yard(major, &server, AFTER);
        // A row that comes in while the column is gone has no value for it.
        shop.database
            .execute("ALTER TABLE shop.stays ALTER COLUMN gone DROP NOT NULL");
        shop.apply("").expect(0);
        shop.database
            .execute("UPDATE shop.stays SET amount = 99.5 WHERE id = 3; DELETE FROM shop.stays WHERE id = 4; INSERT INTO shop.stays (id, amount, n) VALUES (40, 1.25, 7)");
        shop.run("rollback --env production --yes --approve critical").expect(0);
        assert_eq!(
            shop.one("SELECT string_agg(concat_ws(' ', id, amount, gone), ',' ORDER BY id) FROM shop.stays WHERE id IN (2, 3, 4, 40)"),
            "2 2.1234 bad,3 99.5000 bad,40 1.2500",
            "PostgreSQL {major}"
        );
    }
}

#[test]
fn half_an_apply_goes_back_with_its_rows() {
    for (major, server) in servers() {
        let shop = yard(major, &server, AFTER);
        let before = (prints(&shop.database.catalog()), shop.one(ROWS));
        let mut copied = 0;
        for locked in ["animals", "visits_rest"] {
            let mut other = shop.database.connect();
            let mut reader = other.transaction().unwrap();
            reader.batch_execute(&format!("SELECT FROM shop.{locked}")).unwrap();
            let failed = shop.apply(" --lock-timeout 100ms --max-retries 0");
            assert_eq!(
                failed.code, 5,
                "PostgreSQL {major}, {locked}: {}{}",
                failed.out, failed.err
            );
            reader.rollback().unwrap();
            let copies = "SELECT count(*)::text FROM pg_class WHERE relnamespace = to_regnamespace('trueup_quarantine') AND relkind = 'r'";
            copied += shop.one(copies).parse::<usize>().unwrap();
            shop.run("rollback --env production --yes").expect(0);
            assert_eq!(
                (prints(&shop.database.catalog()), shop.one(ROWS)),
                before,
                "PostgreSQL {major}, {locked}"
            );
            assert_eq!(shop.one(copies), "0", "PostgreSQL {major}, {locked}");
        }
        assert!(copied > 0, "PostgreSQL {major}: something was dropped before the lock");
    }
}

#[test]
fn copies_are_listed_and_purged_and_what_has_none_is_said() {
    let (major, server) = servers().pop().unwrap();
    let target = "CREATE SCHEMA shop; CREATE TYPE shop.pair AS (a int); CREATE TABLE shop.bare (id int); CREATE TABLE shop.owners (id bigint PRIMARY KEY);
        CREATE TABLE shop.pairs (id int PRIMARY KEY, duo shop.pair);";
    let shop = Shop::new(major, &server, COPIED, target);
    shop.database.execute(
        "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop; CREATE TYPE shop.pair AS (a int, b text);
         CREATE TABLE shop.bare (id int, lost text); INSERT INTO shop.bare VALUES (1, 'x');
         CREATE TABLE shop.empty (id serial PRIMARY KEY, note text);
         CREATE TABLE shop.pairs (id int PRIMARY KEY, duo shop.pair); INSERT INTO shop.pairs VALUES (1, (1, 'x'));
         CREATE TABLE shop.owners (id bigint PRIMARY KEY, name text); INSERT INTO shop.owners VALUES (1, 'x')",
    );
    let plan = shop.run("plan --env production").expect(0);
    let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "What column shop.bare.lost loses is not kept: its table has no key without nulls that stays",
        "What composite type shop.pair loses is not kept: there is no copy of such values",
    ] {
        assert!(flat.contains(said), "{said}\n{plan}");
    }
    assert_eq!(shop.run("apply --env production --yes").code, 3);
    shop.apply("").expect(0);
    // Where nothing is, nothing is copied.
    assert_eq!(
        shop.one(
            "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'trueup_quarantine'::regnamespace"
        ),
        "shop.owners.name"
    );
    let listed = shop.run("purge --env production").expect(0);
    assert!(
        listed.contains("shop.owners.name") && listed.contains("execution 1"),
        "{listed}"
    );
    shop.run("purge --env production --older-than 0s --yes").expect(0);
    let gone = shop.run("rollback --env production --yes --approve critical");
    assert!(gone.code == 3 && gone.err.contains("was purged"), "{}", gone.err);
}

#[test]
fn a_sequence_goes_on_where_it_was_or_behind_what_came_since() {
    let (major, server) = servers().pop().unwrap();
    let target = "CREATE SCHEMA shop; CREATE TABLE shop.counted (id int PRIMARY KEY); CREATE TABLE shop.down (id int PRIMARY KEY);";
    let shop = Shop::new(major, &server, COPIED, target);
    shop.database.execute(
        "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop;
         CREATE TABLE shop.counted (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
         CREATE TABLE shop.down (id int GENERATED ALWAYS AS IDENTITY (INCREMENT BY -1) PRIMARY KEY);
         CREATE SEQUENCE shop.alone START WITH 40 INCREMENT BY 2;
         SELECT nextval('shop.alone'), nextval('shop.alone');
         INSERT INTO shop.counted SELECT FROM generate_series(1, 10); DELETE FROM shop.counted WHERE id > 3;
         INSERT INTO shop.down SELECT FROM generate_series(1, 10)",
    );
    let next = |name: &str| shop.one(&format!("SELECT nextval('shop.{name}')::text"));
    shop.apply("").expect(0);
    shop.run("rollback --env production --yes").expect(0);
    assert_eq!(
        [next("counted_id_seq"), next("down_id_seq"), next("alone")],
        ["11", "-11", "44"]
    );
    shop.apply("").expect(0);
    shop.database
        .execute("INSERT INTO shop.counted VALUES (70); INSERT INTO shop.down VALUES (-70)");
    shop.run("rollback --env production --yes").expect(0);
    assert_eq!(
        [next("counted_id_seq"), next("down_id_seq"), next("alone")],
        ["71", "-71", "46"]
    );
}
