//! `trueup.yaml`: what a project says once instead of on every command line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::diff::Filter;
use crate::error::{Error, Result};
use crate::risk::{Entry, Ruling};

/// Name of the file, looked for in the working directory.
pub const FILE: &str = "trueup.yaml";

/// Content of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Declared schema, as `--schema` takes it.
    pub schema: Option<String>,
    /// Name of the variable that holds the live database's URL; the URL itself has no place in a file.
    pub database_env: Option<String>,
    /// Folder of migration files, as `trueup migrate --dir` takes it.
    pub migrations: Option<String>,
    /// Provider of scratch databases, as `--scratch` takes it, but for URLs.
    pub scratch: Option<String>,
    /// Objects that are looked at.
    #[serde(default)]
    pub include: Vec<String>,
    /// Objects that are not.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// What this project says about the risk rules.
    #[serde(default)]
    pub rules: Vec<Entry>,
    /// How long a statement may wait for a lock, for example `5s`.
    pub lock_timeout: Option<String>,
    /// Size from which on tables get online forms, for example `64MiB`.
    pub online_above: Option<String>,
    /// How long a statement may run, for example `10min`.
    pub statement_timeout: Option<String>,
}

impl Config {
    /// Reads the file; a missing one is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io(format!("read {}", path.display()), &error)),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_yaml::from_str(&text).map_err(|error| {
            Error::usage(format!("{}: {error}", path.display()))
                .hint("docs/configuration.md lists every key of the configuration file.")
        })
    }

    /// Returns what the file says about the risk rules.
    pub fn rulings(&self) -> Result<Vec<Ruling>> {
        self.rules.iter().map(|entry| entry.ruling(FILE)).collect()
    }

    /// Returns the patterns of the file with those of the command line.
    pub fn filter(&self, include: &[String], exclude: &[String]) -> Filter {
        let both = |own: &[String], more: &[String]| own.iter().chain(more).cloned().collect();
        Filter {
            include: both(&self.include, include),
            exclude: both(&self.exclude, exclude),
        }
    }
}
