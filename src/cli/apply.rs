//! `trueup apply`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::arguments::{LiveArguments, PlanningArguments, PreflightArguments, SchemaArguments};
use super::execution::ExecutionArguments;
use super::place::{self, Place};
use super::{execution, export, news, question, setup, terminal};
use crate::apply::{self, Event, Guard, Options, Outcome};
use crate::config::Moment;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Phase, Plan, Verdict};
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
    /// Override what a protected environment asks for: a proof, a promotion; the ledger keeps the reason
    #[arg(long, requires = "reason")]
    force: bool,
    /// Make no backup where the environment asks for one; the ledger keeps the reason
    #[arg(long, requires = "reason")]
    skip_backup: bool,
    /// Stop before the first step of this phase, and before each later one that leads into it, until `--resume`: `contract`
    /// before what cannot be taken back in a moment, such as the swap of identifiers that change in stages
    #[arg(long, value_name = "PHASE")]
    pause_before: Option<Pause>,
    /// Roll back at once what fails part-way, or what the checks find wrong
    #[arg(long)]
    rollback_on_failure: bool,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    schema: SchemaArguments,
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    preflight: PreflightArguments,
    #[command(flatten)]
    execution: ExecutionArguments,
}

/// Phase before which an apply pauses.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pause {
    /// Backfills
    Data,
    /// Builds and scans under weak locks
    Validation,
    /// Removal and narrowing
    Contract,
}

impl From<Pause> for Phase {
    fn from(pause: Pause) -> Self {
        match pause {
            Pause::Data => Self::Data,
            Pause::Validation => Self::Validation,
            Pause::Contract => Self::Contract,
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let place = place::place(&arguments.live)?;
    let mut options = arguments.execution.options(&place)?;
    options.preflight = !arguments.preflight.no_preflight && place.settings.preflight.unwrap_or(true);
    options.pause_before = arguments.pause_before.map(Phase::from);
    if let Some(execution) = arguments.resume {
        if arguments.schema.schema.is_some() {
            options.secrets = setup::secrets(&setup::schema(&arguments.schema, &arguments.live)?)?;
        }
        return resume(arguments, &place, &options, execution);
    }
    let plan = plan(arguments, &place)?;
    if plan.needs_secrets() && (arguments.plan.is_none() || arguments.schema.schema.is_some()) {
        options.secrets = setup::secrets(&setup::schema(&arguments.schema, &arguments.live)?)?;
    }
    protect(arguments, &place, &plan, &mut options)?;
    let allowed = options.record.allowed;
    let findings = |approvals: &_| {
        let open = apply::unapproved(&plan, approvals).into_iter();
        open.filter(|finding| allowed.is_none_or(|allowed| finding.risk > allowed))
            .cloned()
            .collect()
    };
    let approvals = arguments.execution.approvals(findings)?;
    let settled = arguments.execution.yes || arguments.execution.dry_run || plan.is_empty();
    if !settled && !confirmed(arguments.plan.is_some(), &place)? {
        terminal::progress("nothing was applied");
        return Ok(0);
    }
    let guard = guard(arguments, &place);
    let outcome = told(&place, &plan, &options, |events| {
        apply::guarded(&plan, &place.url, &approvals, &options, &guard, events)
    })?;
    ended(&place, &outcome, "applied")
}

/// Goes on with an execution, with all that is done around a first run.
fn resume(arguments: &Arguments, place: &Place, options: &Options, execution: Option<i64>) -> Result<u8> {
    let of = apply::resumable(&place.url, execution)?;
    let guard = guard(arguments, place);
    let run = |events: &mut dyn FnMut(Event)| apply::guarded_resume(&of, &place.url, options, &guard, events);
    let outcome = match &of.plan {
        Some(plan) => told(place, plan, options, run)?,
        // A rollback is nobody's apply.
        None => run(&mut execution::show)?,
    };
    ended(place, &outcome, "resumed")
}

fn guard(arguments: &Arguments, place: &Place) -> Guard {
    Guard {
        environment: place.settings.clone(),
        skip_backup: arguments.skip_backup,
        rollback_on_failure: arguments.rollback_on_failure || place.settings.rollback_on_failure.unwrap_or(false),
    }
}

/// Writes the schema where the environment wants it, and says what was done.
fn ended(place: &Place, outcome: &Outcome, verb: &str) -> Result<u8> {
    let path = place
        .settings
        .export
        .as_ref()
        .filter(|_| outcome.paused_before.is_none());
    if let (Some(path), Some(_)) = (path, outcome.execution)
        && let Err(error) = export::export(&place.url, path)
    {
        terminal::say(&format!("warning: the schema could not be exported: {error}"));
    }
    execution::finish(outcome, verb)
}

fn plan(arguments: &Arguments, place: &Place) -> Result<Plan> {
    if let Some(path) = &arguments.plan {
        return Plan::read(path);
    }
    let setup = setup::planning_for(&arguments.schema, &arguments.planning, &arguments.preflight, place)?;
    let source = setup::schema(&arguments.schema, &arguments.live)?;
    let plan = |setup: &_| reconcile::plan(setup, &place.url, &source);
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
    Ok(plan)
}

/// Refuses what a protected environment does not take, or records that it was overridden.
fn protect(arguments: &Arguments, place: &Place, plan: &Plan, options: &mut Options) -> Result<()> {
    let mut refused = Vec::new();
    let unproven = plan.proof.as_ref().is_none_or(|proof| proof.verdict != Verdict::Held);
    if place.settings.is_protected() && unproven && !plan.is_empty() {
        refused.push((
            "the plan was not proven",
            Error::new(
                ErrorKind::Blocked,
                "a protected environment takes only plans that were proven",
            )
            .hint("Plan without --no-prove, or pass --force --reason TEXT, which is recorded."),
        ));
    }
    if let Some(from) = place.settings.promote_from.as_ref().filter(|_| !plan.is_empty()) {
        let other = place::named(from, &setup::config()?)?;
        if let Err(error) = apply::promoted(plan, from, &other.url) {
            refused.push(("the changes were not promoted", error));
        }
    }
    if arguments.skip_backup {
        options.record.overrides.push(apply::NO_BACKUP.to_owned());
    }
    for (what, error) in refused {
        if !arguments.force {
            return Err(error);
        }
        terminal::say(&format!("warning: overridden: {error}"));
        options.record.overrides.push(what.to_owned());
    }
    Ok(())
}

/// Runs an apply, and tells those whom the environment names.
fn told(
    place: &Place,
    plan: &Plan,
    options: &Options,
    run: impl FnOnce(&mut dyn FnMut(Event)) -> Result<Outcome>,
) -> Result<Outcome> {
    if place.settings.notify.is_empty() || options.dry_run || plan.is_empty() {
        return run(&mut execution::show);
    }
    let mut post = news::post(&place.settings.notify);
    let mut news = news::about(place, plan, options);
    let mut rolled_back = false;
    post.tell(Moment::Started, &news);
    let done = run(&mut |event| {
        match &event {
            Event::Opened { execution, .. } if news.execution.is_none() => news.execution = Some(*execution),
            Event::Noted { text } => rolled_back |= text.starts_with("rolling back"),
            _ => {}
        }
        execution::show(event);
    });
    match &done {
        Ok(outcome) if outcome.paused_before.is_some() => post.tell(Moment::Paused, &news),
        Ok(_) => post.tell(Moment::Succeeded, &news),
        Err(error) => {
            news.error = Some((error.message.clone(), error.sqlstate.clone()));
            post.tell(Moment::Failed, &news);
            if rolled_back {
                post.tell(Moment::RolledBack, &news);
            }
        }
    }
    for wrong in post.finish() {
        terminal::say(&format!("warning: a notification could not be delivered: {wrong}"));
    }
    done
}

/// Asks at a terminal; elsewhere only a plan file, which somebody has seen, is applied without `--yes`.
fn confirmed(reviewed: bool, place: &Place) -> Result<bool> {
    if terminal::can_ask() {
        return Ok(match &place.name {
            Some(name) if place.settings.is_protected() => terminal::ask_for(
                &format!("Environment {name} is protected. Type its name to apply this plan:"),
                name,
            ),
            _ => terminal::ask("Apply this plan?"),
        });
    }
    if reviewed {
        return Ok(true);
    }
    Err(Error::usage("nobody can be asked whether this plan should be applied")
        .hint("Pass --yes, or make a plan file with `trueup plan --out FILE` and apply that."))
}
