//! What a server's error may say to people and to the ledger: never a value of a row.

use postgres::Client;
use postgres::error::{DbError, Severity};

use crate::error::Error;
use crate::kinds::{Facts, Secrets};

/// A server's error, fit to be shown and kept.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// Message.
    pub(super) message: String,
    /// SQLSTATE; none when the connection broke.
    pub(super) sqlstate: Option<String>,
    /// Further lines: what the server hints, what depends on the object.
    pub(super) detail: Vec<String>,
    /// Whether the connection is gone.
    pub(super) is_lost: bool,
}

/// States after which the same transaction may succeed: serialization failure, deadlock, lock not granted in time.
const TRANSIENT: [&str; 3] = ["40001", "40P01", "55P03"];

impl Failure {
    /// Reads an error; `facts` are those of the statement, where it was one.
    pub(super) fn read(error: &postgres::Error, client: &Client, facts: Option<&Facts>) -> Self {
        let Some(answer) = error.as_db_error() else {
            let is_lost = client.is_closed() || error.is_closed();
            let what = if is_lost {
                "the connection to the server was lost: "
            } else {
                ""
            };
            return Self {
                message: format!("{what}{error}"),
                sqlstate: None,
                detail: Vec::new(),
                is_lost,
            };
        };
        let state = answer.code().code();
        let touches_rows = facts.is_some_and(|facts| !facts.scans.is_empty() || !facts.rewrites.is_empty());
        Self {
            message: message(answer.message(), state, touches_rows),
            sqlstate: Some(state.to_owned()),
            detail: detail(answer, state),
            // The server closes the connection after FATAL; the driver learns of it a moment later.
            is_lost: client.is_closed()
                || state.starts_with("57P")
                || answer.parsed_severity() == Some(Severity::Fatal),
        }
    }

    /// Reads the error of a statement that may have read rows, whatever it is.
    pub(super) fn read_of_rows(error: &postgres::Error, client: &Client, says_itself: bool) -> Self {
        let mut out = Self::read(error, client, None);
        if !says_itself && out.sqlstate.as_deref().is_some_and(|state| state.starts_with("P0")) {
            out.message = message(&out.message, "P0", true);
        }
        out
    }

    /// Returns the failure without the secrets that its statement held.
    #[must_use]
    pub(super) fn without(mut self, secrets: &Secrets) -> Self {
        self.message = secrets.conceal(&self.message);
        for line in &mut self.detail {
            *line = secrets.conceal(line);
        }
        self
    }

    /// Tells whether the same transaction may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        self.sqlstate.as_deref().is_some_and(|state| TRANSIENT.contains(&state)) && !self.is_lost
    }

    /// Makes an error of trueup's own that has no server behind it into a failure.
    pub(super) fn of(error: &Error) -> Self {
        Self {
            message: error.message.clone(),
            sqlstate: error.sqlstate.clone(),
            detail: error.detail.clone(),
            is_lost: false,
        }
    }
}

/// Class 22 puts values between quotes and behind `0x`; a class P0 error says what the author of a function wrote, which
/// is about rows only where the statement runs it on rows.
fn message(text: &str, state: &str, touches_rows: bool) -> String {
    match state.get(..2) {
        Some("22") => mask(text),
        Some("P0") if touches_rows => {
            "a function raised an error while rows were read (its text may hold values and is not kept)".to_owned()
        }
        _ => text.to_owned(),
    }
}

/// Hides everything from the first quotation mark to the last one, of any language that PostgreSQL speaks, and bytes.
fn mask(text: &str) -> String {
    let is_mark = |c: char| "\"«»„“”‚‘’「」『』".contains(c);
    let mut out = match (text.find(is_mark), text.rfind(is_mark)) {
        (Some(first), Some(last)) if first < last => {
            let end = last + text[last..].chars().next().map_or(0, char::len_utf8);
            format!("{}\"…\"{}", &text[..first], &text[end..])
        }
        (Some(first), _) => format!("{}\"…\"", &text[..first]),
        _ => text.to_owned(),
    };
    if let Some(bytes) = out.find("0x") {
        out.truncate(bytes);
        out.push('…');
    }
    out
}

/// Keeps the server's hint, and its list of dependents; DETAIL and CONTEXT of errors about data hold values of rows.
fn detail(answer: &DbError, state: &str) -> Vec<String> {
    if matches!(state.get(..2), Some("22" | "23" | "P0")) {
        return Vec::new();
    }
    let mut out = Vec::new();
    if let (Some(dependents), "2BP01") = (answer.detail(), state) {
        out.extend(dependents.lines().map(str::to_owned));
    }
    out.extend(answer.hint().map(|hint| format!("the server's hint: {hint}")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked() {
        let cases = [
            (
                "invalid input syntax for type integer: \"4711\"",
                "invalid input syntax for type integer: \"…\"",
            ),
            ("bad \"a\"b\" for type x", "bad \"…\" for type x"),
            ("ungültige Eingabe: »4711«", "ungültige Eingabe: »4711«"),
            ("odd \"4711", "odd \"…\""),
            (
                "invalid byte sequence for encoding \"UTF8\": 0xff 0x47",
                "invalid byte sequence for encoding \"…\": …",
            ),
            ("integer out of range", "integer out of range"),
        ];
        for (text, masked) in cases {
            let masked = masked.replace("»4711«", "\"…\"");
            assert_eq!(message(text, "22P02", true), masked);
        }
        assert_eq!(message("no \"t\"", "42P01", true), "no \"t\"");
        assert_eq!(message("not on Fridays", "P0001", false), "not on Fridays");
        assert!(!message("value 4711", "P0001", true).contains("4711"));
    }
}
