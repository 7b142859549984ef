//! A plan as one page for a browser: no script, no network, light and dark, with a diagram of the touched tables.

mod diagram;
mod layout;
mod markup;

use std::collections::BTreeSet;

use diagram::diagram;
use markup::{badge, escape, prose, sql};

use super::by_hand::by_hand;
use super::differences::{LineDiff, Sign, line_diffs};
use super::findings::by_rule;
use super::groups::{Group, groups};
use super::name;
use super::proof::remarks;
use super::steps::{StepView, steps};
use super::summary::{facts, phases, risk_counts, title};
use super::words::{phase, reversal, verb};
use crate::plan::{Plan, Step};
use crate::risk::{Finding, Risk};
use crate::words::count;

const STYLE: &str = include_str!("html/style.css");

/// Findings of one rule that stand before its fold.
const FEW: usize = 10;

/// Entries of a group, or findings of a rule, from which on they are folded.
const LONG: usize = 40;

/// Returns the page.
pub fn html(plan: &Plan) -> String {
    let groups = groups(plan);
    let views = steps(plan);
    let sections = [
        ("Proof", list(&remarks(plan))),
        ("Tables", diagram(plan, &groups)),
        ("Findings", findings(plan)),
        ("What differs", differs(plan, &groups)),
        ("Steps", views.iter().map(step).collect()),
        ("Rollback", rollback(&plan.rollback)),
        ("By hand", list(&by_hand(plan))),
        ("Notes", list(&plan.notes)),
    ];
    let title = escape(&title(plan));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{}",
        head(plan)
    );
    for (heading, body) in sections.iter().filter(|(_, body)| !body.is_empty()) {
        out.push_str(&format!("<h2>{heading}</h2>\n{body}"));
    }
    out.push_str(&format!(
        "<footer><p>Made by trueup {} for the live state with fingerprint <code>{}</code>.</p></footer>\n</body>\n</html>\n",
        escape(&plan.tool),
        escape(plan.fingerprint.short())
    ));
    out
}

fn head(plan: &Plan) -> String {
    let facts = facts(plan);
    let lines = facts
        .iter()
        .map(|fact| format!("<dt>{}</dt><dd>{}</dd>\n", fact.label, escape(&fact.text)));
    let mut out = format!("<dl>\n{}</dl>\n", lines.collect::<String>());
    if plan.is_empty() {
        out.push_str("<p>Nothing to do: the database matches the declared schema.</p>\n");
        return out;
    }
    let rows = phases(plan).into_iter().map(|one| {
        let risks = escape(&risk_counts(&one.risks));
        let cells = [
            one.words().0.to_owned(),
            one.steps.to_string(),
            one.statements.to_string(),
            risks,
        ];
        row(&cells)
    });
    let rows: String = rows.collect();
    out + &table(&["phase", "steps", "statements", "findings"], &rows)
}

fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn table(heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!("<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn findings(plan: &Plan) -> String {
    let mut said = BTreeSet::new();
    let mut out = String::new();
    for group in by_rule(plan) {
        let rows: Vec<String> = group
            .iter()
            // The same advice again and again is not read at all.
            .map(|one| finding(one, said.insert((&one.code, &one.hint))))
            .collect();
        let shown = if rows.len() > LONG { FEW } else { rows.len() };
        out.push_str(&rows[..shown].concat());
        if let (Some(first), more @ 1..) = (group.first(), rows.len() - shown) {
            let title = format!("{more} more of {} ({})", escape(&first.code), first.risk);
            let rest = findings_table(&rows[shown..].concat());
            out.push_str(&format!(
                "<tr><td colspan=\"5\"><details><summary>{title}</summary>{rest}</details></td></tr>\n"
            ));
        }
    }
    if out.is_empty() { out } else { findings_table(&out) }
}

fn findings_table(rows: &str) -> String {
    table(&["risk", "rule", "object", "step", "what, and what is safer"], rows)
}

fn finding(finding: &Finding, with_hint: bool) -> String {
    let mut what = prose(&finding.message);
    if !finding.evidence.is_empty() {
        what.push_str(&format!("<br/>{}", prose(&finding.evidence_line())));
    }
    if with_hint && !finding.hint.is_empty() {
        what.push_str(&format!(
            "<br/><span class=\"soft\">Safer: {}</span>",
            prose(&finding.hint)
        ));
    }
    if let Some(ruling) = &finding.ruling {
        what.push_str(&format!("<br/>{}", prose(&ruling.words())));
    }
    if finding.risk >= Risk::Dangerous && !finding.is_waived() {
        let flag = format!("--approve {}", name::approval(&finding.code, &finding.object));
        what.push_str(&format!("<br/><code>{}</code>", escape(&flag)));
    }
    let number = finding.step + 1;
    row(&[
        badge(Some(finding.risk)),
        escape(&finding.code),
        format!("<code>{}</code>", escape(&name::full(&finding.object))),
        format!("<a href=\"#step-{number}\">{number}</a>"),
        what,
    ])
}

fn differs(plan: &Plan, groups: &[Group]) -> String {
    let mut out: String = groups.iter().map(group).collect();
    out.extend(line_diffs(plan).iter().map(line_diff));
    out
}

fn group(group: &Group) -> String {
    let class = match group.mark {
        "+" => "add",
        "-" => "drop",
        _ => "change",
    };
    let lines: String = group
        .entries
        .iter()
        .map(|entry| {
            let place = entry.detail.declared_at.as_deref().map(|place| {
                let place = escape(place);
                format!(" <span class=\"soft\">{place}</span>")
            });
            let colon = if entry.text.is_empty() { "" } else { ": " };
            format!(
                "<li class=\"none\"><span class=\"{class}\">{}</span> <code>{}</code>{colon}{} {}{}</li>\n",
                group.mark,
                escape(&entry.name),
                escape(&entry.text),
                badge(entry.risk),
                place.unwrap_or_default()
            )
        })
        .collect();
    let (heading, number) = (escape(&group.title), group.entries.len());
    if number > LONG {
        format!("<details><summary><strong>{heading}</strong> ({number})</summary>\n<ul>\n{lines}</ul></details>\n")
    } else {
        format!("<h3>{heading} <span class=\"soft\">({number})</span></h3>\n<ul>\n{lines}</ul>\n")
    }
}

fn line_diff(diff: &LineDiff) -> String {
    let lines: String = diff
        .lines
        .iter()
        .map(|(sign, line)| {
            let class = match sign {
                Sign::Before => "drop",
                Sign::After => "add",
                Sign::Both | Sign::Gap => "same",
            };
            format!("<span class=\"{class}\">{} {}</span>\n", sign.text(), escape(line))
        })
        .collect();
    format!("<h3>{}</h3>\n<pre><code>{lines}</code></pre>\n", escape(&diff.title))
}

fn step(view: &StepView) -> String {
    let statements: Vec<String> = view
        .step
        .statements
        .iter()
        .map(|sentence| format!("{};", sentence.sql))
        .collect();
    let consequences: String = view
        .consequences
        .iter()
        .map(|line| format!("<li class=\"soft\">{}</li>\n", escape(line)))
        .collect();
    let list = if consequences.is_empty() {
        String::new()
    } else {
        format!("<ul>\n{consequences}</ul>\n")
    };
    format!(
        "<section class=\"step\" id=\"step-{}\">\n<h3>{}. {} {}<span class=\"soft\">{}, {}; rollback {}</span></h3>\n{}{list}</section>\n",
        view.number,
        view.number,
        escape(&view.title),
        badge(view.risk),
        phase(view.step.phase),
        view.place(),
        view.rollback,
        sql(&statements.join("\n"))
    )
}

fn rollback(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for (at, step) in steps.iter().enumerate() {
        let title = step
            .changes
            .first()
            .map(|change| format!("{} {}", verb(change.verb), name::full(&change.object)));
        let title = title.unwrap_or_default().replace(char::is_control, " ");
        let (label, _) = reversal(&step.reversal);
        let label = if label == "exact" {
            String::new()
        } else {
            format!(" ({label})")
        };
        text.push_str(&format!("-- step {}: {title}{label}\n", at + 1));
        text.extend(step.statements.iter().map(|sentence| format!("{};\n", sentence.sql)));
    }
    format!(
        "<details><summary>{}</summary>\n{}</details>\n",
        count(steps.len(), "step"),
        sql(text.trim_end())
    )
}

fn list(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("<li>{}</li>\n", prose(line))).collect();
    format!("<ul>\n{lines}</ul>\n")
}
