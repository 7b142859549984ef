//! The plan by phase, then its steps in their order. A long plan shows the steps that need a look and counts the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Plan;
use crate::report::paint::Style;
use crate::report::steps::{StepView, steps as views};
use crate::report::summary::phases;
use crate::report::text::{indent, wrap};
use crate::report::words::{phase, verb};
use crate::risk::Risk;
use crate::staged::is_stage;
use crate::words::count;

/// Steps from which on a plan is folded, unless everything is shown.
const LONG: usize = 40;

/// Steps with findings that a folded plan shows; the riskiest.
const SHOWN: usize = 20;

/// Steps of one risk that do the same to objects of one kind, of these.
const ALIKE: usize = 3;

/// Lines of SQL of one step that a folded plan shows.
const LINES: usize = 15;

/// Kinds of steps that the line for folded ones names.
const NAMED: usize = 6;

/// Returns the phases and the steps.
pub(super) fn steps(plan: &Plan, style: &Style) -> String {
    if plan.forward.is_empty() {
        return String::new();
    }
    let views = views(plan);
    let folded = views.len() > LONG && !style.verbose;
    let shown = shown(&views, folded);
    let mut out = format!("{}\n{}", style.heading("Plan"), table(plan, style));
    let mut last = None;
    let mut hidden: Vec<&StepView> = Vec::new();
    for view in &views {
        if !shown.contains(&view.number) {
            hidden.push(view);
            continue;
        }
        out.push_str(&rest(&std::mem::take(&mut hidden), style));
        let group = (view.step.phase, view.step.transaction);
        if last.replace(group) != Some(group) {
            out.push_str(&format!("{}\n", style.dim(&rule(view, style.width))));
        }
        out.push_str(&one(view, folded, style));
    }
    out.push_str(&rest(&hidden, style));
    if folded {
        out.push_str("  Shown are the riskiest of each sort; --verbose shows all, --format sql the whole script.\n");
    }
    out
}

/// Returns the numbers of the steps that are shown.
fn shown(views: &[StepView], folded: bool) -> BTreeSet<usize> {
    let mut order: Vec<&StepView> = views.iter().collect();
    if folded {
        order.retain(|view| view.risk >= Some(Risk::Caution));
        order.sort_by_key(|view| (std::cmp::Reverse(view.risk), view.number));
        let mut sorts: BTreeMap<_, usize> = BTreeMap::new();
        order.retain(|view| {
            let change = view.step.changes.first();
            let number = sorts
                .entry(change.map(|change| (view.risk, change.verb, change.object.kind)))
                .or_default();
            *number += 1;
            *number <= ALIKE
        });
        order.truncate(SHOWN);
    }
    order.into_iter().map(|view| view.number).collect()
}

/// Returns one line per phase.
fn table(plan: &Plan, style: &Style) -> String {
    let lines = phases(plan).into_iter().map(|one| {
        let (phase, words) = one.words();
        format!(
            "  {} {}\n",
            style.dim(&format!("{phase:<10}")),
            style.risk_words(&words)
        )
    });
    lines.collect()
}

fn rule(view: &StepView, width: usize) -> String {
    let text = format!("── {} · {} ", phase(view.step.phase), view.place());
    let fill = width.min(100).saturating_sub(text.chars().count());
    format!("{text}{}", "─".repeat(fill))
}

fn one(view: &StepView, folded: bool, style: &Style) -> String {
    let mut out = title(view, style);
    let mut sql = String::new();
    // What stages run is long and always the same.
    let is_brief = is_stage(view.step) && !style.verbose;
    for sentence in &view.step.statements {
        match sentence.sql.split_once('\n').filter(|_| is_brief) {
            Some((first, _)) => sql.push_str(&format!("{first} …\n")),
            None => sql.push_str(&format!("{};\n", sentence.sql)),
        }
    }
    let lines = sql.lines().count();
    let shown = if folded { LINES.min(lines) } else { lines };
    let sql: Vec<&str> = sql.lines().take(shown).collect();
    out.push_str(&format!("{}\n", indent(&style.sql(&sql.join("\n")), 6)));
    if shown < lines {
        out.push_str(&format!("      … {}\n", count(lines - shown, "more line")));
    }
    for line in &view.consequences {
        let lines = wrap(line, style.width.saturating_sub(8).max(20)).join("\n  ");
        out.push_str(&format!("{}\n", style.dim(&indent(&format!("· {lines}"), 6))));
    }
    out
}

/// Returns the line that names a step; the label of its rollback stands at the right edge.
fn title(view: &StepView, style: &Style) -> String {
    let mut wide = 6 + view.title.chars().count();
    let mut line = format!("{:>4}. {}", view.number, style.heading(&view.title));
    if let Some(risk) = view.risk {
        wide += 4 + risk.word().len();
        line.push_str(&format!("  [{}]", style.risk(risk)));
    }
    let rollback = format!("rollback {}", view.rollback);
    let gap = style.width.saturating_sub(wide + rollback.chars().count());
    if gap < 2 {
        return format!("{line}\n      {}\n", style.dim(&format!("· {rollback}")));
    }
    format!("{line}{}{}\n", " ".repeat(gap), style.dim(&rollback))
}

/// Counts steps that are not shown, by what they do: `steps 4 to 90: 80 create index, 7 create table`.
fn rest(hidden: &[&StepView], style: &Style) -> String {
    let (Some(first), Some(last)) = (hidden.first(), hidden.last()) else {
        return String::new();
    };
    let mut sorts: BTreeMap<String, usize> = BTreeMap::new();
    for change in hidden.iter().filter_map(|view| view.step.changes.first()) {
        *sorts
            .entry(format!("{} {}", verb(change.verb), change.object.kind))
            .or_default() += 1;
    }
    let mut sorts: Vec<(String, usize)> = sorts.into_iter().collect();
    sorts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let others: usize = sorts.iter().skip(NAMED).map(|(_, number)| number).sum();
    let mut words: Vec<String> = sorts
        .iter()
        .take(NAMED)
        .map(|(sort, number)| format!("{number} {sort}"))
        .collect();
    if others > 0 {
        words.push(format!("{others} others"));
    }
    let which = match hidden.len() {
        1 => format!("step {}", first.number),
        _ => format!("steps {} to {}", first.number, last.number),
    };
    let lines = wrap(
        &format!("{which}: {}", words.join(", ")),
        style.width.saturating_sub(6).max(20),
    );
    format!("{}\n", style.dim(&indent(&lines.join("\n"), 6)))
}
