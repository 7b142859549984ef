//! `trueup doctor`.

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, SchemaArguments};
use super::{setup, terminal};
use crate::doctor::{self, Check, Health};
use crate::error::{Error, Result};

/// Form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per check, for people
    Human,
    /// A list of checks, for programs
    Json,
}

/// Arguments of `trueup doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Exits with 1 when a check fails; warnings leave it at 0.")]
pub(super) struct Arguments {
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
    let checks = checks(arguments);
    let failed = checks.iter().any(|check| check.health == Health::Fail);
    terminal::print(&match arguments.format {
        Format::Human => crate::report::doctor_human(&checks, &terminal::style(None)),
        Format::Json => {
            serde_json::to_string_pretty(&checks).map_err(|error| Error::internal(error.to_string()))? + "\n"
        }
    })?;
    Ok(u8::from(failed))
}

fn checks(arguments: &Arguments) -> Vec<Check> {
    // Everything else reads the configuration too, and would only say the same again.
    let setup = match setup::setup(&arguments.schema.scratch) {
        Ok(setup) => setup,
        Err(error) => return vec![Check::of("configuration", &error)],
    };
    let files = match setup::schema(&arguments.schema, &arguments.live) {
        Ok(source) => Check::ok("target files", format!("Declared by {source}.")),
        Err(error) => Check::warn(
            "target files",
            error.to_string(),
            "`trueup init` writes target files from a live database; --schema names them where they are elsewhere.",
        ),
    };
    let mut out = vec![files];
    match setup::live(&arguments.live) {
        Ok(url) => out.extend(doctor::examine(&setup, &url)),
        Err(error) => out.push(Check::of("connection", &error)),
    }
    out
}
