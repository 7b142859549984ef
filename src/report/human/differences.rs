//! Line diffs of what is too long for the table: bodies of views and routines, long lists.

use owo_colors::Style as Ink;
use similar::{ChangeTag, TextDiff};

use crate::plan::{Difference, Plan, Verb};
use crate::report::name;
use crate::report::paint::Style;
use crate::report::text::value_lines;

/// Lines around a changed one that are shown with it.
const AROUND: usize = 2;

/// Tells whether a difference has room in the table.
pub(super) fn is_short(difference: &Difference) -> bool {
    let fits = |value: &Option<String>| {
        value
            .as_ref()
            .is_none_or(|text| !text.contains('\n') && text.chars().count() <= 60)
    };
    fits(&difference.before) && fits(&difference.after)
}

/// Returns the line diffs of all changes that have some.
pub(super) fn differences(plan: &Plan, style: &Style) -> String {
    let mut out = String::new();
    for detail in plan.changes.iter().filter(|detail| detail.change.verb != Verb::Rebuild) {
        for difference in detail.differences.iter().filter(|difference| !is_short(difference)) {
            let title = format!(
                "{}, {}",
                name::full(&detail.change.object),
                difference.attribute.replace('_', " ")
            );
            out.push_str(&format!("{}\n{}", style.heading(&title), lines(difference, style)));
        }
    }
    out
}

fn lines(difference: &Difference, style: &Style) -> String {
    let text = |value: &Option<String>| {
        let mut lines = value.as_deref().map(value_lines).unwrap_or_default();
        // Every line ends, so that the last one is the same whether another one follows or not.
        lines.push(String::new());
        lines.join("\n")
    };
    let (before, after) = (text(&difference.before), text(&difference.after));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut out = String::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            out.push_str(&format!("    {}\n", style.dim("…")));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = change.value().trim_end_matches('\n');
            let (sign, ink) = match change.tag() {
                ChangeTag::Delete => ('-', Ink::new().red()),
                ChangeTag::Insert => ('+', Ink::new().green()),
                ChangeTag::Equal => (' ', Ink::new().dimmed()),
            };
            out.push_str(&format!("  {}\n", style.paint(&format!("{sign} {line}"), ink)));
        }
    }
    out
}
