//! Live database to catalog: a fixed number of set-based queries, spread over a few connections that share one
//! exported snapshot.

mod assembly;
mod edges;
mod print;
mod session;
mod sizes;
mod task;
mod unmodelled;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

use postgres::Client;

use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::{Present, readers};

use assembly::Assembly;
use task::{Answer, Source, Task, Wave};

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

/// Gives a catalog that the one being read is probably much like, once it is there: both then share what is equal.
pub type Model<'a> = &'a (dyn Fn() -> Option<&'a Catalog> + Sync);

/// What the connections share: the queries that are left, and what they are made for.
struct Work {
    source: Source,
    queue: Mutex<VecDeque<Task>>,
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
    let catalog = hold(url, client, server, options, &|| None)?;
    release(client)?;
    Ok(catalog)
}

/// Reads the whole catalog, with what is equal taken from a model, and leaves the reading transaction open: what is asked
/// next is of the same moment.
pub fn hold(url: &Url, client: &mut Client, server: &Server, options: Options, model: Model) -> Result<Catalog> {
    let opened = session::begin(client)?;
    let shared = (options.connections > 1 && opened.is_large).then_some(opened.snapshot.as_str());
    gather((url, server), client, shared, model)
}

/// Ends the reading transaction.
pub fn release(client: &mut Client) -> Result<()> {
    session::end(client)
}

/// Runs all queries on one connection or two, and puts the answers together while others are still being asked.
fn gather(
    (url, server): (&Url, &Server),
    client: &mut Client,
    snapshot: Option<&str>,
    model: Model,
) -> Result<Catalog> {
    let (answers, received) = mpsc::channel();
    let (hand_over, handed_over) = mpsc::channel::<Arc<Work>>();
    let is_begun = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let second = snapshot.map(|snapshot| {
            let answers = answers.clone();
            scope.spawn(move || read_beside((url, server), snapshot, is_begun, &handed_over, &answers))
        });
        let source = Source::new(server, session::present(client)?);
        let mut tasks = Task::all(&source);
        let assembly = Assembly::new(server, &tasks, model);
        tasks.retain(|task| !(task.is_independent() && is_begun.swap(true, Ordering::SeqCst)));
        let work = Arc::new(Work {
            source,
            queue: Mutex::new(VecDeque::from(tasks)),
        });
        let assembled = scope.spawn(move || assembly.finish(received));
        // Without a second connection nobody takes it.
        let _ = hand_over.send(Arc::clone(&work));
        drain(&work, deparsed_first, client, &answers)?;
        drop(answers);
        let panicked = |_| Error::internal("a reader of the catalog panicked");
        second.map_or(Ok(Ok(())), ScopedJoinHandle::join).map_err(panicked)??;
        assembled.join().map_err(panicked)?
    })
}

/// Reads on a second connection, which begins with what can be asked before anything is known. Where the server grants no
/// second one, the first does all the work.
fn read_beside(
    (url, server): (&Url, &Server),
    snapshot: &str,
    is_begun: &AtomicBool,
    handed_over: &Receiver<Arc<Work>>,
    answers: &Sender<(Wave, Answer)>,
) -> Result<()> {
    let Ok(mut client) = url.connect() else {
        return Ok(());
    };
    session::join(&mut client, snapshot)?;
    let source = Source::new(server, Present::everything());
    if !is_begun.swap(true, Ordering::SeqCst) && answers.send(Task::INDEPENDENT.run(&mut client, &source)?).is_err() {
        return Ok(());
    }
    match handed_over.recv() {
        Ok(work) => drain(&work, VecDeque::pop_front, &mut client, answers),
        // The first connection failed, and says so.
        Err(_) => Ok(()),
    }
}

fn deparsed_first(queue: &mut VecDeque<Task>) -> Option<Task> {
    if queue.back().is_some_and(Task::deparses) {
        return queue.pop_back();
    }
    queue.pop_front()
}

fn drain(
    work: &Work,
    next: fn(&mut VecDeque<Task>) -> Option<Task>,
    client: &mut Client,
    answers: &Sender<(Wave, Answer)>,
) -> Result<()> {
    loop {
        let task =
            next(&mut *(work.queue.lock()).map_err(|_| Error::internal("the queue of catalog queries is poisoned"))?);
        let Some(task) = task else { return Ok(()) };
        // Nobody listens once something went wrong, which is then what is reported.
        if answers.send(task.run(client, &work.source)?).is_err() {
            return Ok(());
        }
    }
}
