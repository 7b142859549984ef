//! The doctor's report, for people.

use owo_colors::Style as Ink;

use super::paint::Style;
use super::text::wrap;
use crate::doctor::{Check, Health};

/// Returns a line per check, with what to do below those that need it.
pub fn doctor_human(checks: &[Check], style: &Style) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let room = style.width.saturating_sub(width + 8).max(30);
    let mut out = String::new();
    for check in checks {
        let ink = match check.health {
            Health::Ok => Ink::new().green(),
            Health::Warn => Ink::new().yellow(),
            Health::Fail => Ink::new().red().bold(),
        };
        let word = format!("{:<4}", check.health.word());
        out.push_str(&format!("{}  {:<width$}  ", style.paint(&word, ink), check.name));
        let advice = check.advice.iter().flat_map(|advice| wrap(advice, room));
        let lines: Vec<String> = wrap(&check.message, room)
            .into_iter()
            .chain(advice.enumerate().map(|(at, line)| {
                if at == 0 {
                    format!("→ {line}")
                } else {
                    format!("  {line}")
                }
            }))
            .collect();
        out.push_str(&lines.join(&format!("\n{}", " ".repeat(width + 8))));
        out.push('\n');
    }
    out
}
