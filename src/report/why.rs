//! What is known of one object, for people.

use super::name;
use super::paint::Style;
use super::text::indent;
use crate::catalog::Identity;
use crate::reconcile::Why;
use crate::words::count;

/// Most names in one list.
const MOST_NAMES: usize = 30;

/// Returns the report for a terminal.
pub fn why_human(found: &[Why], style: &Style) -> String {
    let reports: Vec<String> = found.iter().map(|why| one(why, style)).collect();
    reports.join("\n")
}

fn one(why: &Why, style: &Style) -> String {
    let mut out = format!("{}\n", style.heading(&name::full(&why.object)));
    let declared = match (&why.declared_at, &why.desired) {
        (Some(place), _) => place.clone(),
        (None, Some(_)) => "follows from the rest: no place of its own".to_owned(),
        (None, None) => "nowhere".to_owned(),
    };
    out.push_str(&format!("  declared: {declared}\n"));
    if why.drift.is_empty() {
        out.push_str("  state: as declared\n");
    }
    for drift in &why.drift {
        let state = drift.state.word();
        if drift.object == why.object {
            out.push_str(&format!("  state: {state}: {}\n", drift.state.meaning()));
        } else {
            let part = super::drift::line(drift, 0, &|text| text.to_owned());
            out.push_str(&format!("  state: {state}: {part}\n"));
        }
    }
    out.push_str(&forms(why, style));
    out.push_str(&last_change(why, style));
    for evidence in &why.evidence {
        out.push_str(&format!("  evidence: {}\n", evidence.text));
    }
    out.push_str(&names("depends on", &why.dependencies));
    out.push_str(&names("needed by", &why.dependents));
    out
}

fn forms(why: &Why, style: &Style) -> String {
    let form = |title: &str, sql: &Option<String>| match sql.as_deref().map(str::trim_end) {
        None => format!("  {title}: not there\n"),
        Some("") => format!("  {title}: said by what it belongs to\n"),
        Some(sql) => format!("  {title}:\n{}\n", indent(&style.sql(sql), 6)),
    };
    if why.live == why.desired {
        return form("live and desired", &why.live);
    }
    form("live", &why.live) + &form("desired", &why.desired)
}

fn last_change(why: &Why, style: &Style) -> String {
    let Some(change) = &why.last_change else {
        return "  last change: none that the ledger knows of\n".to_owned();
    };
    let mut out = format!(
        "  last change: {} (execution {}, {}), {}, by {}\n",
        change.kind, change.execution, change.status, change.started_at, change.role
    );
    for sql in &change.statements {
        out.push_str(&format!("{}\n", indent(&style.sql(&format!("{sql};")), 6)));
    }
    out
}

fn names(title: &str, objects: &[Identity]) -> String {
    if objects.is_empty() {
        return format!("  {title}: nothing\n");
    }
    let mut out = format!("  {title}:\n");
    for object in objects.iter().take(MOST_NAMES) {
        out.push_str(&format!("    - {}\n", name::full(object)));
    }
    if objects.len() > MOST_NAMES {
        let more = count(objects.len() - MOST_NAMES, "more object");
        out.push_str(&format!("    - and {more}\n"));
    }
    out
}
