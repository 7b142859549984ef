//! What a plan says about locks, rewrites and scans is what PostgreSQL documents and what a second connection sees.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;
use trueup::catalog::Identity;
use trueup::kinds::{Kind, Lock};
use trueup::plan::Verdict;

use crate::proof::Pair;
use crate::support::{Database, ends};

/// One change, and what it does to tables that were there.
struct Fact {
    /// What stands before and after.
    base: &'static str,
    /// What stands before only.
    old: &'static str,
    /// What stands after only.
    new: &'static str,
    /// Tables with their strongest lock but `ACCESS SHARE`: `a AE, b SRE`.
    locks: &'static str,
    /// Tables that are written anew.
    rewrites: &'static str,
    /// Tables that are read.
    scans: &'static str,
    since: i32,
    /// Whether the plan's own expectation is wrong, and what was observed stands in the plan instead.
    unforeseen: bool,
}

impl Fact {
    const fn reads(self, scans: &'static str) -> Self {
        Self { scans, ..self }
    }

    /// Table `a` is read and written anew.
    const fn rewrites(self) -> Self {
        Self {
            scans: "a",
            rewrites: "a",
            ..self
        }
    }

    const fn unforeseen(self) -> Self {
        Self {
            unforeseen: true,
            ..self
        }
    }

    const fn since(self, since: i32) -> Self {
        Self { since, ..self }
    }

    fn locks(&self) -> BTreeMap<Identity, Lock> {
        let one = |text: &str| {
            let (name, lock) = text.split_once(' ').unwrap();
            let lock = match lock {
                "AE" => Lock::AccessExclusive,
                "SRE" => Lock::ShareRowExclusive,
                "S" => Lock::Share,
                "SUE" => Lock::ShareUpdateExclusive,
                "RS" => Lock::RowShare,
                other => panic!("{other}"),
            };
            (table(name), lock)
        };
        let all = self.locks.split(", ").filter(|text| !text.is_empty());
        all.map(one).collect()
    }
}

const fn fact(base: &'static str, old: &'static str, new: &'static str, locks: &'static str) -> Fact {
    Fact {
        base,
        old,
        new,
        locks,
        rewrites: "",
        scans: "",
        since: 14,
        unforeseen: false,
    }
}

const NONE: &str = "";
const TABLE: &str = "CREATE TABLE a (i int, t text, s varchar(9));";
const FILLED: &str = "CREATE TABLE a (i int NOT NULL DEFAULT 1, t text);";
const KEYS: &str = "CREATE TABLE b (i int PRIMARY KEY); CREATE TABLE a (i int);";
const PARENT: &str = "CREATE TABLE a (i int) PARTITION BY LIST (i);";
const REFERS: &str = "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b;";
const CHECKED: &str = "ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0);";
const TRIGGER: &str =
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE a (i int);";

/// Columns.
const COLUMNS: &[Fact] = &[
    fact(
        NONE,
        "CREATE TABLE a (i int);",
        "CREATE TABLE a (i int, t text);",
        "a AE",
    ),
    fact(TABLE, NONE, "ALTER TABLE a ADD j int NOT NULL DEFAULT 7;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a ADD j timestamptz DEFAULT now();", "a AE"),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD j uuid DEFAULT gen_random_uuid();",
        "a AE",
    )
    .rewrites(),
    fact(TABLE, NONE, "ALTER TABLE a ADD j serial;", "a AE").rewrites(),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD j int GENERATED ALWAYS AS IDENTITY;",
        "a AE",
    )
    .rewrites(),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD j int GENERATED ALWAYS AS (i + 1) STORED;",
        "a AE",
    )
    .rewrites(),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD j int GENERATED ALWAYS AS (i + 1) VIRTUAL;",
        "a AE",
    )
    .since(18),
    fact(
        "CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE TABLE a (i int);",
        NONE,
        "ALTER TABLE a ADD j d;",
        "a AE",
    )
    .rewrites(),
    fact(
        NONE,
        "CREATE TABLE a (i int, t text);",
        "CREATE TABLE a (i int);",
        "a AE",
    ),
    fact(TABLE, NONE, "ALTER TABLE a ALTER i SET DEFAULT 1;", "a AE"),
    fact(FILLED, NONE, "ALTER TABLE a ALTER i DROP DEFAULT;", "a AE"),
    fact(FILLED, NONE, "ALTER TABLE a ALTER i DROP NOT NULL;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a ALTER i SET NOT NULL;", "a AE").reads("a"),
    fact(
        "CREATE TABLE a (i int CHECK (i IS NOT NULL));",
        NONE,
        "ALTER TABLE a ALTER i SET NOT NULL;",
        "a AE",
    )
    .unforeseen(),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD CONSTRAINT n NOT NULL i NOT VALID;",
        "a AE",
    )
    .since(18),
    fact(
        TABLE,
        "ALTER TABLE a ADD CONSTRAINT n NOT NULL i NOT VALID;",
        "ALTER TABLE a ADD CONSTRAINT n NOT NULL i;",
        "a SUE",
    )
    .reads("a")
    .since(18),
    fact(TABLE, NONE, "ALTER TABLE a ALTER t TYPE text COLLATE \"C\";", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a ALTER i SET STATISTICS 9;", "a SUE"),
    fact(TABLE, NONE, "ALTER TABLE a ALTER i SET (n_distinct = 5);", "a SUE"),
    fact(TABLE, NONE, "ALTER TABLE a ALTER t SET STORAGE external;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a ALTER t SET COMPRESSION pglz;", "a AE"),
];

/// Constraints and indexes.
const CONSTRAINTS: &[Fact] = &[
    fact(TABLE, NONE, CHECKED, "a AE").reads("a"),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT VALID;",
        "a AE",
    ),
    fact(
        TABLE,
        NONE,
        "ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT ENFORCED;",
        "a AE",
    )
    .since(18),
    fact(
        TABLE,
        "ALTER TABLE a ADD CONSTRAINT c CHECK (i > 0) NOT VALID;",
        CHECKED,
        "a SUE",
    )
    .reads("a"),
    fact(TABLE, CHECKED, NONE, "a AE"),
    fact(KEYS, NONE, REFERS, "a SRE, b SRE").reads("a b"),
    fact(
        KEYS,
        NONE,
        "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b NOT VALID;",
        "a SRE, b SRE",
    ),
    fact(
        KEYS,
        "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b NOT VALID;",
        REFERS,
        "a SUE, b RS",
    )
    .reads("a b"),
    fact(KEYS, REFERS, NONE, "a AE, b AE"),
    fact(
        "CREATE TABLE b (i int PRIMARY KEY);",
        "CREATE TABLE a (i int REFERENCES b);",
        NONE,
        "a AE, b AE",
    ),
    fact(
        "CREATE TABLE b (i int PRIMARY KEY);",
        NONE,
        "CREATE TABLE a (i int REFERENCES b);",
        "b SRE",
    ),
    fact(
        KEYS,
        REFERS,
        "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b DEFERRABLE;",
        "a AE",
    ),
    fact(
        KEYS,
        "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b NOT ENFORCED;",
        REFERS,
        "a AE, b SRE",
    )
    .reads("a b")
    .since(18),
    fact(
        KEYS,
        REFERS,
        "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES b NOT ENFORCED;",
        "a AE, b AE",
    )
    .since(18),
    fact(
        NONE,
        "CREATE TABLE b (v varchar(9) PRIMARY KEY); CREATE TABLE a (v varchar(9) REFERENCES b); CREATE INDEX x ON a (v);",
        "CREATE TABLE b (v text PRIMARY KEY); CREATE TABLE a (v text REFERENCES b); CREATE INDEX x ON a (v);",
        "a AE, b AE",
    ),
    fact(TABLE, NONE, "ALTER TABLE a ADD UNIQUE (i);", "a AE").reads("a"),
    fact(
        "CREATE TABLE a (i int NOT NULL);",
        NONE,
        "ALTER TABLE a ADD PRIMARY KEY (i);",
        "a AE",
    )
    .reads("a"),
    fact(TABLE, NONE, "ALTER TABLE a ADD PRIMARY KEY (i);", "a AE").reads("a"),
    fact(
        "CREATE TABLE a (i int4range);",
        NONE,
        "ALTER TABLE a ADD EXCLUDE USING gist (i WITH &&);",
        "a AE",
    )
    .reads("a"),
    fact(TABLE, NONE, "CREATE INDEX x ON a (i);", "a S").reads("a"),
    fact(TABLE, "CREATE INDEX x ON a (i);", NONE, "a AE"),
    fact(
        "CREATE TABLE a (i int NOT NULL); CREATE INDEX x ON a (i);",
        NONE,
        "ALTER TABLE a CLUSTER ON x;",
        "a SUE",
    ),
    fact(TABLE, NONE, "CREATE STATISTICS x ON i, t FROM a;", "a SUE"),
];

/// Tables and what is attached to them.
const TABLES: &[Fact] = &[
    fact(TABLE, NONE, "ALTER TABLE a SET (fillfactor = 70);", "a SUE"),
    fact(TABLE, NONE, "ALTER TABLE a SET (autovacuum_enabled = off);", "a SUE"),
    fact(TABLE, NONE, "ALTER TABLE a SET (parallel_workers = 2);", "a SUE"),
    fact(TABLE, NONE, "COMMENT ON TABLE a IS 'x';", "a SUE"),
    fact(TABLE, NONE, "ALTER TABLE a OWNER TO pg_monitor;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a REPLICA IDENTITY FULL;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a ENABLE ROW LEVEL SECURITY;", "a AE"),
    fact(TABLE, NONE, "ALTER TABLE a FORCE ROW LEVEL SECURITY;", "a AE"),
    fact(TABLE, NONE, "CREATE POLICY p ON a USING (i > 0);", "a AE"),
    fact(
        TABLE,
        NONE,
        "CREATE RULE r AS ON INSERT TO a DO INSTEAD NOTHING;",
        "a AE",
    ),
    fact(
        NONE,
        "CREATE TABLE a (i int);",
        "CREATE UNLOGGED TABLE a (i int);",
        "a AE",
    )
    .rewrites(),
    fact(
        NONE,
        "CREATE UNLOGGED TABLE a (i int);",
        "CREATE TABLE a (i int);",
        "a AE",
    )
    .rewrites(),
    fact(
        TRIGGER,
        NONE,
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();",
        "a SRE",
    ),
    fact(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE a (i int);
         CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();",
        NONE,
        "ALTER TABLE a DISABLE TRIGGER t;",
        "a SRE",
    ),
    fact(TABLE, NONE, "GRANT SELECT ON a TO PUBLIC;", ""),
    fact(TABLE, NONE, "CREATE VIEW v AS SELECT i FROM a;", ""),
    fact(
        "CREATE TYPE e AS ENUM ('x'); CREATE TABLE a (i e);",
        NONE,
        "ALTER TYPE e ADD VALUE 'y';",
        "",
    ),
    fact(
        PARENT,
        "CREATE TABLE b (i int);",
        "CREATE TABLE b PARTITION OF a FOR VALUES IN (1, 2);",
        "a SUE, b AE",
    )
    .reads("b"),
    fact(
        PARENT,
        "CREATE TABLE b (i int, CONSTRAINT c CHECK (i IS NOT NULL AND i IN (1, 2)));",
        "CREATE TABLE b (i int, CONSTRAINT c CHECK (i IS NOT NULL AND i IN (1, 2))); ALTER TABLE a ATTACH PARTITION b FOR VALUES IN (1, 2);",
        "a SUE, b AE",
    )
    .unforeseen(),
    fact(
        PARENT,
        "CREATE TABLE b PARTITION OF a FOR VALUES IN (1, 2);",
        "CREATE TABLE b (i int);",
        "a AE, b AE",
    ),
    fact(
        PARENT,
        "CREATE TABLE b PARTITION OF a FOR VALUES IN (1, 2);",
        NONE,
        "a AE, b AE",
    ),
    fact(
        PARENT,
        NONE,
        "CREATE TABLE b PARTITION OF a FOR VALUES IN (1, 2);",
        "a SUE",
    ),
    fact(
        "CREATE TABLE a (i int); CREATE TABLE b (i int);",
        NONE,
        "ALTER TABLE b INHERIT a;",
        "a SUE, b AE",
    ),
];

/// Types of a column before and after, for values that PostgreSQL keeps as they are.
const KEPT: &[[&str; 2]] = &[
    ["varchar(9)", "varchar(10)"],
    ["varchar(9)", "text"],
    ["text", "varchar"],
    ["numeric(9,2)", "numeric(10,2)"],
    ["numeric(9,2)", "numeric"],
    ["timestamp(3)", "timestamp(6)"],
    ["interval(3)", "interval(6)"],
    ["varbit(3)", "varbit(4)"],
    ["cidr", "inet"],
];

/// The same in a session whose time zone is UTC, as these are; what is expected holds for all zones.
const KEPT_IN_UTC: &[[&str; 2]] = &[["timestamp", "timestamptz"], ["timestamptz", "timestamp"]];

/// The same, for values that it writes anew.
const CONVERTED: &[[&str; 2]] = &[
    ["int", "bigint"],
    ["bigint", "int"],
    ["varchar(9)", "varchar(8)"],
    ["text", "varchar(9)"],
    ["char(3)", "text"],
    ["char(3)", "char(4)"],
    ["numeric(9,2)", "numeric(9,3)"],
    ["numeric(9,2)", "numeric(8,2)"],
    ["timestamp(6)", "timestamp(3)"],
    ["cidr", "text"],
    ["jsonb", "json"],
    ["text", "uuid"],
];

fn table(name: &str) -> Identity {
    Identity::new(Kind::Table, ["public", name])
}

fn named(names: &str) -> BTreeSet<Identity> {
    names.split_whitespace().map(table).collect()
}

fn check(facts: &[Fact]) {
    for (major, server) in ends() {
        for fact in facts.iter().filter(|fact| fact.since <= major) {
            let [old, new] = [fact.old, fact.new].map(|part| format!("{}{part}", fact.base));
            let case = format!("PostgreSQL {major}: {old} → {new}");
            let seen = Seen::of(&Pair::new(&server, &old, &new), fact.unforeseen, &case);
            seen.is(&fact.locks(), fact.rewrites, fact.scans, &case);
        }
    }
}

/// What a plan said, once it was seen to be so.
struct Seen {
    locks: BTreeMap<Identity, Lock>,
    rewrites: BTreeSet<Identity>,
    scans: BTreeSet<Identity>,
}

impl Seen {
    /// Proves a plan, and executes it while a second connection looks at its locks.
    fn of(pair: &Pair, unforeseen: bool, case: &str) -> Self {
        let (plan, proof) = pair.prove(pair.draft());
        assert_eq!(proof.verdict, Verdict::Held, "{case}: {proof:?}");
        let surprises: Vec<_> = proof.surprises.iter().map(|surprise| &surprise.message).collect();
        assert_eq!(!surprises.is_empty(), unforeseen, "{case}: {surprises:?}");
        let mut said = Self {
            locks: BTreeMap::new(),
            rewrites: BTreeSet::new(),
            scans: BTreeSet::new(),
        };
        let mut client = pair.live.connect();
        client.batch_execute("SET search_path = ''; BEGIN").unwrap();
        let tables = tables(&pair.live);
        let before: BTreeSet<Identity> = tables.values().map(|name| table(name)).collect();
        for sentence in plan.forward.iter().flat_map(|step| &step.statements) {
            client.batch_execute(&sentence.sql).unwrap();
            let there = (sentence.facts.locks.iter()).filter(|(table, _)| before.contains(table));
            for (table, lock) in there {
                let strongest = said.locks.entry(table.clone()).or_insert(*lock);
                *strongest = (*lock).max(*strongest);
            }
            let there = |tables: &[Identity]| tables.iter().filter(|table| before.contains(table)).cloned().collect();
            said.rewrites.extend::<Vec<_>>(there(&sentence.facts.rewrites));
            said.scans.extend::<Vec<_>>(there(&sentence.facts.scans));
        }
        assert_eq!(said.locks, locks_seen(&pair.live, &mut client, &tables), "{case}");
        client.batch_execute("ROLLBACK").unwrap();
        said
    }

    fn is(&self, locks: &BTreeMap<Identity, Lock>, rewrites: &str, scans: &str, case: &str) {
        assert_eq!(&self.locks, locks, "{case}");
        assert_eq!(self.rewrites, named(rewrites), "{case}: rewrites");
        assert_eq!(self.scans, named(scans), "{case}: scans");
    }
}

fn tables(live: &Database) -> BTreeMap<u32, String> {
    let rows = live.rows(
        "SELECT oid, relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')",
    );
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// What a second connection sees of the locks that an open transaction holds on tables.
fn locks_seen(live: &Database, client: &mut Client, tables: &BTreeMap<u32, String>) -> BTreeMap<Identity, Lock> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let rows = live.rows(&format!(
        "SELECT relation, mode FROM pg_locks WHERE pid = {pid} AND locktype = 'relation' AND granted"
    ));
    let mut out = BTreeMap::new();
    for row in rows {
        let (Some(name), Some(lock)) = (tables.get(&row.get(0)), Lock::of_mode(row.get(1))) else {
            continue;
        };
        if lock > Lock::AccessShare {
            let strongest = out.entry(table(name)).or_insert(lock);
            *strongest = lock.max(*strongest);
        }
    }
    out
}

#[test]
fn columns() {
    check(COLUMNS);
}

#[test]
fn constraints_and_indexes() {
    check(CONSTRAINTS);
}

#[test]
fn tables_and_what_is_attached_to_them() {
    check(TABLES);
}

#[test]
fn types_of_columns() {
    let strongest = || BTreeMap::from([(table("a"), Lock::AccessExclusive)]);
    for (major, server) in ends() {
        for (pairs, touched, unforeseen) in [(KEPT, "", false), (KEPT_IN_UTC, "", true), (CONVERTED, "a", false)] {
            for [from, to] in pairs {
                // An index is kept where the values are; the lock of its table decides.
                let indexes = ["", "CREATE INDEX x ON a (v);"].into_iter();
                for index in indexes.filter(|index| index.is_empty() || (touched.is_empty() && !unforeseen)) {
                    let [old, new] = [from, to].map(|name| format!("CREATE TABLE a (v {name});{index}"));
                    let case = format!("PostgreSQL {major}: {old} → {new}");
                    let seen = Seen::of(&Pair::new(&server, &old, &new), unforeseen, &case);
                    seen.is(&strongest(), touched, touched, &case);
                }
            }
        }
    }
}
