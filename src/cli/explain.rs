//! `trueup explain`.

use clap::Args;

use super::terminal;
use crate::error::Result;
use crate::risk;

/// Arguments of `trueup explain`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Code of a risk rule, for example TU101; without it, all rules are listed
    #[arg(value_name = "RULE")]
    rule: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let text = match &arguments.rule {
        Some(rule) => risk::explain(rule)?,
        None => risk::RULES
            .iter()
            .map(|rule| format!("{}  {}\n", rule.code, rule.name))
            .collect(),
    };
    terminal::print(&text)?;
    Ok(0)
}
