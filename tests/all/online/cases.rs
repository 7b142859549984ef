//! One case for each form: its words in both directions, and the plain form when no table is large.

use super::*;

struct Case<'a> {
    before: &'a str,
    after: &'a str,
    /// Majors from which on and up to which it holds.
    majors: (i32, i32),
    /// Words that the way forward has, in this order.
    forward: &'a [&'a str],
    /// Words that the way back has, in this order.
    back: &'a [&'a str],
}

const ALL: (i32, i32) = (14, 99);

impl Case<'_> {
    fn check(&self) {
        for (_, server) in servers()
            .into_iter()
            .filter(|(major, _)| (self.majors.0..=self.majors.1).contains(major))
        {
            let pair = Pair::new(&server, self.before, self.after);
            let plain = pair.plan(Online::Never);
            assert!(plain.large.is_empty());
            let said = script(&plain.forward) + &script(&plain.rollback);
            for words in [
                "CONCURRENTLY",
                "UNIQUE USING INDEX",
                "KEY USING INDEX",
                "_trueup_",
                "DO $",
            ] {
                assert!(!said.contains(words), "{words} in\n{said}");
            }
            let plan = there_and_back(&pair);
            assert_online(&plan);
            assert_order(&script(&plan.forward), self.forward);
            assert_order(&script(&plan.rollback), self.back);
            let forms: Vec<&String> = plan
                .forward
                .iter()
                .chain(&plan.rollback)
                .filter_map(|step| step.form.as_ref())
                .collect();
            assert!(forms.iter().any(|form| form.contains("public.")), "{forms:?}");
        }
    }
}

fn assert_order(script: &str, words: &[&str]) {
    let mut rest = script;
    for word in words {
        let Some(at) = rest.find(word) else {
            panic!("no `{word}` in its place in\n{script}");
        };
        rest = &rest[at + word.len()..];
    }
}

const ORDERS: &str = "CREATE TABLE orders (id bigint NOT NULL, note text, amount int, customer bigint);
     INSERT INTO orders SELECT n, 'note ' || n, n, 1 FROM generate_series(1, 50) n;";
const CUSTOMERS: &str = "CREATE TABLE customers (id bigint PRIMARY KEY); INSERT INTO customers VALUES (1), (2);";

fn case(before: &str, after: &str, forward: &[&str], back: &[&str]) {
    case_on(ALL, before, after, forward, back);
}

fn case_on(majors: (i32, i32), before: &str, after: &str, forward: &[&str], back: &[&str]) {
    let whole = |more: &str| format!("{CUSTOMERS}{ORDERS}{more}");
    Case {
        before: &whole(before),
        after: &whole(after),
        majors,
        forward,
        back,
    }
    .check();
}

#[test]
fn indexes_are_built_and_dropped_concurrently() {
    case(
        "",
        "CREATE INDEX orders_note ON orders (note) INCLUDE (id) WHERE amount > 3; COMMENT ON INDEX orders_note IS 'x';
         CREATE UNIQUE INDEX orders_id ON orders (id DESC); ALTER TABLE orders CLUSTER ON orders_id;",
        &[
            "CREATE INDEX CONCURRENTLY orders_note",
            "CREATE UNIQUE INDEX CONCURRENTLY orders_id",
            "CLUSTER ON orders_id",
        ],
        &["DROP INDEX CONCURRENTLY", "DROP INDEX CONCURRENTLY"],
    );
    case(
        "CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) AS amount FROM orders GROUP BY customer;",
        "CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) AS amount FROM orders GROUP BY customer;
         CREATE UNIQUE INDEX totals_customer ON totals (customer);",
        &["CREATE UNIQUE INDEX CONCURRENTLY totals_customer"],
        &["DROP INDEX CONCURRENTLY public.totals_customer"],
    );
}

#[test]
fn indexes_are_replaced_beside_the_old_one() {
    let swap: &[&str] = &[
        "CREATE INDEX CONCURRENTLY orders_note_trueup_new",
        "ALTER INDEX public.orders_note RENAME TO orders_note_trueup_old",
        "ALTER INDEX public.orders_note_trueup_new RENAME TO orders_note",
        "DROP INDEX CONCURRENTLY public.orders_note_trueup_old",
    ];
    case(
        "CREATE INDEX orders_note ON orders (note); COMMENT ON INDEX orders_note IS 'x';",
        "CREATE INDEX orders_note ON orders (note, amount); COMMENT ON INDEX orders_note IS 'x';",
        swap,
        swap,
    );
    let long = "i".repeat(63);
    case(
        &format!("CREATE UNIQUE INDEX {long} ON orders (id); ALTER TABLE orders REPLICA IDENTITY USING INDEX {long};"),
        &format!(
            "CREATE UNIQUE INDEX {long} ON orders (id DESC); ALTER TABLE orders REPLICA IDENTITY USING INDEX {long};"
        ),
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY",
            "RENAME TO",
            "RENAME TO",
            "REPLICA IDENTITY",
            "DROP INDEX CONCURRENTLY",
        ],
        &["CREATE UNIQUE INDEX CONCURRENTLY"],
    );
}

#[test]
fn keys_take_an_index_that_was_built_concurrently() {
    case(
        "",
        "ALTER TABLE orders ADD PRIMARY KEY (id) INCLUDE (note) WITH (fillfactor = 70);
         ALTER TABLE orders ADD CONSTRAINT \"Odd\" UNIQUE (amount, note) DEFERRABLE INITIALLY DEFERRED;",
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY \"Odd\"",
            "ADD CONSTRAINT \"Odd\" UNIQUE USING INDEX \"Odd\" DEFERRABLE INITIALLY DEFERRED",
            "CREATE UNIQUE INDEX CONCURRENTLY orders_pkey",
            "ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey",
        ],
        &["DROP CONSTRAINT"],
    );
    case_on(
        (15, 99),
        "",
        "ALTER TABLE orders ADD UNIQUE NULLS NOT DISTINCT (amount);",
        &["(amount) NULLS NOT DISTINCT", "UNIQUE USING INDEX orders_amount_key"],
        &[],
    );
    // The column becomes required before the index does.
    case(
        "",
        "ALTER TABLE orders ADD PRIMARY KEY (amount);",
        &[
            "VALIDATE",
            "CREATE UNIQUE INDEX CONCURRENTLY orders_pkey",
            "PRIMARY KEY USING INDEX",
        ],
        &["DROP CONSTRAINT orders_pkey"],
    );
}

#[test]
fn a_build_that_fails_on_generated_rows_is_still_proven() {
    case(
        "ALTER TABLE orders ADD flag boolean; DELETE FROM orders WHERE id > 1;",
        "ALTER TABLE orders ADD flag boolean; ALTER TABLE orders ADD UNIQUE (flag);",
        &["CREATE UNIQUE INDEX CONCURRENTLY orders_flag_key"],
        &[],
    );
}

#[test]
fn keys_are_replaced_under_foreign_keys() {
    case(
        "ALTER TABLE orders ADD CONSTRAINT orders_key UNIQUE (id); ALTER TABLE customers ADD order_id bigint REFERENCES orders (id);",
        "ALTER TABLE orders ADD CONSTRAINT orders_key UNIQUE (id) INCLUDE (note);
         ALTER TABLE customers ADD order_id bigint REFERENCES orders (id);",
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY orders_key_trueup_new",
            "DROP CONSTRAINT customers_order_id_fkey",
            "DROP CONSTRAINT orders_key",
            "ADD CONSTRAINT orders_key UNIQUE USING INDEX orders_key_trueup_new",
            "ADD CONSTRAINT customers_order_id_fkey",
            "NOT VALID",
            "VALIDATE CONSTRAINT customers_order_id_fkey",
        ],
        &["CREATE UNIQUE INDEX CONCURRENTLY orders_key_trueup_new"],
    );
}

#[test]
fn checks_and_foreign_keys_are_validated_behind() {
    case(
        "",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);
         ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE DEFERRABLE;",
        &[
            "ADD CONSTRAINT positive CHECK ((amount > 0)) NOT VALID",
            "VALIDATE CONSTRAINT positive",
            "ADD CONSTRAINT orders_customer_fkey",
            "NOT VALID",
            "VALIDATE CONSTRAINT orders_customer_fkey",
        ],
        &[],
    );
    case(
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;
         ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID;",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);
         ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;",
        &["VALIDATE CONSTRAINT", "VALIDATE CONSTRAINT"],
        &["NOT VALID", "NOT VALID"],
    );
}

#[test]
fn constraints_are_replaced_beside_the_old_one() {
    let swap: &[&str] = &[
        "ADD CONSTRAINT positive_trueup_new CHECK",
        "VALIDATE CONSTRAINT positive_trueup_new",
        "DROP CONSTRAINT positive",
        "RENAME CONSTRAINT positive_trueup_new TO positive",
    ];
    case(
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0); COMMENT ON CONSTRAINT positive ON orders IS 'x';",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount >= 0); COMMENT ON CONSTRAINT positive ON orders IS 'x';",
        swap,
        swap,
    );
    let swap: &[&str] = &[
        "ADD CONSTRAINT orders_customer_fkey_trueup_new",
        "VALIDATE CONSTRAINT orders_customer_fkey_trueup_new",
        "DROP CONSTRAINT orders_customer_fkey",
        "RENAME CONSTRAINT orders_customer_fkey_trueup_new TO orders_customer_fkey",
    ];
    case(
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;",
        "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE;",
        swap,
        swap,
    );
}

#[test]
fn not_null_is_proven_first() {
    let after = "ALTER TABLE orders ALTER amount SET NOT NULL;";
    case_on(
        (14, 17),
        "",
        after,
        &[
            "ADD CONSTRAINT orders_amount_trueup_proof CHECK (amount IS NOT NULL) NOT VALID",
            "VALIDATE CONSTRAINT orders_amount_trueup_proof",
            "ALTER COLUMN amount SET NOT NULL",
            "DROP CONSTRAINT orders_amount_trueup_proof",
        ],
        &["DROP NOT NULL"],
    );
    case_on(
        (18, 99),
        "",
        after,
        &[
            "ADD CONSTRAINT orders_amount_not_null NOT NULL amount NOT VALID",
            "VALIDATE CONSTRAINT orders_amount_not_null",
        ],
        &["DROP NOT NULL"],
    );
}

#[test]
fn new_columns_with_volatile_defaults_are_filled_later() {
    case(
        "",
        "ALTER TABLE orders ADD token uuid DEFAULT gen_random_uuid() NOT NULL, ADD made timestamptz DEFAULT now() NOT NULL;",
        &[
            "ADD COLUMN token uuid;",
            "SET DEFAULT gen_random_uuid()",
            "DO $",
            "VALIDATE",
        ],
        &["DROP COLUMN"],
    );
    case(
        "",
        "ALTER TABLE orders ADD serial bigserial;",
        &["ADD COLUMN serial bigint;", "SET DEFAULT nextval", "DO $", "VALIDATE"],
        &["DROP COLUMN"],
    );
}

const MONTHS: &str = "CREATE TABLE events (at date NOT NULL, id int, note text) PARTITION BY RANGE (at);
     CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
     CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
     INSERT INTO events SELECT '2026-01-15', n, 'x' FROM generate_series(1, 20) n;
     INSERT INTO events SELECT '2026-02-15', n, 'x' FROM generate_series(1, 20) n;";

fn months(before: &str, after: &str, forward: &[&str], back: &[&str]) {
    case(&format!("{MONTHS}{before}"), &format!("{MONTHS}{after}"), forward, back);
}

#[test]
fn partitioned_tables_get_indexes_child_by_child() {
    months(
        "",
        "CREATE INDEX events_note ON events (note);",
        &[
            "CREATE INDEX events_note ON ONLY public.events",
            "CREATE INDEX CONCURRENTLY events_1_note_idx",
            "CREATE INDEX CONCURRENTLY events_2_note_idx",
            "ALTER INDEX public.events_note ATTACH PARTITION public.events_1_note_idx",
            "ALTER INDEX public.events_note ATTACH PARTITION public.events_2_note_idx",
        ],
        &["DROP INDEX public.events_note"],
    );
    months(
        "",
        "ALTER TABLE events ADD PRIMARY KEY (at, id);",
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY",
            "PRIMARY KEY USING INDEX",
            "ATTACH PARTITION",
        ],
        &["DROP CONSTRAINT events_pkey"],
    );
}

#[test]
fn partitioned_tables_get_constraints_and_columns() {
    months(
        "",
        "ALTER TABLE events ADD CHECK (id > 0), ALTER note SET NOT NULL, ADD token uuid DEFAULT gen_random_uuid();",
        &["VALIDATE"],
        &[],
    );
    case_on(
        (18, 99),
        &format!("{MONTHS} ALTER TABLE events ADD customer bigint;"),
        &format!("{MONTHS} ALTER TABLE events ADD customer bigint REFERENCES customers;"),
        &["NOT VALID", "VALIDATE CONSTRAINT events_customer_fkey"],
        &[],
    );
}

#[test]
fn partitions_are_attached_with_a_proof_and_detached_concurrently() {
    months(
        "ALTER TABLE events DETACH PARTITION events_2;",
        "",
        &[
            "ADD CONSTRAINT events_2_trueup_proof CHECK",
            "VALIDATE CONSTRAINT events_2_trueup_proof",
            "ATTACH PARTITION public.events_2",
            "DROP CONSTRAINT events_2_trueup_proof",
        ],
        &[
            "DETACH PARTITION public.events_2 CONCURRENTLY",
            "DROP CONSTRAINT IF EXISTS events_2_at_check",
        ],
    );
    months(
        "",
        "DROP TABLE events_2;",
        &[
            "DETACH PARTITION public.events_2 CONCURRENTLY",
            "DROP TABLE public.events_2",
        ],
        &[],
    );
}

#[test]
fn default_partitions_are_proven_to_hold_nothing() {
    months(
        "ALTER TABLE events DETACH PARTITION events_2; CREATE TABLE events_rest PARTITION OF events DEFAULT;",
        "CREATE TABLE events_rest PARTITION OF events DEFAULT;",
        &[
            "ADD CONSTRAINT events_2_trueup_proof CHECK",
            "ADD CONSTRAINT events_rest_events_2_trueup_proof CHECK (NOT (",
            "VALIDATE CONSTRAINT events_rest_events_2_trueup_proof",
            "ATTACH PARTITION public.events_2",
        ],
        &["DETACH PARTITION public.events_2;"],
    );
}
