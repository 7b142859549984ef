//! `trueup history` and `trueup status`: what the ledger says.

use clap::Args;

use super::arguments::LiveArguments;
use super::{setup, terminal};
use crate::apply::{self, ExecutionSummary};
use crate::error::Result;

/// Arguments of `trueup history` and `trueup status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
}

/// Runs `trueup history`.
pub(super) fn history(arguments: &Arguments) -> Result<u8> {
    let executions = apply::history(&setup::live(&arguments.live)?)?;
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

fn line(execution: &ExecutionSummary) -> String {
    let of = execution.of_execution.map(|of| format!(" of {of}")).unwrap_or_default();
    let error = execution
        .error
        .as_ref()
        .map(|error| format!("\n      {error}"))
        .unwrap_or_default();
    // What ran files has no plan; its summary says how many statements there were.
    let own = execution
        .summary
        .get("migrations")
        .and_then(|_| execution.summary.get("statements"));
    if let Some(statements) = own.and_then(serde_json::Value::as_i64) {
        let direction = execution.summary.get("direction").and_then(serde_json::Value::as_str);
        return format!(
            "{:>5}  migrate {}  {}  {statements} statements  {}  by {}{error}\n",
            execution.id,
            direction.unwrap_or_default(),
            execution.status.word(),
            execution.started_at,
            execution.role,
        );
    }
    format!(
        "{:>5}  {}{of}  {}  {}/{} statements  {}  by {}{error}\n",
        execution.id,
        execution.kind.word(),
        execution.status.word(),
        execution.done,
        execution.statements,
        execution.started_at,
        execution.role,
    )
}
