//! The first lines: which database, how much changes, how risky it is.

use crate::plan::Plan;
use crate::report::paint::Style;
use crate::report::summary::{facts, title};
use crate::report::text::wrap;

/// Columns of the labels.
const LABELS: usize = 12;

/// Returns the header.
pub(super) fn header(plan: &Plan, style: &Style) -> String {
    let mut out = format!("{}\n", style.heading(&title(plan)));
    for fact in facts(plan) {
        let lines = wrap(&fact.text, style.width.saturating_sub(LABELS).max(20));
        let text = lines.join(&format!("\n{}", " ".repeat(LABELS)));
        let label = style.dim(&format!("{:<width$}", fact.label, width = LABELS - 2));
        out.push_str(&format!("  {label}{}\n", style.risk_words(&text)));
    }
    out
}
