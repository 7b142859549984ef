//! `trueup plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::{setup, terminal};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::reconcile;
use crate::report::{self, Direction};

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables and text, for people
    Human,
    /// The plan with a summary, for programs
    Json,
    /// A script that psql runs as it is
    Sql,
}

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
    /// Write the plan file, for `trueup apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// With `--format sql`: the script that leads back
    #[arg(long)]
    rollback: bool,
    /// Exit with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.schema.scratch)?;
    let schema = setup::schema(&arguments.schema)?;
    let plan = match &arguments.snapshot {
        Some(snapshot) => reconcile::plan_snapshot(&setup, &setup::source(snapshot)?, &schema)?,
        None => reconcile::plan(&setup, &setup::live(&arguments.live)?, &schema)?,
    };
    if let Some(path) = &arguments.out {
        std::fs::write(path, plan.to_file()?)
            .map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    }
    let file = arguments.out.as_ref().map(|path| path.display().to_string());
    show(&plan, arguments.format, arguments.rollback, file.as_deref())?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}

/// Prints the report of a plan.
pub(super) fn show(plan: &Plan, format: Format, rollback: bool, file: Option<&str>) -> Result<()> {
    terminal::print(&match format {
        Format::Human => report::human(plan, &terminal::style(file)),
        Format::Json => report::json(plan)?,
        Format::Sql if rollback => report::sql(plan, Direction::Rollback),
        Format::Sql => report::sql(plan, Direction::Forward),
    })
}
