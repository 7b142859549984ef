//! `trueup why`.

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::{setup, terminal};
use crate::error::{Error, Result};
use crate::{reconcile, report};

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text, for people
    Human,
    /// One document per object, in a list, for programs
    Json,
}

/// Arguments of `trueup why`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Object: `[KIND:]NAME`, for example `shop.orders`, `shop.orders.total` or `index:shop.orders_total_idx`
    #[arg(value_name = "OBJECT")]
    object: String,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.schema.scratch)?;
    let url = setup::live(&arguments.live)?;
    let found = reconcile::why(
        &setup,
        &url,
        &setup::schema(&arguments.schema, &arguments.live)?,
        &arguments.object,
    )?;
    terminal::print(&match arguments.format {
        Format::Human => report::why_human(&found, &terminal::style(None)),
        Format::Json => {
            let text = serde_json::to_string_pretty(&found).map_err(|error| Error::internal(error.to_string()))?;
            text + "\n"
        }
    })?;
    Ok(0)
}
