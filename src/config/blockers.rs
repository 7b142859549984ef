//! What is done about sessions that stand in the way of a statement: `wait`, `wait:2min`, `refuse`, `cancel`, `terminate`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::span::Span;

/// What is done about sessions that stand in the way. The file takes the first two: who ends somebody else's session says
/// so each time, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Blockers {
    /// The statement queues behind them for `lock_timeout` and is tried again; with a time, it does not queue before they
    /// are gone or the time is over, and is refused then.
    Wait(Option<Span>),
    /// The statement is refused where they are still there after `lock_timeout`; nobody waits behind it.
    Refuse,
    /// As before, but then their statements are cancelled.
    Cancel,
    /// As before, but then their sessions are ended.
    Terminate,
}

impl Default for Blockers {
    fn default() -> Self {
        Self::Wait(None)
    }
}

impl Blockers {
    /// Returns how long others are waited for before anything is done about them; nothing where statements queue.
    pub fn patience(self, lock_timeout: Duration) -> Option<Duration> {
        match self {
            Self::Wait(span) => span.map(|Span(patience)| patience),
            Self::Refuse | Self::Cancel | Self::Terminate => Some(lock_timeout),
        }
    }
}

impl FromStr for Blockers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("wait:")) {
            ("wait", _) => Ok(Self::Wait(None)),
            ("refuse", _) => Ok(Self::Refuse),
            ("cancel", _) => Ok(Self::Cancel),
            ("terminate", _) => Ok(Self::Terminate),
            (_, Some(time)) => time.parse().map(|span| Self::Wait(Some(span))),
            _ => Err(format!(
                "`{text}` is none of wait, wait:2min, refuse, cancel and terminate"
            )),
        }
    }
}

impl TryFrom<String> for Blockers {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse()? {
            Self::Cancel | Self::Terminate => Err(format!(
                "`blockers: {text}` has no place in the file: whoever ends other sessions passes --blockers {text}"
            )),
            policy => Ok(policy),
        }
    }
}

impl From<Blockers> for String {
    fn from(policy: Blockers) -> Self {
        policy.to_string()
    }
}

impl fmt::Display for Blockers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait(None) => f.write_str("wait"),
            Self::Wait(Some(span)) => write!(f, "wait:{span}"),
            Self::Refuse => f.write_str("refuse"),
            Self::Cancel => f.write_str("cancel"),
            Self::Terminate => f.write_str("terminate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_is_written() {
        for text in ["wait", "wait:2min", "refuse", "cancel", "terminate"] {
            assert_eq!(
                text.parse::<Blockers>().map(|policy| policy.to_string()),
                Ok(text.to_owned())
            );
        }
        assert!("kill".parse::<Blockers>().is_err());
        assert!("wait:long".parse::<Blockers>().is_err());
        assert!(Blockers::try_from("cancel".to_owned()).is_err());
    }
}
