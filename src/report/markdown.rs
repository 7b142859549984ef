//! A plan as a comment on a pull request: counts and risks at once, the SQL folded away, never longer than hosts allow.

mod escape;

use std::collections::BTreeSet;

use escape::{block, code, hidden, plain, prose};

use super::by_hand::by_hand;
use super::differences::line_diffs;
use super::duration;
use super::findings::by_rule;
use super::fold::fold;
use super::groups::groups;
use super::name;
use super::proof::remarks;
use super::summary::{facts, phases, risk_counts};
use super::words::verb;
use crate::plan::{Plan, StandIn, Step};
use crate::risk::{Finding, Risk};
use crate::words::{count, grouped};

/// Longest report in bytes; the best-known host takes 65,536 characters.
pub const LIMIT: usize = 65_536;

/// Most bytes of the table of findings, of what differs, and of what is left to people.
const SHARES: [usize; 3] = [20_000, 12_000, 4_000];

/// Bytes that are kept for the words that say that something was cut, and for the end.
const RESERVE: usize = 1_000;

/// Findings from which on those of one rule are counted rather than shown.
const MANY: usize = 25;

/// Lines of a group of changes.
const LINES: usize = 10;

/// Returns the comment that marks a report in Markdown, so that a workflow finds and updates the one it wrote before.
pub fn marker(plan: &Plan) -> String {
    format!("<!-- trueup:plan:{} -->", hidden(&plan.database.name))
}

/// Returns the report.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("{}\n{}", marker(plan), head(plan));
    if plan.is_empty() {
        out.push_str("\nNothing to do: the database matches the declared schema.\n");
    }
    let [findings, changes, hand] = SHARES;
    out.push_str(&cut(
        &risks(plan),
        findings,
        "The plan's other findings are in the whole report.",
    ));
    out.push_str(&folded("What differs", &differs(plan, changes)));
    out.push_str(&list("Proof", &remarks(plan), hand));
    out.push_str(&list("By hand", &by_hand(plan), hand));
    out.push_str(&list("Notes", &plan.notes, hand));
    let end = end(plan);
    for (title, steps) in [("SQL", &plan.forward), ("SQL of the rollback", &plan.rollback)] {
        let room = LIMIT.saturating_sub(out.len() + end.len() + RESERVE);
        let (script, shown) = script(steps, room);
        let number = if shown == steps.len() {
            count(shown, "step")
        } else {
            format!("{} of {}", grouped(shown), count(steps.len(), "step"))
        };
        out.push_str(&folded(&format!("{title}, {number}"), &script));
    }
    // Only what no share foresees (a fence longer than the script) gets here.
    if out.len() + end.len() > LIMIT {
        out = format!(
            "{}\n{}\nThe rest would be too long for a comment.\n",
            marker(plan),
            head(plan)
        );
    }
    out + &end
}

fn head(plan: &Plan) -> String {
    let name = code(&plan.database.name);
    let title = match &plan.database.stand_in {
        None => format!("Plan for database {name}"),
        Some(StandIn::Snapshot) => format!("Plan for snapshot {name}"),
        Some(StandIn::Source { desired }) => format!("Difference from {name} to {}", code(desired)),
    };
    let mut out = format!("### {title}\n\n");
    for fact in facts(plan) {
        out.push_str(&format!("- {}: {}\n", fact.label, strong(&plain(&fact.text))));
    }
    let phases = phases(plan);
    if phases.is_empty() {
        return out;
    }
    out.push_str("\n| phase | steps | statements | findings |\n| --- | ---: | ---: | --- |\n");
    for one in phases {
        let risks = strong(&risk_counts(&one.risks));
        out.push_str(&format!(
            "| {} | {} | {} | {risks} |\n",
            one.words().0,
            one.steps,
            one.statements
        ));
    }
    out
}

/// Makes words for risks that stop an apply stand out.
fn strong(text: &str) -> String {
    [Risk::Dangerous, Risk::Critical]
        .into_iter()
        .fold(text.to_owned(), |text, risk| {
            text.replace(risk.word(), &format!("**{risk}**"))
        })
}

fn risks(plan: &Plan) -> String {
    if plan.findings.is_empty() {
        return String::new();
    }
    let mut out =
        "\n#### Risks\n\n| risk | rule | object | step | what |\n| --- | --- | --- | ---: | --- |\n".to_owned();
    let mut hints = String::new();
    let mut said = BTreeSet::new();
    for group in by_rule(plan) {
        let shown = if plan.findings.len() > MANY {
            3.min(group.len())
        } else {
            group.len()
        };
        out.extend(group[..shown].iter().map(|finding| row(finding)));
        if let (Some(first), more @ 1..) = (group.first(), group.len() - shown) {
            out.push_str(&format!("| {} | {} | and {more} more | | |\n", first.risk, first.code));
        }
        for finding in group.iter().filter(|finding| !finding.hint.is_empty()) {
            if said.insert((&finding.code, &finding.hint)) && said.len() <= MANY {
                hints.push_str(&format!("- {}: {}\n", finding.code, prose(&finding.hint)));
            }
        }
    }
    out + &folded("Safer ways", &hints)
}

fn row(finding: &Finding) -> String {
    let what = format!("{} {}", finding.message, finding.evidence_line());
    format!(
        "| {} | {} | {} | {} | {} |\n",
        strong(finding.risk.word()),
        finding.code,
        code(&name::full(&finding.object)),
        finding.step + 1,
        prose(what.trim_end())
    )
}

/// Returns the groups of changes, and long differences as diffs as far as there is room.
fn differs(plan: &Plan, room: usize) -> String {
    let mut out = String::new();
    for group in groups(plan) {
        out.push_str(&format!("**{}** ({})\n\n", plain(&group.title), group.entries.len()));
        let (lines, rest) = fold(&group.entries, LINES);
        for line in lines {
            let risk = line
                .risk
                .map(|risk| format!(" [{}]", strong(risk.word())))
                .unwrap_or_default();
            out.push_str(&format!("- {}{risk}\n", line.words(code, plain)));
        }
        out.extend(rest.map(|rest| format!("- {rest}\n")));
        out.push('\n');
    }
    out = cut(&out, room, "What else differs is in the whole report.");
    for diff in line_diffs(plan) {
        let lines: Vec<String> = diff
            .lines
            .iter()
            .map(|(sign, line)| format!("{}{line}", sign.text()))
            .collect();
        let text = format!("{}\n\n{}\n", code(&diff.title), block("diff", &lines.join("\n")));
        if out.len() + text.len() > room {
            out.push_str("Further definitions that differ are in the whole report.\n");
            break;
        }
        out.push_str(&text);
    }
    out
}

fn list(title: &str, lines: &[String], room: usize) -> String {
    let lines: String = lines.iter().map(|line| format!("- {}\n", prose(line))).collect();
    folded(title, &cut(&lines, room, "- There is more in the whole report."))
}

fn folded(title: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!(
        "\n<details><summary>{}</summary>\n\n{}\n\n</details>\n",
        plain(title),
        text.trim_end()
    )
}

/// Keeps whole lines, as many as fit, and says when that are not all.
fn cut(text: &str, room: usize, sentence: &str) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    // A heading, a table's rows and an opened fold must not be left open.
    let mut kept = 0;
    for line in text.split_inclusive('\n') {
        if kept + line.len() > room || line.starts_with("<details>") {
            break;
        }
        kept += line.len();
    }
    format!("{}\n{sentence}\n", &text[..kept])
}

/// Returns the statements of steps as a block, as many as there is room for, and how many steps these are.
fn script(steps: &[Step], room: usize) -> (String, usize) {
    let mut text = String::new();
    let mut transaction = None;
    for (at, step) in steps.iter().enumerate() {
        let mut part = String::new();
        if transaction.replace(step.transaction) != Some(step.transaction) {
            part.push_str(&format!("-- transaction {}\n", step.transaction + 1));
        }
        let title = step
            .changes
            .first()
            .map(|change| format!("{} {}", verb(change.verb), name::full(&change.object)));
        part.push_str(&format!(
            "-- step {}: {}{}\n",
            at + 1,
            title.unwrap_or_default().replace(char::is_control, " "),
            duration::short(step)
                .map(|time| format!(" ({time})"))
                .unwrap_or_default()
        ));
        part.extend(step.statements.iter().map(|sentence| format!("{};\n", sentence.sql)));
        if text.len() + part.len() > room {
            let left = count(steps.len() - at, "step");
            text.push_str(&format!(
                "-- Cut here: the comment would be too long with {left} more.\n"
            ));
            return (block("sql", &text), at);
        }
        text.push_str(&part);
    }
    let whole = if text.is_empty() { text } else { block("sql", &text) };
    (whole, steps.len())
}

fn end(plan: &Plan) -> String {
    let worst = plan.findings.iter().map(|finding| finding.risk).max();
    let approval = match worst {
        Some(risk @ (Risk::Dangerous | Risk::Critical)) => {
            format!(" `apply` needs `--approve {risk}`, or an approval of each finding (`--approve CODE:OBJECT`).")
        }
        _ => String::new(),
    };
    format!(
        "\n<sub>trueup {}, fingerprint {}. The whole report: `trueup plan --format html`, the whole script: \
         `trueup plan --format sql`.{approval}</sub>\n",
        plain(&plan.tool),
        plan.fingerprint.short()
    )
}
