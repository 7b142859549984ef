//! What a plan says about itself as a whole: for which database it is, how much changes, how risky that is, phase by
//! phase. Every report opens with this; what else is known of a whole plan (how long it takes) belongs in [`facts`] or,
//! by phase, in [`PhaseSummary::words`], and is then in all of them.

use std::collections::BTreeMap;

use super::duration;
use super::name;
use super::proof::verdict;
use super::words::{past, phase};
use crate::plan::{Phase, Plan, StandIn, Verb, transactions};
use crate::risk::{Finding, Risk};
use crate::words::{count, grouped};

/// One fact: what it is about, and the fact.
pub(super) struct Fact {
    /// One word or two.
    pub(super) label: &'static str,
    /// Plain text.
    pub(super) text: String,
}

/// What happens in one phase.
pub(super) struct PhaseSummary {
    /// Phase.
    pub(super) phase: Phase,
    /// Number of steps.
    pub(super) steps: usize,
    /// Number of statements.
    pub(super) statements: usize,
    /// Findings per risk, worst first.
    pub(super) risks: Vec<(Risk, usize)>,
}

/// Returns the facts about the environment and the whole plan, in the order in which they are shown.
pub(super) fn facts(plan: &Plan) -> Vec<Fact> {
    let fact = |label, text| Fact { label, text };
    let mut out = vec![fact("server", server(plan))];
    if plan.is_empty() {
        return out;
    }
    out.push(fact("changes", changes(plan)));
    out.push(fact("steps", steps(plan)));
    out.push(fact("findings", findings(plan)));
    out.extend(duration::whole(plan).map(|text| fact("duration", text)));
    out.extend(verdict(plan).map(|text| fact("proof", text)));
    if matches!(plan.database.stand_in, Some(StandIn::Source { .. })) {
        return out;
    }
    let objects = count(plan.scope.len(), "object");
    out.push(fact(
        "watched",
        format!("{objects}; apply refuses when they have moved"),
    ));
    out
}

/// Returns the title of a report.
pub(super) fn title(plan: &Plan) -> String {
    name::title(plan)
}

fn server(plan: &Plan) -> String {
    let version = plan.database.version_num;
    format!("PostgreSQL {}.{}", version / 10_000, version % 10_000)
}

fn changes(plan: &Plan) -> String {
    let mut verbs: BTreeMap<Verb, usize> = BTreeMap::new();
    for detail in &plan.changes {
        *verbs.entry(detail.change.verb).or_default() += 1;
    }
    let verbs: Vec<String> = verbs
        .iter()
        .map(|(verb, number)| format!("{} {}", grouped(*number), past(*verb)))
        .collect();
    format!("{} ({})", grouped(plan.changes.len()), verbs.join(", "))
}

fn steps(plan: &Plan) -> String {
    let transactions = transactions(&plan.forward);
    format!(
        "{} in {}",
        grouped(plan.forward.len()),
        count(transactions, "transaction")
    )
}

fn findings(plan: &Plan) -> String {
    let risks = risks(&plan.findings);
    if risks.is_empty() {
        return "none: every change is safe".to_owned();
    }
    format!("{} ({})", grouped(plan.findings.len()), risk_counts(&risks))
}

/// Counts findings per risk, worst first.
pub(super) fn risks<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<(Risk, usize)> {
    let mut out: BTreeMap<Risk, usize> = BTreeMap::new();
    for finding in findings {
        *out.entry(finding.risk).or_default() += 1;
    }
    out.into_iter().rev().collect()
}

/// Writes counts: `1 critical, 2 caution`.
pub(super) fn risk_counts(risks: &[(Risk, usize)]) -> String {
    let counts: Vec<String> = risks
        .iter()
        .map(|(risk, number)| format!("{} {risk}", grouped(*number)))
        .collect();
    counts.join(", ")
}

/// Returns every phase that has steps, in order.
pub(super) fn phases(plan: &Plan) -> Vec<PhaseSummary> {
    let all = [Phase::Structure, Phase::Data, Phase::Validation, Phase::Contract];
    let one = |wanted: Phase| {
        let steps = plan.forward.iter().filter(|step| step.phase == wanted);
        let of = |finding: &&Finding| plan.forward.get(finding.step).is_some_and(|step| step.phase == wanted);
        PhaseSummary {
            phase: wanted,
            steps: steps.clone().count(),
            statements: steps.map(|step| step.statements.len()).sum(),
            risks: risks(plan.findings.iter().filter(of)),
        }
    };
    all.into_iter().map(one).filter(|phase| phase.steps > 0).collect()
}

impl PhaseSummary {
    /// Returns the word, and what happens in the phase.
    pub(super) fn words(&self) -> (&'static str, String) {
        let steps = count(self.steps, "step");
        let statements = count(self.statements, "statement");
        let risks = match self.risks.as_slice() {
            [] => "no findings".to_owned(),
            risks => risk_counts(risks),
        };
        (phase(self.phase), format!("{steps}, {statements}; {risks}"))
    }
}
