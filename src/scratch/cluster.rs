//! A running throw-away cluster: its settings, its start, its end.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::guard::Guard;
use super::template::SUPERUSER;
use super::workdir::WorkDirectory;
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};

const POLL: Duration = Duration::from_millis(3);
const LIMIT: Duration = Duration::from_secs(60);

/// Settings for a cluster that nobody will miss: nothing is synced, nothing runs in the background.
const SETTINGS: [&str; 24] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=1GB",
    "checkpoint_timeout=1d",
    "shared_buffers=32MB",
    "autovacuum=off",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "datestyle=iso,mdy",
    "max_connections=60",
    "max_locks_per_transaction=1024",
    "max_logical_replication_workers=0",
    "max_parallel_workers=0",
    "max_parallel_maintenance_workers=0",
    "bgwriter_lru_maxpages=0",
    "huge_pages=off",
    "log_min_messages=fatal",
    "log_checkpoints=off",
];

/// A server that listens on a socket in its work directory. Fields drop in order: the server, then its directory.
#[derive(Debug)]
pub(super) struct Cluster {
    guard: Guard,
    work: WorkDirectory,
}

impl Cluster {
    /// Starts a server on a data directory and waits until it accepts connections.
    pub(super) fn start(binaries: &Binaries, work: WorkDirectory, data: &Path) -> Result<Self> {
        let program = binaries.folder.join("postgres");
        let guard = Guard::start(&work, &program, &arguments(binaries.major, data, work.path()))?;
        let mut cluster = Self { guard, work };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// Returns the target of one of its databases.
    pub(super) fn url(&self, database: &str) -> Url {
        Url::socket(self.work.path(), SUPERUSER, database)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let socket = self.work.path().join(".s.PGSQL.5432");
        let url = self.url("postgres");
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            // The socket is cheap to try; a full login is worth its time only when somebody listens.
            if UnixStream::connect(&socket).is_ok() && url.connect().is_ok() {
                return Ok(());
            }
            if self.guard.ended().is_some() {
                return Err(self.failed("ended while it was starting"));
            }
            thread::sleep(POLL);
        }
        Err(self.failed("did not accept connections within a minute"))
    }

    fn failed(&mut self, what: &str) -> Error {
        let mut error = Error::new(ErrorKind::Scratch, format!("a throw-away PostgreSQL {what}"));
        error.detail = self.guard.last_lines(5);
        error.hint("Correct the cause that the server names, or pass `--scratch URL` with a server where trueup may create databases.")
    }
}

fn arguments(major: i32, data: &Path, socket: &Path) -> Vec<String> {
    let mut out = vec![
        "-D".to_owned(),
        data.display().to_string(),
        "-k".to_owned(),
        socket.display().to_string(),
    ];
    out.extend(["-p".to_owned(), "5432".to_owned()]);
    let mut settings = SETTINGS.to_vec();
    if major >= 18 {
        settings.push("io_method=sync");
    }
    for setting in settings {
        out.extend(["-c".to_owned(), setting.to_owned()]);
    }
    out
}
