//! `trueup purge`: lists what is in quarantine, and drops what is old enough.

use clap::Args;

use super::arguments::LiveArguments;
use super::{place, terminal};
use crate::config::Span;
use crate::error::{Error, Result};
use crate::quarantine::{self, Kept};

/// Arguments of `trueup purge`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Drop what has been in quarantine for longer, for example `30d`; without it everything is listed and nothing dropped
    #[arg(long, value_name = "DURATION")]
    older_than: Option<Span>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    live: LiveArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let place = place::place(&arguments.live)?;
    let all = quarantine::list(&place.url)?;
    let Some(Span(limit)) = arguments.older_than else {
        if all.is_empty() {
            terminal::print("Nothing is in quarantine.\n")?;
        }
        all.iter().try_for_each(|kept| terminal::print(&line(kept)))?;
        return Ok(0);
    };
    // What nobody knows the age of stays, and so does what somebody works with.
    let is_old = |kept: &&Kept| {
        let age = kept.since.as_ref().and_then(|(age, _)| u64::try_from(*age).ok());
        !kept.in_use && age.is_some_and(|age| age >= limit.as_secs())
    };
    let old: Vec<Kept> = all.iter().filter(is_old).cloned().collect();
    if old.is_empty() {
        terminal::print("Nothing in quarantine is that old.\n")?;
        return Ok(0);
    }
    old.iter().try_for_each(|kept| terminal::print(&line(kept)))?;
    if !arguments.yes {
        if !terminal::can_ask() {
            return Err(Error::usage("nobody can be asked whether this should be dropped").hint("Pass --yes."));
        }
        if !terminal::ask("Drop this for good? Its rows are gone then, and no rollback brings them back.") {
            terminal::progress("nothing was dropped");
            return Ok(0);
        }
    }
    quarantine::purge(&place.url, &old)?;
    terminal::print(&format!(
        "Dropped {}.\n",
        if old.len() == 1 {
            "1 table".to_owned()
        } else {
            format!("{} tables", old.len())
        }
    ))?;
    Ok(0)
}

fn line(kept: &Kept) -> String {
    let since = kept.since.as_ref().map_or("nobody knows since when", |(_, at)| at);
    let by = kept.execution.map(|id| format!("  execution {id}")).unwrap_or_default();
    let by = by + if kept.in_use { ", which has not ended" } else { "" };
    format!("{since}  {}.{}  {} bytes{by}\n", kept.schema, kept.name, kept.bytes)
}
