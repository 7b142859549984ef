//! Arguments that commands share, and the list of commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::log::{self, LogFormat};
use super::{
    apply, demo, diff, doctor, drift, explain, history, init, inspect, lint, migrate, plan, progress, purge, restore,
    rollback, setup, terminal, why,
};
use crate::error::Result;
use crate::kinds::Area;

/// Brings a `PostgreSQL` database into true with its declared schema.
#[derive(Debug, Parser)]
#[command(name = "trueup", version, max_term_width = 100)]
struct Arguments {
    /// Write no progress to standard error; errors are written
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Write a log line per event, to standard error or to the log file
    #[arg(long, global = true, value_enum, value_name = "FORM")]
    log_format: Option<LogFormat>,
    /// Append the log to a file
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what would bring the database to the declared schema: changes, risks, forward and rollback SQL
    Plan(plan::Arguments),
    /// Tell who moved: live against what is declared and against what was last applied
    Drift(drift::Arguments),
    /// Show what leads from one source to another; no database is needed when neither is one
    Diff(diff::Arguments),
    /// Tell all about one object: its declaration, both its forms, its last change, what depends on it
    Why(why::Arguments),
    /// Check connection, privileges, scratch, ledger, and what in the database will hurt sooner or later
    Doctor(doctor::Arguments),
    /// Show the whole loop on a throw-away PostgreSQL
    Demo(demo::Arguments),
    /// Execute a plan file, or make a plan and ask
    Apply(apply::Arguments),
    /// Execute the rollback of the last execution, or of one
    Rollback(rollback::Arguments),
    /// List the backups that were made before applies, or restore one
    Restore(restore::Arguments),
    /// List what was dropped and is kept in quarantine, or drop for good what is old enough
    Purge(purge::Arguments),
    /// Show the state of the ledger and its newest execution
    Status(history::Arguments),
    /// List what was executed, newest first, or show one execution whole
    History(history::Listing),
    /// Print the manual page of a risk rule, or the list of all rules
    Explain(explain::Arguments),
    /// Adopt a live database: write target files and trueup.yaml, and record its state
    Init(init::Arguments),
    /// Write a source as SQL, YAML, a snapshot or a diagram; sizes of a live one
    Inspect(inspect::Arguments),
    /// Judge SQL files by the risk rules and by their text
    Lint(lint::Arguments),
    /// Run numbered migration files
    Migrate(migrate::Arguments),
}

/// Names the live database.
#[derive(Debug, Args)]
pub(super) struct LiveArguments {
    /// Live database, `postgres://…`; without it the PG* variables decide, as for psql
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Environment of trueup.yaml; `plan` and `drift` take several (`a,b`) or `all`
    #[arg(long, value_name = "NAME")]
    pub(super) env: Option<String>,
}

/// Names the desired side and how it is elaborated.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Declared schema: a folder, a .sql or .yaml file, a snapshot .json, git:REF:PATH, env:NAME, ledger:NUMBER or a URL
    /// [default: schema]
    #[arg(long, value_name = "SOURCE")]
    pub(super) schema: Option<String>,
    #[command(flatten)]
    pub(super) scratch: ScratchArguments,
}

/// How a plan is made.
#[derive(Debug, Args)]
pub(super) struct PlanningArguments {
    /// Do not execute the plan on a scratch database first: its locks and rewrites are then expected, not observed
    #[arg(long)]
    pub(super) no_prove: bool,
    /// Rename OLD, named as it is now, to NEW, as `-- trueup: renamed from OLD` in the target files would; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pub(super) rename: Vec<String>,
    /// Say of a new object, or of one that is dropped, that it is no rename; repeatable
    #[arg(long, value_name = "NAME")]
    pub(super) no_rename: Vec<String>,
}

/// Whether the rows are asked.
#[derive(Debug, Args)]
pub(super) struct PreflightArguments {
    /// Do not count the rows that a new constraint or a narrower type would refuse
    #[arg(long)]
    pub(super) no_preflight: bool,
}

/// Names the provider of scratch databases.
#[derive(Debug, Args)]
pub(super) struct ScratchArguments {
    /// Where throw-away databases are made: `auto` (PostgreSQL binaries on this machine), a server's URL, or `live`
    /// [default: auto]
    #[arg(long, env = "TRUEUP_SCRATCH", hide_env_values = true, value_name = "WHERE")]
    pub(super) scratch: Option<String>,
    /// Look only at objects that fit `[KIND:]NAME`, for example `shop.*` or `table:public.*`; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(super) include: Vec<String>,
    /// Leave out objects that fit `[KIND:]NAME`; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,
    /// Look after what lies beside the schema too: roles, or the database itself; repeatable
    #[arg(long, value_name = "AREA", value_enum)]
    pub(super) manage: Vec<Area>,
    /// When statements that read or write a whole table get a form that blocks nobody for long: `auto` decides by the
    /// size of the table (`online_above` in trueup.yaml, 64MiB by default), `always` and `never` do not
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(super) online: OnlineChoice,
    /// Do not use the cache of desired catalogs
    #[arg(long)]
    pub(super) no_cache: bool,
}

/// When statements get their online form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnlineChoice {
    /// By the size of the table
    Auto,
    /// On every table that is there
    Always,
    /// Never
    Never,
}

/// Parses the command line, runs the command, and reports an error; returns the exit code.
pub fn run() -> ExitCode {
    setup::on_interrupt();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for; a wrong command line is an error like any other (2 means changes).
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let logged = log::start(arguments.log_format, arguments.log_file.as_deref());
    progress::start(arguments.quiet || log::replaces_progress());
    let done = logged.and_then(|()| dispatch(&arguments.command));
    progress::clear();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal::error(&error);
            log::error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn dispatch(command: &Command) -> Result<u8> {
    match command {
        Command::Plan(arguments) => plan::run(arguments),
        Command::Drift(arguments) => drift::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Why(arguments) => why::run(arguments),
        Command::Doctor(arguments) => doctor::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Rollback(arguments) => rollback::run(arguments),
        Command::Restore(arguments) => restore::run(arguments),
        Command::Purge(arguments) => purge::run(arguments),
        Command::Status(arguments) => history::status(arguments),
        Command::History(arguments) => history::history(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::Migrate(arguments) => migrate::run(arguments),
    }
}
