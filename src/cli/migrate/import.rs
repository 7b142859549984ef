//! `trueup migrate import`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::accept::with;
use super::common::{FolderArguments, Form, json};
use crate::cli::arguments::LiveArguments;
use crate::cli::terminal;
use crate::error::{Error, Result};
use crate::migrate::{ImportOptions, Tool, read_mapping};

/// Arguments of `trueup migrate import`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Runner: flyway, liquibase, dbmate, golang-migrate, sqlx, refinery, prisma, drizzle, rails or alembic; found by its
    /// table where it is not named
    #[arg(long, value_name = "RUNNER", value_parser = tool)]
    from: Option<Tool>,
    /// File with one line per migration: what the other runner calls it, `=`, and the version of its file
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Take files that differ from what was run as they are
    #[arg(long)]
    accept_changed: bool,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Form,
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    live: LiveArguments,
}

fn tool(text: &str) -> std::result::Result<Tool, String> {
    text.parse::<Tool>()
        .map_err(|error| format!("{}. {}", error.message, error.hint.unwrap_or_default()))
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mapping = match &arguments.mapping {
        None => BTreeMap::new(),
        Some(path) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {shown}"), &error))?;
            read_mapping(&shown, &text)?
        }
    };
    let wanted = ImportOptions {
        tool: arguments.from,
        mapping,
        accept_changed: arguments.accept_changed,
    };
    let done = with(
        &arguments.folder,
        &arguments.live,
        arguments.dry_run,
        |migrator, options| migrator.import(&wanted, options),
    )?;
    if arguments.format == Form::Json {
        terminal::print(&json(&done)?)?;
        return Ok(0);
    }
    let would = if arguments.dry_run { "would be " } else { "" };
    let mut out = format!("{} ({}): {would}taken over\n", done.table, done.tool);
    for title in &done.migrations {
        out.push_str(&format!("  {title}\n"));
    }
    for title in &done.without_file {
        out.push_str(&format!("  {title} (no SQL file)\n"));
    }
    terminal::print(&out)?;
    Ok(0)
}
