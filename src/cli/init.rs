//! `trueup init`: adopts a live database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use super::arguments::{LiveArguments, ScratchArguments};
use super::files::{Language, Layout, target_files, write_all, write_one};
use super::{execution, setup, terminal};
use crate::apply::{self, Options};
use crate::catalog::Catalog;
use crate::db::Url;
use crate::desired::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::reconcile::{self, Setup};
use crate::words::count;
use crate::{config, introspect};

/// Arguments of `trueup init`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Folder that the target files are written to; it must be new or empty
    #[arg(long, value_name = "DIR", default_value = "schema")]
    schema: PathBuf,
    /// Language of the target files
    #[arg(long, value_enum, default_value = "sql")]
    format: Language,
    /// What stands in one file [default: table; with YAML a file per schema, and one per table where there are many]
    #[arg(long, value_enum)]
    layout: Option<Layout>,
    /// Record the present state in the ledger (schema `trueup` of the database) without asking
    #[arg(long)]
    yes: bool,
    /// Write nothing into the database
    #[arg(long, conflicts_with = "yes")]
    no_baseline: bool,
    #[command(flatten)]
    scratch: ScratchArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    refuse_to_overwrite(&arguments.schema)?;
    let setup = setup::setup(&arguments.scratch)?;
    let url = setup::live(&arguments.live)?;
    let (server, whole) = introspect::introspect(&url, introspect::Options::default())?;
    let baseline = wants_baseline(arguments, &url)?;
    if baseline {
        (server.must_take_writes())
            .map_err(|error| error.hint("Name the primary, or pass --no-baseline to write files only."))?;
    }
    let mut catalog = whole;
    setup.filter.apply(&mut catalog)?;
    let files = written(arguments, &catalog)?;
    write_one(Path::new(config::FILE), &configuration(arguments)?)?;
    terminal::print(&format!(
        "Wrote {} and {} below {}.\n",
        config::FILE,
        count(files, "file"),
        arguments.schema.display()
    ))?;
    let is_true = check(&setup, &url, &arguments.schema)?;
    if baseline {
        let count = apply::record_baseline(&url, &Options::default(), &mut execution::show)?;
        terminal::print(&format!(
            "Recorded {count} objects in the ledger: `trueup drift` tells from now on who moved.\n"
        ))?;
    }
    for (kind, name) in &catalog.unmodelled {
        terminal::print(&format!("Not modelled, left as found: {kind} {name}.\n"))?;
    }
    Ok(u8::from(!is_true))
}

/// Nothing that somebody wrote is ever overwritten.
fn refuse_to_overwrite(folder: &Path) -> Result<()> {
    let refused =
        |path: &Path, hint: &str| Err(Error::usage(format!("{} is there already", path.display())).hint(hint));
    if Path::new(config::FILE).exists() {
        return refused(
            Path::new(config::FILE),
            "This folder has its configuration: move the file away, or write target files alone with `trueup inspect URL \
             --out DIR`.",
        );
    }
    let Ok(mut entries) = std::fs::read_dir(folder) else {
        return if folder.exists() {
            refused(folder, "Name another folder with --schema.")
        } else {
            Ok(())
        };
    };
    if entries.next().is_some() {
        return refused(folder, "Name another folder with --schema, or empty this one.");
    }
    Ok(())
}

fn wants_baseline(arguments: &Arguments, url: &Url) -> Result<bool> {
    if arguments.yes || arguments.no_baseline {
        return Ok(arguments.yes);
    }
    if terminal::can_ask() {
        let database = url.database();
        return Ok(terminal::ask(&format!(
            "Record the present state in the ledger (schema `trueup` of database {database})?"
        )));
    }
    Err(
        Error::usage("nobody can be asked whether to record the present state in the database")
            .hint("Pass --yes to record it in the ledger (schema `trueup`), or --no-baseline to write files only."),
    )
}

/// Writes the target files beside their place and moves them there at last, so that there are all of them or none.
fn written(arguments: &Arguments, catalog: &Catalog) -> Result<usize> {
    let mut files = target_files(catalog, arguments.format, arguments.layout);
    if files.is_empty() {
        let text = "-- The database has nothing that could be declared yet: declare the first table here.\n";
        files = BTreeMap::from([("schema.sql".to_owned(), text.to_owned())]);
    }
    let folder = &arguments.schema;
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".part-{}", std::process::id()));
    let unfinished = folder.with_file_name(name);
    let done = write_all(&unfinished, &files).and_then(|()| {
        std::fs::rename(&unfinished, folder).map_err(|error| Error::io(format!("write {}", folder.display()), &error))
    });
    if done.is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    done.map(|()| files.len())
}

/// Returns the configuration file: what later commands need to look at the same objects.
fn configuration(arguments: &Arguments) -> Result<String> {
    let mut fields = Map::new();
    fields.insert("schema".to_owned(), arguments.schema.display().to_string().into());
    let scratch = arguments.scratch.scratch.as_deref();
    // A URL has no place in a file.
    if let Some(scratch) = scratch.filter(|scratch| !Url::looks_like(scratch)) {
        fields.insert("scratch".to_owned(), scratch.into());
    }
    for (name, patterns) in [
        ("include", &arguments.scratch.include),
        ("exclude", &arguments.scratch.exclude),
    ] {
        if !patterns.is_empty() {
            fields.insert(name.to_owned(), patterns.clone().into());
        }
    }
    if !arguments.scratch.manage.is_empty() {
        let areas = serde_json::to_value(&arguments.scratch.manage);
        fields.insert(
            "manage".to_owned(),
            areas.map_err(|error| Error::internal(error.to_string()))?,
        );
    }
    let text = serde_yaml::to_string(&Value::Object(fields)).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!(
        "# Configuration of trueup: docs/configuration.md lists every key. The live database's URL has no place here: it is\n\
         # taken from --database, from DATABASE_URL, or from the variable that database_env names.\n{text}"
    ))
}

/// Plans with the new files; tells whether there is nothing to do.
fn check(setup: &Setup, url: &Url, folder: &Path) -> Result<bool> {
    match reconcile::plan(setup, url, &Source::Folder(folder.to_owned())) {
        Ok(plan) if plan.is_empty() => {
            terminal::print("Checked: a plan with these files has nothing to do.\n")?;
            Ok(true)
        }
        Ok(plan) => {
            terminal::say(&format!(
                "warning: these files do not say all: `trueup plan` has {} changes, which should not be; please report it",
                plan.changes.len()
            ));
            Ok(false)
        }
        Err(error) if error.kind == ErrorKind::Scratch => {
            terminal::say("warning: the files could not be checked, since there is no scratch database");
            terminal::error(&error);
            Ok(true)
        }
        Err(error) => Err(error.context("check the files that were written")),
    }
}
