//! Proof: a plan that was spoilt is caught, and so is a plan that loses rows in silence.

use std::fs;
use std::path::{Path, PathBuf};

use trueup::catalog::Catalog;
use trueup::db::{Environment, Server, Url};
use trueup::desired::elaborate::Workshop;
use trueup::kinds::Loss;
use trueup::plan::{Database as Named, Direction, Plan, Proof, Sides, Verdict, draft};
use trueup::prove::{Ground, prove};
use trueup::scratch::Choice;

use crate::support::{Database, machine, newest, pg_dump, servers};

pub(crate) struct Pair {
    server: String,
    old: String,
    pub(crate) live: Database,
    wanted: Database,
    from: Catalog,
    to: Catalog,
}

impl Pair {
    pub(crate) fn new(server: &str, old: &str, new: &str) -> Self {
        let live = Database::with(server, old);
        let wanted = Database::with(server, new);
        Self {
            server: server.to_owned(),
            old: old.to_owned(),
            from: live.catalog(),
            to: wanted.catalog(),
            live,
            wanted,
        }
    }

    pub(crate) fn draft(&self) -> Plan {
        let sides = Sides {
            live: &self.from,
            from: &self.from,
            to: &self.to,
            renames: &[],
            large: trueup::kinds::Large::NONE,
            backfills: trueup::backfill::Backfills::NONE,
            old_values: trueup::kinds::OldValues::NONE,
        };
        let database = Named {
            name: self.live.name().to_owned(),
            system_identifier: None,
            version_num: self.from.version_num,
            time_zone: None,
            stand_in: None,
        };
        draft(sides, database)
    }

    /// Executes a plan on a database of its own, and lets `pg_dump` judge both ways.
    fn walk(&self, plan: &Plan) {
        let own = Database::with(&self.server, &self.old);
        for (steps, goal) in [(&plan.forward, &self.wanted), (&plan.rollback, &self.live)] {
            for sentence in steps.iter().flat_map(|step| &step.statements) {
                own.execute(&format!("SET search_path = ''; {}", sentence.sql));
            }
            assert_eq!(pg_dump(&own.url()), pg_dump(&goal.url()), "the proof held");
        }
    }

    pub(crate) fn prove(&self, mut plan: Plan) -> (Plan, Proof) {
        let url = Url::parse(&self.server, &Environment::default()).unwrap();
        let server = Server::read(&mut url.connect().unwrap()).unwrap();
        let workshop = Workshop {
            scratch: &Choice::Server(url.clone()),
            machine: &machine(),
            live: Some((&url, &server)),
            like: None,
            cache: false,
            pool: None,
        };
        let ground = Ground {
            from: &self.from,
            to: &self.to,
            renames: &[],
        };
        prove(&mut plan, ground, &workshop).unwrap();
        let proof = plan.proof.clone().expect("a plan with steps has a proof");
        (plan, proof)
    }
}

/// Returns the cases under `fixtures/cases`, each with the two scripts. Hints are not read here.
fn cases() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let read = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).unwrap();
    folders
        .into_iter()
        .map(|folder| {
            let (old, new) = (read(&folder, "old.sql"), read(&folder, "new.sql"));
            (folder, old, new)
        })
        .collect()
}

#[test]
fn a_removed_statement_is_caught_every_time() {
    let server = newest();
    let mut spoilt = 0;
    for (folder, old, new) in cases() {
        let pair = Pair::new(&server, &old, &new);
        let plan = pair.draft();
        let (_, proof) = pair.prove(plan.clone());
        assert_eq!(proof.verdict, Verdict::Held, "{}: {proof:?}", folder.display());
        for direction in [Direction::Forward, Direction::Rollback] {
            let steps = |plan: &mut Plan| match direction {
                Direction::Forward => std::mem::take(&mut plan.forward),
                Direction::Rollback => std::mem::take(&mut plan.rollback),
            };
            let count = steps(&mut plan.clone()).len();
            // A sample keeps the run short; every case gives some.
            for at in (0..count).step_by(1 + count / 4) {
                let mut wrong = plan.clone();
                let mut own = steps(&mut wrong);
                let removed = own[at].statements.remove(0);
                // What sets the position of a sequence is no part of the schema.
                if removed.sql.starts_with("SELECT") {
                    continue;
                }
                match direction {
                    Direction::Forward => wrong.forward = own,
                    Direction::Rollback => wrong.rollback = own,
                }
                let (wrong, proof) = pair.prove(wrong);
                let case = folder.display();
                if proof.verdict == Verdict::Held {
                    // Some statements do what PostgreSQL would do by itself: `pg_dump` tells.
                    pair.walk(&wrong);
                    continue;
                }
                assert_eq!(
                    proof.verdict,
                    Verdict::Failed,
                    "{case}: {direction:?} without {}",
                    removed.sql
                );
                assert!(proof.refutation.is_some());
                assert!(wrong.must_hold().is_err());
                spoilt += 1;
            }
        }
    }
    assert!(spoilt >= 30, "{spoilt}");
}

#[test]
fn an_altered_or_swapped_statement_is_caught() {
    let old =
        "CREATE TABLE a (id integer PRIMARY KEY, name varchar(20), total numeric(10,2)); CREATE TABLE b (id integer);";
    let new =
        "CREATE TABLE a (id integer PRIMARY KEY, name varchar(40) NOT NULL, total numeric(10,2) CHECK (total > 5));
               CREATE TABLE b (id integer REFERENCES a (id) ON DELETE CASCADE);
               CREATE INDEX b_id_idx ON b (id);
               CREATE TABLE c (b integer); CREATE VIEW v AS SELECT b FROM c";
    let pair = Pair::new(&newest(), old, new);
    let plan = pair.draft();
    assert_eq!(pair.prove(plan.clone()).1.verdict, Verdict::Held);
    let alterations = [
        ("40", "41"),
        (" > ", " >= "),
        ("ON DELETE CASCADE", "ON DELETE SET NULL"),
        ("b_id_idx", "b_idx"),
        ("CREATE TABLE public.c", "CREATE UNLOGGED TABLE public.c"),
        ("DROP VIEW public.v", "SELECT 1"),
        ("DROP INDEX", "DROP INDEX IF EXISTS public.missing; -- DROP INDEX"),
        ("SET NOT NULL", "SET STATISTICS 10"),
    ];
    for (word, other) in alterations {
        let mut wrong = plan.clone();
        let mut hit = false;
        for sentence in wrong
            .forward
            .iter_mut()
            .chain(&mut wrong.rollback)
            .flat_map(|step| &mut step.statements)
        {
            if sentence.sql.contains(word) && !hit {
                sentence.sql = sentence.sql.replace(word, other);
                hit = true;
            }
        }
        assert!(hit, "no statement says {word}");
        let (_, proof) = pair.prove(wrong);
        assert_eq!(proof.verdict, Verdict::Failed, "{word} → {other}");
    }
    let place = |plan: &Plan, word: &str| {
        let found = plan
            .forward
            .iter()
            .position(|step| step.statements.iter().any(|own| own.sql.contains(word)));
        found.unwrap_or_else(|| panic!("no step says {word}"))
    };
    let mut wrong = plan.clone();
    let (table, view) = (
        place(&wrong, "CREATE TABLE public.c"),
        place(&wrong, "CREATE VIEW public.v"),
    );
    wrong.forward.swap(table, view);
    assert_eq!(pair.prove(wrong).1.verdict, Verdict::Failed);
}

/// A plan that states its losses holds; the same plan that keeps silent about them does not.
#[test]
fn rows_are_not_lost_in_silence() {
    let server = newest();
    let losses = [
        (
            "CREATE TABLE a (id integer, b text); CREATE TABLE gone (id integer)",
            "CREATE TABLE a (id integer, b text)",
        ),
        ("CREATE TABLE a (id integer, b text)", "CREATE TABLE a (id integer)"),
    ];
    for (old, new) in losses {
        let pair = Pair::new(&server, old, new);
        let plan = pair.draft();
        let proof = pair.prove(plan.clone()).1;
        assert_eq!(proof.verdict, Verdict::Held, "{proof:?}");
        assert!(proof.rows > 0);
        let mut silent = plan;
        let sentences = silent.forward.iter_mut().flat_map(|step| &mut step.statements);
        for sentence in sentences {
            assert!(matches!(sentence.facts.loss.take(), None | Some(Loss::Values(_))));
        }
        let refutation = pair.prove(silent).1.refutation.expect("the rows are gone");
        assert!(refutation.message.contains("no step says so"), "{refutation:?}");
    }
    // A statement that quietly empties a table.
    let pair = Pair::new(
        &server,
        "CREATE TABLE a (id integer)",
        "CREATE TABLE a (id integer, b integer)",
    );
    let mut plan = pair.draft();
    plan.forward[0].statements[0].sql.push_str("; DELETE FROM public.a");
    let proof = pair.prove(plan).1;
    assert_eq!(proof.verdict, Verdict::Failed, "{proof:?}");
}

/// Rows are found for tables with every kind of constraint, and referenced rows come first.
#[test]
fn generated_rows_satisfy_constraints() {
    let old = "CREATE TYPE mood AS ENUM ('sad', 'glad');
        CREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}$' OR VALUE = 'none');
        CREATE TABLE parent (a integer, b text, PRIMARY KEY (a, b));
        CREATE TABLE child (id uuid PRIMARY KEY, a integer NOT NULL, b text NOT NULL, m mood NOT NULL, c code NOT NULL,
            state text NOT NULL CHECK (state IN ('new', 'paid')), price numeric(8,2) NOT NULL CHECK (price > 99),
            at timestamptz NOT NULL, tags text[] NOT NULL, doc jsonb NOT NULL, period daterange NOT NULL,
            twice numeric GENERATED ALWAYS AS (price * 2) STORED, number bigint GENERATED ALWAYS AS IDENTITY,
            FOREIGN KEY (a, b) REFERENCES parent (a, b));
        CREATE TABLE measure (at date NOT NULL, v integer) PARTITION BY RANGE (at);
        CREATE TABLE measure_1 PARTITION OF measure FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');
        CREATE TABLE tree (id integer PRIMARY KEY, up integer REFERENCES tree (id));";
    let new = old
        .replace("v integer", "v bigint")
        .replace("price numeric(8,2)", "price numeric(10,2)")
        .replace("up integer", "x integer, up integer")
        .replace("b text NOT NULL,", "b text NOT NULL, more text,");
    for (_, server) in servers() {
        let pair = Pair::new(&server, old, &new);
        let proof = pair.prove(pair.draft()).1;
        assert_eq!(proof.verdict, Verdict::Held, "{proof:?}");
        assert_eq!(proof.notes, [""; 0], "{proof:?}");
        assert_eq!(proof.rows, 12, "three in each of four tables");
    }
}
