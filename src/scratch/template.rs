//! Fresh data directories: made once per version by `initdb`, kept in the cache, copied for each run.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Machine;
use super::binaries::Binaries;
use super::guard::Guard;
use super::workdir::WorkDirectory;
use crate::db::Account;
use crate::error::{Error, ErrorKind, Result};

/// Role that owns a throw-away cluster.
pub(super) const SUPERUSER: &str = "postgres";

/// Puts a fresh data directory at `data` inside a work directory.
pub(super) fn provide(machine: &Machine, binaries: &Binaries, work: &WorkDirectory) -> Result<PathBuf> {
    let data = work.path().join("data");
    let arguments = arguments(binaries.major, &data);
    let cached = cached(machine, binaries);
    if cached.join("PG_VERSION").is_file() {
        return copy(&cached, &data, work.account()).map(|()| data).map_err(|error| {
            Error::io("copy a fresh data directory", &error)
                .hint("Free some room in the temporary folder, or pass `--scratch URL`.")
        });
    }
    initialize(binaries, &arguments, work)?;
    // A cache that cannot be written costs time, not the run.
    let _ = keep(&data, &cached);
    Ok(data)
}

/// Tells whether a fresh data directory is in the cache, and takes it out: it may be damaged by a crash of the machine.
pub(super) fn discard(machine: &Machine, binaries: &Binaries) -> bool {
    fs::remove_dir_all(cached(machine, binaries)).is_ok()
}

fn cached(machine: &Machine, binaries: &Binaries) -> PathBuf {
    machine.cache.join("scratch").join(name(binaries))
}

fn arguments(major: i32, data: &Path) -> Vec<String> {
    let mut out: Vec<String> = [
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
    .map(str::to_owned)
    .to_vec();
    out.push("--wal-segsize=1".to_owned());
    if major >= 18 {
        out.push("--no-data-checksums".to_owned());
    }
    out.extend(["-D".to_owned(), data.display().to_string()]);
    out
}

/// The cache's key: two builds of one version may differ in what their catalogs hold.
fn name(binaries: &Binaries) -> String {
    let mut hash = Sha256::new();
    hash.update(binaries.folder.as_os_str().as_encoded_bytes());
    hash.update(&binaries.banner);
    for argument in arguments(binaries.major, Path::new("")) {
        hash.update([0]);
        hash.update(argument);
    }
    let digest = hash.finalize();
    let digest = digest
        .iter()
        .take(8)
        .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    format!("data-{}-{digest:016x}", binaries.major)
}

fn initialize(binaries: &Binaries, arguments: &[String], work: &WorkDirectory) -> Result<()> {
    let mut guard = Guard::start(work, &binaries.folder.join("initdb"), arguments)?;
    let status = guard.wait().map_err(|error| Error::io("wait for initdb", &error))?;
    if status.success() {
        return Ok(());
    }
    let mut error = Error::new(
        ErrorKind::Scratch,
        format!("initdb from `{}` failed", binaries.folder.display()),
    );
    error.detail = guard.last_lines(5);
    let nameless = error
        .detail
        .iter()
        .any(|line| line.contains("could not look up effective user ID"));
    Err(error.hint(if nameless {
        "Add a line for this user to /etc/passwd, run trueup as a user that has one, or pass `--scratch URL`."
    } else {
        "Correct the cause that initdb names, or pass `--scratch URL` with a server where trueup may create databases."
    }))
}

/// Copies a data directory into the cache; the rename at the end lets two runs race.
fn keep(data: &Path, cached: &Path) -> io::Result<()> {
    let parent = cached.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent)?;
    let mut partial = cached.to_owned().into_os_string();
    partial.push(format!(".{}", std::process::id()));
    let partial = PathBuf::from(partial);
    let _ = fs::remove_dir_all(&partial);
    let outcome = copy(data, &partial, None).and_then(|()| fs::rename(&partial, cached));
    if outcome.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    outcome
}

/// Copies a folder; every folder and file of a cluster belongs to the server and to nobody else.
fn copy(from: &Path, to: &Path, account: Option<&Account>) -> io::Result<()> {
    let give = |path: &Path| account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)));
    fs::DirBuilder::new().mode(0o700).create(to)?;
    give(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, account)?;
        } else {
            fs::copy(entry.path(), &target)?;
            give(&target)?;
        }
    }
    Ok(())
}
