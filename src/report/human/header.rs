//! The first lines: which database, how much changes, how risky it is.

use std::collections::BTreeMap;

use crate::plan::{Plan, Verb};
use crate::report::name;
use crate::report::paint::Style;
use crate::report::text::count;
use crate::risk::Risk;

use super::words::past;

/// Returns the header.
pub(super) fn header(plan: &Plan, style: &Style) -> String {
    let version = plan.database.version_num;
    let title = format!(
        "{} (PostgreSQL {}.{})",
        name::title(plan),
        version / 10_000,
        version % 10_000
    );
    let mut out = format!("{}\n", style.heading(&title));
    if plan.is_empty() {
        return out;
    }
    let mut verbs: BTreeMap<Verb, usize> = BTreeMap::new();
    for detail in &plan.changes {
        *verbs.entry(detail.change.verb).or_default() += 1;
    }
    let verbs: Vec<String> = verbs
        .iter()
        .map(|(verb, number)| format!("{number} {}", past(*verb)))
        .collect();
    let transactions = plan.forward.last().map_or(0, |step| step.transaction + 1);
    out.push_str(&format!(
        "  {}: {}\n",
        count(plan.changes.len(), "change"),
        verbs.join(", ")
    ));
    out.push_str(&format!(
        "  {} in {}\n",
        count(plan.forward.len(), "step"),
        count(transactions, "transaction")
    ));
    out.push_str(&format!("  {}\n", risks(plan, style)));
    out
}

fn risks(plan: &Plan, style: &Style) -> String {
    if plan.findings.is_empty() {
        return format!("no findings: every change is {}", style.risk(Risk::Safe));
    }
    let levels = [Risk::Critical, Risk::Dangerous, Risk::Caution, Risk::Safe];
    let counts: Vec<String> = levels
        .into_iter()
        .map(|risk| {
            (
                risk,
                plan.findings.iter().filter(|finding| finding.risk == risk).count(),
            )
        })
        .filter(|(_, number)| *number > 0)
        .map(|(risk, number)| format!("{number} {}", style.risk(risk)))
        .collect();
    format!("{}: {}", count(plan.findings.len(), "finding"), counts.join(", "))
}
