//! Every rule on a real server: a case that fires it, one that does not, and one where the size of the table changes its
//! level; and one realistic plan with its reports on every server.

use std::path::Path;

use trueup::plan::{Database as Target, Plan, Sides, draft};
use trueup::report::{self, Direction, Style};
use trueup::risk::{self, Look};

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
    };
    let database = Target {
        name: "shop".to_owned(),
        system_identifier: None,
        version_num: from.version_num,
        stand_in: None,
    };
    let mut plan = draft(sides, database);
    let tables = risk::touched(&plan.forward, &from);
    let statistics = risk::statistics(&mut live.connect(), &tables).unwrap();
    plan.findings = risk::findings(&Look::new(&from, &to, &plan.forward, &statistics));
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

/// One case: both states, and the findings as `code risk object`, sorted.
struct Case {
    live: &'static str,
    desired: &'static str,
    findings: &'static [&'static str],
}

const SMALL: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x');";
const LARGE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
    INSERT INTO t SELECT n, n, repeat('x', 1000) FROM generate_series(1, 20000) n;";
const EMPTY: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);";

/// Each is a rule's: fires, does not fire, level by size.
const CASES: &[Case] = &[
    // TU101, with a chain over two foreign keys; TU301 and TU304 come with it.
    Case {
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
               CREATE TABLE c (b_id int REFERENCES b); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);
               INSERT INTO c VALUES (1);",
        desired: "CREATE TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id bigint PRIMARY KEY REFERENCES a);
                  CREATE TABLE c (b_id int REFERENCES b);",
        findings: &[
            "TU101 critical column public.a.id",
            "TU101 critical column public.b.id",
            "TU301 caution column public.a.id",
            "TU301 caution column public.b.id",
            "TU302 caution foreign key public.b.b_id_fkey",
            "TU302 caution foreign key public.c.c_b_id_fkey",
            "TU304 caution foreign key public.b.b_id_fkey",
        ],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text);",
        findings: &["TU101 caution column public.t.id"],
    },
    // TU301: what gives each row a value of its own is written into each; a value for all is not.
    Case {
        live: "CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE DOMAIN e AS d;
               CREATE DOMAIN f AS int;",
        desired: "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE DOMAIN e AS d; CREATE DOMAIN f AS int;
                  CREATE TABLE t (id int, a uuid DEFAULT gen_random_uuid(), b serial, c int GENERATED ALWAYS AS IDENTITY,
                  g int GENERATED ALWAYS AS (id * 2) STORED, e e, f f, n timestamptz DEFAULT now(), o int DEFAULT 3, p int DEFAULT -abs(-4));",
        findings: &[
            "TU301 caution column public.t.a",
            "TU301 caution column public.t.b",
            "TU301 caution column public.t.c",
            "TU301 caution column public.t.e",
            "TU301 caution column public.t.g",
        ],
    },
    // A column that identifies nothing: TU301 by size.
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &["TU301 caution column public.t.a"],
    },
    Case {
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &["TU301 dangerous column public.t.a"],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text);",
        findings: &[],
    },
    // TU102
    Case {
        live: SMALL,
        desired: "",
        findings: &["TU102 critical table public.t"],
    },
    Case {
        live: EMPTY,
        desired: "",
        findings: &["TU102 caution table public.t"],
    },
    // TU103
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int);",
        findings: &["TU103 dangerous column public.t.b"],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int);",
        findings: &["TU103 caution column public.t.b"],
    },
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (a int, b text);",
        findings: &["TU103 critical column public.t.id"],
    },
    // TU104, and a sequence that goes with its column.
    Case {
        live: "CREATE SEQUENCE s; CREATE SCHEMA x; CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (n serial);",
        desired: "",
        findings: &[
            "TU102 caution table public.t",
            "TU104 dangerous enum public.e",
            "TU104 dangerous schema x",
            "TU104 dangerous sequence public.s",
        ],
    },
    // TU105
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9));",
        findings: &["TU105 dangerous column public.t.b", "TU301 caution column public.t.b"],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9));",
        findings: &["TU105 caution column public.t.b"],
    },
    // TU106: PostgreSQL cannot partition a table in place.
    Case {
        live: "CREATE TABLE t (a int); INSERT INTO t VALUES (1);",
        desired: "CREATE TABLE t (a int) PARTITION BY RANGE (a);",
        findings: &["TU106 critical table public.t"],
    },
    Case {
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int) PARTITION BY RANGE (a);",
        findings: &["TU106 caution table public.t"],
    },
    // TU107, and a trigger that goes with its table.
    Case {
        live: "CREATE VIEW v AS SELECT 1 AS a; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TABLE t (a int); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        desired: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';",
        findings: &["TU102 caution table public.t", "TU107 caution view public.v"],
    },
    // TU108, and an index that goes with its column.
    Case {
        live: "CREATE TABLE t (a int CHECK (a > 0), b int); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);",
        desired: "CREATE TABLE t (a int);",
        findings: &[
            "TU103 caution column public.t.b",
            "TU108 caution check constraint public.t.t_a_check",
            "TU108 caution index public.i",
        ],
    },
    // TU201 and TU302 by size; a constraint that binds only new rows is no finding.
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b text);",
        findings: &[
            "TU201 dangerous check constraint public.t.t_a_check",
            "TU302 caution check constraint public.t.t_a_check",
        ],
    },
    Case {
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text);",
        findings: &[
            "TU201 dangerous not-null constraint public.t.a",
            "TU302 dangerous not-null constraint public.t.a",
        ],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b text);",
        findings: &[],
    },
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
                  ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
        findings: &[],
    },
    Case {
        live: "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1);",
        desired: "CREATE DOMAIN d AS int CONSTRAINT positive CHECK (VALUE > 0); CREATE TABLE t (a d);",
        findings: &[
            "TU201 dangerous domain constraint public.d.positive",
            "TU302 caution domain constraint public.d.positive",
        ],
    },
    // TU202; with a default it is nothing.
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL);",
        findings: &["TU202 dangerous column public.t.c"],
    },
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL DEFAULT 1);",
        findings: &[],
    },
    // TU303 by size.
    Case {
        live: LARGE,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &["TU303 dangerous index public.i"],
    },
    Case {
        live: SMALL,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &["TU303 caution index public.i"],
    },
    Case {
        live: EMPTY,
        desired: "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a);",
        findings: &[],
    },
    // TU304: a foreign key between two tables with rows.
    Case {
        live: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
        desired: "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a);",
        findings: &[
            "TU201 dangerous foreign key public.b.b_a_id_fkey",
            "TU302 caution foreign key public.b.b_a_id_fkey",
            "TU304 caution foreign key public.b.b_a_id_fkey",
        ],
    },
    // TU401
    Case {
        live: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a > 0);
               CREATE POLICY r ON t AS RESTRICTIVE USING (a > 1);",
        desired: "CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 5);",
        findings: &[
            "TU401 dangerous policy public.t.p",
            "TU401 dangerous policy public.t.r",
            "TU401 dangerous table public.t",
        ],
    },
    Case {
        live: "CREATE TABLE t (a int);",
        desired: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a > 0);",
        findings: &["TU401 caution policy public.t.p", "TU401 caution table public.t"],
    },
    Case {
        live: "",
        desired: "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
        findings: &[],
    },
    // TU402; what belongs to a new object is no finding.
    Case {
        live: "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        desired: "CREATE TABLE t (a int); GRANT SELECT ON t TO PUBLIC; CREATE TABLE n (a int); GRANT SELECT ON n TO PUBLIC;
                  CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
        findings: &[
            "TU402 caution function public.f()",
            "TU402 caution privilege table.public.t.public",
        ],
    },
    // TU502 by size; an added value is nothing.
    Case {
        live: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e); INSERT INTO t VALUES ('a');",
        desired: "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e);",
        findings: &["TU301 caution column public.t.x", "TU502 dangerous enum public.e"],
    },
    Case {
        live: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e);",
        desired: "CREATE TYPE e AS ENUM ('b', 'a'); CREATE TABLE t (x e);",
        findings: &["TU502 caution enum public.e"],
    },
    Case {
        live: "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e); INSERT INTO t VALUES ('a');",
        desired: "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x e);",
        findings: &[],
    },
    // Everything new: nothing to wait for and nothing to lose.
    Case {
        live: "",
        desired: "CREATE TABLE a (id int PRIMARY KEY, n int UNIQUE CHECK (n > 0)); CREATE TABLE b (a_id int NOT NULL REFERENCES a);
                  CREATE INDEX i ON b (a_id);",
        findings: &[],
    },
];

/// Leaves nothing but an empty `public`.
const EMPTIED: &str = "DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', name);
        END LOOP;
        CREATE SCHEMA public;
    END $$;";

#[test]
fn cases() {
    let server = newest();
    let (live, desired) = (Database::new(&server), Database::new(&server));
    let mut wrong = Vec::new();
    for case in CASES {
        // A hundred databases would take longer than all the rest.
        live.execute(&format!("{EMPTIED} {}", case.live));
        desired.execute(&format!("{EMPTIED} {}", case.desired));
        let plan = plan(&live, &desired);
        if found(&plan) != case.findings {
            wrong.push(format!("{}\n→ {}\n  {:#?}", case.live, case.desired, plan.findings));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n\n")
    );
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
fn fits_schema(plan: &Plan) {
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
