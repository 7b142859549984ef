//! `trueup migrate`: numbered migration files. One file per subcommand.

mod accept;
mod common;
mod down;
mod import;
mod new;
mod sample;
mod show;
mod status;
mod up;
mod whole;

use clap::{Args, Subcommand};

use crate::error::Result;

/// Arguments of `trueup migrate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the files of a new migration
    New(new::Arguments),
    /// Apply pending migrations, tried on a scratch copy first
    Up(up::Arguments),
    /// Take back what was applied last
    Down(down::Arguments),
    /// Apply, or take back, one migration alone
    Run(up::OneArguments),
    /// Show what is applied, what is pending, and what stands in the way
    Status(status::Arguments),
    /// List the migrations of the folder; no database is needed
    List(status::ListArguments),
    /// Record migrations as applied without running them: the database is there already
    Baseline(accept::BaselineArguments),
    /// Accept that the file of an applied migration was changed, with a reason
    Repair(accept::RepairArguments),
    /// Give a migration the next free version
    Renumber(new::RenumberArguments),
    /// Make a migration of what is declared and the files do not give yet
    Generate(whole::GenerateArguments),
    /// Compare what the files give with the declared schema and with the live database
    Verify(whole::VerifyArguments),
    /// Run migrations on a scratch database whose tables hold rows
    Test(sample::Arguments),
    /// Put all migrations up to a version into one
    Squash(whole::SquashArguments),
    /// Take over what another runner has applied
    Import(import::Arguments),
    /// Drop everything in a database of development and apply every migration anew
    Reset(whole::ResetArguments),
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.command {
        Command::New(arguments) => new::run(arguments),
        Command::Up(arguments) => up::run(arguments),
        Command::Down(arguments) => down::run(arguments),
        Command::Run(arguments) => up::run_one(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::List(arguments) => status::list(arguments),
        Command::Baseline(arguments) => accept::baseline(arguments),
        Command::Repair(arguments) => accept::repair(arguments),
        Command::Renumber(arguments) => new::renumber(arguments),
        Command::Generate(arguments) => whole::generate(arguments),
        Command::Verify(arguments) => whole::verify(arguments),
        Command::Test(arguments) => sample::run(arguments),
        Command::Squash(arguments) => whole::squash(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Reset(arguments) => whole::reset(arguments),
    }
}
