//! What differs between live and desired, grouped by sort of object.

use owo_colors::Style as Ink;

use crate::plan::Plan;
use crate::report::fold::{Line, fold};
use crate::report::groups::{Group, groups};
use crate::report::paint::Style;
use crate::report::text::wrap;

/// Lines of one group that are shown unless everything is.
const LINES: usize = 12;

/// Returns the groups.
pub(super) fn changes(plan: &Plan, style: &Style) -> String {
    let groups = groups(plan);
    groups.iter().map(|group| one(group, style)).collect()
}

fn one(group: &Group, style: &Style) -> String {
    let number = match group.entries.len() {
        1 => String::new(),
        number => format!(" ({number})"),
    };
    let limit = if style.verbose { usize::MAX } else { LINES };
    let (lines, rest) = fold(&group.entries, limit);
    let mut out = format!("{}{}\n", style.heading(&group.title), style.dim(&number));
    for entry in &lines {
        out.push_str(&line(group.mark, entry, style));
    }
    if let Some(rest) = rest {
        out.push_str(&format!("    {}\n", style.risk_words(&rest)));
    }
    out
}

fn line(mark: &str, line: &Line, style: &Style) -> String {
    let risk = line.risk.map(|risk| format!("[{risk}]")).unwrap_or_default();
    let words = format!("{} {risk}", line.words(str::to_owned, str::to_owned));
    let lines = wrap(&words, style.width.saturating_sub(6).max(20));
    let mut text = lines.join("\n      ");
    // Painted after wrapping, which counts letters.
    if let Some(risk) = line.risk
        && let Some(plain) = text.strip_suffix(&format!("[{risk}]"))
    {
        text = format!("{plain}[{}]", style.risk(risk));
    }
    format!("  {} {text}\n", style.paint(mark, ink(mark)))
}

fn ink(mark: &str) -> Ink {
    match mark {
        "+" => Ink::new().green(),
        "-" => Ink::new().red(),
        _ => Ink::new().yellow(),
    }
}
