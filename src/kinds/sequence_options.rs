//! Options of a sequence, whether it stands alone or behind an identity column: defaults by type and direction, and how
//! one set turns into another without leaving the current value outside the new range.

use serde::{Deserialize, Serialize};

use super::{Loss, Row};
use crate::catalog::quote::literal;
use crate::error::Result;

/// Options of a sequence; what is `None` is the default of its type and direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceOptions {
    /// Type: `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// Step; a negative one counts down.
    pub increment: i64,
    /// Smallest value when it is not the default.
    pub minimum: Option<i64>,
    /// Largest value when it is not the default.
    pub maximum: Option<i64>,
    /// First value when it is not the end of the range that counting starts from.
    pub start: Option<i64>,
    /// How many values a session takes at once.
    pub cache: i64,
    /// Whether counting starts again at the end of the range.
    pub cycle: bool,
}

/// A step from one set of options to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Options to set, each in words.
    Options(Vec<String>),
    /// A statement that moves the current value.
    Move(String),
}

impl SequenceOptions {
    /// Reads the columns of [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self> {
        let mut out = Self {
            data_type: row.try_get("data_type")?,
            increment: row.try_get("increment")?,
            minimum: None,
            maximum: None,
            start: None,
            cache: row.try_get("cache")?,
            cycle: row.try_get("cycle")?,
        };
        let other_than = |value: i64, default: i64| (value != default).then_some(value);
        out.minimum = other_than(row.try_get("minimum")?, out.first());
        out.maximum = other_than(row.try_get("maximum")?, out.last());
        out.start = other_than(row.try_get("start")?, out.beginning());
        Ok(out)
    }

    fn type_range(&self) -> (i64, i64) {
        match self.data_type.as_str() {
            "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
            "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }

    fn ascends(&self) -> bool {
        self.increment > 0
    }

    /// Returns the smallest value.
    pub fn first(&self) -> i64 {
        let default = if self.ascends() { 1 } else { self.type_range().0 };
        self.minimum.unwrap_or(default)
    }

    /// Returns the largest value.
    pub fn last(&self) -> i64 {
        let default = if self.ascends() { self.type_range().1 } else { -1 };
        self.maximum.unwrap_or(default)
    }

    fn beginning(&self) -> i64 {
        self.start
            .unwrap_or_else(|| if self.ascends() { self.first() } else { self.last() })
    }

    /// Returns what is not default, in words; the type is the caller's to say.
    pub(super) fn words(&self) -> Vec<String> {
        let mut out = Vec::new();
        out.extend(self.start.map(|value| format!("START WITH {value}")));
        if self.increment != 1 {
            out.push(format!("INCREMENT BY {}", self.increment));
        }
        out.extend(self.minimum.map(|value| format!("MINVALUE {value}")));
        out.extend(self.maximum.map(|value| format!("MAXVALUE {value}")));
        if self.cache != 1 {
            out.push(format!("CACHE {}", self.cache));
        }
        if self.cycle {
            out.push("CYCLE".to_owned());
        }
        out
    }

    /// Returns the steps to other options for the sequence of this qualified name.
    pub(super) fn steps(&self, desired: &Self, sequence: &str) -> Vec<Step> {
        let mut out = Vec::new();
        let mut live = self.clone();
        let outside = live.outside(desired);
        if !outside.is_empty() {
            let start = desired.beginning();
            if start < live.first() || start > live.last() {
                let wide = live.widened(desired);
                out.push(Step::Options(live.changes(&wide)));
                live = wide;
            }
            let name = literal(sequence);
            out.push(Step::Move(format!(
                "SELECT pg_catalog.setval({name}, {start}, false) FROM {sequence} WHERE {}",
                outside.join(" OR ")
            )));
        }
        let changes = live.changes(desired);
        if !changes.is_empty() {
            out.push(Step::Options(changes));
        }
        out
    }

    /// Returns the conditions under which the current value must move to where counting then starts: it stands before
    /// that, or beyond the other end without having been used. One beyond that has been used is left for PostgreSQL to
    /// refuse: the sequence would be used up.
    fn outside(&self, desired: &Self) -> Vec<String> {
        let (first, last) = (desired.first(), desired.last());
        let (below, above) = (format!("last_value < {first}"), format!("last_value > {last}"));
        let (shrinks, unused, behind, beyond) = if desired.ascends() {
            (first > self.first(), self.beginning() > last, below, above)
        } else {
            (last < self.last(), self.beginning() < first, above, below)
        };
        let mut out = Vec::new();
        out.extend(shrinks.then_some(behind));
        out.extend(unused.then(|| format!("NOT is_called AND {beyond}")));
        out
    }

    fn widened(&self, desired: &Self) -> Self {
        let wider = if desired.type_range().1 > self.type_range().1 {
            desired
        } else {
            self
        };
        Self {
            data_type: wider.data_type.clone(),
            minimum: Some(self.first().min(desired.first())),
            maximum: Some(self.last().max(desired.last())),
            start: Some(self.beginning()),
            ..self.clone()
        }
    }

    /// Returns the statement that lets a new sequence go on behind the values that a column already has.
    pub(super) fn go_on(&self, sequence: &str, table: &str, column: &str) -> String {
        let extreme = if self.ascends() { "max" } else { "min" };
        format!(
            "SELECT pg_catalog.setval({}, pg_catalog.{extreme}({column})) FROM {table} WHERE {column} BETWEEN {} AND {}",
            literal(sequence),
            self.first(),
            self.last()
        )
    }

    fn changes(&self, desired: &Self) -> Vec<String> {
        let mut out = Vec::new();
        if self.data_type != desired.data_type {
            out.push(format!("AS {}", desired.data_type));
        }
        if self.increment != desired.increment {
            out.push(format!("INCREMENT BY {}", desired.increment));
        }
        // A default moves with the type by itself, but not with the direction.
        let turns = self.ascends() != desired.ascends();
        let limit = |word: &str, live: Option<i64>, desired: Option<i64>| match desired {
            _ if live == desired && !turns => None,
            Some(value) => Some(format!("{word} {value}")),
            None => Some(format!("NO {word}")),
        };
        out.extend(limit("MINVALUE", self.minimum, desired.minimum));
        out.extend(limit("MAXVALUE", self.maximum, desired.maximum));
        if self.beginning() != desired.beginning() {
            out.push(format!("START WITH {}", desired.beginning()));
        }
        if self.cache != desired.cache {
            out.push(format!("CACHE {}", desired.cache));
        }
        if self.cycle != desired.cycle {
            out.push(if desired.cycle { "CYCLE" } else { "NO CYCLE" }.to_owned());
        }
        out
    }
}

/// Returns what [`Step::Move`] loses.
pub(super) fn moved(sequence: &str) -> Loss {
    Loss::Precision(format!(
        "the current value of {sequence} moves to the start of the new range where it is outside"
    ))
}

/// Columns of a query that joins `pg_sequence` as `q`.
pub(super) const COLUMNS: &str = "pg_catalog.format_type(q.seqtypid, NULL) AS data_type, q.seqstart AS start, \
     q.seqincrement AS increment, q.seqmin AS minimum, q.seqmax AS maximum, q.seqcache AS cache, q.seqcycle AS cycle";

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(data_type: &str, increment: i64) -> SequenceOptions {
        SequenceOptions {
            data_type: data_type.to_owned(),
            increment,
            minimum: None,
            maximum: None,
            start: None,
            cache: 1,
            cycle: false,
        }
    }

    #[test]
    fn defaults_follow_type_and_direction() {
        assert!(plain("bigint", 1).words().is_empty());
        assert_eq!(
            (plain("integer", 1).first(), plain("integer", 1).last()),
            (1, 2_147_483_647)
        );
        let down = plain("smallint", -1);
        assert_eq!((down.first(), down.last(), down.beginning()), (-32_768, -1, -1));
    }

    #[test]
    fn a_wider_type_needs_no_other_words() {
        let changes = plain("integer", 1).changes(&plain("bigint", 1));
        assert_eq!(changes, ["AS bigint"]);
    }

    #[test]
    fn turning_round_resets_the_range() {
        let steps = plain("bigint", 1).steps(&plain("bigint", -1), "s.q");
        assert!(
            matches!(&steps[0], Step::Options(words) if words.contains(&"MINVALUE -9223372036854775808".to_owned()))
        );
        assert!(matches!(&steps[1], Step::Move(sql) if sql.contains("setval('s.q', -1, false)")));
        assert!(
            matches!(&steps[2], Step::Options(words) if words[..3] == ["INCREMENT BY -1", "NO MINVALUE", "NO MAXVALUE"])
        );
    }

    #[test]
    fn a_raised_minimum_moves_the_value_first() {
        let raised = SequenceOptions {
            minimum: Some(10),
            ..plain("bigint", 1)
        };
        let steps = plain("bigint", 1).steps(&raised, "s.q");
        let set = "SELECT pg_catalog.setval('s.q', 10, false) FROM s.q WHERE last_value < 10";
        let options = vec!["MINVALUE 10".to_owned(), "START WITH 10".to_owned()];
        assert_eq!(steps, [Step::Move(set.to_owned()), Step::Options(options)]);
    }

    #[test]
    fn an_unused_value_comes_back_to_an_earlier_range() {
        let range = |minimum, maximum| SequenceOptions {
            minimum: Some(minimum),
            maximum: Some(maximum),
            ..plain("bigint", 1)
        };
        let steps = range(100, 200).steps(&range(1, 50), "s.q");
        let set = "SELECT pg_catalog.setval('s.q', 1, false) FROM s.q WHERE NOT is_called AND last_value > 50";
        assert_eq!(steps[1], Step::Move(set.to_owned()));
        assert_eq!(steps[0], Step::Options(vec!["MINVALUE 1".to_owned()]));
    }
}
