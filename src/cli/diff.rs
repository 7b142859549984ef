//! `trueup diff`.

use clap::Args;

use super::arguments::ScratchArguments;
use super::plan::{Format, show};
use super::setup;
use crate::error::Result;
use crate::reconcile;

/// Arguments of `trueup diff`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the way begins: a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH, env:NAME or a URL
    #[arg(value_name = "FROM")]
    from: String,
    /// Where it leads to, in any of the same forms
    #[arg(value_name = "TO")]
    to: String,
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// With `--format sql`: the script that leads back
    #[arg(long)]
    rollback: bool,
    /// Exit with 2 when there are differences
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.scratch)?;
    let (from, to) = (setup::source(&arguments.from)?, setup::source(&arguments.to)?);
    let plan = reconcile::diff(&setup, &from, &to)?;
    show(&plan, arguments.format, arguments.rollback, None)?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
