//! Logs: one line per event, as text or JSON, to a file or to standard error. No secret and no row value is in them.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::apply::Event;
use crate::error::{Error, Result};
use crate::migrate::Finished;
use crate::risk::Day;

/// Form of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Words and `name=value`
    Text,
    /// One JSON object per line
    Json,
}

struct Log {
    format: LogFormat,
    /// Standard error where there is no file.
    file: Option<Mutex<File>>,
}

static LOG: OnceLock<Log> = OnceLock::new();

/// Settles where logs go; called once. Without a format and a file nothing is logged.
pub(super) fn start(format: Option<LogFormat>, file: Option<&Path>) -> Result<()> {
    if format.is_none() && file.is_none() {
        return Ok(());
    }
    let open = |path: &Path| {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.map_err(|error| Error::io(format!("open log file {}", path.display()), &error))
    };
    let log = Log {
        format: format.unwrap_or(LogFormat::Text),
        file: file.map(open).transpose()?.map(Mutex::new),
    };
    let _ = LOG.set(log);
    Ok(())
}

/// Tells whether events go to standard error as log lines, in place of progress.
pub(super) fn replaces_progress() -> bool {
    LOG.get().is_some_and(|log| log.file.is_none())
}

/// Logs an event of an execution.
pub(super) fn event(event: &Event) {
    if LOG.get().is_none() {
        return;
    }
    let (name, level, fields) = fields(event);
    write(name, level, fields);
}

/// Logs that a migration ended.
pub(super) fn migration(finished: &Finished) {
    let level = if finished.error.is_some() { "error" } else { "info" };
    if let Ok(fields) = serde_json::to_value(finished) {
        write("migration", level, fields);
    }
}

/// Logs the error that a command ends with.
pub(super) fn error(error: &Error) {
    let fields = json!({
        "message": error.message,
        "sqlstate": error.sqlstate,
        "detail": error.detail,
        "hint": error.hint,
        "exit_code": error.kind.exit_code(),
    });
    write("error", "error", fields);
}

fn fields(event: &Event) -> (&'static str, &'static str, Value) {
    let parties = |all: &[crate::apply::Party]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    match event {
        Event::WaitingForOther { holder } => {
            let holder = holder.as_ref().map(ToString::to_string);
            ("waiting_for_other", "warn", json!({ "holder": holder }))
        }
        Event::LedgerReady { version } => ("ledger", "info", json!({ "version": version })),
        Event::Opened { execution, statements } => (
            "execution",
            "info",
            json!({ "execution": execution, "statements": statements }),
        ),
        Event::Started { step, of, object } => (
            "step",
            "info",
            json!({ "step": step, "of": of, "object": object.to_string() }),
        ),
        Event::Done { step, sql, elapsed } => {
            let millis = elapsed.as_secs_f64() * 1000.0;
            (
                "statement",
                "info",
                json!({ "step": step, "sql": sql, "duration_ms": (millis * 1000.0).round() / 1000.0 }),
            )
        }
        Event::WaitingForLock { step, blockers } => (
            "waiting_for_lock",
            "warn",
            json!({ "step": step, "blockers": parties(blockers) }),
        ),
        Event::Retry {
            step,
            attempt,
            of,
            pause,
            cause,
            blockers,
        } => {
            let pause = pause.as_secs_f64();
            let fields = json!({
                "step": step, "attempt": attempt, "of": of, "pause_s": pause, "cause": cause, "blockers": parties(blockers),
            });
            ("retry", "warn", fields)
        }
        Event::Filled {
            step,
            rows,
            of,
            per_second,
            left,
        } => {
            let left = left.map(|left| left.as_secs());
            let fields = json!({ "step": step, "rows": rows, "of": of, "rows_per_second": per_second, "left_s": left });
            ("filled", "info", fields)
        }
        Event::Cleared { sql } => ("cleared", "info", json!({ "sql": sql })),
        Event::Noted { text } => ("note", "info", json!({ "text": text })),
        Event::Verified { objects } => ("verified", "info", json!({ "objects": objects })),
    }
}

fn write(name: &str, level: &str, fields: Value) {
    let Some(log) = LOG.get() else { return };
    let Value::Object(fields) = fields else { return };
    let line = match log.format {
        LogFormat::Json => as_json(name, level, fields),
        LogFormat::Text => as_text(name, level, &fields),
    };
    // A log that cannot be written must not stop an apply.
    let _ = match &log.file {
        Some(file) => writeln!(file.lock().unwrap_or_else(PoisonError::into_inner), "{line}"),
        None => writeln!(std::io::stderr().lock(), "{line}"),
    };
}

fn as_json(name: &str, level: &str, fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), now().into());
    line.insert("level".to_owned(), level.into());
    line.insert("event".to_owned(), name.into());
    line.extend(fields);
    Value::Object(line).to_string()
}

fn as_text(name: &str, level: &str, fields: &Map<String, Value>) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields: String = fields.map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{} {level} {name}{fields}", now())
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let second = since.as_secs() % 86_400;
    format!(
        "{}T{:02}:{:02}:{:02}.{:03}Z",
        Day::today(),
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}
