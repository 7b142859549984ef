//! How long a statement of a plan runs and whom it keeps waiting: a range with its basis, from its facts and the sizes of
//! the tables. Nothing here is measured on the live server; the ranges are wide on purpose.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::pace::{Expected, Pace, Paces};
use super::rules::locked_scan::builds_index;
use super::statistics::{Size, Statistics, readable_bytes};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{Kind, Lock, Transaction};
use crate::plan::{Sentence, Step, Verb};

/// Bytes per second, from the slowest to the fastest that is to be expected.
struct Rate {
    slow: u64,
    fast: u64,
}

const MIB: u64 = 1024 * 1024;

/// A table is read, from the disk or from memory.
const SCAN: Rate = Rate {
    slow: 200 * MIB,
    fast: 1000 * MIB,
};

/// An index is built: the heap is read, sorted, and written. Measured on PostgreSQL 15: a fifth of a plain scan's pace.
const BUILD: Rate = Rate {
    slow: 30 * MIB,
    fast: 300 * MIB,
};

/// A table is written anew with all its indexes and to the log. Measured on PostgreSQL 15: 40 MiB/s with four indexes.
const REWRITE: Rate = Rate {
    slow: 20 * MIB,
    fast: 150 * MIB,
};

/// What takes fewer milliseconds tells nothing about the pace.
const BLINK: u64 = 20;

/// Who waits while a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Nobody.
    None,
    /// Who writes to a table.
    Writes,
    /// Who reads or writes a table.
    Reads,
}

/// How long a statement runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Fewest whole seconds; 0 for less than one.
    pub seconds_low: u64,
    /// Most whole seconds; 0 for milliseconds, `None` where the size of a table is unknown.
    pub seconds_high: Option<u64>,
    /// Who waits while it runs, for a lock on a table that was there before.
    pub blocks: Blocks,
    /// Fewest seconds for which they wait: locks are held until the transaction ends, later statements included.
    pub blocked_low: u64,
    /// Most seconds for which they wait.
    pub blocked_high: Option<u64>,
    /// What the range rests on, in words.
    pub basis: String,
    /// What it would take by the rates that trueup comes with, where that is more than a blink: the ledger compares it with
    /// what it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// Work of one sort on one table.
struct Work<'a> {
    pace: Pace,
    table: &'a Identity,
    bytes: Option<u64>,
    rate: &'static Rate,
    /// How often the table is gone through.
    passes: u64,
}

/// Estimates every statement of the way forward, corrected by what earlier ones took.
pub fn estimate(steps: &mut [Step], from: &Catalog, statistics: &Statistics, paces: &Paces) {
    for step in steps.iter_mut() {
        let builds = step
            .changes
            .first()
            .is_some_and(|change| builds_index(change.object.kind));
        let remade: Vec<Identity> = step
            .changes
            .iter()
            .filter(|change| change.verb == Verb::Create)
            .map(|change| change.object.clone())
            .collect();
        let stands = |table: &Identity| from.contains(table) && !remade.contains(table);
        for sentence in &mut step.statements {
            sentence.estimate = Some(one(sentence, builds, &stands, (statistics, paces)));
        }
    }
    add_waiting(steps);
}

fn one(
    sentence: &Sentence,
    builds: bool,
    stands: &dyn Fn(&Identity) -> bool,
    (statistics, paces): (&Statistics, &Paces),
) -> Estimate {
    let facts = &sentence.facts;
    let outside = facts.transaction == Transaction::Outside;
    let mut works = Vec::new();
    for table in facts.rewrites.iter().filter(|table| stands(table)) {
        works.push(Work {
            pace: Pace::Rewrite,
            table,
            bytes: bytes(table, statistics, true),
            rate: &REWRITE,
            passes: 1,
        });
    }
    for table in facts
        .scans
        .iter()
        .filter(|table| stands(table) && !facts.rewrites.contains(table))
    {
        works.push(Work {
            pace: if builds { Pace::IndexBuild } else { Pace::Scan },
            table,
            bytes: bytes(table, statistics, false),
            rate: if builds { &BUILD } else { &SCAN },
            // CONCURRENTLY reads the table twice.
            passes: if builds && outside { 2 } else { 1 },
        });
    }
    let strongest = facts
        .locks
        .iter()
        .filter(|(table, _)| table.kind == Kind::Table && stands(table))
        .map(|(_, lock)| *lock)
        .max();
    let blocks = match strongest {
        Some(Lock::AccessExclusive) => Blocks::Reads,
        Some(lock) if lock >= Lock::Share => Blocks::Writes,
        _ => Blocks::None,
    };
    let mut out = from_works(&works, blocks, outside, paces);
    // Batches leave a part of the time to others.
    out.expected = expected(&works).filter(|_| facts.batches.is_none());
    out
}

/// Returns what a statement should take, where its work is of one sort and its tables are of known size.
fn expected(works: &[Work]) -> Option<Expected> {
    let work = works.first()?.pace;
    let times = works.iter().map(|work| {
        // The middle between the slowest and the fastest, as ratios go.
        let middle = work.rate.slow.saturating_mul(work.rate.fast).isqrt();
        Some(work.bytes?.saturating_mul(work.passes).saturating_mul(1000) / middle)
    });
    let millis = times.sum::<Option<u64>>()?;
    let is_one = works.iter().all(|other| other.pace == work);
    (is_one && millis >= BLINK).then_some(Expected { work, millis })
}

fn from_works(works: &[Work], blocks: Blocks, outside: bool, paces: &Paces) -> Estimate {
    let low = works
        .iter()
        .map(|work| work.load(paces).unwrap_or(0) / work.rate.fast)
        .sum();
    let high = works
        .iter()
        .map(|work| {
            let quarters = (work.load(paces)? * 4).div_ceil(work.rate.slow);
            // Many moments, each rounded up to a second, would look like minutes.
            Some(if quarters <= 1 { 0 } else { quarters.div_ceil(4) })
        })
        .sum::<Option<u64>>();
    let mut basis: Vec<String> = works.iter().map(Work::words).collect();
    if basis.is_empty() {
        basis.push("catalog only: milliseconds".to_owned());
    }
    basis.extend(corrections(works, paces));
    if outside {
        basis.push("and the end of every transaction that is older than it".to_owned());
    }
    Estimate {
        seconds_low: low,
        seconds_high: high,
        blocks,
        blocked_low: 0,
        blocked_high: Some(0),
        basis: basis.join(", "),
        expected: None,
    }
}

/// Says which earlier statements corrected the rates.
fn corrections(works: &[Work], paces: &Paces) -> Vec<String> {
    let sized = works.iter().filter(|work| work.bytes.is_some_and(|bytes| bytes > 0));
    let sorts: BTreeSet<Pace> = sized.map(|work| work.pace).collect();
    let corrections = sorts.into_iter().filter_map(|sort| Some((sort, paces.of(sort)?)));
    corrections
        .map(|(sort, correction)| {
            format!(
                "corrected by {} earlier statements of this kind here ({}: {}.{:02} of the usual time)",
                correction.samples,
                sort.words(),
                correction.permille / 1000,
                correction.permille % 1000 / 10
            )
        })
        .collect()
}

impl Work<'_> {
    /// Returns the bytes that are gone through, as they weigh here.
    fn load(&self, paces: &Paces) -> Option<u64> {
        let bytes = self.bytes?.saturating_mul(self.passes);
        let permille = paces.of(self.pace).map_or(1000, |correction| correction.permille);
        let weighed = u128::from(bytes) * u128::from(permille) / 1000;
        Some(u64::try_from(weighed).unwrap_or(u64::MAX / 8))
    }

    fn words(&self) -> String {
        let name = self.table.path_text();
        let twice = if self.passes == 2 { ", twice" } else { "" };
        match self.bytes {
            None => format!("{} of `{name}`, whose size is unknown", self.pace.words()),
            Some(0) => format!("{} of `{name}`, which is empty", self.pace.words()),
            Some(bytes) => format!(
                "{} of `{name}` ({}) at {}–{} MiB/s{twice}",
                self.pace.words(),
                readable_bytes(bytes),
                self.rate.slow / MIB,
                self.rate.fast / MIB
            ),
        }
    }
}

/// Returns the bytes of a table that are gone through; nothing where its size is unknown.
fn bytes(table: &Identity, statistics: &Statistics, with_indexes: bool) -> Option<u64> {
    let figures = statistics
        .get(table)
        .filter(|_| statistics.size(table) != Size::Unknown)?;
    Some(if with_indexes {
        figures.bytes
    } else {
        figures.bytes.saturating_sub(figures.index_bytes)
    })
}

/// Says how long the locks are held: each until its transaction ends.
fn add_waiting(steps: &mut [Step]) {
    let mut transaction = None;
    let (mut low, mut high) = (0, Some(0));
    for step in steps.iter_mut().rev() {
        if transaction != Some(step.transaction) {
            transaction = Some(step.transaction);
            (low, high) = (0, Some(0));
        }
        for sentence in step.statements.iter_mut().rev() {
            let Some(estimate) = &mut sentence.estimate else {
                continue;
            };
            low += estimate.seconds_low;
            high = high.zip(estimate.seconds_high).map(|(sum, own)| sum + own);
            if estimate.blocks != Blocks::None {
                (estimate.blocked_low, estimate.blocked_high) = (low, high);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Facts;
    use crate::plan::{Change, Phase, Reversal};
    use crate::risk::Figures;

    fn table(name: &str) -> Identity {
        Identity::new(Kind::Table, ["shop", name])
    }

    fn step(kind: Kind, transaction: usize, facts: Facts) -> Step {
        Step {
            changes: vec![Change {
                object: Identity::new(kind, ["shop", "x"]),
                verb: Verb::Alter,
            }],
            phase: Phase::Structure,
            statements: vec![Sentence {
                sql: "ALTER".to_owned(),
                facts,
                estimate: None,
            }],
            transaction,
            reversal: Reversal::Exact,
            form: None,
            temporary: Vec::new(),
        }
    }

    fn facts(lock: Lock, scans: bool, rewrites: bool) -> Facts {
        let one = |yes: bool| if yes { vec![table("orders")] } else { Vec::new() };
        Facts {
            locks: vec![(table("orders"), lock)],
            scans: one(scans),
            rewrites: one(rewrites),
            ..Facts::default()
        }
    }

    fn estimated(steps: Vec<Step>, known: bool) -> Vec<Estimate> {
        corrected(steps, known, &Paces::default())
    }

    fn corrected(mut steps: Vec<Step>, known: bool, paces: &Paces) -> Vec<Estimate> {
        let mut from = Catalog::default();
        let orders = serde_json::json!({
            "kind": "table", "schema": "shop", "name": "orders", "unlogged": false, "partition_key": null,
            "inherits": [], "options": [], "row_security": false, "force_row_security": false,
            "access_method": null, "tablespace": null, "of_type": null
        });
        from.insert(serde_json::from_value(orders).unwrap());
        let mut statistics = Statistics::default();
        if known {
            let figures = Figures {
                heap_bytes: 12 << 30,
                index_bytes: 4 << 30,
                bytes: 16 << 30,
                measured: true,
                ..Figures::default()
            };
            statistics.insert(table("orders"), figures);
        }
        estimate(&mut steps, &from, &statistics, paces);
        let all = steps.into_iter().flat_map(|step| step.statements);
        all.filter_map(|sentence| sentence.estimate).collect()
    }

    #[test]
    fn scans_builds_and_rewrites() {
        let out = estimated(
            vec![
                step(Kind::Check, 0, facts(Lock::ShareUpdateExclusive, true, false)),
                step(Kind::Index, 1, facts(Lock::Share, true, false)),
                step(Kind::Column, 2, facts(Lock::AccessExclusive, true, true)),
            ],
            true,
        );
        let seconds: Vec<_> = out.iter().map(|one| (one.seconds_low, one.seconds_high)).collect();
        assert_eq!(seconds, [(12, Some(62)), (40, Some(410)), (109, Some(820))]);
        let blocks: Vec<_> = out.iter().map(|one| one.blocks).collect();
        assert_eq!(blocks, [Blocks::None, Blocks::Writes, Blocks::Reads]);
        assert_eq!(out[0].basis, "scan of `shop.orders` (12 GiB) at 200–1000 MiB/s");
        assert_eq!((out[0].blocked_low, out[0].blocked_high), (0, Some(0)));
        assert_eq!((out[2].blocked_low, out[2].blocked_high), (109, Some(820)));
    }

    #[test]
    fn a_lock_is_held_until_the_transaction_ends() {
        let quick = facts(Lock::AccessExclusive, false, false);
        let slow = facts(Lock::AccessExclusive, true, false);
        let out = estimated(
            vec![
                step(Kind::Column, 0, quick.clone()),
                step(Kind::Check, 0, slow),
                step(Kind::Column, 1, quick),
            ],
            true,
        );
        let waits: Vec<_> = out.iter().map(|one| (one.seconds_high, one.blocked_high)).collect();
        assert_eq!(waits, [(Some(0), Some(62)), (Some(62), Some(62)), (Some(0), Some(0))]);
        assert_eq!(out[0].basis, "catalog only: milliseconds");
    }

    #[test]
    fn earlier_statements_correct_the_rates_of_their_kind() {
        let steps = || {
            vec![
                step(Kind::Check, 0, facts(Lock::ShareUpdateExclusive, true, false)),
                step(Kind::Index, 1, facts(Lock::Share, true, false)),
            ]
        };
        let mut paces = Paces::default();
        paces.learn(Pace::IndexBuild, 0.25, 12);
        let out = corrected(steps(), true, &paces);
        let seconds: Vec<_> = out.iter().map(|one| (one.seconds_low, one.seconds_high)).collect();
        assert_eq!(seconds, [(12, Some(62)), (10, Some(103))]);
        assert!(
            out[1].basis.ends_with(
                ", corrected by 12 earlier statements of this kind here (index build: 0.25 of the usual time)"
            ),
            "{}",
            out[1].basis
        );
        // What is compared with the next one's time is not corrected already.
        let plain = estimated(steps(), true);
        assert_eq!(out[1].expected, plain[1].expected);
        let expected = Expected {
            work: Pace::IndexBuild,
            millis: 129_526,
        };
        assert_eq!(out[1].expected, Some(expected));
        assert_eq!(corrected(steps(), false, &paces)[1].expected, None);
    }

    #[test]
    fn an_unknown_size_has_no_upper_end() {
        let out = estimated(
            vec![step(Kind::Check, 0, facts(Lock::AccessExclusive, true, false))],
            false,
        );
        assert_eq!(
            (out[0].seconds_low, out[0].seconds_high, out[0].blocked_high),
            (0, None, None)
        );
        assert_eq!(out[0].basis, "scan of `shop.orders`, whose size is unknown");
    }
}
