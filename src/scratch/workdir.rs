//! Work directories: where they are made, who may use them, and how those of killed runs are found.
//!
//! The name carries the owner (process, its start, its process namespace), so that a directory is never without one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::{Machine, lock};
use crate::db::{Account, accounts};
use crate::error::{Error, Result};

const PREFIX: &str = "trueup-";
const MEMORY: &str = "/dev/shm";
/// What must be free for a directory in memory, in kilobytes; a fresh cluster takes 25 MB.
const ROOM: u64 = 300_000;

/// Directories of this process, so that a signal's handler can remove one whose server is not up yet.
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct WorkDirectory {
    path: PathBuf,
    account: Option<Account>,
}

impl WorkDirectory {
    /// Makes a directory, in memory where there is room, that belongs to the account that the server runs as.
    pub(super) fn make(machine: &Machine) -> Result<Self> {
        let me = Owner::current();
        for parent in parents(machine) {
            for number in 0..100_000 {
                let path = parent.join(me.name(number));
                match DirBuilder::new().mode(0o700).create(&path) {
                    Ok(()) => return Self::adopt(path),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(_) => break,
                }
            }
        }
        let place = machine.temporary.display();
        Err(Error::internal(format!("no directory can be made in `{place}`"))
            .hint("Set TMPDIR to a folder that can be written, or pass `--scratch URL`."))
    }

    fn adopt(path: PathBuf) -> Result<Self> {
        lock(&MADE).push(path.clone());
        let mut work = Self { path, account: None };
        let facts = fs::metadata(&work.path).map_err(|error| Error::io("read a work directory", &error))?;
        // Whoever made the directory owns it: the portable way to learn one's own user without a system call.
        if facts.uid() == 0 {
            let account = unprivileged(&accounts());
            chown(&work.path, Some(account.uid), Some(account.gid)).map_err(|error| {
                Error::io(format!("give a work directory to user `{}`", account.name), &error)
                    .hint("PostgreSQL refuses to run as root: run trueup as another user, or pass `--scratch URL`.")
            })?;
            work.account = Some(account);
        }
        Ok(work)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the account that the server must run as; none when it runs as ourselves.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        // A server is still there only when its guard was killed.
        stop(&self.path);
        // What cannot be removed now is found by the next run.
        let _ = fs::remove_dir_all(&self.path);
        lock(&MADE).retain(|path| *path != self.path);
    }
}

/// Removes every directory of this process.
pub(super) fn remove_all() {
    for path in std::mem::take(&mut *lock(&MADE)) {
        let _ = fs::remove_dir_all(path);
    }
}

/// Removes directories whose owner is gone; a server that still runs there is stopped.
pub(super) fn sweep(machine: &Machine) {
    for parent in [Path::new(MEMORY), &machine.temporary, Path::new("/tmp")] {
        let entries = fs::read_dir(parent).into_iter().flatten();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let owner = path.file_name().and_then(|name| Owner::parse(name.to_str()?));
            if owner.is_some_and(Owner::is_gone) {
                stop(&path);
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

/// Stops a server that outlived its guard. The check of its working directory keeps a reused process number safe.
fn stop(path: &Path) {
    let data = path.join("data");
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
        return;
    };
    if fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data) {
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -QUIT {pid}")])
            .stdin(Stdio::null())
            .status();
    }
}

fn parents(machine: &Machine) -> Vec<PathBuf> {
    let memory = PathBuf::from(MEMORY);
    let mut out = Vec::new();
    if has_room(&memory) {
        out.push(memory);
    }
    // The server's account must be able to enter the folder, and a socket's path has at most 103 bytes.
    let fits = |path: &Path| path.as_os_str().len() < 50;
    let open = |path: &Path| fs::metadata(path).is_ok_and(|facts| facts.mode() & 0o001 != 0 || facts.uid() != 0);
    out.extend(
        [machine.temporary.clone(), PathBuf::from("/tmp")]
            .into_iter()
            .filter(|path| fits(path) && open(path)),
    );
    out
}

fn has_room(path: &Path) -> bool {
    let listing = Command::new("df")
        .arg("-Pk")
        .arg(path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    listing.is_ok_and(|listing| free(&String::from_utf8_lossy(&listing.stdout)).is_some_and(|free| free >= ROOM))
}

/// Reads the free kilobytes out of what POSIX `df -Pk` prints.
fn free(listing: &str) -> Option<u64> {
    listing.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// Chooses whom the server runs as when we are root; `initdb` needs an account of the password file.
fn unprivileged(accounts: &[Account]) -> Account {
    let named = |name: &str| accounts.iter().find(|account| account.name == name && account.uid != 0);
    let found = named("postgres").or_else(|| named("nobody"));
    found
        .or_else(|| accounts.iter().find(|account| account.uid != 0))
        .cloned()
        .unwrap_or_else(|| Account {
            name: "65534".to_owned(),
            uid: 65_534,
            gid: 65_534,
        })
}

/// The process that a directory belongs to. Where the system does not tell start and namespace they are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    process: u32,
    start: u64,
    namespace: u64,
}

impl Owner {
    fn current() -> Self {
        let process = std::process::id();
        Self {
            process,
            start: start_of(process).unwrap_or(0),
            namespace: namespace(),
        }
    }

    fn name(self, number: u32) -> String {
        let Self {
            process,
            start,
            namespace,
        } = self;
        format!("{PREFIX}{process:x}-{start:x}-{namespace:x}-{number:x}")
    }

    fn parse(name: &str) -> Option<Self> {
        let mut fields = name
            .strip_prefix(PREFIX)?
            .split('-')
            .map(|field| u64::from_str_radix(field, 16));
        let mut next = || fields.next()?.ok();
        let owner = Self {
            process: u32::try_from(next()?).ok()?,
            start: next()?,
            namespace: next()?,
        };
        next()?;
        fields.next().is_none().then_some(owner)
    }

    /// A process of another namespace cannot be seen from here, so that its directory is never taken for a leftover.
    fn is_gone(self) -> bool {
        self.namespace == namespace() && start_of(self.process) != Some(self.start)
    }
}

/// Returns when a process started, in the system's own unit; none when there is no such process.
fn start_of(process: u32) -> Option<u64> {
    if !Path::new("/proc/self/stat").exists() {
        let seen = Command::new("ps")
            .args(["-p", &process.to_string()])
            .stdout(Stdio::null())
            .status();
        return seen.is_ok_and(|status| status.success()).then_some(0);
    }
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    // A zombie is gone; in a container without an init nobody ever collects it.
    let state = fields.next().filter(|state| !matches!(*state, "Z" | "X"));
    state.and(fields.nth(18))?.parse().ok()
}

fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |facts| facts.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_owner() {
        let me = Owner::current();
        assert_eq!(Owner::parse(&me.name(7)), Some(me));
        assert!(!me.is_gone());
        assert!(
            Owner {
                start: me.start + 1,
                ..me
            }
            .is_gone()
        );
        assert!(
            !Owner {
                start: me.start + 1,
                namespace: me.namespace + 1,
                ..me
            }
            .is_gone()
        );
    }

    #[test]
    fn foreign_names_have_no_owner() {
        for name in [
            "trueup-",
            "trueup-x-1-1-1",
            "trueup-1-1-1",
            "trueup-1-1-1-1-1",
            "other-1-1-1-1",
            "trueup-judge",
        ] {
            assert_eq!(Owner::parse(name), None, "{name}");
        }
    }

    #[test]
    fn free_room_as_posix_prints_it() {
        let listing = "Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 65536 0 65500 0% /dev/shm\n";
        assert_eq!(free(listing), Some(65_500));
        assert_eq!(free(""), None);
    }

    #[test]
    fn root_hands_over_to_an_account_without_privileges() {
        let account = |name: &str, uid| Account {
            name: name.to_owned(),
            uid,
            gid: uid,
        };
        let all = [
            account("root", 0),
            account("app", 1000),
            account("nobody", 65_534),
            account("postgres", 101),
        ];
        assert_eq!(unprivileged(&all).name, "postgres");
        assert_eq!(unprivileged(&all[..3]).name, "nobody");
        assert_eq!(unprivileged(&all[..2]).name, "app");
        assert_eq!(unprivileged(&all[..1]).uid, 65_534);
    }
}
