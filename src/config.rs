//! `trueup.yaml`: what a project says once instead of on every command line.

mod blockers;
mod environment;
mod span;

use std::path::Path;

pub use blockers::Blockers;
pub use environment::{
    Backup, Checks, Command, Environment, Environments, Form, HealthCheck, Hook, Hooks, Moment, Notify, OnDrop, Scope,
    SqlCheck, When,
};
pub use span::Span;

use serde::{Deserialize, Serialize};

use crate::desired::yaml::nearest;
use crate::diff::Filter;
use crate::error::{Error, Result};
use crate::kinds::Area;
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
    /// What is looked after beside the schema.
    #[serde(default)]
    pub manage: Vec<Area>,
    /// What this project says about the risk rules.
    #[serde(default)]
    pub rules: Vec<Entry>,
    /// How long a statement may wait for a lock, for example `5s`.
    pub lock_timeout: Option<String>,
    /// Size from which on tables get online forms, for example `64MiB`.
    pub online_above: Option<String>,
    /// How long a statement may run, for example `10min`.
    pub statement_timeout: Option<String>,
    /// What holds for every environment, and for a database that is named without one.
    #[serde(default)]
    pub defaults: Environment,
    /// Environments by name.
    #[serde(default)]
    pub environments: Environments,
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
        let config: Self = serde_yaml::from_str(&text).map_err(|error| {
            Error::usage(format!("{}: {error}", path.display()))
                .hint("docs/configuration.md lists every key of the configuration file.")
        })?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what cannot be meant.
    fn check(&self) -> Result<()> {
        for name in self.environments.keys() {
            let environment = self.environment(name)?;
            if let Some(from) = &environment.promote_from {
                self.environment(from)
                    .map_err(|error| error.context(format!("{FILE}: promote_from of environment `{name}`")))?;
                if from == name {
                    return Err(
                        Error::usage(format!("{FILE}: environment `{name}` is promoted from itself"))
                            .hint("Name the environment in which its changes are tried first."),
                    );
                }
            }
        }
        Ok(())
    }

    /// Returns an environment by its name, with the defaults.
    pub fn environment(&self, name: &str) -> Result<Environment> {
        if let Some(environment) = self.environments.get(name) {
            return Ok(environment.clone().over(&self.defaults));
        }
        let known: Vec<&str> = self.environments.keys().map(String::as_str).collect();
        let hint = match (nearest(name, &known), known.as_slice()) {
            (Some(near), _) => format!("Did you mean `{near}`?"),
            (None, []) => format!("Declare it below `environments` in {FILE}; docs/configuration.md shows how."),
            (None, known) => format!("Known environments: {}.", known.join(", ")),
        };
        Err(Error::usage(format!("no environment is named `{name}`")).hint(hint))
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
