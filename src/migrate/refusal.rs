//! What is said of files that do not hold on scratch, or could not be tried in full.

use super::outlook::{Item, Outlook, Selection, first_line};
use super::program::Line;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Direction;
use crate::prove::files::{Failed, Tried};

/// Refuses a rollback that does not restore, or says so where that was asked for.
pub(super) fn does_not_restore(at: usize, tried: &Tried, out: &mut Outlook, selection: &Selection) -> Result<()> {
    let Some(difference) = &tried.difference else {
        return Ok(());
    };
    let item = &out.items[at];
    let path = item
        .migration
        .as_ref()
        .and_then(|own| own.rollback.as_ref())
        .map_or_else(|| item.file.clone(), |script| script.path.clone());
    let message = format!("{path} does not restore what was before {}: {difference}", item.title());
    if !selection.accept_rollback {
        return Err(Error::new(ErrorKind::Refuted, message).hint(
            "Correct the rollback: it was run on a scratch copy, and nothing was changed. --accept-rollback runs \
             the file all the same.",
        ));
    }
    let later = later(&out.items[at + 1..]);
    out.notes.push(format!("{message}."));
    out.notes.extend(later);
    Ok(())
}

/// Returns the statement that failed on scratch, and where it stands.
fn place<'i>(item: &'i Item, failed: &Failed) -> (Option<&'i Line>, String) {
    let (program, at) = match failed.direction {
        Direction::Rollback => (item.rollback.as_ref().unwrap_or(&item.program), failed.at),
        Direction::Forward => (&item.program, failed.at + item.skip),
    };
    let line = program.lines.get(at);
    (
        line,
        line.map_or_else(|| item.file.clone(), |line| line.place.to_string()),
    )
}

/// Says that a statement could not be tried.
pub(super) fn left_out(item: &Item, failed: &Failed) -> String {
    let (_, place) = place(item, failed);
    let state = failed.sqlstate.as_deref().unwrap_or_default();
    if failed.is_again {
        return format!(
            "{place}: ran, but not again after the rollback (SQLSTATE {state}): the rollback leaves rows behind."
        );
    }
    format!("{place}: could not be tried, since scratch has none of your rows (SQLSTATE {state}).")
}

/// Makes an error of a statement that failed on scratch.
pub(super) fn failure(item: &Item, failed: &Failed) -> Error {
    let (line, place) = place(item, failed);
    let again = if failed.is_again {
        " when run again after its rollback"
    } else {
        ""
    };
    let mut error = Error::new(
        ErrorKind::Refuted,
        format!(
            "{place}: failed on a scratch copy of the database{again}: {}",
            failed.message
        ),
    )
    .hint("Correct the file; nothing was changed. --no-prove runs it untried.");
    error.sqlstate.clone_from(&failed.sqlstate);
    match line {
        Some(line) => error.detail(format!("statement: {}", first_line(&line.sql))),
        None => error,
    }
}

fn later(rest: &[Item]) -> Option<String> {
    let names: Vec<String> = rest.iter().map(Item::title).collect();
    (!names.is_empty()).then(|| format!("Not tried for that reason: {}.", names.join(", ")))
}
