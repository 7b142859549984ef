//! `trueup migrate test`.

use std::path::PathBuf;

use clap::Args;

use super::common::{FolderArguments, Form, ScratchChoice, json};
use super::whole::maybe_live;
use crate::cli::arguments::LiveArguments;
use crate::cli::terminal;
use crate::error::{Error, Result};
use crate::migrate::{self, Version};

/// Arguments of `trueup migrate test`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Last version that is there before the rows are [default: the last but one]
    #[arg(long, value_name = "VERSION")]
    from: Option<Version>,
    /// SQL file that fills the tables, instead of rows that trueup makes
    #[arg(long, value_name = "FILE")]
    seeds: Option<PathBuf>,
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

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let live = maybe_live(&arguments.live)?;
    let setup = arguments.scratch.setup(true)?;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {}", path.display()), &error))
    };
    let seeds = arguments.seeds.as_ref().map(read).transpose()?;
    let (tested, notes) = migrate::sample(
        &setup,
        (&directory, live.as_ref()),
        arguments.from.as_ref(),
        seeds.as_deref(),
    )?;
    if arguments.format == Form::Json {
        terminal::print(&json(&tested)?)?;
    } else {
        let mut out = String::new();
        for one in &tested {
            let word = if one.is_good() { "good" } else { "not good" };
            out.push_str(&format!("{}: {word}\n", one.migration));
            for (place, seconds) in &one.statements {
                out.push_str(&format!("    {place}  {:.1} ms\n", seconds * 1000.0));
            }
            for line in one.failure.iter().chain(&one.lost) {
                out.push_str(&format!("    {line}\n"));
            }
        }
        terminal::print(&out)?;
    }
    for note in notes {
        terminal::progress(&format!("note: {note}"));
    }
    Ok(u8::from(!tested.iter().all(migrate::Tested::is_good)))
}
