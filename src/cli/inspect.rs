//! `trueup inspect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, ScratchArguments};
use super::files::{Language, Layout, target_files, write_all, write_one};
use super::{setup, terminal};
use crate::catalog::{Catalog, Identity};
use crate::db::Url;
use crate::desired::source::Source;
use crate::desired::write::{family, object_sql};
use crate::desired::{mermaid, write};
use crate::error::{Error, Result};
use crate::kinds::Kind;
use crate::reconcile::Setup;
use crate::{introspect, reconcile, report};

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// SQL target files
    Sql,
    /// YAML target files
    Yaml,
    /// A snapshot, which every command takes as a source
    Json,
    /// An entity-relationship diagram
    Mermaid,
}

/// Arguments of `trueup inspect`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What is inspected: a URL, a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH, env:NAME, live or
    /// ledger:NUMBER
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Form of the output [default: sql]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Folder that the files are written to; without it everything goes to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What stands in one file [default: table; with YAML a file per schema, and one per table where there are many]
    #[arg(long, value_enum, requires = "out")]
    layout: Option<Layout>,
    /// Only one table (or view, type, routine, …), with all that belongs to it
    #[arg(long, value_name = "NAME", conflicts_with = "sizes")]
    table: Option<String>,
    /// Row estimates and sizes of the tables of a live database, as a table or with `--format json`
    #[arg(long, conflicts_with_all = ["out", "layout"])]
    sizes: bool,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let setup = setup::setup(&arguments.scratch)?;
    let source = setup::source(&arguments.source, &arguments.live)?;
    if arguments.sizes {
        return sizes(arguments, &setup, &source);
    }
    let mut catalog = reconcile::desired(&setup, &source, None)?.catalog;
    setup.filter.apply(&mut catalog)?;
    let format = arguments.format.unwrap_or(Format::Sql);
    if let Some(name) = &arguments.table {
        let objects = reconcile::find(name, &[&catalog])?;
        let Some(object) = objects.into_iter().next() else {
            return Ok(0);
        };
        if format == Format::Sql && arguments.out.is_none() {
            terminal::print(&object_sql(&catalog, &object).unwrap_or_default())?;
            return Ok(0);
        }
        let mut kept = family(&catalog, &object);
        // YAML says tables by schema.
        let schema = object.path.first().map(|schema| Identity::new(Kind::Schema, [schema]));
        kept.extend(schema.iter().flat_map(|schema| family(&catalog, schema)));
        let gone: Vec<_> = catalog
            .objects
            .keys()
            .filter(|other| !kept.contains(other))
            .cloned()
            .collect();
        for other in gone {
            catalog.remove(&other);
        }
    }
    show(arguments, format, &catalog)
}

fn show(arguments: &Arguments, format: Format, catalog: &Catalog) -> Result<u8> {
    let text = match (format, &arguments.out) {
        (Format::Json, _) => {
            let text = serde_json::to_string_pretty(catalog).map_err(|error| Error::internal(error.to_string()))?;
            text + "\n"
        }
        (Format::Mermaid, _) => mermaid::mermaid(catalog),
        (Format::Sql | Format::Yaml, Some(folder)) => {
            let language = if format == Format::Sql {
                Language::Sql
            } else {
                Language::Yaml
            };
            write_all(folder, &target_files(catalog, language, arguments.layout))?;
            return Ok(0);
        }
        (Format::Sql, None) => write::sql_script(catalog),
        (Format::Yaml, None) => {
            let documents = target_files(catalog, Language::Yaml, None).into_values();
            documents.collect::<Vec<_>>().join("---\n")
        }
    };
    match &arguments.out {
        Some(folder) if format == Format::Json => write_one(&folder.join("catalog.json"), &text)?,
        Some(folder) => write_one(&folder.join("diagram.mmd"), &text)?,
        None => terminal::print(&text)?,
    }
    Ok(0)
}

fn sizes(arguments: &Arguments, setup: &Setup, source: &Source) -> Result<u8> {
    let url = match source {
        Source::Database(text) => Url::parse(text, &setup.environment)?,
        Source::Live(Some(url)) => url.as_ref().clone(),
        _ => {
            return Err(
                Error::usage(format!("`{source}` has no sizes")).hint("Only a live database has: pass its URL.")
            );
        }
    };
    if !matches!(arguments.format, None | Some(Format::Json)) {
        return Err(Error::usage("sizes have no such form").hint("Leave --format out, or pass --format json."));
    }
    let mut client = url.connect()?;
    let empty = Catalog::default();
    let mut sizes = Vec::new();
    for size in introspect::sizes(&mut client)? {
        if setup.filter.admits(&size.object, &empty)? {
            sizes.push(size);
        }
    }
    terminal::print(&match arguments.format {
        None => report::sizes_human(&sizes, &terminal::style(None)),
        Some(_) => serde_json::to_string_pretty(&sizes).map_err(|error| Error::internal(error.to_string()))? + "\n",
    })?;
    Ok(0)
}
