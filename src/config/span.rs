//! Durations as people write them: `500ms`, `5s`, `10min`, `30d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration of the configuration file or the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Span(pub Duration);

/// A bare number is seconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for Span {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl FromStr for Span {
    type Err = String;

    /// Reads a number and one of `ms`, `s`, `min`, `h` and `d`; a bare number is seconds.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text.trim()[digits.len()..];
        let number: u64 = digits
            .trim()
            .parse()
            .map_err(|_| format!("`{text}` is no duration such as 500ms, 5s or 10min"))?;
        let seconds = |each: u64| Ok(Self(Duration::from_secs(number.saturating_mul(each))));
        match unit {
            "ms" => Ok(Self(Duration::from_millis(number))),
            "s" | "" => seconds(1),
            "min" | "m" => seconds(60),
            "h" => seconds(3600),
            "d" => seconds(86_400),
            _ => Err(format!(
                "`{text}` has the unknown unit `{unit}`; known are ms, s, min, h and d"
            )),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        match seconds {
            _ if millis != 0 => write!(f, "{}ms", self.0.as_millis()),
            0 => f.write_str("0s"),
            _ if seconds % 86_400 == 0 => write!(f, "{}d", seconds / 86_400),
            _ if seconds % 3600 == 0 => write!(f, "{}h", seconds / 3600),
            _ if seconds % 60 == 0 => write!(f, "{}min", seconds / 60),
            _ => write!(f, "{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let read = |text: &str| text.parse::<Span>().map(|span| span.0);
        assert_eq!(read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read("5"), Ok(Duration::from_secs(5)));
        assert_eq!(read("10min"), Ok(Duration::from_secs(600)));
        assert_eq!(read("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(read("5 weeks").is_err());
        assert!(read("soon").is_err());
        for text in ["500ms", "5s", "10min", "2h", "30d"] {
            assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.to_owned()));
        }
    }
}
