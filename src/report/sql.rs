//! A plan as a script that psql runs as it is.

use super::name;
use super::text::wrap;
use crate::apply::{MEANING, in_time_zone};
use crate::kinds::Transaction;
use crate::plan::{Plan, Reversal, Sentence, StandIn, Step};

/// Which way a script goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From live to desired.
    Forward,
    /// Back.
    Rollback,
}

/// How long a statement of the script waits for a lock.
const LOCK_TIMEOUT: &str = "5s";

/// Returns the script of one direction.
pub fn sql(plan: &Plan, direction: Direction) -> String {
    let steps = match direction {
        Direction::Forward => &plan.forward,
        Direction::Rollback => &plan.rollback,
    };
    let mut script = Script::default();
    script.header(plan, direction, steps.len());
    for (at, step) in steps.iter().enumerate() {
        script.step(plan, direction, at, step);
    }
    script.close();
    script.out
}

/// A script in the making.
#[derive(Default)]
struct Script {
    out: String,
    /// Transaction that is open, by its number.
    open: Option<usize>,
}

impl Script {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Writes a comment; line breaks in names would end it.
    fn comment(&mut self, text: &str) {
        for line in wrap(text, 110) {
            self.line(&format!("-- {line}"));
        }
    }

    fn header(&mut self, plan: &Plan, direction: Direction, steps: usize) {
        let way = match direction {
            Direction::Forward => "plan",
            Direction::Rollback => "rollback",
        };
        let (tool, name) = (&plan.tool, &plan.database.name);
        let what = match &plan.database.stand_in {
            None => format!("{way} for database {name}"),
            Some(StandIn::Snapshot) => format!("{way} for snapshot {name}"),
            Some(StandIn::Source { desired }) => format!("{way} from {name} to {desired}"),
        };
        self.comment(&format!(
            "trueup {tool}: {what}, fingerprint {}",
            plan.fingerprint.short()
        ));
        if steps == 0 {
            self.comment(match &plan.database.stand_in {
                Some(StandIn::Source { .. }) => "Nothing to do: both sources declare the same.",
                _ => "Nothing to do: the database matches the declared schema.",
            });
            return;
        }
        self.comment(
            "Run it with psql. It stops at the first error; what was committed before stays. Unlike `trueup apply` it \
             checks neither approvals nor that the database is still the one that was planned for.",
        );
        self.line("\\set ON_ERROR_STOP on");
        for setting in MEANING {
            self.line(&format!("SET {setting};"));
        }
        if let Some(zone) = &plan.database.time_zone {
            self.line(&format!("{};", in_time_zone(zone)));
        }
        self.line(&format!("SET lock_timeout = '{LOCK_TIMEOUT}';"));
    }

    fn step(&mut self, plan: &Plan, direction: Direction, at: usize, step: &Step) {
        if self.open != Some(step.transaction) {
            self.close();
        }
        self.line("");
        let number = at + 1;
        let title = step.changes.first().map(|change| {
            let verb = super::words::verb(change.verb);
            format!("{verb} {}", name::full(&change.object))
        });
        let phase = super::words::phase(step.phase);
        self.comment(&format!("step {number}, {phase}: {}", title.unwrap_or_default()));
        if let Some(form) = &step.form {
            self.comment(form);
        }
        if direction == Direction::Forward {
            for finding in plan.findings.iter().filter(|finding| finding.step == at) {
                self.comment(&format!("{} {}: {}", finding.risk, finding.code, finding.message));
            }
            if let Some(label) = rollback(&step.reversal) {
                self.comment(&label);
            }
        }
        for sentence in &step.statements {
            self.statement(sentence, step.transaction);
        }
    }

    fn statement(&mut self, sentence: &Sentence, number: usize) {
        let transaction = sentence.facts.transaction;
        if transaction != Transaction::Inside || self.open != Some(number) {
            self.close();
        }
        if transaction != Transaction::Outside && self.open.is_none() {
            self.line("BEGIN;");
            self.open = Some(number);
        }
        self.line(&format!("{};", sentence.sql));
        if transaction == Transaction::Alone {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.line("COMMIT;");
        }
    }
}

fn rollback(reversal: &Reversal) -> Option<String> {
    let (label, reason) = super::words::reversal(reversal);
    reason.map(|reason| format!("rollback {label}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Fingerprint, Identity};
    use crate::kinds::{Facts, Kind};
    use crate::plan::{Change, Database, FORMAT, Phase, Verb};
    use crate::risk::{Finding, Risk};

    fn step(sql: &str, number: usize, transaction: Transaction) -> Step {
        Step {
            changes: vec![Change {
                object: Identity::new(Kind::ALL[0], ["shop"]),
                verb: Verb::Create,
            }],
            phase: Phase::Structure,
            statements: vec![Sentence {
                sql: sql.to_owned(),
                facts: Facts {
                    transaction,
                    ..Facts::default()
                },
                estimate: None,
            }],
            transaction: number,
            form: None,
            temporary: Vec::new(),
            reversal: Reversal::Lossy("a line\nand another".to_owned()),
        }
    }

    fn plan(forward: Vec<Step>) -> Plan {
        Plan {
            format: FORMAT,
            tool: "1".to_owned(),
            database: Database {
                name: "odd\n\\! name".to_owned(),
                system_identifier: None,
                version_num: 170_002,
                time_zone: None,
                stand_in: None,
            },
            fingerprint: Fingerprint::of("x"),
            scope: Vec::new(),
            expected: Vec::new(),
            changes: Vec::new(),
            references: Vec::new(),
            forward,
            rollback: Vec::new(),
            large: crate::kinds::Large::default(),
            old_values: crate::kinds::OldValues::default(),
            trials: Vec::new(),
            secrets_from: None,
            renamed: None,
            findings: vec![Finding {
                code: "TU104".to_owned(),
                risk: Risk::Caution,
                object: Identity::new(Kind::ALL[0], ["shop"]),
                step: 0,
                message: "Look.".to_owned(),
                hint: String::new(),
                evidence: Vec::new(),
                ruling: None,
            }],
            questions: Vec::new(),
            proof: None,
            notes: Vec::new(),
            unmodelled: Vec::new(),
        }
    }

    fn code(script: &str) -> Vec<&str> {
        let lines = script.lines();
        lines
            .filter(|line| !line.starts_with("--") && !line.is_empty())
            .collect()
    }

    #[test]
    fn transactions_open_and_close() {
        let plan = plan(vec![
            step("A", 0, Transaction::Inside),
            step("B", 0, Transaction::Inside),
            step("C", 1, Transaction::Outside),
            step("D", 2, Transaction::Alone),
            step("E", 3, Transaction::Inside),
        ]);
        let script = sql(&plan, Direction::Forward);
        let begin = code(&script).into_iter().position(|line| line == "BEGIN;").unwrap();
        assert_eq!(
            code(&script)[begin..].join(" "),
            "BEGIN; A; B; COMMIT; C; BEGIN; D; COMMIT; BEGIN; E; COMMIT;"
        );
        assert!(script.contains("-- caution TU104: Look.\n"));
        assert!(script.contains("-- rollback lossy: a line and another\n"));
    }

    #[test]
    fn names_cannot_leave_a_comment() {
        let script = sql(&plan(Vec::new()), Direction::Rollback);
        assert_eq!(code(&script), Vec::<&str>::new(), "{script}");
    }
}
