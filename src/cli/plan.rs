//! `trueup plan`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{LiveArguments, SchemaArguments};
use super::{setup, terminal};
use crate::error::{Error, Result};
use crate::reconcile;

/// Arguments of `trueup plan`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    /// Write the plan file, for `trueup apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.schema.scratch)?;
    let url = setup::live(&arguments.live)?;
    let plan = reconcile::plan(&setup, &url, &setup::schema(&arguments.schema)?)?;
    if let Some(path) = &arguments.out {
        std::fs::write(path, plan.to_file()?)
            .map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    }
    for step in &plan.forward {
        for s in &step.statements {
            terminal::print(&format!("{};\n", s.sql))?;
        }
    }
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
