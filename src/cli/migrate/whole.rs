//! `trueup migrate generate`, `verify`, `squash` and `reset`.

use clap::Args;

use super::common::{FolderArguments, Form, RunArguments, ScratchChoice, json};
use super::new::author;
use super::{show, up};
use crate::apply::Options;
use crate::cli::arguments::LiveArguments;
use crate::cli::{place, setup, terminal};
use crate::db::Url;
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::migrate::{self, Directory, Migrator, Selection, Version};
use crate::plan::Direction;
use crate::reconcile::Setup;
use crate::risk::Online;
use crate::words;

/// Arguments of `trueup migrate generate`.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What the migration does, in a few words
    #[arg(value_name = "NAME")]
    name: String,
    /// Declared schema, as `plan` takes it [default: schema]
    #[arg(long, value_name = "SOURCE")]
    schema: Option<String>,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    scratch: ScratchChoice,
}

/// Arguments of `trueup migrate verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// Declared schema, as `plan` takes it [default: schema, where it is there]
    #[arg(long, value_name = "SOURCE")]
    schema: Option<String>,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Form,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    scratch: ScratchChoice,
}

/// Arguments of `trueup migrate squash`.
#[derive(Debug, Args)]
pub(super) struct SquashArguments {
    /// Last version that goes into the one file
    #[arg(value_name = "VERSION")]
    version: Version,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    scratch: ScratchChoice,
}

/// Arguments of `trueup migrate reset`.
#[derive(Debug, Args)]
pub(super) struct ResetArguments {
    /// Name of the database, where nobody can be asked
    #[arg(long, value_name = "DATABASE")]
    confirm: Option<String>,
    #[command(flatten)]
    run: RunArguments,
}

/// Returns the live database where one is named.
pub(super) fn maybe_live(arguments: &LiveArguments) -> Result<Option<Url>> {
    if arguments.database.is_none() && arguments.env.is_none() && setup::config()?.database_env.is_none() {
        return Ok(None);
    }
    setup::live(arguments).map(Some)
}

/// Returns the declared schema where one is named, or is at its usual place.
pub(super) fn declared(named: Option<&String>, live: &LiveArguments) -> Result<Option<Source>> {
    let named = named.cloned().or(setup::config()?.schema);
    match named {
        Some(named) => setup::source(&named, live).map(Some),
        None if std::path::Path::new("schema").is_dir() => setup::source("schema", live).map(Some),
        None => Ok(None),
    }
}

fn proving(scratch: &ScratchChoice) -> Result<Setup> {
    Ok(Setup {
        online: Online::default(),
        ..scratch.setup(true)?
    })
}

/// Runs `generate`.
pub(super) fn generate(arguments: &GenerateArguments) -> Result<u8> {
    let path = arguments.folder.path()?;
    std::fs::create_dir_all(&path).map_err(|error| Error::io(format!("make {}", path.display()), &error))?;
    let directory: Directory = arguments.folder.read()?;
    let source = declared(arguments.schema.as_ref(), &arguments.live)?.ok_or_else(|| {
        Error::usage("no declared schema is named").hint("Pass --schema, or put target files into the folder `schema`.")
    })?;
    let live = maybe_live(&arguments.live)?;
    let setup = proving(&arguments.scratch)?;
    let author = author();
    match migrate::generate(&setup, (&directory, live.as_ref()), (&arguments.name, &author), &source)? {
        None => terminal::progress("the files give what is declared: nothing to generate"),
        Some((plan, made)) => {
            let changes = words::count(plan.changes.len(), "change");
            terminal::progress(&format!("{changes}, proven forward and back"));
            terminal::print(
                &made
                    .iter()
                    .map(|path| format!("{}\n", path.display()))
                    .collect::<String>(),
            )?;
        }
    }
    Ok(0)
}

/// Runs `verify`.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let source = declared(arguments.schema.as_ref(), &arguments.live)?;
    let live = maybe_live(&arguments.live)?;
    if source.is_none() && live.is_none() {
        return Err(Error::usage("there is nothing to compare the files with")
            .hint("Name the live database with --database, the declared schema with --schema, or both."));
    }
    let setup = Setup {
        prove: false,
        ..proving(&arguments.scratch)?
    };
    let found = migrate::verify(&setup, &directory, source.as_ref(), live.as_ref())?;
    match arguments.format {
        Form::Json => terminal::print(&json(&found)?)?,
        Form::Human => terminal::print(&show::deviations(&found))?,
    }
    Ok(if found.is_empty() { 0 } else { 2 })
}

/// Runs `squash`.
pub(super) fn squash(arguments: &SquashArguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let live = maybe_live(&arguments.live)?;
    let setup = proving(&arguments.scratch)?;
    let done = migrate::squash(&setup, &directory, &arguments.version, live.as_ref())?;
    let lines = done.removed.iter().map(|path| format!("removed {path}\n"));
    let made = done.made.iter().map(|path| format!("wrote {path}\n"));
    terminal::print(&lines.chain(made).collect::<String>())?;
    Ok(0)
}

/// Runs `reset`.
pub(super) fn reset(arguments: &ResetArguments) -> Result<u8> {
    let run = &arguments.run;
    let place = place::place(&run.live)?;
    let url = place.url.clone();
    let directory = run.folder.read()?;
    let setup = run.scratch.setup(false)?;
    let name = url.database().to_owned();
    let migrator = Migrator {
        setup: &setup,
        url: &url,
        directory: &directory,
    };
    let options: Options = run.execution.options(&place)?;
    // What is refused anyway is asked for no confirmation.
    if !options.dry_run && !place.settings.is_protected() {
        confirm(arguments, &name)?;
    }
    let dropped = migrator.empty(place.settings.is_protected(), &options)?;
    let verb = if options.dry_run {
        "would be dropped"
    } else {
        "was dropped"
    };
    for schema in dropped {
        terminal::progress(&format!("schema {schema} {verb}"));
    }
    if options.dry_run {
        return Ok(0);
    }
    up::execute(run, Direction::Forward, &Selection::default())
}

fn confirm(arguments: &ResetArguments, name: &str) -> Result<()> {
    if arguments.confirm.as_deref() == Some(name) {
        return Ok(());
    }
    if arguments.confirm.is_none() && terminal::can_ask() {
        if terminal::ask(&format!(
            "Drop everything in database `{name}` and apply every file anew?"
        )) {
            return Ok(());
        }
        return Err(Error::usage("nothing was dropped"));
    }
    Err(Error::usage(format!("a reset drops everything in database `{name}`"))
        .hint(format!("Pass --confirm {name} where that is meant.")))
}
