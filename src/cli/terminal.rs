//! Writes to the terminal; the only place that does.

use std::io::{IsTerminal, Write};

use super::progress;
use crate::error::{Error, ErrorKind, Result};
use crate::report::Style;

/// Columns where nobody says how wide the output is.
const WIDTH: usize = 100;

/// Writes a report to standard output.
pub(super) fn print(text: &str) -> Result<()> {
    progress::clear();
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // The reader has seen enough (`trueup plan | head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::Io, format!("write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error, whatever `--quiet` says: an error, or what a question is about.
pub(super) fn say(line: &str) {
    progress::clear();
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a line about progress to standard error.
pub(super) fn progress(line: &str) {
    progress::line(line);
}

/// Reports an error.
pub(super) fn error(error: &Error) {
    say(&format!("error: {error}"));
    for line in &error.detail {
        say(&format!("  {line}"));
    }
    if let Some(hint) = &error.hint {
        say(&format!("hint: {hint}"));
    }
}

/// Returns how a report for people looks on standard output.
pub(super) fn style(plan_file: Option<&str>) -> Style<'_> {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0));
    Style {
        color: wanted && std::io::stdout().is_terminal(),
        width,
        plan_file,
        verbose: false,
    }
}

/// Tells whether a question can be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a word; nothing else is a yes.
pub(super) fn ask_for(question: &str, word: &str) -> bool {
    progress::clear();
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{question} ").and_then(|()| err.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == word
}

/// Asks a question on standard error; only `y` and `yes` are a yes.
pub(super) fn ask(question: &str) -> bool {
    progress::clear();
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Asks for one of the numbers from 1 to `most`; nothing where no such answer comes.
pub(super) fn choose(most: usize) -> Option<usize> {
    for _ in 0..3 {
        progress::clear();
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "Which? [1-{most}] ").and_then(|()| err.flush());
        drop(err);
        let mut answer = String::new();
        if std::io::stdin().read_line(&mut answer).ok()? == 0 {
            return None;
        }
        let number = answer.trim().parse().ok();
        if let Some(number) = number.filter(|number| (1..=most).contains(number)) {
            return Some(number);
        }
    }
    None
}
