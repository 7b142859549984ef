//! A database of any number of tables as applications have them: 12 columns, 3 indexes, 2 foreign keys and a check
//! each; every fifth has a view and a trigger, every twentieth is partitioned.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::support::Database;

/// Tables in one transaction: each takes a dozen locks.
const BATCH: usize = 50;

/// Fills an empty database.
pub(crate) fn fill(database: &Database, tables: usize) {
    let mut client = database.connect();
    for n in 0..=tables / 200 {
        client.batch_execute(&format!("CREATE SCHEMA s{n}")).unwrap();
    }
    client
        .batch_execute(
            "CREATE TYPE s0.state AS ENUM ('new', 'paid', 'shipped');
             CREATE FUNCTION s0.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed_at = now(); RETURN NEW; END';",
        )
        .unwrap();
    for start in (0..tables).step_by(BATCH) {
        let sql: String = (start..tables.min(start + BATCH)).map(table).collect();
        client.batch_execute(&sql).unwrap();
    }
    client
        .batch_execute("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_depend")
        .unwrap();
}

/// Adds to a dump what one table in `step` lacks, so that there is something to plan.
pub(crate) fn change(target: &Path, tables: usize, step: usize) {
    let mut file = OpenOptions::new().append(true).open(target).unwrap();
    for n in (step - 1..tables).step_by(step) {
        writeln!(file, "ALTER TABLE {} ADD COLUMN added text;", name(n)).unwrap();
    }
}

fn name(n: usize) -> String {
    format!("s{}.t{n}", n / 200)
}

fn table(n: usize) -> String {
    let this = name(n);
    let is_partitioned = n % 20 == 7;
    // A table refers to earlier ones, the first ones to themselves.
    let (first, second) = (name(n.saturating_sub(1)), name(n / 2));
    let partitioned = if is_partitioned { "PARTITION BY RANGE (id)" } else { "" };
    let mut sql = format!(
        "CREATE TABLE {this} (
             id bigint NOT NULL PRIMARY KEY, code text NOT NULL, name varchar(80) NOT NULL DEFAULT 'nobody',
             state s0.state NOT NULL DEFAULT 'new', amount numeric(12,2) NOT NULL DEFAULT 0, active boolean DEFAULT true,
             note text, details jsonb, created_at timestamptz NOT NULL DEFAULT now(), changed_at timestamptz,
             first_id bigint, second_id bigint, CONSTRAINT t{n}_amount_check CHECK (amount >= 0)) {partitioned};
         CREATE INDEX t{n}_code ON {this} (code);
         CREATE INDEX t{n}_name ON {this} (lower(name)) WHERE active;
         CREATE INDEX t{n}_created ON {this} (created_at DESC, state);
         ALTER TABLE {this} ADD CONSTRAINT t{n}_first FOREIGN KEY (first_id) REFERENCES {first},
             ADD CONSTRAINT t{n}_second FOREIGN KEY (second_id) REFERENCES {second} ON DELETE CASCADE;\n"
    );
    if is_partitioned {
        for part in 0..4 {
            let (from, to) = (part * 1000, (part + 1) * 1000);
            sql += &format!("CREATE TABLE {this}_p{part} PARTITION OF {this} FOR VALUES FROM ({from}) TO ({to});\n");
        }
    }
    if n.is_multiple_of(5) {
        sql += &format!(
            "CREATE VIEW {this}_active AS SELECT id, code, name, amount FROM {this} WHERE active;
             CREATE TRIGGER touch BEFORE UPDATE ON {this} FOR EACH ROW EXECUTE FUNCTION s0.touch();\n"
        );
    }
    if n.is_multiple_of(10) {
        sql += &format!("COMMENT ON TABLE {this} IS 'Number {n}.'; GRANT SELECT ON {this} TO PUBLIC;\n");
    }
    sql
}
