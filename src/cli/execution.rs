//! What `apply` and `rollback` share: how statements run, approvals, progress.

use crate::words::{count, grouped};
use std::time::Duration;

use clap::Args;

use super::place::Place;
use super::{log, progress, setup, terminal};
use crate::apply::{Approval, Approvals, Event, Options, Outcome, Record};
use crate::config::{Blockers, Span};
use crate::error::{Error, Result};
use crate::risk::Finding;

/// How statements run.
#[derive(Debug, Args)]
pub(super) struct ExecutionArguments {
    /// Approve findings: a level (`dangerous`, `critical`), `CODE`, or `CODE:OBJECT`; repeatable
    #[arg(long, value_name = "WHAT")]
    pub(super) approve: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    pub(super) yes: bool,
    /// Make all checks, show the statements, execute nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Longest wait for a lock within one statement [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    lock_timeout: Option<Duration>,
    /// Limit for one statement [default: none]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    statement_timeout: Option<Duration>,
    /// What is done about sessions that hold a lock which a statement needs: `wait` (queue for the lock timeout, then try
    /// again), `wait:2min` (do not queue before they are gone, refuse after that time), `refuse` (after the lock timeout),
    /// `cancel` their statements then, or `terminate` their sessions [default: wait]
    #[arg(long, value_name = "POLICY")]
    blockers: Option<Blockers>,
    /// How often a transaction is tried again after a lock that was not granted
    #[arg(long, value_name = "N", default_value_t = 3)]
    max_retries: u32,
    /// Longest wait for another trueup that works on the same database
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    wait: Duration,
    /// Why this is done; the ledger keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl ExecutionArguments {
    /// Returns the options of the executor; environment and configuration file fill what the command line leaves out.
    pub(super) fn options(&self, place: &Place) -> Result<Options> {
        let config = setup::config()?;
        let read =
            |own: Option<Duration>, environment: Option<Span>, file: &Option<String>| match (own, environment, file) {
                (Some(own), _, _) => Ok(Some(own)),
                (None, Some(Span(environment)), _) => Ok(Some(environment)),
                (None, None, Some(text)) => duration(text).map(Some).map_err(|message| {
                    Error::usage(format!("trueup.yaml: {message}")).hint("Write a duration such as 5s.")
                }),
                (None, None, None) => Ok(None),
            };
        let default = Options::default();
        let settings = &place.settings;
        let (lock, statement) = (settings.lock_timeout, settings.statement_timeout);
        Ok(Options {
            lock_timeout: read(self.lock_timeout, lock, &config.lock_timeout)?.unwrap_or(default.lock_timeout),
            statement_timeout: read(self.statement_timeout, statement, &config.statement_timeout)?,
            retries: self.max_retries,
            wait: self.wait,
            dry_run: self.dry_run,
            blockers: self.blockers.or(settings.blockers).unwrap_or_default(),
            record: Record {
                environment: place.name.clone(),
                host: host(),
                person: person(),
                reason: self.reason.clone(),
                allowed: settings.allow,
                ..Record::default()
            },
            ..default
        })
    }

    /// Returns the approvals of the command line, with those that a person at the terminal adds.
    pub(super) fn approvals(&self, open: impl Fn(&Approvals) -> Vec<Finding>) -> Result<Approvals> {
        let mut approvals = Approvals::parse(&self.approve)?;
        if self.yes || self.dry_run || !terminal::can_ask() {
            return Ok(approvals);
        }
        for finding in open(&approvals) {
            terminal::say(&format!(
                "{} {} {}: {}",
                finding.risk, finding.code, finding.object, finding.message
            ));
            if terminal::ask("Approve?") {
                approvals.add(Approval::Object(finding.code.clone(), finding.object.path_text()));
            }
        }
        Ok(approvals)
    }
}

fn host() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn person() -> Option<String> {
    setup::environment().os_user
}

/// Reads a duration: a number and one of `ms`, `s`, `min`, `h`, `d`; a bare number is seconds.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    text.parse::<Span>().map(|span| span.0)
}

/// Shows an event as a line on standard error.
pub(super) fn show(event: Event) {
    log::event(&event);
    let line = match event {
        Event::WaitingForOther { holder } => {
            let who = holder.map_or_else(|| "another trueup".to_owned(), |party| party.to_string());
            format!("waiting for {who}, which works on this database")
        }
        Event::LedgerReady { .. } => return,
        Event::Opened { execution, statements } => format!("execution {execution}: {}", count(statements, "statement")),
        Event::Started { step, of, object } => return progress::step(step, of, &object.to_string()),
        Event::Done { elapsed, .. } if elapsed < Duration::from_secs(1) => return,
        Event::Done { elapsed, .. } => format!("        done in {:.1} s", elapsed.as_secs_f64()),
        Event::WaitingForLock { blockers, .. } => {
            let who: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            format!("        waiting for a lock held by {}", who.join(", "))
        }
        Event::Retry {
            attempt,
            of,
            pause,
            cause,
            ..
        } => {
            format!(
                "        {cause}; retry {attempt} of {of} in {:.1} s",
                pause.as_secs_f64()
            )
        }
        Event::Filled {
            rows,
            of,
            per_second,
            left,
            ..
        } => filled(rows, of, per_second, left),
        Event::Cleared { sql } => format!("        cleared: {sql}"),
        Event::Noted { text } => text,
        Event::Verified { objects } => format!("verified: {objects} objects are as planned"),
    };
    terminal::progress(&line);
}

fn filled(rows: u64, of: Option<u64>, per_second: u64, left: Option<Duration>) -> String {
    let of = of.map(|of| format!(" of about {}", grouped(of))).unwrap_or_default();
    let left = left
        .map(|left| format!(", about {} left", in_words(left.as_secs())))
        .unwrap_or_default();
    format!(
        "        {}{of} rows filled, {} rows/s{left}",
        grouped(rows),
        grouped(per_second)
    )
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Prints what an execution did, or would do.
pub(super) fn finish(outcome: &Outcome, verb: &str) -> Result<u8> {
    match (outcome.execution, outcome.paused_before) {
        (Some(id), Some(step)) => terminal::progress(&format!(
            "paused: execution {id}, before step {step}; `trueup apply --resume` goes on, `trueup rollback` goes back"
        )),
        (Some(id), None) => terminal::progress(&format!(
            "{verb}: execution {id}, {}",
            count(outcome.statements.len(), "statement")
        )),
        (None, _) => terminal::print(
            &outcome
                .statements
                .iter()
                .map(|sql| format!("{sql};\n"))
                .collect::<String>(),
        )?,
    }
    Ok(0)
}
