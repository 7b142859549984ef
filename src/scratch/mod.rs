//! Throw-away `PostgreSQL`, for desired catalogs and for proof.
//!
//! [`open`] hands over an empty database that is gone when the [`Scratch`] is dropped, when [`cleanup_all`] is called
//! from a signal's handler, or at the latest when the next one is opened. Each provider is one file.

mod binaries;
mod cluster;
mod database;
mod guard;
mod live;
mod local;
mod server;
mod stub;
mod template;
mod workdir;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postgres::Client;

use crate::db::{Server, Url};
use crate::error::Result;

pub(crate) use stub::Stub;

pub use binaries::{Binaries, find as find_binaries, local_major};

/// Where scratch databases come from: what `--scratch` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one value per process")]
pub enum Choice {
    /// Binaries found on this machine; never somebody's server.
    #[default]
    Auto,
    /// Binaries found on this machine.
    Local,
    /// A server that the user names.
    Server(Url),
    /// The live server itself.
    Live,
}

/// What of this machine a throw-away cluster may use; the library itself reads no environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The folders of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// A folder with `postgres` and `initdb` that the user names; it is looked into first.
    pub binaries: Option<PathBuf>,
    /// Folder for temporary files.
    pub temporary: PathBuf,
    /// Folder where fresh data directories are kept between runs.
    pub cache: PathBuf,
}

/// What a scratch database is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Provider.
    pub choice: &'a Choice,
    /// The live database, needed for [`Choice::Live`].
    pub live: Option<&'a Url>,
    /// The live server's major version, preferred where there is a choice.
    pub major: Option<i32>,
    /// This machine.
    pub machine: &'a Machine,
}

/// A source of scratch databases on one server.
trait Provider: Send {
    /// Returns the first database.
    fn url(&self) -> &Url;

    /// Tells whether the whole cluster is ours, so that roles may be made in it.
    fn own_cluster(&self) -> bool;

    /// Says in a few words what this is.
    fn describe(&self, server: &Server) -> String;

    /// Makes another empty database.
    fn new_database(&mut self) -> Result<Url>;

    /// Removes everything; a second call does nothing.
    fn remove(&mut self);
}

type Shared = Arc<Mutex<Box<dyn Provider>>>;

/// Everything that is open, so that a signal's handler can remove it.
static OPEN: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// An empty database that nobody else uses. Dropping it removes it with everything that was made through it.
pub struct Scratch {
    provider: Shared,
    url: Url,
    server: Server,
    own_cluster: bool,
}

/// Opens a scratch database, and removes what killed runs have left behind.
///
/// Takes 0.2 seconds for a throw-away cluster when the cache is warm, about two when it is not.
pub fn open(request: &Request<'_>) -> Result<Scratch> {
    let provider: Box<dyn Provider> = match request.choice {
        Choice::Auto | Choice::Local => Box::new(local::open(request)?),
        Choice::Server(url) => Box::new(server::open(url)?),
        Choice::Live => Box::new(live::open(request.live)?),
    };
    Scratch::of(provider)
}

/// Removes every scratch database of this process; for handlers of signals, after which nothing is dropped.
pub fn cleanup_all() {
    let open = std::mem::take(&mut *lock(&OPEN));
    for provider in open {
        lock(&provider).remove();
    }
    workdir::remove_all();
}

/// A panic elsewhere must not keep a server alive.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scratch {
    fn of(provider: Box<dyn Provider>) -> Result<Self> {
        let url = provider.url().clone();
        let own_cluster = provider.own_cluster();
        let provider = Arc::new(Mutex::new(provider));
        lock(&OPEN).push(Arc::clone(&provider));
        let server = url.connect().and_then(|mut client| Server::read(&mut client));
        Ok(Self {
            server: server.inspect_err(|_| close(&provider))?,
            provider,
            url,
            own_cluster,
        })
    }

    /// Returns where the scratch database is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Opens a connection to the scratch database.
    pub fn connect(&self) -> Result<Client> {
        self.url.connect()
    }

    /// Tells whether the whole cluster is ours, so that roles may be made in it.
    pub fn own_cluster(&self) -> bool {
        self.own_cluster
    }

    /// Returns what is known about the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Says in a few words what this is, for example `throw-away PostgreSQL 17.10 from /usr/lib/postgresql/17/bin`.
    pub fn describe(&self) -> String {
        lock(&self.provider).describe(&self.server)
    }

    /// Makes another empty database on the same server, removed with this one.
    pub fn new_database(&mut self) -> Result<Url> {
        lock(&self.provider).new_database()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        close(&self.provider);
    }
}

fn close(provider: &Shared) {
    lock(provider).remove();
    lock(&OPEN).retain(|open| !Arc::ptr_eq(open, provider));
}
