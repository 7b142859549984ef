//! One query of those that read a catalog: what it needs, when it is asked, what it gives.

use postgres::{Client, Row};

use super::edges;
use crate::catalog::{Address, Addresses, ColumnFacts, Identity, Part};
use crate::db::Server;
use crate::error::{Error, Result};
use crate::kinds::{Area, Kind, Present, Reader, readers};

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
/// First place of the queries that deparse expressions.
const DEPARSED: i8 = 10;
/// Number of waves.
pub(super) const WAVES: usize = 4;

/// What the queries are made for.
pub(super) struct Source {
    pub(super) server: Server,
    pub(super) present: Present,
    /// Kinds that are read from the rows of another.
    sharing: Vec<(Kind, Reader)>,
}

impl Source {
    pub(super) fn new(server: &Server, present: Present) -> Self {
        let shared = |reader: Reader| Some(((reader.shares)(server)?, reader));
        Self {
            server: server.clone(),
            present,
            sharing: readers().into_iter().filter_map(shared).collect(),
        }
    }
}

/// One query that is to be run.
#[derive(Clone, Copy)]
pub(super) enum Task {
    Kind(Reader),
    Raw(edges::Query),
}

/// Objects with their addresses, and what was noted of them.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) parts: Vec<(u32, i32, Part)>,
    last: Option<Identity>,
    pub(super) noted: Vec<((u32, i16), ColumnFacts)>,
    /// Addresses of rows that stand for others.
    pub(super) aliases: Vec<(Address, Address)>,
}

/// What one query gave.
pub(super) enum Answer {
    /// Objects of a kind, and of those that are read from its rows.
    Objects(Vec<(Reader, Batch)>, Kind),
    /// Objects that are read once others are known.
    Rows(Reader, Vec<Row>),
    Pairs(edges::Query, Vec<(Address, Address)>),
    Raw(edges::Query, Vec<Row>),
}

impl Task {
    /// The query that needs nothing to be known before it.
    pub(super) const INDEPENDENT: Self = Self::Raw(edges::Query::Dependencies);

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

    pub(super) fn is_independent(&self) -> bool {
        matches!(self, Self::Raw(edges::Query::Dependencies))
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

    /// Returns the place in the queue: the expensive ones first (by measurement on thousands of tables), but what others
    /// wait for before those.
    fn place(&self) -> i8 {
        let Self::Kind(reader) = self else {
            return match self {
                Self::Raw(edges::Query::Dependencies) => 0,
                Self::Raw(edges::Query::KeyWords) => 3,
                Self::Raw(edges::Query::Aliases) => 5,
                Self::Raw(edges::Query::Unmodelled) => 6,
                _ => 7,
            };
        };
        match (reader.kind.words(), self.wave()) {
            ("partition" | "view" | "materialized view" | "policy" | "trigger" | "rule", _) => DEPARSED,
            ("check constraint", _) => DEPARSED + 1,
            ("index", _) => DEPARSED + 2,
            ("column", _) => 1,
            ("column default" | "table" | "not-null constraint", _) => 2,
            (_, NAMED) => 3,
            (_, COMPOSED) => 4,
            ("privilege" | "owner" | "index attachment", _) => 6,
            _ => 7,
        }
    }

    pub(super) fn run(self, client: &mut Client, source: &Source) -> Result<(Wave, Answer)> {
        let answer = match self {
            Self::Raw(query) => query
                .ask(client, &source.present)
                .map_err(|error| naming(error, query.words()))?,
            Self::Kind(reader) => ask(client, reader, source).map_err(|error| naming(error, reader.kind.words()))?,
        };
        Ok((self.wave(), answer))
    }
}

impl edges::Query {
    fn ask(self, client: &mut Client, present: &Present) -> Result<Answer> {
        let rows = client.query_typed(&self.sql(present), &[])?;
        Ok(if self.gives_pairs() {
            Answer::Pairs(self, rows.iter().map(edges::pair).collect::<Result<_>>()?)
        } else {
            Answer::Raw(self, rows)
        })
    }
}

/// Reads the rows of a kind; those of late kinds are kept. Taking rows one by one, as they come, costs more than holding them.
fn ask(client: &mut Client, reader: Reader, source: &Source) -> Result<Answer> {
    let rows = client.query_typed(&(reader.query)(&source.server, &source.present), &[])?;
    if reader.late {
        return Ok(Answer::Rows(reader, rows));
    }
    let sharing = source.sharing.iter().filter(|(kind, _)| *kind == reader.kind);
    let readers = std::iter::once(reader).chain(sharing.map(|(_, reader)| *reader));
    let mut batches: Vec<(Reader, Batch)> = readers.map(|reader| (reader, Batch::default())).collect();
    let nothing = Addresses::default();
    for row in rows {
        for (reader, batch) in &mut batches {
            batch.read(*reader, &row, &nothing)?;
        }
    }
    for (_, batch) in &mut batches {
        batch.sort();
    }
    Ok(Answer::Objects(batches, reader.kind))
}

fn naming(error: impl Into<Error>, words: &str) -> Error {
    error.into().context(format!("reading the catalog ({words})"))
}

impl Batch {
    /// Reads rows that were kept.
    pub(super) fn of(reader: Reader, rows: &[Row], addresses: &Addresses) -> Result<Self> {
        let mut out = Self::default();
        rows.iter()
            .try_for_each(|row| out.read(reader, row, addresses))
            .map_err(|error| naming(error, reader.kind.words()))?;
        out.sort();
        Ok(out)
    }

    fn sort(&mut self) {
        self.parts.sort_by(|one, other| one.2.identity.cmp(&other.2.identity));
    }

    fn read(&mut self, reader: Reader, row: &Row, addresses: &Addresses) -> Result<()> {
        let (oid, sub) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(object) = (reader.read)(row, addresses)? {
            if let (Some(noted), Ok(number)) = ((reader.note)(row)?, i16::try_from(sub)) {
                self.noted.push(((oid, number), noted));
            }
            self.parts.push((oid, sub, Part::of(object, &mut self.last)));
        } else if let Some(target) = (reader.stands_for)(row, addresses)? {
            self.aliases.push(((reader.class, oid, sub), target));
        }
        Ok(())
    }
}
