//! `trueup diff`.

use clap::Args;

use super::arguments::ScratchArguments;
use super::format::FormatArguments;
use super::setup;
use crate::error::Result;
use crate::reconcile::{self, Setup};

/// Arguments of `trueup diff`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the way begins: a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH, env:NAME or a URL
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
    scratch: ScratchArguments,
    /// Do not execute the difference on a scratch database first; its locks and rewrites are then expected, not observed
    #[arg(long)]
    no_prove: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = Setup {
        prove: !arguments.no_prove,
        ..setup::setup(&arguments.scratch)?
    };
    let (from, to) = (setup::source(&arguments.from)?, setup::source(&arguments.to)?);
    let plan = reconcile::diff(&setup, &from, &to)?;
    arguments.format.print(&plan, &to, None)?;
    plan.must_hold()?;
    Ok(if arguments.exit_code && !plan.is_empty() { 2 } else { 0 })
}
