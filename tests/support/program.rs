//! The built program, run as a user would run it.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Output {
    /// Returns standard output of a run that must end with an exit code.
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(
            self.code, code,
            "\n--- standard output\n{}\n--- standard error\n{}",
            self.out, self.err
        );
        self.out
    }
}

/// Runs `trueup` in a folder with a clean environment: no `PG*` variables, no colour, no input, a cache of the
/// build's own, and the variables that are given.
pub(crate) fn trueup_with<'a>(
    folder: &Path,
    variables: &[(&str, &str)],
    arguments: impl IntoIterator<Item = &'a str>,
) -> Output {
    let kept = ["PATH", "TMPDIR", "TRUEUP_PG_BIN"];
    let kept = kept.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    let done = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(kept)
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Output {
        code: done.status.code().expect("the program ends by itself"),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}
