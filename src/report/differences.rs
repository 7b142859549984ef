//! Line diffs of what is too long for one line: bodies of views and routines, long lists.

use similar::{ChangeTag, TextDiff};

use super::groups::{attribute, is_short};
use super::name;
use super::text::value_lines;
use crate::plan::{Difference, Plan, Verb};

/// Lines around a changed one that are shown with it.
const AROUND: usize = 2;

/// How a line of a diff came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Live only.
    Before,
    /// Desired only.
    After,
    /// On both sides.
    Both,
    /// Lines were left out here.
    Gap,
}

/// One attribute's diff.
pub(super) struct LineDiff {
    /// Object and attribute.
    pub(super) title: String,
    /// Lines, without line breaks.
    pub(super) lines: Vec<(Sign, String)>,
}

impl Sign {
    /// Returns the sign in front of a line.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Before => "-",
            Self::After => "+",
            Self::Both => " ",
            Self::Gap => "…",
        }
    }
}

/// Returns the line diffs of all changes that have some.
pub(super) fn line_diffs(plan: &Plan) -> Vec<LineDiff> {
    let changed = plan.changes.iter().filter(|detail| detail.change.verb != Verb::Rebuild);
    let long = changed.flat_map(|detail| {
        let long = detail.differences.iter().filter(|difference| !is_short(difference));
        long.map(move |difference| (&detail.change.object, difference))
    });
    long.map(|(object, difference)| LineDiff {
        title: format!("{}, {}", name::full(object), attribute(difference)),
        lines: lines(difference),
    })
    .collect()
}

fn lines(difference: &Difference) -> Vec<(Sign, String)> {
    let text = |value: &Option<String>| {
        let mut lines = value.as_deref().map(value_lines).unwrap_or_default();
        // Every line ends, so that the last one is the same whether another one follows or not.
        lines.push(String::new());
        lines.join("\n")
    };
    let (before, after) = (text(&difference.before), text(&difference.after));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut out = Vec::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            out.push((Sign::Gap, String::new()));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => Sign::Before,
                ChangeTag::Insert => Sign::After,
                ChangeTag::Equal => Sign::Both,
            };
            out.push((sign, change.value().trim_end_matches('\n').to_owned()));
        }
    }
    out
}
