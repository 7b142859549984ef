//! Line diffs in the terminal.

use owo_colors::Style as Ink;

use crate::plan::Plan;
use crate::report::differences::{LineDiff, Sign, line_diffs};
use crate::report::paint::Style;

/// Diffs that are shown unless everything is.
const DIFFS: usize = 5;

/// Lines of one diff, likewise.
const LINES: usize = 40;

/// Returns the line diffs of all changes that have some.
pub(super) fn differences(plan: &Plan, style: &Style) -> String {
    let diffs = line_diffs(plan);
    let shown = if style.verbose {
        diffs.len()
    } else {
        DIFFS.min(diffs.len())
    };
    let mut out: String = diffs[..shown].iter().map(|diff| one(diff, style)).collect();
    if shown < diffs.len() {
        out.push_str(&format!(
            "and {} more definitions that differ; --verbose shows them\n",
            diffs.len() - shown
        ));
    }
    out
}

fn one(diff: &LineDiff, style: &Style) -> String {
    let shown = if style.verbose {
        diff.lines.len()
    } else {
        LINES.min(diff.lines.len())
    };
    let mut out = format!("{}\n", style.heading(&diff.title));
    for (sign, line) in &diff.lines[..shown] {
        let ink = match sign {
            Sign::Before => Ink::new().red(),
            Sign::After => Ink::new().green(),
            Sign::Both | Sign::Gap => Ink::new().dimmed(),
        };
        out.push_str(&format!("  {}\n", style.paint(&format!("{} {line}", sign.text()), ink)));
    }
    if shown < diff.lines.len() {
        out.push_str(&format!(
            "  … {} more lines; --verbose shows them\n",
            diff.lines.len() - shown
        ));
    }
    out
}
