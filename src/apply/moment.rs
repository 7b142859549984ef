//! A moment in UTC, for names of files and what is written beside them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::risk::Day;

/// A moment, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Returns what it is now.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs()))
    }

    fn parts(self) -> (Day, u64, u64, u64) {
        let second = self.0 % 86_400;
        (
            Day::since_epoch(self.0 / 86_400),
            second / 3600,
            second / 60 % 60,
            second % 60,
        )
    }

    /// Returns the moment as part of a file's name.
    pub(crate) fn compact(self) -> String {
        let (day, hour, minute, second) = self.parts();
        format!("{}T{hour:02}{minute:02}{second:02}Z", day.to_string().replace('-', ""))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, hour, minute, second) = self.parts();
        write!(f, "{day}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let moment = Moment(1_800_000_123);
        assert_eq!(moment.to_string(), "2027-01-15T08:02:03Z");
        assert_eq!(moment.compact(), "20270115T080203Z");
    }
}
