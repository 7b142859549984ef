//! What integration tests share: servers of every major, databases that are gone afterwards, the built program and
//! `pg_dump` as an independent observer.
//!
//! `tests/servers.sh` starts the servers and names them in `TRUEUP_TEST_SERVERS`. Where that is not set, one
//! throw-away cluster from the binaries of this machine serves the whole process.

mod database;
mod dump;
pub(crate) mod fault;
mod folder;
mod own;
mod pooler;
mod program;
mod proxy;
mod receiver;

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use trueup::db::Host;
use trueup::scratch::{self, Choice, Machine, Request, Scratch};

pub(crate) use database::Database;
pub(crate) use dump::pg_dump;
pub(crate) use folder::Folder;
pub(crate) use own::OwnServer;
pub(crate) use pooler::Pooler;
pub(crate) use program::{Output, Project, trueup_with};
pub(crate) use proxy::Proxy;
pub(crate) use receiver::{Receiver, Reply};

/// Returns the servers to test on: major version and URL of a database to which a superuser connects.
pub(crate) fn servers() -> Vec<(i32, String)> {
    let named = pairs("TRUEUP_TEST_SERVERS");
    if named.is_empty() { vec![local()] } else { named }
}

/// Returns the newest of the servers, for what is the same on each.
pub(crate) fn newest() -> String {
    let newest = servers().into_iter().max_by_key(|(major, _)| *major);
    newest.expect("there is always a server").1
}

/// Returns the oldest and the newest of the servers, where what lies between differs from neither.
pub(crate) fn ends() -> Vec<(i32, String)> {
    let mut all = servers();
    if all.len() > 2 {
        all.drain(1..all.len() - 1);
    }
    all
}

/// Returns the folder with the server binaries of a major, as `TRUEUP_PG_BIN` wants it.
pub(crate) fn binaries(major: i32) -> Option<PathBuf> {
    let found = pairs("TRUEUP_TEST_BINARIES").into_iter().find(|(of, _)| *of == major);
    found.map(|(_, folder)| PathBuf::from(folder))
}

/// Returns what a throw-away cluster may use of this machine; its cache is the build's.
pub(crate) fn machine() -> Machine {
    Machine {
        search_path: env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect(),
        binaries: env::var_os("TRUEUP_PG_BIN").map(PathBuf::from),
        temporary: env::temp_dir(),
        cache: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache"),
    }
}

/// Reads `14=… 15=…`.
fn pairs(variable: &str) -> Vec<(i32, String)> {
    let text = env::var(variable).unwrap_or_default();
    let pair = |word: &str| {
        let (major, value) = word.split_once('=').expect("MAJOR=VALUE");
        (major.parse().expect("a major version"), value.to_owned())
    };
    text.split_whitespace().map(pair).collect()
}

fn local() -> (i32, String) {
    // Never dropped: a static is not. The cluster ends with the process that opened it.
    static LOCAL: OnceLock<Scratch> = OnceLock::new();
    let scratch = LOCAL.get_or_init(|| {
        let request = Request {
            choice: &Choice::Local,
            live: None,
            major: None,
            machine: &machine(),
        };
        scratch::open(&request).expect("`bash tests/setup.sh` installs PostgreSQL")
    });
    let Host::Socket(folder) = &scratch.url().hosts()[0].0 else {
        panic!("a throw-away cluster listens on a socket");
    };
    let user = scratch.url().user();
    let url = format!("postgres:///postgres?user={user}&host={}", folder.display());
    (scratch.server().major(), url)
}
