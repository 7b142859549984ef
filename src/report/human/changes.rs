//! The table of changes, grouped by the table or other relation that they belong to.

use std::collections::BTreeMap;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::differences::is_short;
use super::words::{mark, past};
use crate::catalog::{Identity, quote::readable};
use crate::plan::{Detail, Plan, Verb};
use crate::report::name;
use crate::report::paint::Style;
use crate::report::text::{count, value_lines};
use crate::risk::Risk;

/// Columns of the table that hold mark and risk.
const MARK_AND_RISK: usize = 16;

/// Spaces around a cell.
const PADDING: usize = 2;

/// One line of the table.
struct Line {
    mark: &'static str,
    object: String,
    change: String,
    risk: Option<Risk>,
}

/// Returns the table.
pub(super) fn changes(plan: &Plan, style: &Style) -> String {
    if plan.changes.is_empty() {
        return String::new();
    }
    let risks = risks(plan);
    let hosts = hosts(plan);
    let mut families: BTreeMap<Vec<String>, Vec<&Detail>> = BTreeMap::new();
    for detail in &plan.changes {
        let object = &detail.change.object;
        let family = hosts.get(object).cloned().unwrap_or_else(|| name::family(object));
        families.entry(family).or_default().push(detail);
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    if style.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let lines: Vec<Line> = families
        .iter()
        .flat_map(|(family, details)| lines(family, details, &risks))
        .collect();
    let widest = lines.iter().map(|line| line.object.chars().count()).max().unwrap_or(0);
    table.add_rows(lines.iter().map(row));
    // Names are copied from here, so that they are broken last.
    let room = style.width.saturating_sub(MARK_AND_RISK) * 2 / 3;
    let width = u16::try_from((widest + PADDING).min(room)).unwrap_or(u16::MAX);
    if let Some(column) = table.column_mut(1) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
    format!("{}\n{table}\n", style.heading("Changes"))
}

fn row(line: &Line) -> Vec<Cell> {
    let color = match line.mark {
        "+" => Some(Color::Green),
        "-" => Some(Color::Red),
        "~" | "±" => Some(Color::Yellow),
        _ => None,
    };
    let mark = Cell::new(line.mark);
    let risk = match line.risk {
        None => Cell::new(""),
        Some(Risk::Safe) => Cell::new("safe"),
        Some(Risk::Caution) => Cell::new("caution").fg(Color::Yellow),
        Some(Risk::Dangerous) => Cell::new("dangerous").fg(Color::Red),
        Some(Risk::Critical) => Cell::new("critical").fg(Color::Red).add_attribute(Attribute::Bold),
    };
    vec![
        color.map_or(mark.clone(), |color| mark.fg(color)),
        Cell::new(&line.object),
        Cell::new(&line.change),
        risk,
    ]
}

/// Returns the highest risk of each object.
fn risks(plan: &Plan) -> BTreeMap<&Identity, Risk> {
    let mut out: BTreeMap<&Identity, Risk> = BTreeMap::new();
    for finding in &plan.findings {
        let risk = out.entry(&finding.object).or_insert(finding.risk);
        *risk = (*risk).max(finding.risk);
    }
    out
}

/// Returns the family of objects whose path does not name it (an index): that of the first thing they lock.
fn hosts(plan: &Plan) -> BTreeMap<&Identity, Vec<String>> {
    let mut out = BTreeMap::new();
    for step in &plan.forward {
        let Some(change) = step.changes.first().filter(|change| change.object.path.len() == 2) else {
            continue;
        };
        let mut locks = step.statements.iter().flat_map(|sentence| &sentence.facts.locks);
        if let Some((locked, _)) = locks.next()
            && locked.path.len() == 2
        {
            out.insert(&change.object, locked.path.clone());
        }
    }
    out
}

/// Returns the lines of one family: its head, and what belongs to it, as far as the head does not say it already.
fn lines(family: &[String], details: &[&Detail], risks: &BTreeMap<&Identity, Risk>) -> Vec<Line> {
    let is_head = |detail: &Detail| detail.change.object.path == *family;
    let head = details.iter().find(|detail| is_head(detail));
    let whole = head
        .map(|detail| detail.change.verb)
        .filter(|verb| matches!(verb, Verb::Create | Verb::Drop | Verb::Replace | Verb::Rebuild));
    let implied = |detail: &&&Detail| !is_head(detail) && is_implied(detail, whole);
    let parts: Vec<&&Detail> = details.iter().filter(implied).collect();
    let mut out = Vec::new();
    match head {
        Some(detail) => {
            let mut line = line(detail, family, risks);
            let worst = parts.iter().filter_map(|part| risks.get(&part.change.object)).max();
            line.risk = line.risk.max(worst.copied());
            line.change.push_str(&inventory(&parts));
            out.push(line);
        }
        None => out.push(Line {
            mark: "",
            object: family.iter().map(|name| readable(name)).collect::<Vec<_>>().join("."),
            change: String::new(),
            risk: None,
        }),
    }
    let rest = details
        .iter()
        .filter(|detail| !is_head(detail) && !is_implied(detail, whole));
    out.extend(rest.map(|detail| {
        let mut line = line(detail, family, risks);
        line.object.insert_str(0, "  ");
        line
    }));
    out
}

/// Tells whether the change of the head says the change of a part.
fn is_implied(detail: &Detail, whole: Option<Verb>) -> bool {
    let made_again = |verb| matches!(verb, Verb::Replace | Verb::Rebuild);
    whole.is_some_and(|whole| detail.change.verb == whole || made_again(whole) && made_again(detail.change.verb))
}

/// Counts parts by kind: ` with 4 columns, 1 index`.
fn inventory(parts: &[&&Detail]) -> String {
    let mut kinds = BTreeMap::new();
    for part in parts.iter().filter(|part| !name::is_attached(&part.change.object)) {
        *kinds.entry(part.change.object.kind).or_insert(0) += 1;
    }
    let counts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| count(number, kind.words()))
        .collect();
    if counts.is_empty() {
        String::new()
    } else {
        format!(" with {}", counts.join(", "))
    }
}

fn line(detail: &Detail, family: &[String], risks: &BTreeMap<&Identity, Risk>) -> Line {
    let change = &detail.change;
    Line {
        mark: mark(change.verb),
        object: name::within(&change.object, family),
        change: describe(detail),
        risk: risks.get(&change.object).copied(),
    }
}

/// Says what differs, where that is short; long values are shown as line diffs below the table.
fn describe(detail: &Detail) -> String {
    if detail.change.verb == Verb::Rebuild {
        return "rebuilt, unchanged".to_owned();
    }
    let shorts: Vec<String> = detail
        .differences
        .iter()
        .filter(|difference| is_short(difference))
        .map(|difference| {
            let value = |value: &Option<String>| match value {
                None => "none".to_owned(),
                Some(text) => value_lines(text).join(", "),
            };
            let arrow = format!("{} → {}", value(&difference.before), value(&difference.after));
            if detail.differences.len() == 1 && difference.attribute.ends_with("type") {
                return arrow;
            }
            format!("{}: {arrow}", difference.attribute.replace('_', " "))
        })
        .collect();
    let long = detail.differences.iter().filter(|difference| !is_short(difference));
    let below: Vec<String> = long
        .map(|difference| format!("{} (below)", difference.attribute.replace('_', " ")))
        .collect();
    let verb = past(detail.change.verb);
    match (shorts.is_empty(), below.is_empty()) {
        (true, true) => verb.to_owned(),
        _ => shorts.into_iter().chain(below).collect::<Vec<_>>().join("\n"),
    }
}
