//! `trueup history` and `trueup status`: what the ledger says.

use clap::{Args, Subcommand};

use super::arguments::LiveArguments;
use super::{setup, terminal};
use crate::apply::ledger::SnapshotFacts;
use crate::apply::{self, Account, ExecutionSummary};
use crate::error::{Error, Result};
use crate::words::count;

/// Arguments of `trueup history`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Listing {
    #[command(subcommand)]
    show: Option<Show>,
    #[command(flatten)]
    live: LiveArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Show {
    /// Show one execution whole: who, where and why, approvals, statements with their times, checks, the backup
    Show {
        /// Number of the execution
        #[arg(value_name = "EXECUTION")]
        number: i64,
        #[command(flatten)]
        live: LiveArguments,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `trueup status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
}

/// Runs `trueup history`.
pub(super) fn history(arguments: &Listing) -> Result<u8> {
    if let Some(Show::Show { number, live, json }) = &arguments.show {
        let account = apply::account(&setup::live(live)?, *number)?;
        terminal::print(&if *json { pretty(&account)? } else { whole(&account) })?;
        return Ok(0);
    }
    let executions = apply::history(&setup::live(&arguments.live)?)?;
    if arguments.json {
        terminal::print(&pretty(&executions)?)?;
        return Ok(0);
    }
    if executions.is_empty() {
        terminal::print("No executions yet.\n")?;
    }
    executions
        .iter()
        .try_for_each(|execution| terminal::print(&line(execution)))?;
    Ok(0)
}

/// Runs `trueup status`.
pub(super) fn status(arguments: &Arguments) -> Result<u8> {
    let status = apply::status(&setup::live(&arguments.live)?)?;
    let Some(version) = status.ledger_version else {
        terminal::print("No ledger: trueup has applied nothing to this database.\n")?;
        return Ok(0);
    };
    terminal::print(&format!("Ledger version {version}.\n"))?;
    if let Some(party) = &status.at_work {
        terminal::print(&format!("At work: {party}.\n"))?;
    }
    match &status.latest {
        Some(execution) => terminal::print(&format!("Newest execution:\n{}", line(execution)))?,
        None => terminal::print("No executions yet.\n")?,
    }
    Ok(0)
}

fn pretty(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).map_err(|error| Error::internal(error.to_string()))? + "\n")
}

/// Tells all about an execution.
fn whole(account: &Account) -> String {
    let mut out = line(&account.summary);
    let mut fact = |label: &str, text: Option<&str>| {
        if let Some(text) = text {
            out.push_str(&format!("      {label:<12} {text}\n"));
        }
    };
    fact("finished", account.summary.finished_at.as_deref());
    fact("plan", Some(&account.summary.plan_fingerprint));
    fact("tool", Some(&account.summary.tool));
    fact("environment", account.summary.environment.as_deref());
    fact("person", account.person.as_deref());
    fact("host", account.host.as_deref());
    fact("reason", account.reason.as_deref());
    for text in &account.overrides {
        fact("overridden", Some(text));
    }
    if let Some(backup) = &account.backup {
        fact(
            "backup",
            Some(&format!(
                "{} ({} bytes, sha256 {})",
                backup.path, backup.size, backup.sha256
            )),
        );
    }
    if let Some(snapshot) = &account.snapshot {
        let moved = if snapshot.moved_before {
            format!("; others had changed the database: {}:before", snapshot.source)
        } else {
            String::new()
        };
        let SnapshotFacts {
            source,
            objects,
            changed,
            ..
        } = snapshot;
        fact(
            "snapshot",
            Some(&format!("{source} ({objects} objects, {changed} changed{moved})")),
        );
    }
    for check in account.checks.iter().flatten() {
        let verdict = check.wrong.as_deref().unwrap_or("passed");
        fact("check", Some(&format!("{}: {verdict}", check.name)));
    }
    for approval in &account.approvals {
        let who = approval.person.as_deref().unwrap_or(&approval.role);
        let reason = approval
            .reason
            .as_deref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let text = format!(
            "{} {} {}, by {who} with `{}` at {}{reason}",
            approval.code, approval.risk, approval.object, approval.given, approval.given_at
        );
        fact("approved", Some(&text));
    }
    for statement in &account.statements {
        let time = statement
            .millis
            .map(|millis| format!("{millis:.1} ms"))
            .unwrap_or_default();
        out.push_str(&format!(
            "{:>5}  {:<8} {time:>12}  {}\n",
            statement.ordinal + 1,
            statement.status,
            statement.sql.replace('\n', "\n                             ")
        ));
        if let Some(error) = &statement.error {
            out.push_str(&format!("                             {error}\n"));
        }
    }
    out
}

fn line(execution: &ExecutionSummary) -> String {
    let of = execution.of_execution.map(|of| format!(" of {of}")).unwrap_or_default();
    let error = execution
        .error
        .as_ref()
        .map(|error| format!("\n      {error}"))
        .unwrap_or_default();
    let place = execution
        .environment
        .as_ref()
        .map(|name| format!("  in {name}"))
        .unwrap_or_default();
    // What ran files has no plan; its summary says how many statements there were.
    let own = execution
        .summary
        .get("migrations")
        .and_then(|_| execution.summary.get("statements"));
    if let Some(statements) = own.and_then(serde_json::Value::as_u64)
        && let Ok(statements) = usize::try_from(statements)
    {
        let direction = execution.summary.get("direction").and_then(serde_json::Value::as_str);
        return format!(
            "{:>5}  migrate {}  {}  {}  {}  by {}{place}{error}\n",
            execution.id,
            direction.unwrap_or_default(),
            execution.status.word(),
            count(statements, "statement"),
            execution.started_at,
            execution.role,
        );
    }
    format!(
        "{:>5}  {}{of}  {}  {}/{} statements  {}  by {}{place}{error}\n",
        execution.id,
        execution.kind.word(),
        execution.status.word(),
        execution.done,
        execution.statements,
        execution.started_at,
        execution.role,
    )
}
