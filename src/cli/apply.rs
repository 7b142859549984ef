//! `trueup apply`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{LiveArguments, PlanningArguments, SchemaArguments};
use super::{execution, question, setup, terminal};
use crate::apply;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::report::Style;
use crate::{reconcile, report};

/// Arguments of `trueup apply`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Plan file that `trueup plan --out` wrote; without it a plan is made, shown, and asked about
    #[arg(value_name = "PLAN", conflicts_with_all = ["resume", "rename", "no_rename"])]
    plan: Option<PathBuf>,
    /// Go on with an execution that stopped part-way: the newest one, or the one with this number
    #[arg(long, value_name = "EXECUTION", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "the flag may stand with and without a value")]
    resume: Option<Option<i64>>,
    /// Show the plan whole, however long it is
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    execution: execution::ExecutionArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let url = setup::live(&arguments.live)?;
    let options = arguments.execution.options()?;
    if let Some(execution) = arguments.resume {
        let outcome = apply::resume(&url, execution, &options, &mut execution::show)?;
        return execution::finish(&outcome, "resumed");
    }
    let plan = match &arguments.plan {
        Some(path) => Plan::read(path)?,
        None => {
            let setup = setup::planning(&arguments.schema.scratch, &arguments.planning)?;
            let source = setup::schema(&arguments.schema)?;
            let plan = |setup: &_| reconcile::plan(setup, &url, &source);
            let plan = if arguments.execution.yes {
                plan(&setup)?
            } else {
                question::settle(setup, plan)?
            };
            let style = Style {
                verbose: arguments.verbose,
                ..terminal::style(None)
            };
            terminal::print(&report::human(&plan, &style))?;
            plan
        }
    };
    plan.must_be_answered()?;
    let findings = |approvals: &_| apply::unapproved(&plan, approvals).into_iter().cloned().collect();
    let approvals = arguments.execution.approvals(findings)?;
    let settled = arguments.execution.yes || arguments.execution.dry_run || plan.is_empty();
    if !settled && !confirmed(arguments.plan.is_some())? {
        terminal::progress("nothing was applied");
        return Ok(0);
    }
    let outcome = apply::apply(&plan, &url, &approvals, &options, &mut execution::show)?;
    execution::finish(&outcome, "applied")
}

/// Asks at a terminal; elsewhere only a plan file, which somebody has seen, is applied without `--yes`.
fn confirmed(reviewed: bool) -> Result<bool> {
    if terminal::can_ask() {
        return Ok(terminal::ask("Apply this plan?"));
    }
    if reviewed {
        return Ok(true);
    }
    Err(Error::usage("nobody can be asked whether this plan should be applied")
        .hint("Pass --yes, or make a plan file with `trueup plan --out FILE` and apply that."))
}
