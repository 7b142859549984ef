//! What ran, for machines: one line of JSON per migration, and counters in Prometheus' text format.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::run::{Event, Finished};
use crate::error::{Error, Result};

/// Collects events and writes them where that is asked for.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: Option<PathBuf>,
    metrics: Option<PathBuf>,
    finished: Vec<Finished>,
}

impl Log {
    /// Makes one with the files that it writes.
    pub fn new(lines: Option<PathBuf>, metrics: Option<PathBuf>) -> Self {
        Self {
            lines,
            metrics,
            finished: Vec::new(),
        }
    }

    /// Takes note of an event.
    pub fn take(&mut self, event: &Event) {
        if let Event::Ended(finished) = event {
            self.finished.push(finished.clone());
        }
    }

    /// Adds the lines to the log and writes the counters anew.
    pub fn write(&self) -> Result<()> {
        if let Some(path) = &self.lines {
            let failed = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(failed)?;
            for finished in &self.finished {
                let line = serde_json::to_string(finished).map_err(|error| Error::internal(error.to_string()))?;
                writeln!(file, "{line}").map_err(failed)?;
            }
        }
        if let Some(path) = &self.metrics {
            write_whole(path, &self.metrics())?;
        }
        Ok(())
    }

    /// Returns the counters in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let mut out = String::from(
            "# HELP trueup_migrations Migrations that the last command ran, by what came of them.\n\
             # TYPE trueup_migrations gauge\n",
        );
        for action in ["applied", "failed", "rolled_back"] {
            let count = self
                .finished
                .iter()
                .filter(|finished| finished.action == action)
                .count();
            out.push_str(&format!("trueup_migrations{{action=\"{action}\"}} {count}\n"));
        }
        out.push_str(
            "# HELP trueup_migrations_duration_seconds Time that they took.\n\
             # TYPE trueup_migrations_duration_seconds gauge\n",
        );
        for action in ["applied", "failed", "rolled_back"] {
            let own = self.finished.iter().filter(|finished| finished.action == action);
            // The sum of nothing is -0.0.
            let seconds = own.fold(0.0, |sum, finished| sum + finished.duration);
            out.push_str(&format!(
                "trueup_migrations_duration_seconds{{action=\"{action}\"}} {seconds:.6}\n"
            ));
        }
        out
    }
}

/// Writes a file so that nobody reads half of it.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
    let part = path.with_extension("part");
    fs::write(&part, text).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}
