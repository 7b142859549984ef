//! Live figures of what a plan touches: rows, bytes, indexes and writes of tables, nulls of columns, values of sequences,
//! uses of indexes. [`statistics`] reads them.

mod ask;
mod read;
mod words;

use crate::words::grouped;
use std::collections::BTreeMap;

pub use ask::touched;
pub(crate) use read::live_path;
pub use read::statistics;
pub(super) use words::readable_bytes;

use crate::catalog::Identity;

/// Up to this many bytes, indexes included, a scan or a rewrite is over before anybody notices.
const SMALL: u64 = 16 * 1024 * 1024;

/// From this many rows written per second on, a queue forms behind a lock at once.
const BUSY: f64 = 10.0;

/// Row estimates of this age are said with their age.
const OLD_DAYS: u64 = 30;

/// Figures of one table; its partitions and the tables that inherit from it are counted with it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Estimate of the planner's statistics; `None` where the table was never analysed.
    pub rows: Option<u64>,
    /// Bytes of the heap; none means that there is certainly no row, if they were measured.
    pub heap_bytes: u64,
    /// Bytes of the indexes.
    pub index_bytes: u64,
    /// Bytes in all, with indexes and out-of-line values.
    pub bytes: u64,
    /// Number of indexes.
    pub indexes: u32,
    /// Rows inserted, updated and deleted per second since the statistics were reset; 0 for less than an hour.
    pub writes_per_second: f64,
    /// Whole days since the table was last analysed; `None` where it never was.
    pub analyzed_days_ago: Option<u64>,
    /// Whether the bytes are those of the files. Where somebody holds ACCESS EXCLUSIVE they are those of the last
    /// `VACUUM` or `ANALYZE` instead, so that nobody is waited for.
    pub measured: bool,
}

/// Figures by object, under the names that the objects have after the renames; what is missing is unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    tables: BTreeMap<Identity, Figures>,
    nulls: BTreeMap<Identity, f64>,
    distinct: BTreeMap<Identity, bool>,
    sequences: BTreeMap<Identity, i64>,
    uses: BTreeMap<Identity, u64>,
}

/// Class of a table's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Certainly no row.
    Empty,
    /// Read or written in no time.
    Small,
    /// Takes its time.
    Large,
    /// Nobody knows; taken for large.
    Unknown,
}

impl Statistics {
    /// Adds the figures of a table.
    pub fn insert(&mut self, table: Identity, figures: Figures) {
        self.tables.insert(table, figures);
    }

    /// Returns the figures of a table.
    pub fn get(&self, table: &Identity) -> Option<&Figures> {
        self.tables.get(table)
    }

    /// Returns the class of a table's size.
    pub fn size(&self, table: &Identity) -> Size {
        match self.get(table) {
            None => Size::Unknown,
            Some(figures) if figures.heap_bytes == 0 && figures.measured => Size::Empty,
            Some(figures) if figures.bytes == 0 => Size::Unknown,
            Some(figures) if figures.bytes <= SMALL => Size::Small,
            Some(_) => Size::Large,
        }
    }

    /// Tells whether so much is written to the table that a queue forms behind a lock at once.
    pub fn is_busy(&self, table: &Identity) -> bool {
        self.get(table).is_some_and(|figures| figures.writes_per_second >= BUSY)
    }

    /// Sets the share of nulls in a column, between 0 and 1.
    pub fn insert_nulls(&mut self, column: Identity, share: f64) {
        self.nulls.insert(column, share);
    }

    /// Returns the share of nulls in a column as of the last `ANALYZE`.
    pub fn nulls(&self, column: &Identity) -> Option<f64> {
        self.nulls.get(column).copied()
    }

    /// Sets whether no value of a column repeats.
    pub fn insert_distinct(&mut self, column: Identity, distinct: bool) {
        self.distinct.insert(column, distinct);
    }

    /// Tells whether no value of a column repeats, as of the last `ANALYZE`.
    pub fn are_distinct(&self, column: &Identity) -> Option<bool> {
        self.distinct.get(column).copied()
    }

    /// Sets the last value of a sequence; one behind an identity column is named like any other.
    pub fn insert_value(&mut self, sequence: Identity, value: i64) {
        self.sequences.insert(sequence, value);
    }

    /// Returns the last values that sequences gave out.
    pub fn values(&self) -> impl Iterator<Item = (&Identity, i64)> {
        self.sequences.iter().map(|(sequence, value)| (sequence, *value))
    }

    /// Sets how often queries have used an index since the statistics were reset.
    pub fn insert_uses(&mut self, index: Identity, uses: u64) {
        self.uses.insert(index, uses);
    }

    /// Returns how often queries on this server have used an index since the statistics were reset.
    pub fn uses(&self, index: &Identity) -> Option<u64> {
        self.uses.get(index).copied()
    }

    /// Returns the size of a table in words.
    pub(super) fn describe(&self, table: &Identity) -> String {
        let Some(figures) = self.get(table) else {
            return "size unknown".to_owned();
        };
        let size = match self.size(table) {
            Size::Empty => return "empty".to_owned(),
            Size::Unknown => return "size unknown: it is locked".to_owned(),
            Size::Small | Size::Large => readable_bytes(figures.bytes),
        };
        let mut out = match figures.rows {
            Some(1) => format!("about 1 row, {size}"),
            Some(rows) => format!("about {} rows, {size}", grouped(rows)),
            None => format!("{size}, never analysed"),
        };
        if let (Some(_), Some(days)) = (figures.rows, figures.analyzed_days_ago.filter(|days| *days >= OLD_DAYS)) {
            out.push_str(&format!(", analysed {} days ago", grouped(days)));
        }
        if self.is_busy(table) {
            out.push_str(&format!(
                ", {} writes a second",
                words::rounded(figures.writes_per_second)
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    fn table() -> Identity {
        Identity::new(Kind::Table, ["shop", "orders"])
    }

    fn with(figures: Figures) -> Statistics {
        let mut out = Statistics::default();
        out.insert(table(), figures);
        out
    }

    #[test]
    fn figures_in_words() {
        assert_eq!(Statistics::default().describe(&table()), "size unknown");
        let mut figures = Figures {
            rows: Some(2_104_233),
            heap_bytes: 300 << 20,
            bytes: 340 << 20,
            measured: true,
            ..Figures::default()
        };
        assert_eq!(with(figures).describe(&table()), "about 2,104,233 rows, 340 MiB");
        assert_eq!(with(figures).size(&table()), Size::Large);
        figures.writes_per_second = 1234.5;
        figures.analyzed_days_ago = Some(40);
        assert_eq!(
            with(figures).describe(&table()),
            "about 2,104,233 rows, 340 MiB, analysed 40 days ago, 1,200 writes a second"
        );
        figures = Figures {
            rows: None,
            heap_bytes: 8192,
            bytes: 16384,
            measured: true,
            ..Figures::default()
        };
        assert_eq!(with(figures).describe(&table()), "16 KiB, never analysed");
        assert_eq!(with(figures).size(&table()), Size::Small);
        figures.heap_bytes = 0;
        assert_eq!(with(figures).describe(&table()), "empty");
        assert_eq!(with(figures).size(&table()), Size::Empty);
    }

    #[test]
    fn what_is_locked_is_never_called_empty() {
        let mut figures = Figures::default();
        assert_eq!(with(figures).size(&table()), Size::Unknown);
        assert_eq!(with(figures).describe(&table()), "size unknown: it is locked");
        (figures.heap_bytes, figures.bytes) = (8192, 8192);
        assert_eq!(with(figures).size(&table()), Size::Small);
    }
}
