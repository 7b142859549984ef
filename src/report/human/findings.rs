//! What the rules found, worst first, and what to run next.

use std::collections::BTreeSet;

use owo_colors::Style as Ink;

use crate::plan::{Plan, StandIn};
use crate::report::findings::by_rule;
use crate::report::name;
use crate::report::paint::Style;
use crate::report::proof::refutation;
use crate::report::text::wrap;
use crate::risk::{Finding, Risk};

/// Findings from which on those of one rule and risk are counted rather than shown, unless everything is shown.
const MANY: usize = 30;

/// Findings of one rule and risk that are shown then.
const SHOWN: usize = 2;

/// Returns the findings, worst first.
pub(super) fn findings(plan: &Plan, style: &Style) -> String {
    if plan.findings.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", style.heading("Findings"));
    let mut said = BTreeSet::new();
    for group in by_rule(plan) {
        // Advice blocks nobody: two pieces of a sort are enough to know it.
        let advice = group.iter().all(|finding| finding.risk == Risk::Safe);
        let folds = (advice || plan.findings.len() > MANY) && !style.verbose;
        let few = if advice { 2 } else { SHOWN };
        let shown = if folds { few.min(group.len()) } else { group.len() };
        for finding in &group[..shown] {
            // The same advice again and again is not read at all.
            let hint = said.insert((&finding.code, &finding.hint));
            out.push_str(&one(finding, hint, style));
        }
        out.push_str(&rest(&group[shown..], style));
    }
    out
}

/// Says how many more findings of a rule there are, and how to approve them together.
fn rest(findings: &[&Finding], style: &Style) -> String {
    let Some(first) = findings.first() else {
        return String::new();
    };
    let mut out = format!(
        "  {} {} and {} more\n",
        style.risk(first.risk),
        first.code,
        findings.len()
    );
    if first.risk >= Risk::Dangerous && !first.is_waived() {
        let flag = format!("--approve {}", first.code);
        out.push_str(&format!("      {}\n", style.paint(&flag, Ink::new().cyan())));
    }
    out
}

fn one(finding: &Finding, with_hint: bool, style: &Style) -> String {
    let width = style.width.saturating_sub(6).max(20);
    let mut out = format!(
        "  {} {} {} {}\n",
        style.risk(finding.risk),
        finding.code,
        name::full(&finding.object),
        style.dim(&format!("(step {})", finding.step + 1))
    );
    let mut paragraph = |text: &str, ink: Ink| {
        for line in wrap(text, width) {
            out.push_str(&format!("      {}\n", style.paint(&line, ink)));
        }
    };
    paragraph(&finding.message, Ink::new());
    if !finding.evidence.is_empty() {
        paragraph(&finding.evidence_line(), Ink::new());
    }
    if with_hint && !finding.hint.is_empty() {
        paragraph(&format!("Safer: {}", finding.hint), Ink::new().dimmed());
    }
    if let Some(ruling) = &finding.ruling {
        paragraph(&ruling.words(), Ink::new());
    }
    if finding.risk >= Risk::Dangerous && !finding.is_waived() {
        let flag = format!("--approve {}", name::approval(&finding.code, &finding.object));
        out.push_str(&format!("      {}\n", style.paint(&flag, Ink::new().cyan())));
    }
    out
}

/// Returns the last line: what to run next.
pub(super) fn next(plan: &Plan, style: &Style) -> String {
    if let Some(StandIn::Source { desired }) = &plan.database.stand_in {
        let name = &plan.database.name;
        if plan.is_empty() {
            return format!("No difference: {name} and {desired} declare the same.\n");
        }
        return String::new();
    }
    if plan.is_empty() {
        return "Nothing to do: the database matches the declared schema.\n".to_owned();
    }
    if refutation(plan).is_some() {
        return "The plan failed its proof and cannot be applied; see above.\n".to_owned();
    }
    if !plan.questions.is_empty() {
        return "The plan waits for an answer: see TU508 above. `--approve critical` applies it as it stands: what is new starts empty then.\n".to_owned();
    }
    let counted = plan.findings.iter().filter(|finding| !finding.is_waived());
    let worst = counted.map(|finding| finding.risk).max();
    let approve = match worst {
        Some(risk @ (Risk::Dangerous | Risk::Critical)) => format!(" --approve {risk}"),
        _ => String::new(),
    };
    let run = |text: String| style.paint(&text, Ink::new().cyan());
    let command = match style.plan_file {
        Some(file) => format!("Next: {}\n", run(format!("trueup apply {file}{approve}"))),
        None => format!(
            "Next: {}, then {}\n",
            run("trueup plan --out plan.json".to_owned()),
            run(format!("trueup apply plan.json{approve}"))
        ),
    };
    if approve.is_empty() {
        return command;
    }
    // The command is the last line, so that it can be copied from the end of the output.
    let before = "Read the findings first; `trueup explain CODE` says more. Approve them one by one with the flags above, or \
                  all up to a level:";
    format!("{}\n{command}", wrap(before, style.width.max(20)).join("\n"))
}
