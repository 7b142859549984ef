//! `trueup explain`.

use clap::Args;

use super::terminal;
use crate::error::Result;
use crate::migrate::TEXT_RULES;
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
        Some(code) => match TEXT_RULES
            .iter()
            .find(|rule| rule.code.eq_ignore_ascii_case(code.trim()))
        {
            Some(rule) => rule.page(),
            None => risk::explain(code)?,
        },
        None => {
            let of_plans = risk::RULES.iter().map(|rule| (rule.code, rule.name));
            let of_files = TEXT_RULES.iter().map(|rule| (rule.code, rule.title));
            let mut all: Vec<_> = of_plans.chain(of_files).collect();
            all.sort_unstable();
            all.iter().map(|(code, name)| format!("{code}  {name}\n")).collect()
        }
    };
    terminal::print(&text)?;
    Ok(0)
}
