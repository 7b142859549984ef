//! `trueup migrate new` and `trueup migrate renumber`.

use std::path::PathBuf;

use clap::Args;

use super::common::FolderArguments;
use super::up::named;
use crate::cli::terminal;
use crate::error::{Error, Result};
use crate::migrate::{self, Content, Migration};

/// Arguments of `trueup migrate new`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What the migration does, in a few words
    #[arg(value_name = "NAME")]
    name: String,
    /// File that the new one begins as; {name}, {version}, {author} and {date} are filled in
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArguments,
}

/// Arguments of `trueup migrate renumber`.
#[derive(Debug, Args)]
pub(super) struct RenumberArguments {
    /// File of the migration; a version will do where only one file has it
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    folder: FolderArguments,
}

/// Runs `new`.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| {
            Error::io(format!("read template {}", path.display()), &error)
                .hint("--template names a file whose content the new one begins with; without it there is a plain one.")
        })
    };
    let content = Content {
        forward: arguments.template.as_ref().map(read).transpose()?,
        rollback: None,
    };
    let folder = &arguments.folder;
    let made = migrate::create(&folder.path()?, (folder.layout(), &arguments.name), &author(), &content)?;
    terminal::print(
        &made
            .iter()
            .map(|path| format!("{}\n", path.display()))
            .collect::<String>(),
    )?;
    Ok(0)
}

/// Returns who works here.
pub(super) fn author() -> String {
    let names = ["GIT_AUTHOR_NAME", "USER", "USERNAME"];
    let mut names = names.iter().filter_map(|name| std::env::var(name).ok());
    names.find(|name| !name.is_empty()).unwrap_or_default()
}

/// Runs `renumber`.
pub(super) fn renumber(arguments: &RenumberArguments) -> Result<u8> {
    let directory = arguments.folder.read()?;
    let is_meant = |own: &&Migration| {
        own.forward.path == arguments.file || own.forward.path.ends_with(&format!("/{}", arguments.file))
    };
    let migration = match directory.migrations.iter().find(is_meant) {
        Some(migration) => migration,
        None => {
            let version = named(&directory, &arguments.file)?;
            let mut of_version = directory.migrations.iter().filter(|own| own.version == version);
            match (of_version.next(), of_version.next()) {
                (Some(one), None) => one,
                (Some(_), Some(_)) => {
                    return Err(Error::usage(format!("two files have version {version}"))
                        .hint("Name the file that gets a new version."));
                }
                _ => {
                    return Err(Error::usage(format!("there is no migration {version}"))
                        .hint("`trueup migrate list` shows the versions of the folder."));
                }
            }
        }
    };
    let made = migrate::renumber(&directory, migration)?;
    terminal::print(
        &made
            .iter()
            .map(|path| format!("{}\n", path.display()))
            .collect::<String>(),
    )?;
    Ok(0)
}
