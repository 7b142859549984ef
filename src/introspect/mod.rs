//! Live database to catalog: a fixed number of set-based queries, spread over a few connections that share one
//! exported snapshot.

mod assembly;
mod batch;
mod edges;
mod print;
mod session;
mod sizes;
mod task;
mod unmodelled;
mod work;

use std::collections::VecDeque;
use std::sync::mpsc::{self, Sender};
use std::thread::ScopedJoinHandle;

use postgres::Client;

use crate::catalog::{Catalog, Pool};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::{Present, readers};

use assembly::Assembly;
use task::Task;
use work::{News, Work};

pub use print::print;
pub use sizes::{Size, sizes};

/// How a database is read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most connections that read at once; the first one is the caller's. At least 1.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 2 }
    }
}

/// Reads the whole catalog of the database that `url` names.
///
/// Needs CONNECT and nothing else; system catalogs are readable to everybody.
pub fn introspect(url: &Url, options: Options) -> Result<(Server, Catalog)> {
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    let catalog = read(url, &mut client, &server, options)?;
    Ok((server, catalog))
}

/// Returns the text of every catalog query, as the newest supported server gets it.
pub fn queries() -> Vec<String> {
    let newest = Server {
        version_num: crate::db::NEWEST_MAJOR * 10_000,
        ..Server::default()
    };
    let everything = Present::everything();
    readers()
        .iter()
        .map(|reader| (reader.query)(&newest, &everything))
        .collect()
}

/// Reads the whole catalog through a connection that is already open.
pub fn read(url: &Url, client: &mut Client, server: &Server, options: Options) -> Result<Catalog> {
    let catalog = hold(url, client, server, options, None)?;
    release(client)?;
    Ok(catalog)
}

/// Reads the whole catalog, which shares what is in the pool, and leaves the reading transaction open: what is asked next
/// is of the same moment.
pub fn hold(url: &Url, client: &mut Client, server: &Server, options: Options, pool: Option<&Pool>) -> Result<Catalog> {
    let opened = session::begin(client)?;
    let shared = (options.connections > 1 && opened.is_large).then_some(opened.snapshot.as_str());
    gather((url, server), client, (shared, opened.is_huge), pool)
}

/// Ends the reading transaction.
pub fn release(client: &mut Client) -> Result<()> {
    session::end(client)
}

/// Runs all queries on one connection or two, and puts the answers together while others are still being asked.
fn gather(
    (url, server): (&Url, &Server),
    client: &mut Client,
    (snapshot, is_huge): (Option<&str>, bool),
    pool: Option<&Pool>,
) -> Result<Catalog> {
    let (news, received) = mpsc::channel();
    let work = &Work::new(server, (snapshot.is_some(), is_huge), pool);
    std::thread::scope(|scope| {
        let assembled = scope.spawn(move || Assembly::new(server, pool).finish(&received));
        let second = snapshot.map(|snapshot| {
            let news = news.clone();
            scope.spawn(move || read_beside(url, snapshot, work, &news))
        });
        if second.is_some() {
            work.begin(client, &news)?;
        }
        work.drain(client, deparsed_first, &news)?;
        drop(news);
        let panicked = |_| Error::internal("a reader of the catalog panicked");
        second.map_or(Ok(Ok(())), ScopedJoinHandle::join).map_err(panicked)??;
        assembled.join().map_err(panicked)?
    })
}

/// Reads on a second connection. Where the server grants none, the first does all the work.
fn read_beside(url: &Url, snapshot: &str, work: &Work, news: &Sender<News>) -> Result<()> {
    let Ok(mut client) = url.connect() else {
        return Ok(());
    };
    session::join(&mut client, snapshot)?;
    work.drain(&mut client, VecDeque::pop_front, news)
}

fn deparsed_first(queue: &mut VecDeque<Task>) -> Option<Task> {
    if queue.back().is_some_and(Task::deparses) {
        return queue.pop_back();
    }
    queue.pop_front()
}
