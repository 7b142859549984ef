//! Live database to catalog: a fixed number of set-based queries, spread over a few connections that share one
//! exported snapshot.

mod edges;
mod print;
mod session;
mod sizes;
mod unmodelled;

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::ScopedJoinHandle;

use postgres::{Client, Row};
use rayon::prelude::*;

use crate::catalog::{Addresses, Catalog, Identity, Part, TypeAndCollation};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::{Kind, Present, Reader, readers};

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

/// Objects with their addresses, and what was noted of them.
#[derive(Default)]
struct Batch {
    parts: Vec<(u32, i32, Part)>,
    last: Option<Identity>,
    noted: HashMap<(u32, i16), TypeAndCollation>,
}

/// What one query gave.
enum Answer {
    /// Objects of a kind, and of those that are read from its rows.
    Objects(Vec<(Reader, Batch)>, Kind),
    Rows(Reader, Vec<Row>),
    Raw(edges::Raw),
}

/// What the queries are made for.
struct Source<'a> {
    server: &'a Server,
    present: Present,
    /// Kinds that are read from the rows of another.
    sharing: Vec<(Kind, Reader)>,
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
        sharing: (readers().into_iter())
            .filter_map(|reader| Some(((reader.shares)(server)?, reader)))
            .collect(),
    };
    gather(url, client, &source, shared)
}

/// Ends the reading transaction.
pub fn release(client: &mut Client) -> Result<()> {
    session::end(client)
}

/// Runs all queries on one connection or two, and puts the answers together while others are still being asked.
fn gather(url: &Url, client: &mut Client, source: &Source, snapshot: Option<&str>) -> Result<Catalog> {
    let is_asked = |reader: &Reader| {
        source.present.has(reader.among.0, reader.among.1) && (reader.shares)(source.server).is_none()
    };
    let mut tasks: Vec<Task> = readers().into_iter().filter(is_asked).map(Task::Kind).collect();
    tasks.extend(edges::Query::ALL.iter().copied().map(Task::Raw));
    tasks.sort_by_key(Task::place);
    let queue = &Mutex::new(VecDeque::from(tasks));
    let (answers, received) = mpsc::channel();
    std::thread::scope(|scope| {
        let assembled = scope.spawn(move || Assembly::default().finish(source.server, received));
        let second = snapshot.map(|snapshot| {
            let answers = answers.clone();
            scope.spawn(move || -> Result<()> {
                let mut client = url.connect()?;
                session::join(&mut client, snapshot)?;
                drain(queue, VecDeque::pop_front, &mut client, source, &answers)
            })
        });
        drain(queue, VecDeque::pop_back, client, source, &answers)?;
        drop(answers);
        let panicked = |_| Error::internal("a reader of the catalog panicked");
        second.map_or(Ok(Ok(())), ScopedJoinHandle::join).map_err(panicked)??;
        assembled.join().map_err(panicked)?
    })
}

fn drain(
    queue: &Mutex<VecDeque<Task>>,
    next: fn(&mut VecDeque<Task>) -> Option<Task>,
    client: &mut Client,
    source: &Source,
    answers: &Sender<Answer>,
) -> Result<()> {
    loop {
        let task = next(
            &mut *queue
                .lock()
                .map_err(|_| Error::internal("the queue of catalog queries is poisoned"))?,
        );
        let Some(task) = task else { return Ok(()) };
        // Nobody listens once something went wrong, which is then what is reported.
        if answers.send(task.run(client, source)?).is_err() {
            return Ok(());
        }
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
                let rows = ask(client, &query.sql(&source.present), query.words())?;
                let raw = edges::Raw::read(query, rows);
                Ok(Answer::Raw(raw.map_err(|error| naming(error, query.words()))?))
            }
            Self::Kind(reader) => {
                let sql = (reader.query)(source.server, &source.present);
                let rows = ask(client, &sql, reader.kind.words())?;
                if reader.late {
                    return Ok(Answer::Rows(reader, rows));
                }
                let sharing = source.sharing.iter().filter(|(kind, _)| *kind == reader.kind);
                let readers = std::iter::once(reader).chain(sharing.map(|(_, reader)| *reader));
                let mut batches: Vec<(Reader, Batch)> = readers.map(|reader| (reader, Batch::default())).collect();
                let addresses = Addresses::default();
                for row in rows {
                    for (reader, batch) in &mut batches {
                        batch.read(*reader, &row, &addresses)?;
                    }
                }
                Ok(Answer::Objects(batches, reader.kind))
            }
        }
    }
}

/// Sends a query in one round trip.
fn ask(client: &mut Client, sql: &str, words: &str) -> Result<Vec<Row>> {
    client.query_typed(sql, &[]).map_err(|error| naming(error, words))
}

fn naming(error: impl Into<Error>, words: &str) -> Error {
    error.into().context(format!("reading the catalog ({words})"))
}

impl Batch {
    fn read(&mut self, reader: Reader, row: &Row, addresses: &Addresses) -> Result<()> {
        let naming = |error: Error| error.context(format!("reading the catalog ({})", reader.kind.words()));
        if let Some(object) = (reader.read)(row, addresses).map_err(naming)? {
            let (oid, sub) = (row.try_get(0)?, row.try_get(1)?);
            if let (Some(noted), Ok(number)) = ((reader.note)(row)?, i16::try_from(sub)) {
                self.noted.insert((oid, number), noted);
            }
            self.parts.push((oid, sub, Part::of(object, &mut self.last)));
        }
        Ok(())
    }
}

/// What was read so far.
#[derive(Default)]
struct Assembly {
    parts: Vec<Part>,
    addresses: Addresses,
    late: Vec<(Reader, Vec<Row>)>,
    raw: edges::Raw,
}

impl Assembly {
    /// Takes all answers in, in whatever order they come; what names others waits until those are known.
    fn finish(mut self, server: &Server, answers: Receiver<Answer>) -> Result<Catalog> {
        for answer in answers {
            match answer {
                Answer::Objects(batches, of) => {
                    for (reader, batch) in batches {
                        self.keep(reader, batch, reader.kind == of);
                    }
                }
                Answer::Rows(reader, rows) => self.late.push((reader, rows)),
                Answer::Raw(raw) => self.raw.add(raw),
            }
        }
        edges::note(&self.raw, &mut self.addresses)?;
        let (attached, late): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(reader, _)| reader.attached);
        self.read_late(late)?;
        edges::alias(&self.raw, &mut self.addresses);
        self.read_late(attached)?;
        edges::depend(&self.raw, &self.addresses, &mut self.parts);
        let mut catalog = Catalog {
            version_num: server.version_num,
            role: server.user.clone(),
            ..Catalog::default()
        };
        catalog.assemble(self.parts);
        edges::finish(&self.raw, &mut catalog)?;
        Ok(catalog)
    }

    fn read_late(&mut self, late: Vec<(Reader, Vec<Row>)>) -> Result<()> {
        let addresses = &self.addresses;
        let read = |(reader, rows): (Reader, Vec<Row>)| {
            let mut batch = Batch::default();
            rows.iter().try_for_each(|row| batch.read(reader, row, addresses))?;
            Ok((reader, batch))
        };
        let batches: Vec<(Reader, Batch)> = late.into_par_iter().map(read).collect::<Result<_>>()?;
        for (reader, batch) in batches {
            self.keep(reader, batch, !reader.attached);
        }
        Ok(())
    }

    /// Keeps objects; the address of a row is that of its own kind.
    fn keep(&mut self, reader: Reader, batch: Batch, has_address: bool) {
        for (oid, sub, part) in batch.parts {
            if has_address && reader.class != 0 && oid != 0 {
                let address = (reader.class, oid, sub);
                self.addresses.insert(address, part.identity.clone(), self.parts.len());
            }
            self.parts.push(part);
        }
        self.addresses.note_columns(batch.noted);
    }
}
