//! Writes to the terminal; the only place that does.

use std::io::Write;

use crate::error::{Error, ErrorKind, Result};

/// Writes a report to standard output.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // The reader has seen enough (`trueup plan | head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::Io, format!("write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a line about progress to standard error.
pub(super) fn progress(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Reports an error.
pub(super) fn error(error: &Error) {
    progress(&format!("error: {error}"));
    for line in &error.detail {
        progress(&format!("  {line}"));
    }
    if let Some(hint) = &error.hint {
        progress(&format!("hint: {hint}"));
    }
}
