//! A plan for people: what changes, in which steps, what is risky about it, and what to run next.

mod changes;
mod differences;
mod findings;
mod header;
mod steps;
mod words;

pub(super) use words::{phase, reversal, verb};

use super::paint::Style;
use super::text::{count, wrap};
use crate::plan::Plan;

/// Returns the report for a terminal.
pub fn human(plan: &Plan, style: &Style) -> String {
    let sections = [
        header::header(plan, style),
        changes::changes(plan, style),
        differences::differences(plan, style),
        steps::steps(plan, style),
        findings::findings(plan, style),
        notes(plan, style),
        findings::next(plan, style),
    ];
    let mut out = sections
        .into_iter()
        .filter(|section| !section.is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    // Trailing spaces of table cells and wrapped lines only disturb copying.
    out = out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    out.push('\n');
    out
}

fn notes(plan: &Plan, style: &Style) -> String {
    let mut out = String::new();
    if !plan.notes.is_empty() {
        out.push_str(&format!("{}\n", style.heading("Notes")));
        for note in &plan.notes {
            out.push_str(&bullet(note, style));
        }
    }
    if !plan.unmodelled.is_empty() {
        let heading = format!(
            "{} that trueup does not model, left as found",
            count(plan.unmodelled.len(), "object")
        );
        out.push_str(&format!("{}\n", style.heading(&heading)));
        for (kind, name) in &plan.unmodelled {
            out.push_str(&bullet(&format!("{kind} {name}"), style));
        }
    }
    out
}

fn bullet(text: &str, style: &Style) -> String {
    let lines = wrap(text, style.width.saturating_sub(4).max(20));
    format!("  - {}\n", lines.join("\n    "))
}
