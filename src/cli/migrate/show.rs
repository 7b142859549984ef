//! Text for people.

use serde::Serialize;

use crate::cli::{execution, progress, terminal};
use crate::migrate::{Condition, Deviation, Directory, Entry, Event, Outlook, Problem, Recorded, Report, State};
use crate::plan::Direction;

/// Rollbacks that the status shows.
const RECENT: usize = 5;

/// Status as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    total: usize,
    applied: usize,
    pending: usize,
    last_applied: Option<String>,
    migrations: &'a [Entry],
    problems: &'a [Problem],
    rolled_back: &'a [Recorded],
    passed_over: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<&'a [Deviation]>,
}

impl<'a> Summary<'a> {
    /// Sums a state up.
    pub(super) fn of(state: &'a State, drift: Option<&'a [Deviation]>) -> Self {
        let applied = state.entries.iter().filter(|entry| is_applied(entry)).count();
        Self {
            total: state.entries.len(),
            applied,
            pending: state.entries.len() - applied,
            last_applied: state.applied().first().map(|entry| entry.title()),
            migrations: &state.entries,
            problems: &state.problems,
            rolled_back: &state.rolled_back,
            passed_over: &state.strangers,
            drift,
        }
    }
}

/// Tells whether nothing of a migration is to run.
pub(super) fn is_applied(entry: &Entry) -> bool {
    !matches!(
        entry.condition,
        Condition::Pending | Condition::OutOfOrder | Condition::Partial
    )
}

/// Returns lines of columns as wide as they must be.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn seconds(microseconds: i64) -> String {
    let milliseconds = microseconds / 1000;
    if milliseconds < 10_000 {
        format!("{milliseconds} ms")
    } else {
        format!("{} s", milliseconds / 1000)
    }
}

/// Returns the status of a folder.
pub(super) fn state(state: &State) -> String {
    let mut rows = vec![
        ["Version", "Name", "State", "Batch", "Applied", "By", "Took", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    for entry in &state.entries {
        let row = entry.recorded.as_ref();
        let mut condition = entry.condition.word().to_owned();
        if let Some(row) = row {
            match row.origin {
                crate::migrate::Origin::Run => {}
                other => condition.push_str(&format!(" ({})", other.word())),
            }
            if entry.condition == Condition::Partial {
                let way = if row.rolling_back { " back" } else { "" };
                condition.push_str(&format!(": {} of {} statements{way}", row.done, row.statements));
            }
        }
        let rollback = if entry.repeatable {
            "repeatable"
        } else if entry.has_rollback || entry.file.is_none() {
            ""
        } else {
            "no rollback"
        };
        rows.push(vec![
            entry.version.clone(),
            entry.name.clone(),
            condition,
            row.map(|row| row.batch.to_string()).unwrap_or_default(),
            row.map(|row| row.applied_at.clone()).unwrap_or_default(),
            row.map(|row| row.role.clone()).unwrap_or_default(),
            row.and_then(|row| row.microseconds).map(seconds).unwrap_or_default(),
            rollback.to_owned(),
        ]);
    }
    let mut out = if state.entries.is_empty() {
        String::new()
    } else {
        table(&rows)
    };
    let summary = Summary::of(state, None);
    out.push_str(&format!(
        "{} migrations, {} applied, {} pending",
        summary.total, summary.applied, summary.pending
    ));
    if let Some(last) = &summary.last_applied {
        out.push_str(&format!(", last applied {last}"));
    }
    out.push_str(".\n");
    for row in state.rolled_back.iter().take(RECENT) {
        out.push_str(&format!(
            "Taken back: {} on {} by {}.\n",
            crate::migrate::title(&row.version, &row.name),
            row.rolled_back_at.as_deref().unwrap_or("an unknown day"),
            row.rolled_back_by.as_deref().unwrap_or("nobody known")
        ));
    }
    for path in &state.strangers {
        out.push_str(&format!("Passed over, since its name is none of a migration: {path}\n"));
    }
    for problem in &state.problems {
        out.push_str(&format!("In the way: {}.\n  {}\n", problem.message, problem.hint));
    }
    out
}

/// Returns the files of a folder with what their headers say.
pub(super) fn list(directory: &Directory, state: &State) -> String {
    let mut rows = vec![
        ["Version", "Name", "Rollback", "Author", "Date", "Description"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for entry in &state.entries {
        let header = entry.header.clone().unwrap_or_default();
        rows.push(vec![
            entry.version.clone(),
            entry.name.clone(),
            match (entry.repeatable, entry.has_rollback) {
                (true, _) => "repeatable",
                (false, true) => "yes",
                (false, false) => "no",
            }
            .to_owned(),
            header.author.unwrap_or_default(),
            header.date.unwrap_or_default(),
            header.description.unwrap_or_default(),
        ]);
    }
    let mut out = format!("Layout: {}\n", directory.layout);
    if !state.entries.is_empty() {
        out.push_str(&table(&rows));
    }
    for path in &state.strangers {
        out.push_str(&format!("Passed over, since its name is none of a migration: {path}\n"));
    }
    for problem in &state.problems {
        out.push_str(&format!("In the way: {}.\n  {}\n", problem.message, problem.hint));
    }
    out
}

/// Returns what would run, with what was found.
pub(super) fn outlook(outlook: &Outlook) -> String {
    let mut out = String::new();
    for item in &outlook.items {
        let count = item.statements.len();
        let noun = if count == 1 { "statement" } else { "statements" };
        out.push_str(&format!("{}: {count} {noun} ({})\n", item.title(), item.file));
    }
    match (&outlook.proven_on, outlook.notes.is_empty(), outlook.direction) {
        (Some(server), true, Direction::Forward) => {
            out.push_str(&format!(
                "tried on a scratch copy ({server}), forward and back where there is a rollback\n"
            ));
        }
        (Some(server), true, Direction::Rollback) => out.push_str(&format!("tried on a scratch copy ({server})\n")),
        (Some(_), false, _) => {}
        (None, ..) => out.push_str("not tried on a scratch copy, and not rated\n"),
    }
    if outlook.remembered > 0 {
        out.push_str(&format!(
            "{} of {} tried before, on the same schema: not again now (--no-cache tries them)\n",
            outlook.remembered,
            outlook.items.len()
        ));
    }
    for note in &outlook.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    for placed in &outlook.findings {
        let finding = &placed.finding;
        out.push_str(&format!(
            "{}: {} {} {}: {}\n",
            placed.place, finding.risk, finding.code, finding.object, finding.message
        ));
        if let Some(ruling) = &finding.ruling {
            out.push_str(&format!("    {}\n", ruling.words()));
        }
    }
    out
}

/// Returns the statements that would run.
pub(super) fn statements(outlook: &Outlook) -> String {
    let mut out = String::new();
    for item in &outlook.items {
        out.push_str(&format!("-- {} ({})\n", item.title(), item.file));
        for statement in &item.statements {
            out.push_str(&format!("{statement};\n"));
        }
    }
    out
}

/// Shows an event as a line on standard error.
pub(super) fn event(event: Event) {
    match event {
        Event::Executor(event) => execution::show(event),
        Event::Started { at, of, title } => progress::step(at, of, &title),
        Event::Ended(finished) => {
            if finished.duration >= 1.0 {
                terminal::progress(&format!("        {} in {:.1} s", finished.action, finished.duration));
            }
        }
    }
}

/// Says what a command did.
pub(super) fn report(report: &Report, direction: Direction) -> String {
    let count = report.migrations.len();
    let noun = if count == 1 { "migration" } else { "migrations" };
    match (report.execution, direction) {
        (None, _) => "nothing to do: another runner has done it already".to_owned(),
        (Some(execution), Direction::Forward) => format!(
            "applied: {count} {noun}, execution {execution}, batch {}",
            report.batch.unwrap_or_default()
        ),
        (Some(execution), Direction::Rollback) => format!("taken back: {count} {noun}, execution {execution}"),
    }
}

/// Returns how the live database differs from what the applied files give.
pub(super) fn drift(found: &[Deviation]) -> String {
    if found.is_empty() {
        return "The live database is as the applied files make it.\n".to_owned();
    }
    let line = |deviation: &Deviation| {
        let side = deviation.live.map_or("", crate::migrate::Side::word);
        let file = deviation.file.as_ref().map(|file| format!(" ({file})"));
        format!(
            "Drift: {} {side} in the live database{}\n",
            deviation.object,
            file.unwrap_or_default()
        )
    };
    found.iter().map(line).collect()
}

/// Returns what is not the same everywhere.
pub(super) fn deviations(found: &[Deviation]) -> String {
    if found.is_empty() {
        return "The files give what is declared and what is live, as far as both were named.\n".to_owned();
    }
    let side = |side: Option<crate::migrate::Side>| side.map_or("not asked", crate::migrate::Side::word).to_owned();
    let mut rows = vec![["Object", "Declared", "Live", "File"].map(str::to_owned).to_vec()];
    for deviation in found {
        rows.push(vec![
            deviation.object.to_string(),
            side(deviation.declared),
            side(deviation.live),
            deviation.file.clone().unwrap_or_default(),
        ]);
    }
    format!("Seen from what the files give:\n{}", table(&rows))
}
