//! `trueup drift`.

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::{execution, setup, terminal};
use crate::apply::{self, Options};
use crate::error::Result;
use crate::{reconcile, report};

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for people
    Human,
    /// Every difference, for programs
    Json,
    /// For an issue or a comment
    Markdown,
}

/// Arguments of `trueup drift`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 2 when there is drift: live differs from what was last applied, or from what is declared."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Exit with 0 when all that differs is declared and not applied yet
    #[arg(long)]
    ignore_pending: bool,
    /// Record what was changed by hand and is declared so by now as applied
    #[arg(long)]
    accept: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.schema.scratch)?;
    let url = setup::live(&arguments.live)?;
    let drift = reconcile::drift(&setup, &url, &setup::schema(&arguments.schema)?)?;
    terminal::print(&match arguments.format {
        Format::Human => report::drift_human(&drift, &terminal::style(None)),
        Format::Json => report::drift_json(&drift)?,
        Format::Markdown => report::drift_markdown(&drift),
    })?;
    if arguments.accept && !drift.adopted.is_empty() {
        let adopted = drift.adopted.iter();
        let objects: Vec<_> = adopted.map(|one| (one.object.clone(), one.print.clone())).collect();
        let count = apply::accept(&url, &objects, &Options::default(), &mut execution::show)?;
        terminal::progress(&format!("recorded: {count} objects"));
    }
    Ok(if drift.is_there(!arguments.ignore_pending) {
        2
    } else {
        0
    })
}
