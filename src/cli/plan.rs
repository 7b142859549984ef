//! `trueup plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::{setup, terminal};
use crate::error::{Error, Result};
use crate::reconcile;
use crate::report::{self, Direction, Style};

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
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
    /// With `--format human`: show long plans whole
    #[arg(long)]
    verbose: bool,
    /// Exit with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::planning(&arguments.schema)?;
    let url = setup::live(&arguments.live)?;
    let plan = reconcile::plan(&setup, &url, &setup::schema(&arguments.schema)?)?;
    if let Some(path) = &arguments.out {
        std::fs::write(path, plan.to_file()?)
            .map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    }
    let file = arguments.out.as_ref().map(|path| path.display().to_string());
    terminal::print(&match arguments.format {
        Format::Human => report::human(
            &plan,
            &Style {
                verbose: arguments.verbose,
                ..terminal::style(file.as_deref())
            },
        ),
        Format::Json => report::json(&plan)?,
        Format::Sql if arguments.rollback => report::sql(&plan, Direction::Rollback),
        Format::Sql => report::sql(&plan, Direction::Forward),
    })?;
    plan.must_hold()?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
