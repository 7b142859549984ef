//! The built program, run as a user would run it.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Database;

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

/// A folder of files that a user works in, gone when this value is dropped.
pub(crate) struct Project {
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

impl Project {
    /// Makes a folder with files: each a path and its content.
    pub(crate) fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("project-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let project = Self {
            folder,
            variables: Vec::new(),
        };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// Makes a folder whose commands speak to a database, with scratch databases of its server's version.
    pub(crate) fn of(database: &Database, major: i32, files: &[(&str, &str)]) -> Self {
        let mut project = Self::new(database.name(), files);
        project.set("DATABASE_URL", &database.url());
        if let Some(folder) = super::binaries(major) {
            project.set("TRUEUP_PG_BIN", &folder.display().to_string());
        }
        project
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Returns the variables of the environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the path of a file.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs `trueup`; words are parted by spaces.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        let variables: Vec<(&str, &str)> = self.variables().collect();
        trueup_with(&self.folder, &variables, arguments.split(' '))
    }

    /// Runs `trueup` at a terminal of its own, which `script` makes, where somebody types; both outputs come as one.
    pub(crate) fn run_at_terminal(&self, arguments: &str, typed: &str) -> Output {
        let program = env!("CARGO_BIN_EXE_trueup");
        let mut child = Command::new("script")
            .args(["-qefc", &format!("{program} --quiet {arguments}"), "/dev/null"])
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        Output {
            code: done.status.code().expect("the program ends by itself"),
            out: String::from_utf8_lossy(&done.stdout).replace('\r', ""),
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }

    /// Runs `git`.
    pub(crate) fn git(&self, arguments: &str) {
        let done = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
            .args(arguments.split(' '))
            .current_dir(&self.folder)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
