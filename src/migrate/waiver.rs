//! Findings that a file itself waives: `-- trueup: waive TU103 until 2027-01-31: reason`, above the statement. The day
//! may be left out: a migration runs once.

use super::program::{Line, Program};
use crate::error::{Error, Result};
use crate::risk::{Applied, Day, Finding};

const MARK: &str = "trueup: waive ";

/// Waives a finding where the comments above its statement say so.
///
/// # Errors
/// A waiver without a reason, or with a day that is none.
pub(super) fn apply(finding: &mut Finding, program: &Program, line: &Line) -> Result<()> {
    if let Some(applied) = find(&finding.code, program, line)?
        && applied.until.is_none_or(|until| until >= Day::today())
    {
        finding.ruling = Some(Applied {
            was: finding.risk,
            ..applied
        });
    }
    Ok(())
}

/// Returns the waiver of a code above a statement.
pub(super) fn find(code: &str, program: &Program, line: &Line) -> Result<Option<Applied>> {
    let text = program.text();
    let rows: Vec<&str> = text.text.lines().take(line.place.line - 1).collect();
    let above = rows.iter().enumerate().rev();
    for (at, row) in above.take_while(|(_, row)| row.trim_start().starts_with("--")) {
        let comment = row.trim_start().trim_start_matches('-').trim_start();
        let Some(rest) = comment.strip_prefix(MARK) else {
            continue;
        };
        let place = format!("{}:{}", line.place.file, at + 1);
        let wrong = || {
            Error::target(format!("{place}: this waiver has no reason"))
                .hint("Write `-- trueup: waive TU103: reason`, or `-- trueup: waive TU103 until 2027-01-31: reason`.")
        };
        let (head, reason) = rest.split_once(':').ok_or_else(wrong)?;
        if reason.trim().is_empty() {
            return Err(wrong());
        }
        let mut words = head.split_whitespace();
        if !words.next().is_some_and(|own| own.eq_ignore_ascii_case(code)) {
            continue;
        }
        let until = match (words.next(), words.next()) {
            (None, _) => None,
            (Some("until"), Some(day)) => Some(day.parse::<Day>().map_err(|_| {
                Error::target(format!("{place}: `{day}` is no day")).hint("Write a day such as 2027-01-31.")
            })?),
            _ => return Err(wrong()),
        };
        return Ok(Some(Applied {
            was: crate::risk::Risk::Safe,
            waived: true,
            reason: reason.trim().to_owned(),
            until,
            place,
        }));
    }
    Ok(None)
}
