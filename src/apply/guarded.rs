//! An apply with everything that an environment asks for around it: backup, hooks, checks, a rollback when they fail.

use super::approvals::Approvals;
use super::backup;
use super::checks::{self, Checked, Halves, limit_of};
use super::command::{self, Input};
use super::event::{Event, Options, Outcome};
use super::ledger;
use super::{Resumable, apply, resume, rollback};
use crate::config::{Environment, Hook, When};
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::risk::Risk;

/// What an environment asks for.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Its part of the configuration file.
    pub environment: Environment,
    /// Whether the backup is left out, with a reason in the record.
    pub skip_backup: bool,
    /// Whether the apply is rolled back when it fails part-way, or when its checks fail.
    pub rollback_on_failure: bool,
}

impl Guard {
    /// Tells whether there is nothing to do beside the statements.
    fn is_idle(&self) -> bool {
        let Environment {
            backup, hooks, checks, ..
        } = &self.environment;
        let hooks = [&hooks.pre_apply, &hooks.verify, &hooks.post_apply, &hooks.on_failure];
        !self.rollback_on_failure
            && backup.is_none()
            && hooks.iter().all(|hooks| hooks.is_empty())
            && checks.health.is_empty()
            && checks.sql.is_empty()
    }
}

/// Executes a plan as [`apply`] does, with what the environment asks for around it.
///
/// Whatever is refused, is refused before a backup is made and before a hook runs. An error of kind
/// [`Partial`](ErrorKind::Partial) says whether a rollback followed.
pub fn guarded(
    plan: &Plan,
    url: &Url,
    approvals: &Approvals,
    options: &Options,
    guard: &Guard,
    events: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    if options.dry_run || plan.is_empty() || guard.is_idle() {
        return apply(plan, url, approvals, options, events);
    }
    let trial = Options {
        dry_run: true,
        ..options.clone()
    };
    apply(plan, url, approvals, &trial, events)?;
    let text = plan.to_file()?;
    let input = Input {
        text: &text,
        variables: variables(options),
        without: &[],
    };
    let mut options = options.clone();
    // The rows were asked just now.
    options.preflight = false;
    let is_dangerous = plan.findings.iter().any(|finding| finding.risk >= Risk::Dangerous);
    options.record.backup = kept(Some(plan), is_dangerous, url, guard, events)?;
    let run = Run {
        url,
        options: &options,
        guard,
        input: &input,
    };
    run.around(events, |events| apply(plan, url, approvals, &options, events))
}

/// Goes on with an apply that stopped part-way as [`resume`] does, with what the environment asks for around it, as around
/// a first one. It relies on the backup that was made then; where none was, and the environment asks for one, it is made.
pub fn guarded_resume(
    of: &Resumable,
    url: &Url,
    options: &Options,
    guard: &Guard,
    events: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    let resumed = |options: &Options, events: &mut dyn FnMut(Event)| resume(url, Some(of.execution), options, events);
    let Some(plan) = of.plan.as_ref().filter(|_| !options.dry_run && !guard.is_idle()) else {
        return resumed(options, events);
    };
    let trial = Options {
        dry_run: true,
        ..options.clone()
    };
    resumed(&trial, events)?;
    let text = plan.to_file()?;
    let mut variables = variables(options);
    variables.push(("TRUEUP_RESUMED", of.execution.to_string()));
    let input = Input {
        text: &text,
        variables,
        without: &[],
    };
    match &of.backup {
        Some(backup) => events(relied_upon(backup)),
        None if of.is_without_backup => events(noted("no backup: the first run was told to make none".to_owned())),
        None => {
            let is_dangerous = plan.findings.iter().any(|finding| finding.risk >= Risk::Dangerous);
            if let Some(kept) = kept(Some(plan), is_dangerous, url, guard, events)? {
                ledger::record_backup(url, of.execution, &kept)?;
            }
        }
    }
    let run = Run {
        url,
        options,
        guard,
        input: &input,
    };
    run.around(events, |events| resumed(options, events))
}

/// Says on which backup a resumed apply relies.
fn relied_upon(backup: &super::Kept) -> Event {
    let is_there = std::path::Path::new(&backup.path).exists();
    let lost = if is_there { "" } else { ", which is not there any more" };
    noted(format!(
        "relies on the backup of {}: {}{lost}",
        backup.made_at, backup.path
    ))
}

/// What an environment asks for around files that run without a plan.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    /// What is done, as JSON: the input of hooks.
    pub(crate) text: &'a str,
    /// Whether a finding is dangerous.
    pub(crate) is_dangerous: bool,
}

/// Does `work` with what the environment asks for around it. Nothing is undone when it fails: `work` knows how far it came.
pub(crate) fn guarded_work<T>(
    errand: &Errand,
    url: &Url,
    options: &Options,
    guard: &Guard,
    events: &mut dyn FnMut(Event),
    work: impl FnOnce(&Options, &mut dyn FnMut(Event)) -> Result<T>,
) -> Result<T> {
    if options.dry_run || guard.is_idle() {
        return work(options, events);
    }
    let mut options = options.clone();
    let input = Input {
        text: errand.text,
        variables: variables(&options),
        without: &[],
    };
    options.record.backup = kept(None, errand.is_dangerous, url, guard, events)?;
    before_apply(guard, &input, url, events)?;
    let hooks = &guard.environment.hooks;
    let before = Halves::read(url)?;
    let done = work(&options, events).and_then(|done| {
        let checked = checks::check(url, &guard.environment.checks, &hooks.verify, &input, &before);
        verdict(&checked, events).map(|()| done)
    });
    let (name, after) = match &done {
        Ok(_) => ("post_apply", &hooks.post_apply),
        Err(_) => ("on_failure", &hooks.on_failure),
    };
    if let Err(error) = run_all(name, after, &input, url, events) {
        events(noted(format!("warning: {error}")));
    }
    done
}

fn before_apply(guard: &Guard, input: &Input, url: &Url, events: &mut dyn FnMut(Event)) -> Result<()> {
    let hooks = &guard.environment.hooks.pre_apply;
    run_all("pre_apply", hooks, input, url, events).map_err(|error| Error {
        kind: ErrorKind::Blocked,
        ..error.hint("Nothing was changed. The hook is named in trueup.yaml; its author must say what it wants.")
    })
}

/// Returns what hooks learn beside the plan.
fn variables(options: &Options) -> Vec<(&'static str, String)> {
    let environment = options.record.environment.clone().unwrap_or_default();
    vec![("TRUEUP_ENVIRONMENT", environment)]
}

fn noted(text: String) -> Event {
    Event::Noted { text }
}

/// Makes the backup that the environment asks for.
fn kept(
    plan: Option<&Plan>,
    is_dangerous: bool,
    url: &Url,
    guard: &Guard,
    events: &mut dyn FnMut(Event),
) -> Result<Option<super::Kept>> {
    let Some(policy) = guard.environment.backup.as_ref().filter(|_| !guard.skip_backup) else {
        return Ok(None);
    };
    let wanted = match policy.when {
        When::Never => false,
        When::Dangerous => is_dangerous,
        When::Always => true,
    };
    if !wanted {
        return Ok(None);
    }
    events(noted("making a backup".to_owned()));
    let kept = backup::make(policy, plan, url)?;
    events(noted(format!(
        "backup: {} ({} bytes, sha256 {})",
        kept.path, kept.size, kept.sha256
    )));
    Ok(Some(kept))
}

fn run_all(name: &str, hooks: &[Hook], input: &Input, url: &Url, events: &mut dyn FnMut(Event)) -> Result<()> {
    for hook in hooks {
        events(noted(format!("hook {name}")));
        command::run(&hook.command, input, Some(limit_of(hook))).map_err(|mut error| {
            for line in &mut error.detail {
                *line = url.conceal(line);
            }
            error.context(format!("hook {name}"))
        })?;
    }
    Ok(())
}

/// Turns failed checks into an error.
fn verdict(checked: &[Checked], events: &mut dyn FnMut(Event)) -> Result<()> {
    let wrong: Vec<(&str, &str)> = checked
        .iter()
        .filter_map(|check| Some((check.name.as_str(), check.wrong.as_deref()?)))
        .collect();
    if wrong.is_empty() {
        events(noted(format!("checks: all {} passed", checked.len())));
        return Ok(());
    }
    let message = format!(
        "every statement ran, but {} of {} checks failed",
        wrong.len(),
        checked.len()
    );
    let error =
        Error::new(ErrorKind::Partial, message).hint("Look into what failed; `trueup rollback` undoes the execution.");
    Err(wrong
        .iter()
        .fold(error, |error, (name, wrong)| error.detail(format!("{name}: {wrong}"))))
}

struct Run<'a> {
    url: &'a Url,
    options: &'a Options,
    guard: &'a Guard,
    input: &'a Input<'a>,
}

impl Run<'_> {
    /// Does the work of an apply with hooks before it, checks and hooks after it, and what the policy says where it fails.
    fn around(
        &self,
        events: &mut dyn FnMut(Event),
        work: impl FnOnce(&mut dyn FnMut(Event)) -> Result<Outcome>,
    ) -> Result<Outcome> {
        let (url, input) = (self.url, self.input);
        let hooks = &self.guard.environment.hooks;
        before_apply(self.guard, input, url, events)?;
        let before = Halves::read(url)?;
        let mut execution = None;
        let done = work(&mut |event| {
            if let Event::Opened { execution: id, .. } = &event {
                execution = Some(*id);
            }
            events(event);
        });
        // Checks are about where the plan leads, and so is what follows.
        if done.as_ref().is_ok_and(|outcome| outcome.paused_before.is_some()) {
            return done;
        }
        let done = done.and_then(|outcome| {
            let checked = checks::check(url, &self.guard.environment.checks, &hooks.verify, input, &before);
            if let Some(execution) = execution {
                ledger::record_checks(url, execution, &checked)?;
            }
            verdict(&checked, events).map(|()| outcome)
        });
        match done {
            Ok(outcome) => {
                if let Err(error) = run_all("post_apply", &hooks.post_apply, input, url, events) {
                    events(noted(format!("warning: {error}")));
                }
                Ok(outcome)
            }
            Err(error) => Err(self.failed(execution, error, events)),
        }
    }

    /// Does what follows a failure, and says so in the error.
    fn failed(&self, execution: Option<i64>, error: Error, events: &mut dyn FnMut(Event)) -> Error {
        let hooks = &self.guard.environment.hooks.on_failure;
        if let Err(hook) = run_all("on_failure", hooks, self.input, self.url, events) {
            events(noted(format!("warning: {hook}")));
        }
        let Some(execution) = execution.filter(|_| self.guard.rollback_on_failure && error.kind == ErrorKind::Partial)
        else {
            return error;
        };
        events(noted(format!("rolling back execution {execution}")));
        // What the apply has just done may be undone without a question: that is what the policy says.
        let all = Approvals::all();
        match rollback(self.url, Some(execution), &all, self.options, events) {
            Ok(_) => error
                .detail(format!("execution {execution} was rolled back"))
                .hint("The database is as it was before. Remove the cause, then apply again."),
            Err(second) => second
                .detail
                .iter()
                .fold(error, |error, line| error.detail(line.clone()))
                .detail(format!(
                    "execution {execution} could not be rolled back: {}",
                    second.message
                )),
        }
    }
}
