//! `trueup plan`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{LiveArguments, PlanningArguments, SchemaArguments};
use super::format::FormatArguments;
use super::{question, setup};
use crate::error::{Error, Result};
use crate::reconcile;

/// Arguments of `trueup plan`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Snapshot that stands in for the live database, as `trueup inspect --format json` writes it
    #[arg(id = "snapshot", long = "live", value_name = "SNAPSHOT")]
    snapshot: Option<String>,
    #[command(flatten)]
    schema: SchemaArguments,
    #[command(flatten)]
    planning: PlanningArguments,
    /// Write the plan file, for `trueup apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArguments,
    /// Exit with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::planning(&arguments.schema.scratch, &arguments.planning)?;
    let source = setup::schema(&arguments.schema)?;
    let plan = question::settle(setup, |setup| match &arguments.snapshot {
        Some(snapshot) => reconcile::plan_snapshot(setup, &setup::source(snapshot)?, &source),
        None => reconcile::plan(setup, &setup::live(&arguments.live)?, &source),
    })?;
    if let Some(path) = &arguments.out {
        std::fs::write(path, plan.to_file()?)
            .map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    }
    arguments.format.print(&plan, &source, arguments.out.as_deref())?;
    plan.must_be_answered()?;
    plan.must_hold()?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
