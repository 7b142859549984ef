//! `trueup migrate up` and `trueup migrate run`.

use clap::Args;

use super::common::{Form, RunArguments, json};
use super::show;
use crate::apply::{Approvals, Guard};
use crate::cli::{place, terminal};
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::{Directory, Log, Migrator, Outlook, Selection, Version};
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
    /// File of the folder, or version
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
    let directory = arguments.run.folder.read()?;
    let selection = Selection {
        only: Some(named(&directory, &arguments.file)?),
        accept_rollback: arguments.run.accept_rollback,
        ..Selection::default()
    };
    let direction = if arguments.rollback {
        Direction::Rollback
    } else {
        Direction::Forward
    };
    execute(&arguments.run, direction, &selection)
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
    let directory = arguments.folder.read()?;
    let setup = arguments.scratch.setup(!arguments.no_prove)?;
    let place = place::place(&arguments.live)?;
    let url = place.url.clone();
    let migrator = Migrator {
        setup: &setup,
        url: &url,
        directory: &directory,
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
    if arguments.skip_backup {
        options.record.overrides.push("no backup was made".to_owned());
    }
    let guard = Guard {
        environment: place.settings.clone(),
        skip_backup: arguments.skip_backup,
        rollback_on_failure: false,
    };
    let mut log = Log::new(arguments.log.clone(), arguments.metrics.clone());
    let outcome = migrator.guarded(
        &outlook,
        (selection, arguments.transaction.into()),
        &approvals,
        (&options, &guard),
        &mut |event| {
            log.take(&event);
            show::event(event);
        },
    );
    log.write()?;
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
