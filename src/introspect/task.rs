//! One query of those that read a catalog: what it needs, when it is asked, what it gives.

use postgres::{Client, Row};

use super::batch::Batch;
use super::edges;
use crate::catalog::{Address, Addresses, Pool};
use crate::db::Server;
use crate::error::{Error, Result};
use crate::kinds::{self, Area, Kept, Kind, Present, Reader, readers};

/// When an answer can be taken in: after all those of earlier waves.
pub(super) type Wave = usize;

/// Objects that others name.
const NAMED: Wave = 0;
/// Objects that are put together from the names of others.
const COMPOSED: Wave = 1;
/// Addresses that stand for others.
const ALIASED: Wave = 2;
/// What is attached to objects and leads from one to another.
const ATTACHED: Wave = 3;
/// Places of the queries that deparse expressions: the first one, and the one that is asked before all others.
const DEPARSED: i8 = 10;
const DEPARSED_FIRST: i8 = 13;
/// Number of waves.
pub(super) const WAVES: usize = 4;

/// What the queries are made for.
pub(super) struct Source<'a> {
    pub(super) server: Server,
    pub(super) present: Present,
    /// Kinds that are read from the rows of another.
    sharing: Vec<(Kind, Reader)>,
    /// Whether there are so many rows of some kinds that they are not held all at once.
    is_huge: bool,
    pool: Option<&'a Pool>,
}

impl<'a> Source<'a> {
    pub(super) fn new(server: &Server, present: Present, is_huge: bool, pool: Option<&'a Pool>) -> Self {
        let shared = |reader: Reader| Some(((reader.shares)(server)?, reader));
        Self {
            server: server.clone(),
            present,
            sharing: readers().into_iter().filter_map(shared).collect(),
            is_huge,
            pool,
        }
    }
}

/// One query that is to be run.
#[derive(Clone, Copy)]
pub(super) enum Task {
    Kind(Reader),
    Raw(edges::Query),
}

/// What one query gave.
pub(super) enum Answer {
    /// Objects of a kind, and of those that are read from its rows.
    Objects(Vec<Read>),
    /// Objects that are read once others are known.
    Rows(Reader, Kept),
    Pairs(edges::Query, Vec<(Address, Address)>),
    Raw(edges::Query, Vec<Row>),
}

/// Objects of one kind.
pub(super) struct Read {
    pub(super) reader: Reader,
    /// Whether the rows' address is theirs.
    pub(super) has_address: bool,
    pub(super) batch: Batch,
}

impl Task {
    /// Returns all queries in the order of the queue; one connection begins at its end.
    pub(super) fn all(source: &Source) -> Vec<Self> {
        let is_asked = |reader: &Reader| {
            reader.area.is_none_or(Area::is_managed)
                && source.present.has(reader.among.0, reader.among.1)
                && (reader.shares)(&source.server).is_none()
        };
        let mut tasks: Vec<Self> = readers().into_iter().filter(is_asked).map(Self::Kind).collect();
        tasks.extend(edges::Query::ALL.iter().copied().map(Self::Raw));
        tasks.sort_by_key(Self::place);
        tasks
    }

    /// Tells whether this is the longest query, which finds something in every database of some size.
    pub(super) fn is_first(&self) -> bool {
        self.place() == DEPARSED_FIRST
    }

    pub(super) fn wave(&self) -> Wave {
        match self {
            Self::Raw(edges::Query::KeyWords) => NAMED,
            Self::Raw(edges::Query::Aliases) => ALIASED,
            Self::Raw(_) => ATTACHED,
            Self::Kind(reader) if reader.attached || reader.class == 0 => ATTACHED,
            Self::Kind(reader) if reader.late => COMPOSED,
            Self::Kind(_) => NAMED,
        }
    }

    /// Tells whether expressions over columns are deparsed: PostgreSQL looks each table up once in each connection that
    /// does, so that one connection should.
    pub(super) fn deparses(&self) -> bool {
        self.place() >= DEPARSED
    }

    /// Returns the place in the queue: what others wait for before those, and of these the expensive ones first (by
    /// measurement on thousands of tables); what is soon put together at the end.
    fn place(&self) -> i8 {
        let Self::Kind(reader) = self else {
            return match self {
                Self::Raw(edges::Query::KeyWords) => 2,
                Self::Raw(edges::Query::Dependencies) => 5,
                Self::Raw(edges::Query::Aliases) => 6,
                Self::Raw(edges::Query::Unmodelled) => 7,
                _ => 8,
            };
        };
        match (reader.kind.words(), self.wave()) {
            ("index", _) => DEPARSED_FIRST,
            ("view" | "materialized view", _) => DEPARSED + 2,
            ("partition" | "policy" | "trigger" | "rule", _) => DEPARSED + 1,
            ("check constraint", _) => DEPARSED,
            ("column", _) => 0,
            ("table" | "not-null constraint", _) => 1,
            (_, NAMED) => 2,
            ("column default", _) => 3,
            (_, COMPOSED) => 4,
            ("privilege" | "owner" | "index attachment", _) => 7,
            _ => 8,
        }
    }

    /// Asks, and tells what comes: in pieces where there is much of it, the last of which is told to be so.
    pub(super) fn run(self, client: &mut Client, source: &Source, tell: &mut dyn FnMut(Answer, bool)) -> Result<()> {
        match self {
            Self::Raw(query) => {
                let answer = query.ask(client, &source.present);
                tell(answer.map_err(|error| naming(error, query.words()))?, true);
            }
            Self::Kind(reader) => {
                ask(client, reader, source, tell).map_err(|error| naming(error, reader.kind.words()))?;
            }
        }
        Ok(())
    }
}

impl edges::Query {
    fn ask(self, client: &mut Client, present: &Present) -> Result<Answer> {
        let rows = client.query_typed(&self.sql(present), &[])?;
        Ok(match self {
            Self::Aliases => Answer::Pairs(self, rows.iter().map(edges::pair).collect::<Result<_>>()?),
            Self::Dependencies => Answer::Pairs(self, edges::pairs(&rows)?),
            _ => Answer::Raw(self, rows),
        })
    }
}

/// Rows that are held at once where there are many.
const PIECE: usize = 4000;

/// System catalogs of which each table has several rows: relations, defaults, constraints.
const OF_TABLES: [u32; 3] = [1259, 2604, 2606];

/// Reads the rows of a kind; those of late kinds are kept. Taking rows one by one, as they come, costs more than holding
/// them, and holding all those of a kind costs more memory than the objects that they become.
fn ask(client: &mut Client, reader: Reader, source: &Source, tell: &mut dyn FnMut(Answer, bool)) -> Result<()> {
    let sql = (reader.query)(&source.server, &source.present);
    let is_much = source.is_huge && [reader.class, reader.among.0].iter().any(|of| OF_TABLES.contains(of));
    if reader.late {
        return rows(client, &sql, is_much, &mut |rows, is_last| {
            tell(Answer::Rows(reader, Kept::of(&rows)?), is_last);
            Ok(())
        });
    }
    let sharing = source.sharing.iter().filter(|(kind, _)| *kind == reader.kind);
    let readers = std::iter::once(reader).chain(sharing.map(|(_, reader)| *reader));
    let mut batches: Vec<(Reader, Batch)> = readers.map(|reader| (reader, Batch::default())).collect();
    let nothing = Addresses::default();
    rows(client, &sql, is_much, &mut |rows, _| {
        rows.into_iter().try_for_each(|row| {
            let mut each = batches.iter_mut();
            each.try_for_each(|(reader, batch)| batch.read(*reader, &kinds::Row::new(&row), &nothing))
        })?;
        for (_, batch) in &mut batches {
            batch.share(source.pool);
        }
        Ok(())
    })?;
    let read = |(of, batch): (Reader, Batch)| Read {
        reader: of,
        has_address: of.kind == reader.kind,
        batch: batch.sorted(),
    };
    tell(Answer::Objects(batches.into_iter().map(read).collect()), true);
    Ok(())
}

/// Reads the rows of a query. Where there is much of it they come through a cursor, piece by piece; it is planned as the
/// query itself is: for all its rows, not for the first.
fn rows(
    client: &mut Client,
    sql: &str,
    is_much: bool,
    take_in: &mut dyn FnMut(Vec<Row>, bool) -> Result<()>,
) -> Result<()> {
    if !is_much {
        return take_in(client.query_typed(sql, &[])?, true);
    }
    client.batch_execute(&format!(
        "SET LOCAL cursor_tuple_fraction = 1; DECLARE trueup_rows NO SCROLL CURSOR FOR {sql}"
    ))?;
    let fetch = format!("FETCH {PIECE} FROM trueup_rows");
    loop {
        let rows = client.query_typed(&fetch, &[])?;
        let is_last = rows.len() < PIECE;
        take_in(rows, is_last)?;
        if is_last {
            return Ok(client.batch_execute("CLOSE trueup_rows")?);
        }
    }
}

fn naming(error: impl Into<Error>, words: &str) -> Error {
    error.into().context(format!("reading the catalog ({words})"))
}

impl Answer {
    /// Reads rows that were kept.
    pub(super) fn read(self, addresses: &Addresses, pool: Option<&Pool>) -> Result<Self> {
        let Self::Rows(reader, rows) = self else {
            return Ok(self);
        };
        let mut batch = Batch::default();
        rows.each(|row| batch.read(reader, row, addresses))
            .map_err(|error| naming(error, reader.kind.words()))?;
        batch.share(pool);
        Ok(Self::Objects(vec![Read {
            reader,
            has_address: !reader.attached,
            batch: batch.sorted(),
        }]))
    }
}
