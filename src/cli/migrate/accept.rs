//! `trueup migrate baseline` and `trueup migrate repair`.

use clap::Args;

use super::common::{FolderArguments, ScratchChoice};
use crate::apply::Options;
use crate::cli::arguments::LiveArguments;
use crate::cli::{setup, terminal};
use crate::error::Result;
use crate::migrate::{Migrator, Version};

/// Arguments of `trueup migrate baseline`.
#[derive(Debug, Args)]
pub(super) struct BaselineArguments {
    /// Last version that the database has already
    #[arg(value_name = "VERSION")]
    version: Version,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
}

/// Arguments of `trueup migrate repair`.
#[derive(Debug, Args)]
pub(super) struct RepairArguments {
    /// Version whose file is accepted; every divergent one where none is named
    #[arg(value_name = "VERSION")]
    version: Option<Version>,
    /// Why the database is right as it is; the ledger keeps it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
}

/// Runs something that only writes the ledger.
pub(super) fn with<T>(
    folder: &FolderArguments,
    live: &LiveArguments,
    dry_run: bool,
    run: impl FnOnce(&Migrator, &Options) -> Result<T>,
) -> Result<T> {
    let directory = folder.read()?;
    let setup = ScratchChoice::default().setup(false)?;
    let url = setup::live(live)?;
    let migrator = Migrator {
        setup: &setup,
        url: &url,
        directory: &directory,
    };
    let options = Options {
        dry_run,
        ..Options::default()
    };
    run(&migrator, &options)
}

/// Runs `baseline`.
pub(super) fn baseline(arguments: &BaselineArguments) -> Result<u8> {
    let titles = with(
        &arguments.folder,
        &arguments.live,
        arguments.dry_run,
        |migrator, options| migrator.baseline(&arguments.version, options),
    )?;
    told(&titles, "recorded as applied", arguments.dry_run)
}

/// Runs `repair`.
pub(super) fn repair(arguments: &RepairArguments) -> Result<u8> {
    let titles = with(
        &arguments.folder,
        &arguments.live,
        arguments.dry_run,
        |migrator, options| migrator.repair(arguments.version.as_ref(), &arguments.reason, options),
    )?;
    told(&titles, "accepted as it is", arguments.dry_run)
}

fn told(titles: &[String], what: &str, dry_run: bool) -> Result<u8> {
    let would = if dry_run { "would be " } else { "" };
    let lines: String = titles.iter().map(|title| format!("{title}: {would}{what}\n")).collect();
    if lines.is_empty() {
        terminal::progress("nothing to do");
    }
    terminal::print(&lines)?;
    Ok(0)
}
