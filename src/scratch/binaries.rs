//! Finds `postgres` and `initdb` on this machine and chooses among several versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::Machine;
use crate::db::OLDEST_MAJOR;
use crate::error::{Error, ErrorKind, Result};

/// Folders of packages: parent, start of the entry's name, what follows it.
const PACKAGES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr/local", "pgsql", "bin"),
];

/// One installation of `PostgreSQL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Folder that really holds `postgres` and `initdb`.
    pub folder: PathBuf,
    /// What `postgres --version` prints, for example `postgres (PostgreSQL) 17.10`.
    pub banner: String,
    /// Major version.
    pub major: i32,
}

/// What was found last. Asking servers for their version takes a good part of the time until one of them runs.
static FOUND: Mutex<Option<(Machine, Option<i32>, Binaries)>> = Mutex::new(None);

/// Returns the installation that a local scratch cluster would run: the wanted major, else the nearest newer one,
/// else the newest. Starts no server.
pub fn find(machine: &Machine, wanted: Option<i32>) -> Result<Binaries> {
    let mut last = super::lock(&FOUND);
    if let Some((for_machine, for_major, found)) = last.as_ref()
        && (for_machine, *for_major) == (machine, wanted)
    {
        return Ok(found.clone());
    }
    let found = choose(&installed(machine, wanted), wanted).cloned();
    let found = found.ok_or_else(|| missing(machine))?;
    *last = Some((machine.clone(), wanted, found.clone()));
    Ok(found)
}

fn missing(machine: &Machine) -> Error {
    let what = match &machine.binaries {
        Some(folder) => format!(
            "no PostgreSQL server binaries in `{}` nor elsewhere on this machine",
            folder.display()
        ),
        None => "no PostgreSQL server binaries on this machine".to_owned(),
    };
    Error::new(ErrorKind::Scratch, what).hint(format!(
        "Install the PostgreSQL server, {OLDEST_MAJOR} or newer (Debian, Ubuntu: `apt install postgresql`; Fedora: `dnf install \
         postgresql-server`; Alpine: `apk add postgresql`; macOS: `brew install postgresql@17`), or pass `--scratch URL` with a \
         server where trueup may create databases."
    ))
}

/// Returns the major version that a local scratch cluster would have, without starting one.
pub fn local_major(machine: &Machine, wanted: Option<i32>) -> Result<i32> {
    find(machine, wanted).map(|found| found.major)
}

fn choose(installed: &[Binaries], wanted: Option<i32>) -> Option<&Binaries> {
    // The first of equals wins: the order of the folders is an order of preference.
    let newest = installed.iter().rev().max_by_key(|found| found.major);
    let Some(wanted) = wanted else { return newest };
    let fitting = installed.iter().filter(|found| found.major >= wanted);
    fitting.min_by_key(|found| found.major).or(newest)
}

/// Returns what is installed, in the order of preference; nothing behind the first one of the wanted major.
fn installed(machine: &Machine, wanted: Option<i32>) -> Vec<Binaries> {
    let mut seen = Vec::new();
    let mut found: Vec<Binaries> = Vec::new();
    for folder in folders(machine) {
        let Some((server, folder)) = real_folder(&folder) else {
            continue;
        };
        if seen.contains(&server) {
            continue;
        }
        found.extend(inspect(&server, folder));
        if wanted.is_some() && found.last().map(|last| last.major) == wanted {
            break;
        }
        seen.push(server);
    }
    found
}

fn folders(machine: &Machine) -> impl Iterator<Item = PathBuf> {
    let named = machine.binaries.iter().chain(&machine.search_path).cloned();
    let config = || {
        let all = machine.search_path.iter().map(|folder| folder.join("pg_config"));
        let mut there = all.filter(|path| path.is_file());
        there.find_map(|path| output(&path, "--bindir")).map(PathBuf::from)
    };
    let packages = PACKAGES.into_iter().flat_map(|(parent, prefix, rest)| {
        let entries = entries(Path::new(parent), prefix);
        entries.into_iter().map(move |entry| entry.join(rest))
    });
    let config = std::iter::once_with(config).flatten();
    named.chain(config).chain(packages)
}

/// Lists the entries of a folder whose names start with a prefix, newest version last in name order.
fn entries(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut out: Vec<PathBuf> = listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    out.sort();
    out
}

/// Follows the link of the binary, not of its folder: `/usr/local/bin/postgres` may point into a package's folder.
fn real_folder(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let server = fs::canonicalize(folder.join("postgres")).ok()?;
    let real = server.parent()?.to_owned();
    real.join("initdb").is_file().then_some((server, real))
}

fn inspect(server: &Path, folder: PathBuf) -> Option<Binaries> {
    let banner = output(server, "--version")?;
    let major = major(&banner).filter(|major| *major >= OLDEST_MAJOR)?;
    Some(Binaries { folder, banner, major })
}

fn output(program: &Path, argument: &str) -> Option<String> {
    let out = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

/// Reads the major version out of `postgres (PostgreSQL) 15.18 (Debian …)`, `… 18beta1` or `… 19devel`.
fn major(banner: &str) -> Option<i32> {
    let version = banner.split_once("(PostgreSQL)")?.1.trim_start();
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(majors: &[i32]) -> Vec<Binaries> {
        let majors = majors.iter().enumerate();
        majors
            .map(|(at, major)| Binaries {
                folder: PathBuf::from(format!("/{at}")),
                banner: String::new(),
                major: *major,
            })
            .collect()
    }

    #[test]
    fn wanted_major_else_nearest_newer_else_newest() {
        let installed = with(&[18, 15, 17, 17]);
        let folder = |wanted| choose(&installed, wanted).unwrap().folder.display().to_string();
        assert_eq!(folder(Some(15)), "/1");
        assert_eq!(folder(Some(16)), "/2");
        assert_eq!(folder(Some(17)), "/2");
        assert_eq!(folder(Some(19)), "/0");
        assert_eq!(folder(None), "/0");
        assert_eq!(choose(&[], None), None);
    }

    #[test]
    fn versions_as_packagers_write_them() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres (Something) 15"), None);
    }

    #[test]
    fn a_machine_without_binaries_says_what_to_install() {
        let machine = Machine {
            binaries: Some(PathBuf::from("/nonexistent")),
            ..Machine::default()
        };
        let error = missing(&machine);
        assert!(error.message.contains("/nonexistent"), "{error:?}");
        assert!(error.hint.unwrap().contains("--scratch URL"));
    }
}
