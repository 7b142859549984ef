//! What commands take from the process: environment, machine, signals.

use std::path::{Path, PathBuf};

use super::arguments::{
    LiveArguments, OnlineChoice, PlanningArguments, PreflightArguments, SchemaArguments, ScratchArguments,
};
use super::place::Place;
use super::{place, progress};
use crate::apply::command;
use crate::config::Config;
use crate::db::{Environment, Server, Url};
use crate::desired::secrets::learn;
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::kinds::Secrets;
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

/// Reads the `PG*` variables.
pub(super) fn environment() -> Environment {
    Environment::from_variables(std::env::vars())
}

/// Builds the set-up of a command, which looks after what the configuration file and the arguments ask for.
pub(super) fn setup(arguments: &ScratchArguments) -> Result<Setup> {
    config()?
        .manage
        .iter()
        .chain(&arguments.manage)
        .for_each(|area| area.manage());
    unmanaged(arguments)
}

/// Builds the set-up of a command that looks after schemas alone.
pub(super) fn unmanaged(arguments: &ScratchArguments) -> Result<Setup> {
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
        on_drop: config.defaults.on_drop(),
        preflight: false,
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

/// Builds the set-up of a command that plans for a database, after the hooks that come before a plan.
pub(super) fn planning_for(
    schema: &SchemaArguments,
    arguments: &PlanningArguments,
    preflight: &PreflightArguments,
    place: &Place,
) -> Result<Setup> {
    for hook in &place.settings.hooks.pre_plan {
        let limit = hook.timeout.map_or(std::time::Duration::from_secs(60), |span| span.0);
        let input = command::Input {
            variables: vec![("TRUEUP_ENVIRONMENT", place.name.clone().unwrap_or_default())],
            ..command::Input::default()
        };
        command::run(&hook.command, &input, Some(limit)).map_err(|error| error.context("hook pre_plan"))?;
    }
    Ok(Setup {
        on_drop: place.settings.on_drop(),
        preflight: !preflight.no_preflight && place.settings.preflight.unwrap_or(true),
        ..planning(&schema.scratch, arguments)?
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

/// Returns the live database that the arguments, the configuration file or the `PG*` variables name.
pub(super) fn live(arguments: &LiveArguments) -> Result<Url> {
    Ok(place::place(arguments)?.url)
}

/// Returns the live database of a command that names no environment.
pub(super) fn unnamed(arguments: &LiveArguments, config: &Config) -> Result<Url> {
    let environment = environment();
    match (&arguments.database, &config.database_env) {
        (Some(text), _) => Url::parse(text, &environment),
        (None, Some(name)) => {
            let value = std::env::var(name).map_err(|_| {
                Error::usage(format!("the variable {name}, which trueup.yaml names, is not set"))
                    .hint("Set it to the live database's URL, or pass --database.")
            })?;
            Url::parse(&value, &environment)
        }
        _ if environment.host.is_some() || environment.database.is_some() => Url::from_environment(&environment),
        _ if !config.environments.is_empty() => {
            let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
            Err(Error::usage("no live database is named")
                .hint(format!("Pass --env with one of {}, or --database.", names.join(", "))))
        }
        _ => Err(Error::usage("no live database is named")
            .hint("Pass --database postgres://user@host:5432/name, or set DATABASE_URL or the PG* variables.")),
    }
}

/// Returns the declared schema that the arguments or the configuration file name.
pub(super) fn schema(arguments: &SchemaArguments, live: &LiveArguments) -> Result<Source> {
    let named = arguments.schema.clone().or(config()?.schema);
    source(named.as_deref().unwrap_or("schema"), live)
}

/// Returns the secrets that a source states or holds.
pub(super) fn secrets(source: &Source) -> Result<Secrets> {
    let secrets = Secrets::default();
    match source {
        Source::Database(text) => {
            let mut client = Url::parse(text, &environment())?.connect()?;
            let server = Server::read(&mut client)?;
            secrets.learn_live(&mut client, &server)?;
        }
        Source::Live(Some(url)) => {
            let mut client = url.connect()?;
            let server = Server::read(&mut client)?;
            secrets.learn_live(&mut client, &server)?;
        }
        files => learn(&secrets, files)?,
    }
    Ok(secrets)
}

/// Understands a source; what it leaves to the environment or to the arguments that name the live database is resolved
/// here, since only the command line reads them.
pub(super) fn source(text: &str, live: &LiveArguments) -> Result<Source> {
    match Source::parse(text)? {
        Source::Environment(name) => {
            let value = std::env::var(&name).map_err(|_| {
                Error::usage(format!("the variable {name} is not set")).hint("Set it to a database URL.")
            })?;
            Ok(Source::Database(value))
        }
        Source::Live(_) => Ok(Source::Live(Some(Box::new(self::live(live)?)))),
        Source::Ledger(point, _) => Ok(Source::Ledger(point, Some(Box::new(self::live(live)?)))),
        other => Ok(other),
    }
}
