//! Settings of a role or a database change nothing of what a plan does: it is executed as it was proven, through the built
//! program on real servers.

use serde_json::Value;

use crate::backfill::Shop;
use crate::support::servers;

fn shop(major: i32, server: &str, before: &str, after: &str) -> Shop {
    Shop::new(major, server, before, ("schema/shop.sql", after))
}

const TIMES: &str = "CREATE TABLE visits (id int PRIMARY KEY, at timestamp, z timestamptz);
    INSERT INTO visits VALUES (1, '2026-07-01 12:00', '2026-07-01 12:00+00'), (2, NULL, NULL);";

#[test]
fn times_are_read_in_the_zone_that_was_planned_for() {
    let utc = "SELECT string_agg(concat_ws(' ', id, at AT TIME ZONE 'UTC', z), ', ' ORDER BY id) FROM visits";
    for (major, server) in servers() {
        let after = "CREATE TABLE visits (id int PRIMARY KEY, at timestamptz, z timestamp);";
        for (zone, expected, rewrites) in [
            ("UTC", "1 2026-07-01 12:00:00 2026-07-01 12:00:00, 2", false),
            ("Europe/Berlin", "1 2026-07-01 10:00:00 2026-07-01 14:00:00, 2", true),
        ] {
            let case = format!("PostgreSQL {major}, {zone}");
            let shop = shop(major, &server, TIMES, after);
            shop.database.set(&format!("timezone = '{zone}'"));
            let said = shop.run("plan --no-cache --out plan.json").expect(0);
            assert!(said.contains("held"), "{case}: {said}");
            let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(&format!("taken for those of {zone}")), "{case}: {said}");
            let file: Value = serde_json::from_str(&shop.project.read("plan.json")).unwrap();
            let steps = file["plan"]["forward"].as_array().unwrap();
            for sentence in steps.iter().flat_map(|step| step["statements"].as_array().unwrap()) {
                assert_eq!(
                    sentence["facts"].get("rewrites").is_some(),
                    rewrites,
                    "{case}: {sentence}"
                );
            }
            // Whoever applies it may live elsewhere.
            shop.database.set("timezone = 'Asia/Tokyo'");
            shop.run("apply plan.json --yes --approve dangerous").expect(0);
            assert_eq!(shop.database.text(utc), expected, "{case}");
            shop.run("rollback --yes --approve dangerous").expect(0);
            let back = "SELECT at || ' ' || (z AT TIME ZONE 'UTC') FROM visits WHERE id = 1";
            assert_eq!(
                shop.database.text(back),
                "2026-07-01 12:00:00 2026-07-01 12:00:00",
                "{case}"
            );
        }
    }
}

#[test]
fn values_become_text_in_full() {
    for (major, server) in servers() {
        let before = "CREATE TABLE t (f float8, b bytea); INSERT INTO t VALUES (1 / 3.0::float8, '\\xdead')";
        let shop = shop(major, &server, before, "CREATE TABLE t (f text, b text);");
        shop.database.set("extra_float_digits = -3");
        shop.database.set("bytea_output = 'escape'");
        shop.run("plan --no-cache --out plan.json").expect(0);
        shop.run("apply plan.json --yes --approve dangerous").expect(0);
        let now = shop.database.text("SELECT f || ' ' || b FROM t");
        assert_eq!(now, "0.3333333333333333 \\xdead", "PostgreSQL {major}");
    }
}

/// Rows that a policy hides from whoever applies a plan are not passed over.
#[test]
fn rows_that_a_policy_hides_stop_a_backfill() {
    for (major, server) in servers() {
        let role = format!("clerk_{major}");
        let before = format!(
            "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role};
             DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); END $$;
             CREATE TABLE t (id int PRIMARY KEY, shop int);
             INSERT INTO t SELECT n, n % 2 FROM generate_series(1, 10) n;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY own ON t USING (shop = 1); ALTER TABLE t OWNER TO {role};"
        );
        let after = format!(
            "CREATE TABLE t (
                 id int PRIMARY KEY, shop int,
                 -- trueup: backfill using 'x'
                 word text
             );
             ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY own ON t USING (shop = 1); ALTER TABLE t OWNER TO {role};"
        );
        let mut shop = shop(major, &server, &before, &after);
        shop.run("plan --no-cache --out plan.json").expect(0);
        let url = shop.database.url().replace("//postgres@", &format!("//{role}@"));
        assert!(url.contains(&role), "{url}");
        shop.project.set("DATABASE_URL", &url);
        let failed = shop.run("apply plan.json --yes --approve dangerous");
        let said = failed.err.clone();
        failed.expect(5);
        assert!(
            said.contains("row-level security") && said.contains("BYPASSRLS"),
            "PostgreSQL {major}: {said}"
        );
        shop.project.set("DATABASE_URL", &shop.database.url());
        shop.run("apply --resume --yes").expect(0);
        let filled = shop.database.text("SELECT count(*)::text FROM t WHERE word = 'x'");
        assert_eq!(filled, "10", "PostgreSQL {major}");
        shop.database.execute(&format!("DROP OWNED BY {role} CASCADE"));
        shop.database.execute(&format!("DROP ROLE {role}"));
    }
}

/// Migration files are tried in the time zone in which they will run; what held in another one is no answer.
#[test]
fn migration_files_are_tried_in_the_zone_of_the_live_session() {
    for (major, server) in servers() {
        let shop = shop(major, &server, TIMES, "");
        shop.project.write(
            "migrations/001_moments.sql",
            "ALTER TABLE public.visits ALTER COLUMN at TYPE timestamptz;",
        );
        shop.project.write(
            "migrations/001_moments_rollback.sql",
            "ALTER TABLE public.visits ALTER COLUMN at TYPE timestamp;",
        );
        for (zone, rewrites) in [("UTC", false), ("Europe/Berlin", true)] {
            shop.database.set(&format!("timezone = '{zone}'"));
            let said = shop.run("migrate up --dry-run");
            let text = format!("{}{}", said.out, said.err);
            assert_eq!(text.contains("TU301"), rewrites, "PostgreSQL {major}, {zone}: {text}");
        }
    }
}
