//! Drift as text, as JSON and as Markdown for an issue: who moved, object by object.

use owo_colors::Style as Ink;

use super::name;
use super::paint::Style;
use super::text::wrap;
use crate::catalog::quote::readable;
use crate::drift::{Drift, Drifted, State};
use crate::error::{Error, Result};
use crate::plan::Verb;
use crate::words::count;

/// Longest value that stands in a line.
const LONGEST_VALUE: usize = 60;

/// Most lines of a Markdown report; issues and comments have a limit.
const MOST_LINES: usize = 400;

/// Returns drift for a terminal.
pub fn drift_human(drift: &Drift, style: &Style) -> String {
    let version = drift.version_num;
    let title = format!(
        "Drift of database {} (PostgreSQL {}.{})",
        readable(&drift.database),
        version / 10_000,
        version % 10_000
    );
    let mut out = format!("{}\n  {}\n", style.heading(&title), summary(drift));
    for (state, lines) in groups(drift) {
        out.push_str(&format!("\n{}\n", style.paint(state.word(), ink(state).bold())));
        for line in wrap(state.meaning(), style.width.saturating_sub(2).max(20)) {
            out.push_str(&format!("  {}\n", style.dim(&line)));
        }
        for (one, parts) in lines {
            out.push_str(&format!("  - {}\n", line(one, parts, &|text| text.to_owned())));
        }
    }
    let notes = notes(drift);
    if !notes.is_empty() {
        out.push_str(&format!("\n{}\n", style.heading("Notes")));
    }
    for note in notes {
        let lines = wrap(&note, style.width.saturating_sub(4).max(20));
        out.push_str(&format!("  - {}\n", lines.join("\n    ")));
    }
    out.push_str(&format!("\n{}\n", next(drift)));
    out
}

/// Returns drift as Markdown, for an issue or a comment.
pub fn drift_markdown(drift: &Drift) -> String {
    let mut out = format!(
        "### Drift of database {}\n\n{}\n",
        code(&drift.database),
        summary(drift)
    );
    let (mut room, mut cut) = (MOST_LINES, 0);
    for (state, lines) in groups(drift) {
        out.push_str(&format!("\n#### {}\n\n{}\n\n", state.word(), state.meaning()));
        cut += lines.len().saturating_sub(room);
        for (one, parts) in lines.iter().take(room) {
            out.push_str(&format!("- {}\n", line(one, *parts, &code)));
        }
        room = room.saturating_sub(lines.len());
    }
    if cut > 0 {
        out.push_str(&format!("\n{cut} more are left out here; `trueup drift` shows them.\n"));
    }
    let notes = notes(drift);
    if !notes.is_empty() {
        out.push_str("\n#### Notes\n\n");
    }
    for note in notes {
        out.push_str(&format!("- {note}\n"));
    }
    out.push_str(&format!("\n{}\n", next(drift)));
    out
}

/// Returns drift as JSON with a `summary` of counts in front.
pub fn drift_json(drift: &Drift) -> Result<String> {
    let number = |state: State| drift.differences.iter().filter(|one| one.state == state).count();
    let counts: serde_json::Map<String, serde_json::Value> = State::ALL
        .iter()
        .map(|state| (state.word().to_owned(), number(*state).into()))
        .collect();
    let fail = |error: serde_json::Error| Error::internal(error.to_string());
    let mut out = serde_json::Map::new();
    out.insert("drift".to_owned(), drift.is_there(true).into());
    out.insert("summary".to_owned(), counts.into());
    if let serde_json::Value::Object(fields) = serde_json::to_value(drift).map_err(fail)? {
        out.extend(fields);
    }
    let mut text = serde_json::to_string_pretty(&out).map_err(fail)?;
    text.push('\n');
    Ok(text)
}

/// Returns the differences by state; parts that are missing or there with their whole are only counted.
fn groups(drift: &Drift) -> Vec<(State, Vec<(&Drifted, usize)>)> {
    let of = |state: State| {
        let all = drift.differences.iter().filter(move |one| one.state == state);
        let wholes: Vec<_> = all.clone().map(|one| &one.object).collect();
        let stands = |one: &&Drifted| !one.part_of.as_ref().is_some_and(|whole| wholes.contains(&whole));
        let parts = |one: &Drifted| {
            drift
                .differences
                .iter()
                .filter(|part| part.part_of.as_ref() == Some(&one.object))
                .count()
        };
        all.filter(stands).map(|one| (one, parts(one))).collect::<Vec<_>>()
    };
    let groups = State::ALL.iter().map(|state| (*state, of(*state)));
    groups.filter(|(_, lines)| !lines.is_empty()).collect()
}

fn summary(drift: &Drift) -> String {
    if drift.differences.is_empty() {
        return "none: live, desired and last applied agree".to_owned();
    }
    let number = |state: State| drift.differences.iter().filter(|one| one.state == state).count();
    let counts = State::ALL.iter().map(|state| (number(*state), state.word()));
    let counts: Vec<String> = counts
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!(
        "{}: {}",
        count(drift.differences.len(), "difference"),
        counts.join(", ")
    )
}

/// Says one difference; `mark` sets names and values off from the sentence.
pub(super) fn line(one: &Drifted, parts: usize, mark: &dyn Fn(&str) -> String) -> String {
    let mut out = format!("{}: {}", mark(&name::full(&one.object)), what(one, mark));
    if parts > 0 {
        out.push_str(&format!(", with {}", count(parts, "part")));
    }
    let execution = one.execution.map(|number| format!("execution {number}"));
    let places: Vec<String> = execution
        .into_iter()
        .chain(one.declared_at.as_deref().map(mark))
        .collect();
    if !places.is_empty() {
        out.push_str(&format!(" ({})", places.join(", ")));
    }
    out
}

fn what(one: &Drifted, mark: &dyn Fn(&str) -> String) -> String {
    match one.verb {
        None => "changed; the target files say nothing about it".to_owned(),
        Some(Verb::Create) => "declared, but not in the database".to_owned(),
        Some(Verb::Drop) => "in the database, but not declared".to_owned(),
        Some(Verb::Rename) => "has its former name in the database".to_owned(),
        Some(Verb::Alter | Verb::Replace | Verb::Rebuild) => {
            let short = |value: &Option<String>| match value {
                None => Some("none".to_owned()),
                Some(text) => (text.len() <= LONGEST_VALUE && !text.contains('\n')).then(|| mark(text)),
            };
            let attributes = one.differences.iter().map(|difference| {
                let attribute = difference.attribute.replace('_', " ");
                match (short(&difference.before), short(&difference.after)) {
                    (Some(before), Some(after)) => format!("{attribute} {before}, declared {after}"),
                    _ => format!("{attribute} differs"),
                }
            });
            attributes.collect::<Vec<_>>().join("; ")
        }
    }
}

fn notes(drift: &Drift) -> Vec<String> {
    let mut out = drift.notes.clone();
    if !drift.adopted.is_empty() {
        let names: Vec<String> = drift
            .adopted
            .iter()
            .take(5)
            .map(|one| name::full(&one.object))
            .collect();
        let more = match drift.adopted.len().saturating_sub(5) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.push(format!(
            "Changed by hand since, and declared so by now: {}{more}. There is nothing to do; `trueup drift --accept` \
             records them.",
            names.join(", ")
        ));
    }
    if !drift.unmodelled.is_empty() {
        let names: Vec<String> = drift
            .unmodelled
            .iter()
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        out.push(format!(
            "Not looked at, since trueup does not model them: {}.",
            names.join(", ")
        ));
    }
    out
}

fn next(drift: &Drift) -> String {
    let has = |states: &[State]| drift.differences.iter().any(|one| states.contains(&one.state));
    if has(&[State::Drifted, State::Reverted, State::Both, State::Unrecorded]) {
        return "Next: `trueup plan` shows what brings the database back to what is declared; what should stay as it is, \
                declare. `trueup why OBJECT` says more about one."
            .to_owned();
    }
    if has(&[State::Pending]) {
        return "Next: `trueup plan --out plan.json`, then `trueup apply plan.json`.".to_owned();
    }
    "Nothing to do.".to_owned()
}

fn ink(state: State) -> Ink {
    match state {
        State::Pending => Ink::new().yellow(),
        State::Unrecorded => Ink::new().cyan(),
        State::Drifted | State::Reverted | State::Both => Ink::new().red(),
    }
}

/// Returns text as Markdown code; a longer fence than any run of backticks inside.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{}{space}{fence}", text.replace('\n', " "))
}
