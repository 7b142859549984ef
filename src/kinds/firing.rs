//! When a trigger, a rule or an event trigger fires, by the session's replication role.

use serde::{Deserialize, Serialize};

/// State of something that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firing {
    /// Fires, but for sessions that replay changes; what `CREATE` makes.
    #[default]
    Origin,
    /// Does not fire.
    Disabled,
    /// Fires only in sessions that replay changes.
    Replica,
    /// Fires always.
    Always,
}

impl Firing {
    /// Returns the state of a catalog code.
    pub fn of(code: &str) -> Self {
        match code {
            "D" => Self::Disabled,
            "R" => Self::Replica,
            "A" => Self::Always,
            _ => Self::Origin,
        }
    }

    /// Returns the verb around the word for the object: `ENABLE REPLICA TRIGGER`.
    pub fn action(self, word: &str) -> String {
        match self {
            Self::Origin => format!("ENABLE {word}"),
            Self::Disabled => format!("DISABLE {word}"),
            Self::Replica => format!("ENABLE REPLICA {word}"),
            Self::Always => format!("ENABLE ALWAYS {word}"),
        }
    }
}
