//! What commands take from the process: environment, machine, signals.

use std::path::{Path, PathBuf};

use super::arguments::{LiveArguments, OnlineChoice, PlanningArguments, SchemaArguments, ScratchArguments};
use super::progress;
use crate::config::Config;
use crate::db::{Environment, Url};
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::reconcile::{Answers, Setup};
use crate::risk::{Bytes, Online};
use crate::scratch;

/// Removes scratch databases when the process is interrupted.
pub(super) fn on_interrupt() {
    // Fails only when a handler is set already, which then does the same.
    let _ = ctrlc::set_handler(|| {
        progress::clear();
        scratch::cleanup_all();
        std::process::exit(130);
    });
}

/// Reads the configuration file of the working directory.
pub(super) fn config() -> Result<Config> {
    Config::read(Path::new(crate::config::FILE))
}

fn environment() -> Environment {
    Environment::from_variables(std::env::vars())
}

/// Builds the set-up of a command.
pub(super) fn setup(arguments: &ScratchArguments) -> Result<Setup> {
    let environment = environment();
    let config = config()?;
    let scratch = match arguments
        .scratch
        .as_deref()
        .or(config.scratch.as_deref())
        .unwrap_or("auto")
    {
        "auto" => scratch::Choice::Auto,
        "local" => scratch::Choice::Local,
        "live" => scratch::Choice::Live,
        text if Url::looks_like(text) => scratch::Choice::Server(Url::parse(text, &environment)?),
        other => {
            return Err(Error::usage(format!("`--scratch {other}` names no provider"))
                .hint("Pass `auto`, `local`, `live`, or a server's URL such as postgres://user@host:5432/."));
        }
    };
    Ok(Setup {
        environment,
        machine: machine(),
        scratch,
        cache: !arguments.no_cache,
        rulings: config.rulings()?,
        filter: config.filter(&arguments.include, &arguments.exclude),
        prove: true,
        online: online(arguments.online, &config)?,
        progress: Progress::to(progress::stage),
        answers: Answers::default(),
    })
}

/// Builds the set-up of a command that plans.
pub(super) fn planning(scratch: &ScratchArguments, arguments: &PlanningArguments) -> Result<Setup> {
    Ok(Setup {
        prove: !arguments.no_prove,
        answers: Answers::parse(&arguments.rename, &arguments.no_rename)?,
        ..setup(scratch)?
    })
}

fn online(choice: OnlineChoice, config: &Config) -> Result<Online> {
    match (choice, &config.online_above) {
        (OnlineChoice::Always, _) => Ok(Online::Always),
        (OnlineChoice::Never, _) => Ok(Online::Never),
        (OnlineChoice::Auto, None) => Ok(Online::default()),
        (OnlineChoice::Auto, Some(text)) => match text.parse() {
            Ok(Bytes(limit)) => Ok(Online::Above(limit)),
            Err(error) => Err(Error::usage(format!("{}: online_above: {error}", crate::config::FILE))
                .hint("Write a number with a unit, for example `64MiB` or `2GB`; `0` makes every table large.")),
        },
    }
}

fn machine() -> scratch::Machine {
    let search_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    scratch::Machine {
        search_path,
        binaries: std::env::var_os("TRUEUP_PG_BIN").map(PathBuf::from),
        temporary: std::env::temp_dir(),
        cache: cache.join("trueup"),
    }
}

/// Returns the live database that the arguments or the `PG*` variables name.
pub(super) fn live(arguments: &LiveArguments) -> Result<Url> {
    let environment = environment();
    match &arguments.database {
        Some(text) => Url::parse(text, &environment),
        None if config()?.database_env.is_some() => {
            let name = config()?.database_env.unwrap_or_default();
            let value = std::env::var(&name).map_err(|_| {
                Error::usage(format!("the variable {name}, which trueup.yaml names, is not set"))
                    .hint("Set it to the live database's URL, or pass --database.")
            })?;
            Url::parse(&value, &environment)
        }
        None if environment.host.is_some() || environment.database.is_some() => Url::from_environment(&environment),
        None => Err(Error::usage("no live database is named")
            .hint("Pass --database postgres://user@host:5432/name, or set DATABASE_URL or the PG* variables.")),
    }
}

/// Returns the declared schema that the arguments or the configuration file name.
pub(super) fn schema(arguments: &SchemaArguments) -> Result<Source> {
    let named = arguments.schema.clone().or(config()?.schema);
    source(named.as_deref().unwrap_or("schema"))
}

/// Understands a source; `env:NAME` is resolved here, since only the command line reads the environment.
pub(super) fn source(text: &str) -> Result<Source> {
    match Source::parse(text)? {
        Source::Environment(name) => {
            let value = std::env::var(&name).map_err(|_| {
                Error::usage(format!("the variable {name} is not set")).hint("Set it to a database URL.")
            })?;
            Ok(Source::Database(value))
        }
        other => Ok(other),
    }
}
