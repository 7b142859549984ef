//! `trueup migrate status` and `trueup migrate list`.

use clap::Args;

use super::common::{FolderArguments, Form, ScratchChoice, json};
use super::show;
use crate::cli::arguments::LiveArguments;
use crate::cli::{setup, terminal};
use crate::error::Result;
use crate::migrate::{Migrator, State};

/// Arguments of `trueup migrate status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Form,
    /// Exit with 2 where something is pending or stands in the way
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
}

/// Arguments of `trueup migrate list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Form,
    #[command(flatten)]
    folder: FolderArguments,
}

/// Runs `status`.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let setup = ScratchChoice::default().setup(false)?;
    let url = setup::live(&arguments.live)?;
    let state = Migrator {
        setup: &setup,
        url: &url,
        directory: &directory,
    }
    .state()?;
    match arguments.format {
        Form::Json => terminal::print(&json(&show::Summary::of(&state))?)?,
        Form::Human => terminal::print(&show::state(&state))?,
    }
    let is_open = !state.problems.is_empty() || !state.entries.iter().all(show::is_applied);
    Ok(if arguments.exit_code && is_open { 2 } else { 0 })
}

/// Runs `list`.
pub(super) fn list(arguments: &ListArguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let state = State::new(&directory, Vec::new());
    match arguments.format {
        Form::Json => terminal::print(&json(&state.entries)?)?,
        Form::Human => terminal::print(&show::list(&directory, &state))?,
    }
    Ok(0)
}
