//! Progress on standard error: a spinner for stages and a bar for steps on a terminal, plain lines elsewhere, nothing
//! when the user wants it quiet.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::Stage;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Drawn,
    Lines,
    Quiet,
}

static MODE: OnceLock<Mode> = OnceLock::new();

/// What is drawn at the moment.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Pause between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Settles how progress is shown; called once, before anything is.
pub(super) fn start(quiet: bool) {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let mode = match (quiet, std::io::stderr().is_terminal() && !dumb) {
        (true, _) => Mode::Quiet,
        (false, true) => Mode::Drawn,
        (false, false) => Mode::Lines,
    };
    let _ = MODE.set(mode);
}

fn mode() -> Mode {
    MODE.get().copied().unwrap_or(Mode::Quiet)
}

fn drawn() -> MutexGuard<'static, Option<ProgressBar>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows that a stage begins.
pub(super) fn stage(stage: Stage) {
    match mode() {
        Mode::Drawn => {
            let mut drawn = drawn();
            let bar = drawn.get_or_insert_with(|| bar(None));
            bar.set_message(stage.words());
        }
        Mode::Lines => write(stage.words()),
        Mode::Quiet => (),
    }
}

/// Shows that a step begins; both numbers count from 1.
pub(super) fn step(step: usize, of: usize, what: &str) {
    match mode() {
        Mode::Drawn => {
            let mut drawn = drawn();
            let steps = u64::try_from(of).ok();
            if let Some(other) = drawn.take_if(|bar| bar.length() != steps) {
                other.finish_and_clear();
            }
            let bar = drawn.get_or_insert_with(|| bar(Some(of)));
            bar.set_position(u64::try_from(step.saturating_sub(1)).unwrap_or(u64::MAX));
            bar.set_message(format!("{step}/{of} {what}"));
        }
        Mode::Lines => write(&format!("[{step}/{of}] {what}")),
        Mode::Quiet => (),
    }
}

/// Shows a line that stays, above what is drawn.
pub(super) fn line(text: &str) {
    match mode() {
        Mode::Quiet => (),
        Mode::Drawn => match drawn().as_ref() {
            Some(bar) => bar.println(text),
            None => write(text),
        },
        Mode::Lines => write(text),
    }
}

/// Takes away what is drawn, before something else is written to the terminal.
pub(super) fn clear() {
    if let Some(bar) = drawn().take() {
        bar.finish_and_clear();
    }
}

/// Makes a bar of so many steps, or a spinner.
fn bar(steps: Option<usize>) -> ProgressBar {
    let (bar, template) = match steps {
        Some(steps) => (
            ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX)),
            "{spinner} [{bar:24}] {wide_msg} {elapsed}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {wide_msg} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn write(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
