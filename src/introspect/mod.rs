//! Live database to catalog: a fixed number of set-based queries, spread over a few connections that share one
//! exported snapshot.

mod edges;
mod print;
mod session;
mod sizes;
mod unmodelled;

use std::collections::VecDeque;
use std::sync::Mutex;

use postgres::{Client, Row};

use crate::catalog::{Addresses, Catalog};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::{AnyObject, Present, Reader, readers};

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

/// What one query gave.
enum Answer {
    Objects(Reader, Vec<(u32, i32, AnyObject)>),
    Rows(Reader, Vec<Row>),
    Raw(edges::Query, Vec<Row>),
}

/// What the queries are made for.
struct Source<'a> {
    server: &'a Server,
    present: Present,
}

/// One query that is to be run.
enum Task {
    Kind(Reader),
    Raw(edges::Query),
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
    let catalog = hold(url, client, server, options)?;
    release(client)?;
    Ok(catalog)
}

/// Reads the whole catalog and leaves the reading transaction open: what is asked next is of the same moment.
pub fn hold(url: &Url, client: &mut Client, server: &Server, options: Options) -> Result<Catalog> {
    let opened = session::begin(client)?;
    let shared = (options.connections > 1 && opened.is_large).then_some(opened.snapshot.as_str());
    let source = Source {
        server,
        present: session::present(client)?,
    };
    let answers = gather(url, client, &source, shared)?;
    assemble(server, answers)
}

/// Ends the reading transaction.
pub fn release(client: &mut Client) -> Result<()> {
    session::end(client)
}

fn gather(url: &Url, client: &mut Client, source: &Source, snapshot: Option<&str>) -> Result<Vec<Answer>> {
    let can_have_rows = |reader: &Reader| source.present.has(reader.among.0, reader.among.1);
    let mut tasks: Vec<Task> = readers().into_iter().filter(can_have_rows).map(Task::Kind).collect();
    tasks.extend(edges::Query::ALL.iter().copied().map(Task::Raw));
    tasks.sort_by_key(Task::place);
    let queue = Mutex::new(VecDeque::from(tasks));
    let Some(snapshot) = snapshot else {
        return drain(&queue, VecDeque::pop_back, client, source);
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| -> Result<Vec<Answer>> {
            let mut client = url.connect()?;
            session::join(&mut client, snapshot)?;
            drain(&queue, VecDeque::pop_front, &mut client, source)
        });
        let mut answers = drain(&queue, VecDeque::pop_back, client, source)?;
        match second.join() {
            Ok(more) => answers.extend(more?),
            Err(_) => return Err(Error::internal("a reader of the catalog panicked")),
        }
        Ok(answers)
    })
}

fn drain(
    queue: &Mutex<VecDeque<Task>>,
    next: fn(&mut VecDeque<Task>) -> Option<Task>,
    client: &mut Client,
    source: &Source,
) -> Result<Vec<Answer>> {
    let mut out = Vec::new();
    loop {
        let task = next(
            &mut *queue
                .lock()
                .map_err(|_| Error::internal("the queue of catalog queries is poisoned"))?,
        );
        let Some(task) = task else { return Ok(out) };
        out.push(task.run(client, source)?);
    }
}

impl Task {
    /// Returns the place in the queue, whose two ends are emptied by two connections, the expensive ones first (by
    /// measurement on thousands of tables). What deparses expressions over columns stands at the end: PostgreSQL looks
    /// each table up once in each connection that does.
    fn place(&self) -> i8 {
        match self {
            Self::Raw(query) => -query.weight(),
            Self::Kind(reader) => match reader.kind.words() {
                "index" => 9,
                "check constraint" => 8,
                "partition" | "view" | "materialized view" | "policy" | "trigger" | "rule" => 4,
                "column" => -9,
                "column default" | "foreign key" | "key" => -7,
                "not-null constraint" | "privilege" | "table" | "owner" | "index attachment" => -4,
                _ => 0,
            },
        }
    }

    fn run(self, client: &mut Client, source: &Source) -> Result<Answer> {
        match self {
            Self::Raw(query) => {
                let rows = client
                    .query(&query.sql(&source.present), &[])
                    .map_err(|error| naming(error, query.words()))?;
                Ok(Answer::Raw(query, rows))
            }
            Self::Kind(reader) => {
                let words = reader.kind.words();
                let rows = client
                    .query(&(reader.query)(source.server, &source.present), &[])
                    .map_err(|error| naming(error, words))?;
                if reader.late {
                    return Ok(Answer::Rows(reader, rows));
                }
                let objects = read_rows(reader, &rows, &Addresses::default())?;
                Ok(Answer::Objects(reader, objects))
            }
        }
    }
}

fn naming(error: postgres::Error, words: &str) -> Error {
    Error::from(error).context(format!("reading the catalog ({words})"))
}

fn read_rows(reader: Reader, rows: &[Row], addresses: &Addresses) -> Result<Vec<(u32, i32, AnyObject)>> {
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let naming = |error: Error| error.context(format!("reading the catalog ({})", reader.kind.words()));
        let object = (reader.read)(row, addresses).map_err(naming)?;
        if let Some(object) = object {
            out.push((row.try_get(0)?, row.try_get(1)?, object));
        }
    }
    Ok(out)
}

fn keep(reader: Reader, objects: Vec<(u32, i32, AnyObject)>, catalog: &mut Catalog, addresses: &mut Addresses) {
    for (oid, sub, object) in objects {
        if reader.class != 0 && oid != 0 {
            addresses.insert(reader.class, oid, sub, object.identity());
        }
        catalog.insert(object);
    }
}

fn assemble(server: &Server, answers: Vec<Answer>) -> Result<Catalog> {
    let mut catalog = Catalog {
        version_num: server.version_num,
        role: server.user.clone(),
        ..Catalog::default()
    };
    let mut addresses = Addresses::default();
    let mut late = Vec::new();
    let mut raw = Vec::new();
    for answer in answers {
        match answer {
            Answer::Objects(reader, objects) => keep(reader, objects, &mut catalog, &mut addresses),
            Answer::Rows(reader, rows) => late.push((reader, rows)),
            Answer::Raw(query, rows) => raw.push((query, rows)),
        }
    }
    raw.sort_by_key(|(query, _)| *query);
    let (attached, late): (Vec<_>, Vec<_>) = late.into_iter().partition(|(reader, _)| reader.attached);
    for (reader, rows) in late {
        let objects = read_rows(reader, &rows, &addresses)?;
        keep(reader, objects, &mut catalog, &mut addresses);
    }
    edges::alias(&raw, &mut addresses)?;
    for (reader, rows) in attached {
        for (_, _, object) in read_rows(reader, &rows, &addresses)? {
            catalog.insert(object);
        }
    }
    edges::apply(&raw, &addresses, &mut catalog)?;
    Ok(catalog)
}
