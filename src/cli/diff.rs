//! `trueup diff`.

use clap::Args;

use super::arguments::{LiveArguments, PlanningArguments, ScratchArguments};
use super::format::FormatArguments;
use super::setup;
use crate::error::Result;
use crate::reconcile;

/// Arguments of `trueup diff`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the way begins: a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH, env:NAME, a URL,
    /// ledger:NUMBER (as it was after that execution; also NUMBER:before, latest, first, or a time), or live
    #[arg(value_name = "FROM")]
    from: String,
    /// Where it leads to, in any of the same forms
    #[arg(value_name = "TO")]
    to: String,
    #[command(flatten)]
    format: FormatArguments,
    /// Exit with 2 when there are differences
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::planning(&arguments.scratch, &arguments.planning)?;
    let source = |text: &str| setup::source(text, &arguments.live);
    let (from, to) = (source(&arguments.from)?, source(&arguments.to)?);
    let plan = reconcile::diff(&setup, &from, &to)?;
    arguments.format.print(&plan, &to, None)?;
    plan.must_hold()?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
