//! `trueup migrate up` and `trueup migrate run`.

use std::path::Path;

use clap::Args;

use super::common::{Form, RunArguments, json};
use super::show;
use super::whole::declared;
use crate::apply::{self, Approvals, Guard};
use crate::cli::{log, place, setup, terminal};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Directory, Event, Log, Migrator, Outlook, Selection, Version};
use crate::plan::Direction;

/// Arguments of `trueup migrate up`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Last version to apply
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,
    /// How many to apply
    #[arg(long, value_name = "N", conflicts_with = "to")]
    steps: Option<usize>,
    /// Run files that are older than what is applied too
    #[arg(long)]
    allow_out_of_order: bool,
    #[command(flatten)]
    run: RunArguments,
}

/// Arguments of `trueup migrate run`.
#[derive(Debug, Args)]
pub(super) struct OneArguments {
    /// File of the folder, its version, or the path of a file outside of it
    #[arg(value_name = "FILE")]
    file: String,
    /// Take it back instead
    #[arg(long)]
    rollback: bool,
    #[command(flatten)]
    run: RunArguments,
}

/// Runs `up`.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let selection = Selection {
        to: arguments.to.clone(),
        steps: arguments.steps,
        allow_out_of_order: arguments.allow_out_of_order,
        accept_rollback: arguments.run.accept_rollback,
        ..Selection::default()
    };
    execute(&arguments.run, Direction::Forward, &selection)
}

/// Runs `run`.
pub(super) fn run_one(arguments: &OneArguments) -> Result<u8> {
    let (directory, only) = one(&arguments.run, &arguments.file)?;
    let selection = Selection {
        only: Some(only),
        accept_rollback: arguments.run.accept_rollback,
        ..Selection::default()
    };
    let direction = if arguments.rollback {
        Direction::Rollback
    } else {
        Direction::Forward
    };
    execute_in(&directory, &arguments.run, direction, &selection)
}

/// Finds a migration in the folder, or else takes a file outside of it as one of its own.
fn one(arguments: &RunArguments, file: &str) -> Result<(Directory, Version)> {
    let path = Path::new(file);
    let folder = arguments.folder.path()?;
    let is_inside = || match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    };
    if path.is_file() && !is_inside() {
        let directory = Directory::of_file(path)?;
        let only = directory.migrations.first().map(|migration| migration.version.clone());
        let only = only.ok_or_else(|| Error::internal("a file is no migration"))?;
        return Ok((directory, only));
    }
    let directory = arguments.folder.read()?;
    let only = named(&directory, file)?;
    Ok((directory, only))
}

/// Returns the version that a path or a version names.
pub(super) fn named(directory: &Directory, text: &str) -> Result<Version> {
    if let Some(version) = Version::parse(text) {
        return Ok(version);
    }
    let name = text.rsplit('/').next().unwrap_or(text);
    let is_meant =
        |path: &str| path == text || path.ends_with(&format!("/{text}")) || path.rsplit('/').next() == Some(name);
    let found = directory.migrations.iter().find(|migration| {
        let rollback = migration.rollback.as_ref();
        is_meant(&migration.forward.path) || rollback.is_some_and(|script| is_meant(&script.path))
    });
    found.map(|migration| migration.version.clone()).ok_or_else(|| {
        Error::usage(format!("`{text}` is no migration of `{}`", directory.path.display()))
            .hint("Name a file of the folder or its version; `trueup migrate list` shows them.")
    })
}

/// Looks, shows, asks and runs.
pub(super) fn execute(arguments: &RunArguments, direction: Direction, selection: &Selection) -> Result<u8> {
    execute_in(&arguments.folder.read()?, arguments, direction, selection)
}

fn execute_in(
    directory: &Directory,
    arguments: &RunArguments,
    direction: Direction,
    selection: &Selection,
) -> Result<u8> {
    let set_up = arguments.scratch.setup(!arguments.no_prove)?;
    let place = place::place(&arguments.live)?;
    let url = place.url.clone();
    let migrator = Migrator {
        setup: &set_up,
        url: &url,
        directory,
    };
    let outlook = match direction {
        Direction::Forward => migrator.outlook_up(selection)?,
        Direction::Rollback => migrator.outlook_down(selection)?,
    };
    if outlook.items.is_empty() {
        if arguments.format == Form::Json {
            terminal::print(&json(&outlook)?)?;
        }
        terminal::progress("nothing to do");
        return Ok(0);
    }
    if arguments.execution.dry_run {
        return dry(arguments, &outlook);
    }
    if direction == Direction::Rollback && place.settings.is_protected() && arguments.execution.approve.is_empty() {
        return Err(Error::new(
            ErrorKind::Blocked,
            "this environment is protected: taking a migration back needs an approval",
        )
        .hint("Look at it with --dry-run, then pass --approve with the level or the findings that it shows."));
    }
    terminal::progress(show::outlook(&outlook).trim_end());
    let approvals = approvals(arguments, &outlook)?;
    if !arguments.execution.yes && terminal::can_ask() && !terminal::ask(question(direction)) {
        terminal::progress("nothing was run");
        return Ok(0);
    }
    let mut options = arguments.execution.options(&place)?;
    if let Some(source) = declared(arguments.schema.as_ref(), &arguments.live)?.filter(|_| outlook.needs_secrets()) {
        options.secrets = setup::secrets(&source)?;
    }
    if arguments.skip_backup {
        options.record.overrides.push(crate::apply::NO_BACKUP.to_owned());
    }
    let guard = Guard {
        environment: place.settings.clone(),
        skip_backup: arguments.skip_backup,
        rollback_on_failure: false,
    };
    let mut told = Log::new(arguments.log.clone(), arguments.metrics.clone());
    let outcome = migrator.guarded(
        &outlook,
        (selection, arguments.transaction.into()),
        &approvals,
        (&options, &guard),
        &mut |event| {
            told.take(&event);
            match &event {
                // A file may hold rows, and a log must not.
                Event::Executor(apply::Event::Done { .. }) | Event::Started { .. } => {}
                Event::Executor(event) => log::event(event),
                Event::Ended(finished) => log::migration(finished),
            }
            show::event(event);
        },
    );
    told.write()?;
    let report = outcome?;
    match arguments.format {
        Form::Json => terminal::print(&json(&report)?)?,
        Form::Human => terminal::progress(&show::report(&report, direction)),
    }
    Ok(0)
}

fn question(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "Apply these migrations?",
        Direction::Rollback => "Take these migrations back?",
    }
}

/// Shows what would run. Findings that nobody has approved are an error, as they will be.
fn dry(arguments: &RunArguments, outlook: &Outlook) -> Result<u8> {
    match arguments.format {
        Form::Json => terminal::print(&json(outlook)?)?,
        Form::Human => {
            terminal::print(&show::statements(outlook))?;
            terminal::progress(show::outlook(outlook).trim_end());
        }
    }
    Ok(0)
}

fn approvals(arguments: &RunArguments, outlook: &Outlook) -> Result<Approvals> {
    arguments.execution.approvals(|approvals: &Approvals| {
        let open = outlook
            .findings
            .iter()
            .filter(|placed| !approvals.cover(&placed.finding));
        open.map(|placed| placed.finding.clone()).collect()
    })
}
