//! `trueup inspect`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::arguments::ScratchArguments;
use super::{setup, terminal};
use crate::desired::{write, yaml};
use crate::error::{Error, Result};
use crate::reconcile;

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// SQL target files
    Sql,
    /// YAML target files
    Yaml,
    /// A snapshot, which every command takes as a source
    Json,
}

/// Arguments of `trueup inspect`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What is inspected: a URL, a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH or env:NAME
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Form of the output
    #[arg(long, value_enum, default_value = "sql")]
    format: Format,
    /// Folder that the files are written to; without it everything goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.scratch)?;
    let desired = reconcile::desired(&setup, &setup::source(&arguments.source)?, None)?;
    let mut catalog = desired.catalog;
    setup.filter.apply(&mut catalog)?;
    match (arguments.format, &arguments.out) {
        (Format::Json, out) => {
            let mut text =
                serde_json::to_string_pretty(&catalog).map_err(|error| Error::internal(error.to_string()))?;
            text.push('\n');
            match out {
                Some(folder) => write_file(folder, "catalog.json", &text)?,
                None => terminal::print(&text)?,
            }
        }
        (Format::Sql, None) => terminal::print(&write::sql_script(&catalog))?,
        (Format::Sql, Some(folder)) => {
            write::sql_files(&catalog)
                .iter()
                .try_for_each(|(path, text)| write_file(folder, path, text))?;
        }
        (Format::Yaml, None) => {
            let documents: Vec<String> = yaml::yaml_files(&catalog).into_values().collect();
            terminal::print(&documents.join("---\n"))?;
        }
        (Format::Yaml, Some(folder)) => {
            yaml::yaml_files(&catalog)
                .iter()
                .try_for_each(|(path, text)| write_file(folder, path, text))?;
        }
    }
    Ok(0)
}

fn write_file(folder: &Path, path: &str, text: &str) -> Result<()> {
    let path = folder.join(path);
    let naming = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(naming)?;
    }
    std::fs::write(&path, text).map_err(naming)
}
