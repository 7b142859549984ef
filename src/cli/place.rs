//! Which database a command speaks to: `--env` and `--database`, with what the configuration file says about it.

use super::arguments::LiveArguments;
use super::setup;
use crate::apply::command::{self, Input};
use crate::config::{Config, Environment, FILE};
use crate::db::{Environment as Variables, Url};
use crate::error::{Error, Result};

/// Word that stands for every environment.
const ALL: &str = "all";

/// A database, with what may be done to it how.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Environment, where one was named.
    pub(super) name: Option<String>,
    /// What the configuration file says about it.
    pub(super) settings: Environment,
    /// Database.
    pub(super) url: Url,
}

/// Environments by name, each with its database or why there is none.
pub(super) type Places = Vec<(String, Result<Place>)>;

/// Returns the one database that a command speaks to.
pub(super) fn place(arguments: &LiveArguments) -> Result<Place> {
    let config = setup::config()?;
    let mut names = names(arguments, &config)?;
    if names.len() > 1 {
        return Err(Error::usage(format!(
            "{} environments are named, this command takes one",
            names.len()
        ))
        .hint("`plan` and `drift` look at several; everything else is done to one at a time."));
    }
    match names.pop() {
        Some(name) => named(&name, &config),
        None => Ok(Place {
            name: None,
            url: setup::unnamed(arguments, &config)?,
            settings: config.defaults,
        }),
    }
}

/// Returns every database that a command speaks to, by the name of its environment; one that cannot be reached keeps the
/// others from nothing. Nothing is returned where at most one is named.
pub(super) fn places(arguments: &LiveArguments) -> Result<Option<Places>> {
    let config = setup::config()?;
    let names = names(arguments, &config)?;
    if names.len() < 2 {
        return Ok(None);
    }
    let found = names.into_iter().map(|name| {
        let place = named(&name, &config);
        (name, place)
    });
    Ok(Some(found.collect()))
}

fn names(arguments: &LiveArguments, config: &Config) -> Result<Vec<String>> {
    let Some(text) = &arguments.env else {
        return Ok(Vec::new());
    };
    // The variable is a default; a URL on the command line beside an environment is a contradiction.
    let by_variable = std::env::var("DATABASE_URL").ok();
    if arguments.database.is_some() && arguments.database != by_variable {
        return Err(Error::usage("--database and --env name two databases").hint("Pass one of them."));
    }
    if text.trim() == ALL && !config.environments.contains_key(ALL) {
        if config.environments.is_empty() {
            return Err(Error::usage("no environment is declared").hint(format!(
                "Declare some below `environments` in {FILE}; docs/configuration.md shows how."
            )));
        }
        return Ok(config.environments.keys().cloned().collect());
    }
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        config.environment(name)?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        return Err(
            Error::usage("--env names no environment").hint("Pass its name, several parted by commas, or `all`.")
        );
    }
    Ok(names)
}

/// Returns an environment by its name.
pub(super) fn named(name: &str, config: &Config) -> Result<Place> {
    let settings = config.environment(name)?;
    let variables = setup::environment();
    let url = url(name, &settings, &variables).map_err(|error| error.context(format!("environment `{name}`")))?;
    Ok(Place {
        name: Some(name.to_owned()),
        settings,
        url,
    })
}

fn url(name: &str, settings: &Environment, variables: &Variables) -> Result<Url> {
    if let Some(text) = &settings.url {
        if Url::parse(text, &Variables::default())?.holds_password() {
            return Err(Error::usage(format!("the URL in {FILE} holds a password")).hint(
                "Name a variable with `url_env` or a command with `url_command`, or keep the password in ~/.pgpass.",
            ));
        }
        return Url::parse(text, variables);
    }
    if let Some(command) = &settings.url_command {
        let text = command::run(command, &Input::default(), Some(std::time::Duration::from_secs(60)))
            .map_err(|error| error.context("url_command"))?;
        return Url::parse(text.trim(), variables);
    }
    let variable = settings.url_env.clone().unwrap_or_else(|| own_variable(name));
    let text = std::env::var(&variable).map_err(|_| {
        Error::usage(format!("the variable {variable} is not set")).hint(
            "Set it to the database's URL, or say in trueup.yaml where the URL comes from: `url_env`, `url_command` or `url`.",
        )
    })?;
    Url::parse(&text, variables)
}

/// Returns the variable of an environment that names none: `DATABASE_URL_PRODUCTION`.
fn own_variable(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!("DATABASE_URL_{}", name.chars().map(plain).collect::<String>())
}
