//! How large the next batch is, and how long to wait before it.

use std::time::Duration;

/// A batch should take about this long: row locks stay short, and what a failure undoes is little.
const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_millis(200);

/// Most rows, or pages, of a batch.
const MOST: u32 = 20_000;

/// A tenth of the time is left to everybody else.
const REST: u32 = 10;

/// Bytes that a replica may be behind.
pub(crate) const LAG: i64 = 64 * 1024 * 1024;

/// Pauses while a replica is behind.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Adapts size and pause to how long batches take and how far replicas are behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    size: u32,
    wait: Duration,
}

impl Pace {
    /// Begins with small batches.
    pub fn begin(size: u32) -> Self {
        Self {
            size: size.max(1),
            wait: FIRST_WAIT,
        }
    }

    /// Returns the size of the next batch.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Learns how long a batch took; returns the pause behind it.
    pub fn took(&mut self, elapsed: Duration) -> Duration {
        if elapsed < SHORT {
            self.size = self.size.saturating_mul(2).min(MOST);
        } else if elapsed > LONG {
            self.size = (self.size / 2).max(1);
        }
        elapsed / REST
    }

    /// Learns that a batch did not end in time; false when it cannot be any smaller.
    pub fn too_long(&mut self) -> bool {
        let could = self.size > 1;
        self.size = (self.size / 4).max(1);
        could
    }

    /// Learns by how many bytes the slowest replica is behind; returns how long to wait before looking again, nothing when
    /// there is no need to.
    pub fn behind(&mut self, bytes: i64) -> Option<Duration> {
        if bytes <= LAG {
            self.wait = FIRST_WAIT;
            return None;
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        self.size = (self.size / 2).max(1);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_follows_time_and_lag() {
        let mut pace = Pace::begin(500);
        assert_eq!(pace.took(Duration::from_millis(10)), Duration::from_millis(1));
        assert_eq!(pace.size(), 1000);
        pace.took(Duration::from_millis(100));
        assert_eq!(pace.size(), 1000);
        assert_eq!(pace.took(Duration::from_secs(1)), Duration::from_millis(100));
        assert_eq!(pace.size(), 500);
        assert!(pace.too_long());
        assert_eq!(pace.size(), 125);
        assert_eq!(pace.behind(LAG), None);
        assert_eq!(pace.behind(LAG + 1), Some(FIRST_WAIT));
        assert_eq!(pace.behind(LAG + 1), Some(FIRST_WAIT * 2));
        for _ in 0..20 {
            pace.behind(LAG + 1);
        }
        assert_eq!((pace.size(), pace.behind(LAG + 1)), (1, Some(LONGEST_WAIT)));
        assert!(!pace.too_long());
        for _ in 0..40 {
            pace.took(Duration::ZERO);
        }
        assert_eq!(pace.size(), MOST);
    }
}
