//! `trueup rollback`.

use clap::Args;

use super::arguments::LiveArguments;
use super::{execution, place, setup, terminal};
use crate::apply;
use crate::error::{Error, Result};
use crate::words;

/// Arguments of `trueup rollback`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Number of the execution; without it the newest one that is not rolled back
    #[arg(value_name = "EXECUTION")]
    number: Option<i64>,
    /// Target files that state the former values of secrets that the execution replaced, for example git:REF:schema
    #[arg(long, value_name = "SOURCE")]
    schema: Option<String>,
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    execution: execution::ExecutionArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let place = place::place(&arguments.live)?;
    let mut options = arguments.execution.options(&place)?;
    if let Some(schema) = &arguments.schema {
        options.secrets = setup::secrets(&setup::source(schema, &arguments.live)?)?;
    }
    let url = place.url;
    let preview = apply::preview(&url, arguments.number, &options.secrets)?;
    let count: usize = preview.steps.iter().map(|step| step.statements.len()).sum();
    terminal::say(&format!(
        "execution {} is rolled back by {}",
        preview.execution,
        words::count(count, "statement")
    ));
    let allowed = options.record.allowed;
    let open = |approvals: &apply::Approvals| {
        preview
            .findings
            .iter()
            .filter(|finding| !approvals.cover(finding) && allowed.is_none_or(|allowed| finding.risk > allowed))
            .cloned()
            .collect()
    };
    let approvals = arguments.execution.approvals(open)?;
    let settled = arguments.execution.yes || arguments.execution.dry_run;
    if !settled && !confirmed()? {
        terminal::progress("nothing was rolled back");
        return Ok(0);
    }
    let outcome = apply::rollback(
        &url,
        Some(preview.execution),
        &approvals,
        &options,
        &mut execution::show,
    )?;
    execution::finish(&outcome, "rolled back")
}

fn confirmed() -> Result<bool> {
    if terminal::can_ask() {
        return Ok(terminal::ask("Roll back?"));
    }
    Err(Error::usage("nobody can be asked whether to roll back").hint("Pass --yes."))
}
