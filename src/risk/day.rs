//! A calendar day, on which a ruling ends.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, as `2027-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Returns the day that it is now, in UTC.
    pub fn today() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::since_epoch(now.map_or(0, |now| now.as_secs() / 86_400))
    }

    /// Returns the day a number of days after 1970-01-01.
    pub(crate) fn since_epoch(mut days: u64) -> Self {
        let mut year = 1970;
        while days >= year_length(year) {
            days -= year_length(year);
            year += 1;
        }
        let mut month = 1;
        while days >= u64::from(month_length(year, month)) {
            days -= u64::from(month_length(year, month));
            month += 1;
        }
        Self {
            year,
            month,
            day: u8::try_from(days + 1).unwrap_or(31),
        }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_length(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is no day such as 2027-01-31");
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else {
            return Err(error());
        };
        let is_written_so = (year.len(), month.len(), day.len()) == (4, 2, 2);
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
            return Err(error());
        };
        let exists = (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
        if is_written_so && exists {
            Ok(Self { year, month, day })
        } else {
            Err(error())
        }
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_and_written() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (789, "1972-02-29"),
            (790, "1972-03-01"),
            (11_016, "2000-02-29"),
            (20_819, "2027-01-01"),
        ] {
            assert_eq!(Day::since_epoch(days).to_string(), expected);
            assert_eq!(expected.parse(), Ok(Day::since_epoch(days)));
        }
        assert!("2027-01-31".parse::<Day>() < "2027-02-01".parse());
    }

    #[test]
    fn what_is_no_day() {
        for text in [
            "",
            "2027",
            "2027-13-01",
            "2027-02-29",
            "2027-1-1",
            "2027-00-10",
            "31.1.2027",
            "2027-01-01-01",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
