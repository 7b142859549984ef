//! What the subcommands share: the folder, the scratch provider, how files run.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::arguments::{LiveArguments, OnlineChoice, ScratchArguments};
use crate::cli::{execution, setup};
use crate::error::Result;
use crate::migrate::{Directory, Layout, Mode};
use crate::reconcile::Setup;

/// Names the folder of migrations.
#[derive(Debug, Args)]
pub(super) struct FolderArguments {
    /// Folder of migration files [default: migrations]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// How its files are named, where that is not to be detected: numbered, flyway, up-down, journal or folders
    #[arg(long, value_name = "LAYOUT", value_parser = layout)]
    layout: Option<Layout>,
}

fn layout(text: &str) -> std::result::Result<Layout, String> {
    text.parse::<Layout>()
        .map_err(|error| format!("{}. {}", error.message, error.hint.unwrap_or_default()))
}

impl FolderArguments {
    /// Returns the path of the folder.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let named = match &self.dir {
            Some(dir) => Some(dir.clone()),
            None => setup::config()?.migrations.map(PathBuf::from),
        };
        Ok(named.unwrap_or_else(|| PathBuf::from("migrations")))
    }

    /// Returns the layout that the user names.
    pub(super) fn layout(&self) -> Option<Layout> {
        self.layout
    }

    /// Reads the folder.
    pub(super) fn read(&self) -> Result<Directory> {
        Directory::read(&self.path()?, self.layout)
    }
}

/// Names where files are tried.
#[derive(Debug, Default, Args)]
pub(super) struct ScratchChoice {
    /// Where throw-away databases are made: `auto` (PostgreSQL binaries on this machine), a server's URL, or `live`
    /// [default: auto]
    #[arg(long, env = "TRUEUP_SCRATCH", hide_env_values = true, value_name = "WHERE")]
    scratch: Option<String>,
    /// Do not use the cache: neither of desired catalogs, nor of trials that held before
    #[arg(long)]
    no_cache: bool,
}

impl ScratchChoice {
    /// Builds the set-up.
    pub(super) fn setup(&self, prove: bool) -> Result<Setup> {
        let arguments = ScratchArguments {
            scratch: self.scratch.clone(),
            include: Vec::new(),
            exclude: Vec::new(),
            manage: Vec::new(),
            online: OnlineChoice::Never,
            no_cache: self.no_cache,
        };
        Ok(Setup {
            prove,
            ..setup::unmanaged(&arguments)?
        })
    }
}

/// What commits together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TransactionChoice {
    /// Each file, as far as its statements can
    File,
    /// All files together
    Batch,
    /// Each statement
    None,
}

impl From<TransactionChoice> for Mode {
    fn from(choice: TransactionChoice) -> Self {
        match choice {
            TransactionChoice::File => Self::File,
            TransactionChoice::Batch => Self::Batch,
            TransactionChoice::None => Self::None,
        }
    }
}

/// How files run.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) folder: FolderArguments,
    #[command(flatten)]
    pub(super) live: LiveArguments,
    /// Do not try the files on a scratch copy first; nothing is then rated
    #[arg(long)]
    pub(super) no_prove: bool,
    /// Take a rollback that does not restore what was before as it is
    #[arg(long)]
    pub(super) accept_rollback: bool,
    /// Make no backup where the environment asks for one; the ledger keeps the reason
    #[arg(long, requires = "reason")]
    pub(super) skip_backup: bool,
    /// Target files that state the secrets which the files name by marks [default: schema, where it is there]
    #[arg(long, value_name = "SOURCE")]
    pub(super) schema: Option<String>,
    /// What commits together
    #[arg(long, value_name = "WHAT", value_enum, default_value = "file")]
    pub(super) transaction: TransactionChoice,
    /// Write one line of JSON per migration to this file
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,
    /// Write counters for Prometheus to this file (the node exporter's text format)
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub(super) format: Form,
    #[command(flatten)]
    pub(super) scratch: ScratchChoice,
    #[command(flatten)]
    pub(super) execution: execution::ExecutionArguments,
}

/// Form of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Returns a value as indented JSON with a line break.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| crate::error::Error::internal(error.to_string()))?;
    Ok(text + "\n")
}
