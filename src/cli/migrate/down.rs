//! `trueup migrate down`.

use clap::Args;

use super::common::RunArguments;
use super::up::execute;
use crate::error::Result;
use crate::migrate::{Selection, Version};
use crate::plan::Direction;

/// Arguments of `trueup migrate down`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many to take back [default: 1]
    #[arg(long, value_name = "N", conflicts_with_all = ["to", "batch"])]
    steps: Option<usize>,
    /// Take back everything that the last `up` applied
    #[arg(long, conflicts_with = "to")]
    batch: bool,
    /// Version that stays; everything above it is taken back, and with 0 everything
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,
    #[command(flatten)]
    run: RunArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let selection = Selection {
        to: arguments.to.clone(),
        steps: arguments.steps,
        batch: arguments.batch,
        ..Selection::default()
    };
    execute(&arguments.run, Direction::Rollback, &selection)
}
