//! Every sort of question to the rows: what they say, with keys and never with contents, asked with nothing but SELECT.

use super::Shop;
use crate::support::{ends, servers};

const LIVE: &str = "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop;
    CREATE DOMAIN shop.code AS text; CREATE DOMAIN shop.sure AS int; CREATE DOMAIN shop.short AS shop.code;
    CREATE TABLE shop.rooms (id int PRIMARY KEY, room int, during int4range, state text);
    INSERT INTO shop.rooms VALUES (1, 1, '[1,5)', 'on'), (2, 1, '[4,8)', 'on'), (3, 2, '[1,5)', 'on'), (4, 1, '[6,7)', 'off');
    CREATE TABLE shop.users (id int PRIMARY KEY, mail text, gone boolean, place shop.code, age shop.sure, a int, b int);
    INSERT INTO shop.users VALUES (1, 'Ann@x', false, 'hidden-a', 7, NULL, 1), (2, 'ann@X', false, 'hidden-b', NULL, 1, 1),
        (3, 'Bob@x', true, 'ok', 9, NULL, NULL), (4, 'bob@x', true, 'ok', 9, 2, 2), (5, 'eve@x', false, 'ok', 9, NULL, NULL);
    CREATE TABLE shop.others (id int PRIMARY KEY, place shop.short); INSERT INTO shop.others VALUES (7, 'hidden-c'), (8, 'ok');
    CREATE TABLE shop.pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO shop.pairs VALUES (1, 1);
    CREATE TABLE shop.former (id int PRIMARY KEY, old_price int, note text);
    INSERT INTO shop.former VALUES (1, -1, 'x'), (2, 5, NULL), (3, 5, 'y');";

const WANTED: &str = "CREATE SCHEMA shop;
    CREATE DOMAIN shop.code AS text CHECK (value = 'ok'); CREATE DOMAIN shop.sure AS int NOT NULL; CREATE DOMAIN shop.short AS shop.code;
    CREATE TABLE shop.rooms (id int PRIMARY KEY, room int, during int4range, state text,
        EXCLUDE USING gist (during WITH &&),
        CONSTRAINT rooms_apart EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH &&) WHERE (state = 'off'));
    CREATE TABLE shop.users (id int PRIMARY KEY, mail text, gone boolean, place shop.code, age shop.sure, a int, b int,
        CONSTRAINT users_pair FOREIGN KEY (a, b) REFERENCES shop.pairs MATCH FULL);
    CREATE UNIQUE INDEX users_mail ON shop.users (lower(mail)) WHERE (NOT gone);
    CREATE UNIQUE INDEX users_all ON shop.users (mail COLLATE \"C\", (a + 1));
    CREATE TABLE shop.others (id int PRIMARY KEY, place shop.short);
    CREATE TABLE shop.pairs (a int, b int, PRIMARY KEY (a, b));
    -- trueup: renamed from former
    CREATE TABLE shop.goods (id int PRIMARY KEY,
        -- trueup: renamed from old_price
        price int CHECK (price > 0),
        note text NOT NULL, UNIQUE (price));";

const SAID: [&str; 10] = [
    "fails, since at least one row of `shop.rooms` is in the way of another one (key 1, 2, 3, 4)",
    "holds for all 4 rows of `shop.rooms`",
    "fails, since 2 of 5 rows in `shop.users` refer to no row (key 1, 4)",
    "fails, since 1 of 3 rows in `shop.users` repeats another one (key 1, 2)",
    "holds for all 2 rows of `shop.users`",
    "fails, since 1 of 2 rows in `shop.others` breaks it in `place` (key 7); fails, since 2 of 5 rows in `shop.users` break it in `place` (key 1, 2)",
    "fails, since 1 of 5 rows in `shop.users` is null in `age` (key 2)",
    "fails, since 1 of 3 rows in `shop.goods` breaks it (key 1)",
    "fails, since 1 of 3 rows in `shop.goods` is null (key 2)",
    "fails, since 1 of 3 rows in `shop.goods` repeats another one (key 2, 3)",
];

#[test]
fn each_sort_of_constraint_is_asked_for() {
    for (major, server) in servers() {
        let shop = Shop::new(major, &server, "", WANTED);
        shop.database.execute(LIVE);
        // A role that may do nothing but read.
        let role = format!("trueup_reader_{}", shop.database.name());
        shop.database.execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA shop TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {role}"
        ));
        let reader = shop.database.url().replace("postgres@", &format!("{role}@"));
        let plans = [
            shop.run("plan --verbose --no-prove --no-cache"),
            shop.run(&format!("plan --verbose --no-prove --no-cache --database {reader}")),
        ];
        shop.database
            .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        for plan in plans {
            let plan = plan.expect(0);
            let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
            for said in SAID {
                assert!(flat.contains(said), "PostgreSQL {major}: {said}\n{plan}");
            }
            assert!(!plan.contains("nobody knows"), "PostgreSQL {major}: {plan}");
            assert!(!plan.contains("hidden-"), "PostgreSQL {major}: {plan}");
        }
        let refused = shop.run("apply --yes --approve critical");
        assert_eq!(refused.code, 3, "PostgreSQL {major}: {}", refused.err);
        let correct = "UPDATE shop.users SET place = 'ok', age = 1, a = NULL, b = NULL, mail = 'm' || id;
            UPDATE shop.others SET place = 'ok'; UPDATE shop.former SET old_price = id, note = 'z';
            UPDATE shop.rooms SET during = int4range(id * 10, id * 10 + 5)";
        shop.database.execute(correct);
        shop.run("apply --yes --approve critical").expect(0);
        shop.run("plan --exit-code --no-cache").expect(0);
    }
}

#[test]
fn uuids_that_no_number_became_are_counted() {
    let (major, server) = servers().pop().unwrap();
    let target = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer PRIMARY KEY);";
    let shop = Shop::new(major, &server, "", target);
    shop.database.execute(
        "DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop; CREATE TABLE shop.orders (id uuid PRIMARY KEY);
         INSERT INTO shop.orders VALUES ('00000000-0000-8000-8000-000000000007'), ('0b8f2c1e-5b6c-4c3e-9d55-2f1b7c9a1d10')",
    );
    let plan = shop.run("plan --no-prove").expect(0);
    let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("fails, since 1 of 2 rows in `shop.orders` is no number as a UUID (key 0b8f2c1e"),
        "{plan}"
    );
    shop.database
        .execute("DELETE FROM shop.orders WHERE id::text NOT LIKE '%7'");
    shop.run("apply --yes --approve critical").expect(0);
    assert_eq!(shop.database.text("SELECT id::text FROM shop.orders"), "7");
}

const PARTS: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.sales (id int, at date, state text) PARTITION BY RANGE (at);
    CREATE TABLE shop.other PARTITION OF shop.sales DEFAULT;
    CREATE TABLE shop.may (id int NOT NULL, at date, state text) PARTITION BY LIST (state);";

const LABELS: &str = "CREATE TABLE shop.moods (id int PRIMARY KEY, one shop.mood, many shop.mood[]);";

#[test]
fn bounds_and_labels_are_asked_for() {
    let said = [
        "fails, since 2 of 3 rows in `shop.may_open` are out of its bound (key 3, 4)",
        "fails, since 2 of 4 rows in `shop.other` belong to `shop.june`",
        "holds for all 2 rows of `shop.july`",
        "fails, since 1 of 3 rows in `shop.moods` holds a removed label in `one` (key 2)",
        "fails, since 1 of 3 rows in `shop.moods` holds a removed label in `many` (key 3)",
        "fails, since 1 of 3 rows in `shop.levels` is no label (key 3)",
        "fails, since 1 of 2 rows in `shop.codes` is too long (key 2)",
        "fails, since 1 of 3 rows in `shop.odds` has another length (key 2)",
        "fails, since 2 of 3 rows in `shop.odds` are too long (key 1, 2)",
        "fails, since 1 of 3 rows in `shop.odds` is null (key 3)",
    ];
    for (major, server) in servers() {
        let target = format!(
            "{PARTS} CREATE TABLE shop.june PARTITION OF shop.sales FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
             CREATE TABLE shop.july PARTITION OF shop.sales FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
             CREATE TABLE shop.may_open (id int PRIMARY KEY, at date, state text);
             ALTER TABLE shop.may ATTACH PARTITION shop.may_open FOR VALUES IN ('open', NULL);
             CREATE TYPE shop.mood AS ENUM ('good', 'bad'); CREATE TYPE shop.level AS ENUM ('low', 'high'); {LABELS}
             CREATE TABLE shop.levels (id int PRIMARY KEY, level shop.level);
             CREATE DOMAIN shop.code AS varchar(3); CREATE TABLE shop.codes (id int PRIMARY KEY, code shop.code);
             CREATE TABLE shop.odds (id int PRIMARY KEY, bits bit(3), bytes varchar(4), n int,
                 half int NOT NULL GENERATED ALWAYS AS (n / 2) STORED);"
        );
        let shop = Shop::new(major, &server, "", &target);
        shop.database.execute(&format!(
            "DROP SCHEMA IF EXISTS shop CASCADE; {PARTS} CREATE TYPE shop.mood AS ENUM ('good', 'odd', 'bad'); {LABELS}
             CREATE TABLE shop.may_open (id int PRIMARY KEY, at date, state text);
             CREATE TABLE shop.july (id int, at date, state text); CREATE TABLE shop.levels (id int PRIMARY KEY, level text);
             INSERT INTO shop.july VALUES (1, '2026-07-01', 'x'), (2, '2026-07-31', 'x');
             INSERT INTO shop.may_open VALUES (1, NULL, 'open'), (3, NULL, 'shut'), (4, NULL, 'Open');
             INSERT INTO shop.sales VALUES (1, '2026-06-01', 'x'), (2, '2026-06-30', 'x'), (3, NULL, 'x'), (4, '2026-05-31', 'x');
             INSERT INTO shop.moods VALUES (1, 'good', '{{bad,NULL}}'), (2, 'odd', NULL), (3, NULL, '{{bad,odd}}');
             INSERT INTO shop.levels VALUES (1, 'low'), (2, NULL), (3, 'High');
             CREATE DOMAIN shop.code AS varchar(5); CREATE TABLE shop.codes (id int PRIMARY KEY, code shop.code);
             INSERT INTO shop.codes VALUES (1, 'abc'), (2, 'abcd');
             CREATE TABLE shop.odds (id int PRIMARY KEY, bits varbit, bytes bytea, n int);
             INSERT INTO shop.odds VALUES (1, '101', 'ab', 1), (2, '10', 'abc', 1), (3, NULL, 'a', NULL)"
        ));
        for online in ["never", "always"] {
            let plan = shop
                .run(&format!("plan --verbose --no-prove --no-cache --online {online}"))
                .expect(0);
            let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
            for said in said {
                assert!(flat.contains(said), "PostgreSQL {major}, {online}: {said}\n{plan}");
            }
            assert!(!plan.contains("nobody knows"), "PostgreSQL {major}: {plan}");
            let refused = shop.run(&format!("apply --yes --approve critical --online {online}"));
            assert_eq!(refused.code, 3, "PostgreSQL {major}: {}", refused.err);
        }
        shop.database.execute(
            "DELETE FROM shop.may_open WHERE id > 2; DELETE FROM shop.other WHERE id < 3; DELETE FROM shop.levels WHERE id = 3;
             DELETE FROM shop.codes WHERE id = 2; UPDATE shop.odds SET bits = '101', bytes = 'a', n = 1; UPDATE shop.moods SET one = 'bad', many = NULL",
        );
        shop.run("apply --yes --approve critical --online always").expect(0);
        shop.run("plan --exit-code --no-cache").expect(0);
    }
}

/// A hash is over an identifier that another server gives to another table.
#[test]
fn a_bound_below_a_hash_is_left_to_the_server() {
    for (major, server) in servers() {
        let parts = "CREATE SCHEMA shop; CREATE TABLE shop.sales (id int, at date) PARTITION BY HASH (id);
            CREATE TABLE shop.half PARTITION OF shop.sales FOR VALUES WITH (MODULUS 1, REMAINDER 0) PARTITION BY RANGE (at);
            CREATE TABLE shop.year (id int, at date);";
        let attached =
            "ALTER TABLE shop.half ATTACH PARTITION shop.year FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')";
        let shop = Shop::new(major, &server, "", &format!("{parts} {attached};"));
        shop.database.execute(&format!(
            "DROP SCHEMA IF EXISTS shop CASCADE; {parts} INSERT INTO shop.year VALUES (1, '2026-06-01')"
        ));
        let plan = shop.run("plan --online always --no-cache").expect(0);
        assert!(!plan.contains("Counted now") && !plan.contains("CHECK"), "{plan}");
        shop.run("apply --yes --approve critical --online always").expect(0);
        shop.run("plan --exit-code --no-cache").expect(0);
    }
}

#[test]
fn ranges_that_must_not_overlap_are_asked_for() {
    for (major, server) in servers().into_iter().filter(|(major, _)| *major >= 18) {
        let target = "CREATE SCHEMA shop; CREATE TABLE shop.stays (id int4range, during int4range, n int PRIMARY KEY,
            CONSTRAINT once UNIQUE (id, during WITHOUT OVERLAPS));
            CREATE TABLE shop.terms (id int4range, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS));
            CREATE TABLE shop.parts (n int PRIMARY KEY, id int4range, during int4range,
                CONSTRAINT whole FOREIGN KEY (id, PERIOD during) REFERENCES shop.terms (id, PERIOD during));";
        let shop = Shop::new(major, &server, "", target);
        shop.database.execute(
            "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop; CREATE TABLE shop.stays (id int4range, during int4range, n int PRIMARY KEY);
             INSERT INTO shop.stays VALUES ('[1,2)', '[1,5)', 1), ('[1,2)', '[4,6)', 2), ('[2,3)', '[4,6)', 3), ('[9,9]', 'empty', 4);
             CREATE TABLE shop.terms (id int4range, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS));
             INSERT INTO shop.terms VALUES ('[1,1]', '[1,5)'), ('[1,1]', '[5,9)'), ('[2,2]', '[1,5)');
             CREATE TABLE shop.parts (n int PRIMARY KEY, id int4range, during int4range);
             INSERT INTO shop.parts VALUES (1, '[1,1]', '[2,7)'), (2, '[1,1]', '[2,10)'), (3, '[3,3]', '[1,2)'), (4, NULL, '[1,2)')",
        );
        let plan = shop.run("plan --no-prove").expect(0);
        let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "fails, since at least one row of `shop.stays` is in the way of another one (key 1, 2)",
            "fails, since 1 of 4 rows in `shop.stays` holds an empty range (key 4)",
            "fails, since 2 of 4 rows in `shop.parts` refer to no rows of that time (key 2, 3)",
        ] {
            assert!(flat.contains(said), "{said}\n{plan}");
        }
    }
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let (major, server) = servers().pop().unwrap();
    let target = "CREATE SCHEMA shop; CREATE TABLE shop.spans (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));";
    let shop = Shop::new(major, &server, "", target);
    // No two overlap, and no equality makes it quick to see.
    shop.database.execute(
        "DROP SCHEMA shop CASCADE; CREATE SCHEMA shop; CREATE TABLE shop.spans (id int PRIMARY KEY, during int4range);
         INSERT INTO shop.spans SELECT n, int4range(n * 2, n * 2 + 1) FROM generate_series(1, 60000) n",
    );
    let plan = shop.run("plan --no-prove").expect(0);
    let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("nobody knows, since counting takes longer than 5 s"),
        "{plan}"
    );
}

/// Rows of the table in the test below.
fn size() -> i64 {
    let told = std::env::var("TRUEUP_TEST_PREFLIGHT_ROWS").ok();
    told.map_or(20_000, |told| told.parse().unwrap())
}

#[test]
fn a_table_is_read_once_for_all_that_is_asked_of_its_rows() {
    let table = |state: &str, note: &str, count: &str, more: &str| {
        format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.states (name text PRIMARY KEY);
             CREATE TABLE shop.big (id bigint PRIMARY KEY, state text{state}, note {note}, count {count}{more});"
        )
    };
    let wanted = table(
        " NOT NULL REFERENCES shop.states",
        "varchar(40)",
        "smallint",
        ", CHECK (id > 0), CHECK (state <> '')",
    );
    let rows = size();
    for (major, server) in ends() {
        let shop = Shop::new(major, &server, "", &wanted);
        shop.database.execute(&format!(
            "DROP SCHEMA shop CASCADE; {}
             INSERT INTO shop.states SELECT 's' || n FROM generate_series(0, 9) n;
             INSERT INTO shop.big SELECT n, 's' || n % 10, 'note ' || n, n % 1000 FROM generate_series(1, {rows}) n;
             ANALYZE shop.big, shop.states;",
            table("", "text", "int", "")
        ));
        let read = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'big'";
        let before = shop.database.counted(read);
        let plan = shop.run("plan --verbose --no-prove --no-cache").expect(0);
        let read = shop.database.counted(read) - before;
        let holds = format!("holds for all {} rows of `shop.big`", grouped(rows));
        let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(flat.matches(&holds).count(), 6, "PostgreSQL {major}: {plan}");
        assert!(read < 2 * rows, "PostgreSQL {major}: {read} of {rows} rows");

        shop.database.execute("UPDATE shop.big SET state = NULL WHERE id = 7; UPDATE shop.big SET state = 'none', count = 40000 WHERE id = 8");
        let plan = shop.run("plan --verbose --no-prove --no-cache").expect(0);
        let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        for wrong in ["is null (key 7)", "refers to no row (key 8)", "is out of range (key 8)"] {
            let said = format!("fails, since 1 of {} rows in `shop.big` {wrong}", grouped(rows));
            assert!(flat.contains(&said), "PostgreSQL {major}: {said} {plan}");
        }
    }
}

/// By a list of the values, by groups of what refers to the same, and by a join.
#[test]
fn references_are_counted_by_whichever_way_is_cheaper() {
    let table = |name: &str, more: &str| {
        format!(
            "CREATE SCHEMA shop; CREATE TABLE shop.places (state text, area int, PRIMARY KEY (area, state)); CREATE TABLE shop.kinds (id numeric PRIMARY KEY); CREATE TABLE shop.owners (id uuid, name varchar(20), UNIQUE (id), UNIQUE (name));
             CREATE TABLE shop.{name} (id bigint CONSTRAINT once PRIMARY KEY, state text, area int, kind int, owner uuid, name text, \"counted\" int, count int{more});"
        )
    };
    let more = ", CHECK (count < 15000), FOREIGN KEY (kind) REFERENCES shop.kinds,
        FOREIGN KEY (owner) REFERENCES shop.owners (id), FOREIGN KEY (name) REFERENCES shop.owners (name),
        FOREIGN KEY (state, area) REFERENCES shop.places (state, area), FOREIGN KEY (area, state) REFERENCES shop.places MATCH FULL";
    let wanted = table("orders", more).replace(
        "CREATE TABLE shop.orders",
        "-- trueup: renamed from old_orders\nCREATE TABLE shop.orders",
    );
    // How many kinds there are, of 20,000 orders: each of the first has many, each of the others one.
    for kinds in [10, 30_000] {
        for (major, server) in ends() {
            let shop = Shop::new(major, &server, "", &wanted);
            shop.database.execute(&format!(
                "DROP SCHEMA shop CASCADE; {}
                 INSERT INTO shop.places SELECT 's' || n, n % 3 FROM generate_series(0, 9) n;
                 INSERT INTO shop.kinds SELECT n FROM generate_series(0, {kinds} - 1) n;
                 INSERT INTO shop.owners SELECT md5(id::text)::uuid, id FROM shop.kinds UNION ALL SELECT NULL, NULL;
                 INSERT INTO shop.old_orders SELECT n, 's' || n % 10, n % 10 % 3, n % {kinds}, md5((n % {kinds})::text)::uuid, n % {kinds}, 7, n FROM generate_series(1, 20000) n;
                 UPDATE shop.old_orders SET kind = -1 WHERE id IN (7, 17, 27);
                 UPDATE shop.old_orders SET kind = NULL, name = NULL, owner = NULL WHERE id = 37;
                 UPDATE shop.old_orders SET name = '' WHERE id IN (4, 5, 6, 7);
                 UPDATE shop.old_orders SET owner = md5('')::uuid WHERE id = 3;
                 UPDATE shop.old_orders SET state = 's11' WHERE id IN (2, 9);
                 UPDATE shop.old_orders SET state = NULL, area = 99 WHERE id = 8;
                 UPDATE shop.old_orders SET state = NULL, area = NULL WHERE id = 11;
                 ANALYZE;",
                table("old_orders", "")
            ));
            let plan = shop.run("plan --verbose --no-prove --no-cache").expect(0);
            let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
            for wrong in [
                "5,001 of 20,000 rows in `shop.orders` break it (key 15000, 15001, 15002, 15003, 15004, …)",
                "3 of 20,000 rows in `shop.orders` refer to no row (key 7, 17, 27)",
                "2 of 20,000 rows in `shop.orders` refer to no row (key 2, 9)",
                "4 of 20,000 rows in `shop.orders` refer to no row (key 4, 5, 6, 7)",
                "1 of 20,000 rows in `shop.orders` refers to no row (key 3)",
                "3 of 20,000 rows in `shop.orders` refer to no row (key 2, 8, 9)",
            ] {
                let said = format!("fails, since {wrong}");
                assert!(flat.contains(&said), "PostgreSQL {major}: {said} {plan}");
            }
            let correct = "UPDATE shop.old_orders SET count = 1, kind = 0, state = 's0', area = 0, name = '0', owner = md5('0')::uuid";
            shop.database.execute(correct);
            // Whether or not there is PL/pgSQL.
            shop.database
                .execute(if kinds == 10 { "DROP EXTENSION plpgsql" } else { "" });
            let plan = shop.run("plan --verbose --no-prove --no-cache").expect(0);
            let holds = "holds for all 20,000 rows of `shop.orders`";
            let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(flat.matches(holds).count(), 6, "PostgreSQL {major}: {plan}");
        }
    }
}

fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let parts = digits.as_bytes().rchunks(3).rev();
    let parts: Vec<&str> = parts.map(|part| std::str::from_utf8(part).unwrap()).collect();
    parts.join(",")
}
