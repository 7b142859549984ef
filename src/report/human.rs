//! A plan for people: what changes, in which steps, what is risky about it, and what to run next.

mod changes;
mod differences;
mod findings;
mod header;
mod steps;

use super::by_hand::by_hand;
use super::paint::Style;
use super::proof::remarks;
use super::text::wrap;
use crate::plan::Plan;

/// Lines of a list that are shown unless everything is.
const BULLETS: usize = 12;

/// Returns the report for a terminal.
pub fn human(plan: &Plan, style: &Style) -> String {
    let sections = [
        header::header(plan, style),
        changes::changes(plan, style),
        differences::differences(plan, style),
        steps::steps(plan, style),
        findings::findings(plan, style),
        list("Proof", &remarks(plan), style),
        list("By hand", &by_hand(plan), style),
        list("Notes", &plan.notes, style),
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

fn list(title: &str, lines: &[String], style: &Style) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let shown = if style.verbose {
        lines.len()
    } else {
        BULLETS.min(lines.len())
    };
    let mut out = format!("{}\n", style.heading(title));
    out.extend(lines[..shown].iter().map(|line| bullet(line, style)));
    if shown < lines.len() {
        out.push_str(&format!("  and {} more; --verbose shows them\n", lines.len() - shown));
    }
    out
}

fn bullet(text: &str, style: &Style) -> String {
    let lines = wrap(text, style.width.saturating_sub(4).max(20));
    format!("  - {}\n", lines.join("\n    "))
}
