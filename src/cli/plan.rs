//! `trueup plan`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{LiveArguments, PlanningArguments, PreflightArguments, SchemaArguments};
use super::format::FormatArguments;
use super::place::{self, Place, Places};
use super::{question, setup, several, terminal};
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::reconcile::{self, Setup};

/// Arguments of `trueup plan`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Snapshot that stands in for the live database, as `trueup inspect --format json` writes it
    #[arg(id = "snapshot", long = "live", value_name = "SNAPSHOT", conflicts_with = "env")]
    snapshot: Option<String>,
    #[command(flatten)]
    schema: SchemaArguments,
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    preflight: PreflightArguments,
    /// Write the plan file, for `trueup apply FILE`; with several environments one each: `plan.NAME.json`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArguments,
    /// Exit with 2 when there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Exit code of a plan that waits for an answer.
const BLOCKED: u8 = 3;

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let source = setup::schema(&arguments.schema, &arguments.live)?;
    if let Some(places) = place::places(&arguments.live)? {
        return all(arguments, places, &source);
    }
    let plan = match &arguments.snapshot {
        Some(snapshot) => {
            let setup = setup::planning(&arguments.schema.scratch, &arguments.planning)?;
            let snapshot = setup::source(snapshot, &arguments.live)?;
            question::settle(setup, |setup| reconcile::plan_snapshot(setup, &snapshot, &source))?
        }
        None => {
            let place = place::place(&arguments.live)?;
            let setup = set_up(arguments, &place)?;
            question::settle(setup, |setup| reconcile::plan(setup, &place.url, &source))?
        }
    };
    if let Some(path) = &arguments.out {
        write(&plan, path)?;
    }
    arguments.format.print(&plan, &source, arguments.out.as_deref())?;
    match (plan.must_be_answered(), &arguments.out) {
        (Err(open), None) => return Err(open),
        // The file carries the question to whoever applies it.
        (Err(open), Some(_)) => {
            terminal::error(&open);
            if arguments.exit_code {
                return Ok(BLOCKED);
            }
        }
        (Ok(()), _) => {}
    }
    plan.must_hold()?;
    Ok(code(arguments, &plan))
}

fn set_up(arguments: &Arguments, place: &Place) -> Result<Setup> {
    setup::planning_for(&arguments.schema, &arguments.planning, &arguments.preflight, place)
}

fn one(arguments: &Arguments, place: &Place, source: &Source) -> Result<Plan> {
    let setup = set_up(arguments, place)?;
    reconcile::plan(&setup, &place.url, source)
}

fn code(arguments: &Arguments, plan: &Plan) -> u8 {
    if arguments.exit_code && !plan.is_empty() { 2 } else { 0 }
}

fn write(plan: &Plan, path: &Path) -> Result<()> {
    std::fs::write(path, plan.to_file()?).map_err(|error| Error::io(format!("write {}", path.display()), &error))
}

/// Plans for several environments at the same time and shows them side by side.
fn all(arguments: &Arguments, places: Places, source: &Source) -> Result<u8> {
    arguments.format.must_take_several()?;
    let plans = several::each(places, |place| one(arguments, place, source));
    let mut codes = Vec::new();
    for (name, plan) in &plans {
        codes.push(match plan {
            Ok(plan) => {
                if let Some(path) = &arguments.out {
                    write(plan, &several::own_file(path, name))?;
                }
                let ready = plan.must_be_answered().and_then(|()| plan.must_hold());
                ready.map_or(1, |()| code(arguments, plan))
            }
            Err(_) => 1,
        });
    }
    arguments
        .format
        .print_several(&plans, source, arguments.out.as_deref())?;
    several::complain(&plans);
    // An error says more than a change.
    let worst = if codes.contains(&1) {
        1
    } else {
        codes.into_iter().max().unwrap_or(0)
    };
    Ok(worst)
}
