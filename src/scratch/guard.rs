//! Runs a program that must not outlive us, even when we are killed without notice.
//!
//! A small shell script starts it and holds the reading end of a pipe; when the writing end closes, in whatever way
//! we ended, the script stops the program and removes the work directory. It has a process group of its own, so that
//! Ctrl-C in a terminal reaches us and not the server under our connections.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::workdir::WorkDirectory;
use crate::error::{Error, ErrorKind, Result};

/// `$1` is the work directory, the rest the program. The watcher marks that it acted before it does, because the
/// program may also end by itself, and then its log is still wanted.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
work=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
(
    read -r _ <&3
    : >"$work/ended"
    kill -QUIT $program
) </dev/null >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null
wait $program
status=$?
if [ -e "$work/ended" ]; then
    cd /
    rm -rf "$work"
else
    kill -KILL $watcher 2>/dev/null
fi
exit $status
"#;

/// Variables that would change what `postgres` and `initdb` do.
const UNWANTED: [&str; 8] = [
    "PGDATA",
    "PGPORT",
    "PGOPTIONS",
    "PGDATESTYLE",
    "PGTZ",
    "PGCLIENTENCODING",
    "PGLOCALEDIR",
    "PGSYSCONFDIR",
];

/// A running program with its guard. Dropping it stops the program and removes the work directory.
#[derive(Debug)]
pub(super) struct Guard {
    script: Child,
    log: File,
}

impl Guard {
    /// Starts a program with its arguments in a work directory, as the account that owns it.
    pub(super) fn start(work: &WorkDirectory, program: &Path, arguments: &[String]) -> Result<Self> {
        let path = work.path().join("log");
        let doing = |error: &io::Error| Error::io("open the log of a throw-away server", error);
        let writing = File::create(&path).map_err(|error| doing(&error))?;
        let errors = writing.try_clone().map_err(|error| doing(&error))?;
        let log = File::open(&path).map_err(|error| doing(&error))?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "trueup-guard"])
            .arg(work.path())
            .arg(program)
            .args(arguments)
            .current_dir(work.path())
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(writing)
            .stderr(errors)
            .process_group(0);
        for name in UNWANTED {
            command.env_remove(name);
        }
        if let Some(account) = work.account() {
            command.uid(account.uid).gid(account.gid);
        }
        let script = command.spawn().map_err(|error| cannot_start(program, work, &error))?;
        Ok(Self { script, log })
    }

    /// Returns how the program ended, or none while it runs.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.script.try_wait().ok().flatten()
    }

    /// Waits until the program ends by itself.
    pub(super) fn wait(&mut self) -> io::Result<ExitStatus> {
        // `Child::wait` would close the pipe first, which is the signal to stop.
        let pipe = self.script.stdin.take();
        let status = self.script.wait();
        self.script.stdin = pipe;
        status
    }

    /// Returns the last lines that the program wrote.
    pub(super) fn last_lines(&mut self, count: usize) -> Vec<String> {
        let mut text = Vec::new();
        let _ = self.log.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(count)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

fn cannot_start(program: &Path, work: &WorkDirectory, error: &io::Error) -> Error {
    let who = work
        .account()
        .map(|account| format!(" as user `{}`", account.name))
        .unwrap_or_default();
    Error::new(
        ErrorKind::Scratch,
        format!("start `{}`{who}: {error}", program.display()),
    )
    .hint("PostgreSQL refuses to run as root: run trueup as another user, or pass `--scratch URL`.")
}
