//! What earlier statements say about later ones: how long the sorts of work on tables took here, against what was expected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Fewest statements that tell anything.
const FEWEST: i64 = 5;
/// Farthest that a correction goes, in thousandths: beyond it something else was slow.
const BOUNDS: (u64, u64) = (100, 10_000);

/// Sort of work on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// It is read.
    Scan,
    /// An index is built.
    IndexBuild,
    /// It is written anew.
    Rewrite,
}

impl Pace {
    /// Every sort.
    pub const ALL: [Self; 3] = [Self::Scan, Self::IndexBuild, Self::Rewrite];

    /// Returns the words, which are also those of the ledger.
    pub fn words(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::IndexBuild => "index build",
            Self::Rewrite => "rewrite",
        }
    }
}

/// Work of a statement, and how long it should take by the rates that trueup comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Sort.
    pub work: Pace,
    /// Milliseconds in the middle of the range, before any correction.
    pub millis: u64,
}

/// How earlier statements correct what is expected of later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// Time that they took, in thousandths of what was expected: the median.
    pub permille: u64,
    /// How many they were.
    pub samples: i64,
}

/// Corrections by sort of work; none where too little is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paces(BTreeMap<Pace, Correction>);

impl Paces {
    /// Takes the median of the ratios of a sort of work; too few of them say nothing, and one that is far off is cut.
    pub fn learn(&mut self, work: Pace, median: f64, samples: i64) {
        if samples < FEWEST || !median.is_finite() || median <= 0.0 {
            return;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number that is cut to the bounds"
        )]
        let permille = ((median * 1000.0).round() as u64).clamp(BOUNDS.0, BOUNDS.1);
        self.0.insert(work, Correction { permille, samples });
    }

    /// Returns the correction of a sort of work.
    pub fn of(&self, work: Pace) -> Option<Correction> {
        self.0.get(&work).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_say_nothing_and_far_ones_are_cut() {
        let mut paces = Paces::default();
        paces.learn(Pace::Scan, 0.5, 4);
        paces.learn(Pace::IndexBuild, 0.4567, 5);
        paces.learn(Pace::Rewrite, 4000.0, 50);
        assert_eq!(paces.of(Pace::Scan), None);
        let of = |work| paces.of(work).map(|correction| correction.permille);
        assert_eq!((of(Pace::IndexBuild), of(Pace::Rewrite)), (Some(457), Some(10_000)));
        paces.learn(Pace::Scan, f64::NAN, 9);
        assert_eq!(paces.of(Pace::Scan), None);
    }
}
