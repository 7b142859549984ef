//! Header comments of migration files: `-- Description: …` and the like, before the first statement.

use std::time::Duration;

use serde::Serialize;

use super::version::Version;
use crate::error::{Error, Result};

/// What the comments at the top of a file say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Header {
    /// What the migration is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was written, as it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Versions that must be applied before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Versions that it stands for, in a file that `squash` wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// Whether its statements run outside a transaction.
    pub no_transaction: bool,
    /// Limit for each of its statements.
    #[serde(skip)]
    pub timeout: Option<Duration>,
}

/// How other runners say that a file runs outside a transaction.
const NO_TRANSACTION: [&str; 6] = [
    "no-transaction",
    "+goose no transaction",
    "atlas:txmode none",
    "disable-transaction",
    "migrate:up transaction:false",
    "migrate:down transaction:false",
];

impl Header {
    /// Reads the comments at the top of a script; `path` is for messages.
    pub fn read(path: &str, text: &str) -> Result<Self> {
        let mut out = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let Some(comment) = line.strip_prefix("--") else { break };
            let comment = comment.trim();
            if NO_TRANSACTION.contains(&comment.to_ascii_lowercase().as_str()) {
                out.no_transaction = true;
                continue;
            }
            let Some((key, value)) = comment.split_once(':') else {
                continue;
            };
            out.take(&key.trim().to_ascii_lowercase(), value.trim())
                .map_err(|error| error.context(format!("{path}:{}:1", at + 1)))?;
        }
        Ok(out)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<()> {
        let text = || (!value.is_empty()).then(|| value.to_owned());
        match key {
            "description" => self.description = text(),
            "author" => self.author = text(),
            "date" => self.date = text(),
            "depends-on" => self.depends_on = versions(value)?,
            "replaces" => self.replaces = versions(value)?,
            "transaction" => {
                self.no_transaction = match value.to_ascii_lowercase().as_str() {
                    "none" => true,
                    "" | "file" => false,
                    _ => {
                        return Err(Error::target(format!("`Transaction: {value}` is not known"))
                            .hint("Write `Transaction: none`, or leave the line out."));
                    }
                }
            }
            "timeout" if value.is_empty() => {}
            "timeout" => self.timeout = Some(duration(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn versions(value: &str) -> Result<Vec<String>> {
    let words = value.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| match leading(word) {
            Some(version) => Ok(version.text().to_owned()),
            None => Err(Error::target(format!("`{word}` is no version"))
                .hint("Name versions, separated by commas, such as `Depends-On: 003, 004`.")),
        })
        .collect()
}

/// Reads a version, also at the beginning of a file's name.
fn leading(word: &str) -> Option<Version> {
    let end = word
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(word.len());
    Version::parse(word[..end].trim_end_matches('.'))
}

fn duration(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = text[digits.len()..].trim();
    let number: Option<u64> = digits.parse().ok().filter(|number| *number > 0);
    let out = number.and_then(|number| match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "min" | "m" => Some(Duration::from_secs(number * 60)),
        "h" => Some(Duration::from_secs(number * 3600)),
        _ => None,
    });
    out.ok_or_else(|| {
        Error::target(format!("`Timeout: {text}` is no duration")).hint("Write a duration such as 500ms, 30s or 10min.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_top_only() {
        let text = "-- Description: Orders: first part\n-- Author:  ann\n\n-- Depends-On: 001, 002_users\n\
                    -- Transaction: none\n-- Timeout: 2min\nCREATE TABLE t ();\n-- Author: bob\n";
        let header = Header::read("a.sql", text).unwrap();
        assert_eq!(header.description.as_deref(), Some("Orders: first part"));
        assert_eq!(header.author.as_deref(), Some("ann"));
        assert_eq!(header.depends_on, ["001", "002"]);
        assert!(header.no_transaction);
        assert_eq!(header.timeout, Some(Duration::from_secs(120)));
        assert_eq!(
            Header::read("a.sql", "SELECT 1; -- Author: x").unwrap(),
            Header::default()
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = Header::read("a.sql", "-- Author: ann\n-- Timeout: soon\n").unwrap_err();
        assert_eq!(error.message, "a.sql:2:1: `Timeout: soon` is no duration");
        assert!(Header::read("a.sql", "-- Transaction: maybe\n").is_err());
        assert!(Header::read("a.sql", "-- Depends-On: users\n").is_err());
    }
}
