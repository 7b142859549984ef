//! `trueup migrate status` and `trueup migrate list`.

use clap::Args;

use super::common::{FolderArguments, Form, ScratchChoice, json};
use super::show;
use crate::cli::arguments::LiveArguments;
use crate::cli::{setup, terminal};
use crate::error::Result;
use crate::migrate::{self, Migrator, State};

/// Arguments of `trueup migrate status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Form,
    /// Exit with 2 where something is pending, stands in the way, or differs from the live database
    #[arg(long)]
    exit_code: bool,
    /// Build what the applied files give on scratch, and show what is otherwise in the live database
    #[arg(long)]
    drift: bool,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    scratch: ScratchChoice,
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
    let setup = arguments.scratch.setup(false)?;
    let url = setup::live(&arguments.live)?;
    let state = Migrator {
        setup: &setup,
        url: &url,
        directory: &directory,
    }
    .state()?;
    let drift = if arguments.drift {
        let applied = directory.applied(&state);
        Some(migrate::verify(&setup, &applied, None, Some(&url))?)
    } else {
        None
    };
    match arguments.format {
        Form::Json => terminal::print(&json(&show::Summary::of(&state, drift.as_deref()))?)?,
        Form::Human => {
            terminal::print(&show::state(&state))?;
            if let Some(drift) = &drift {
                terminal::print(&show::drift(drift))?;
            }
        }
    }
    let is_open = drift.is_some_and(|drift| !drift.is_empty())
        || !state.problems.is_empty()
        || !state.entries.iter().all(show::is_applied);
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
