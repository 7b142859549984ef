//! The schema over time: one snapshot after every execution that succeeded, and one before it where somebody else had
//! changed the database meanwhile.
//!
//! A snapshot holds what differs from the one before it. Where those since the last whole one have grown larger than that,
//! the next is whole again, so that reading one costs at most twice what it must.

use std::fmt;

use postgres::Client;
use postgres::types::Type;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::version::{self, SNAPSHOTS_SINCE};
use crate::apply::advisory;
use crate::catalog::{Catalog, Fingerprint, delta, packed};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::{AnyObject, Area};

/// Objects that are hashed at once.
const PART: usize = 2048;

/// A moment in the life of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// After an execution.
    After(i64),
    /// Before an execution.
    Before(i64),
    /// The newest snapshot.
    Latest,
    /// The oldest snapshot.
    First,
    /// The newest snapshot that is not younger than a time, which the server reads.
    At(String),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(id) => write!(f, "ledger:{id}"),
            Self::Before(id) => write!(f, "ledger:{id}:before"),
            Self::Latest => f.write_str("ledger:latest"),
            Self::First => f.write_str("ledger:first"),
            Self::At(time) => write!(f, "ledger:{time}"),
        }
    }
}

impl Point {
    /// Understands what stands behind `ledger:`.
    ///
    /// # Errors
    /// It names no moment.
    pub fn parse(text: &str) -> Result<Self> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|id| *id > 0);
        let before = text.strip_suffix(":before").and_then(number);
        let is_time = text.len() >= 10 && text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-');
        match text {
            "latest" => Ok(Self::Latest),
            "first" => Ok(Self::First),
            _ if is_time => Ok(Self::At(text.to_owned())),
            _ => number(text)
                .map(Self::After)
                .or(before.map(Self::Before))
                .ok_or_else(|| {
                    Error::usage(format!("`ledger:{text}` names no moment")).hint(
                        "Write ledger:12 (after execution 12), ledger:12:before, ledger:latest, ledger:first, or a time such as \
                         ledger:2026-11-21 or ledger:2026-11-21T15:00Z.",
                    )
                }),
        }
    }
}

/// What the ledger says of a snapshot, but for what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotFacts {
    /// How it is named as a source.
    pub source: String,
    /// Objects in it.
    pub objects: i32,
    /// Objects that differ from the snapshot before.
    pub changed: i32,
    /// When it was taken, in UTC.
    pub recorded_at: String,
    /// Whether the database had been changed by others since the snapshot before the execution.
    pub moved_before: bool,
}

/// Why a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A database was adopted.
    Init,
    /// An execution is about to begin.
    Before(i64),
    /// An execution has ended.
    After(i64),
    /// What was found was declared to be right.
    Accept,
}

impl Cause {
    fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Before(_) => "before",
            Self::After(_) => "execution",
            Self::Accept => "accept",
        }
    }

    fn execution(self) -> Option<i64> {
        match self {
            Self::Before(id) | Self::After(id) => Some(id),
            Self::Init | Self::Accept => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Whole {
    #[serde(deserialize_with = "packed::deserialize")]
    catalog: Catalog,
}

/// What a new snapshot is laid upon.
struct Ground {
    base: i64,
    fingerprint: String,
    whole_bytes: i64,
    bytes_since: i64,
}

/// Takes a snapshot before an execution, unless the ledger has this very state as its last one. The advisory lock is held.
pub(crate) fn before(client: &mut Client, execution: i64, live: &Catalog) -> Result<()> {
    let print = print(live);
    match ground(client)? {
        Some(ground) if ground.fingerprint == print => Ok(()),
        ground => take(client, Cause::Before(execution), ground, (live, print), None),
    }
}

/// Takes a snapshot. `before` is what [`before`] was told, where it was called and nothing was recorded since. The advisory
/// lock is held.
pub(crate) fn record(client: &mut Client, cause: Cause, before: Option<&Catalog>, live: &Catalog) -> Result<()> {
    let ground = ground(client)?;
    let print = print(live);
    take(client, cause, ground, (live, print), before)
}

/// Returns the fingerprint of all objects, made on several threads: a large database has hundreds of thousands.
fn print(live: &Catalog) -> String {
    let objects: Vec<&AnyObject> = live.objects.values().collect();
    let parts: Vec<Fingerprint> = objects.par_chunks(PART).map(Fingerprint::of).collect();
    Fingerprint::of(&parts).to_string()
}

fn ground(client: &mut Client) -> Result<Option<Ground>> {
    let row = client.query_typed_opt(
        "SELECT coalesce(s.base, s.id), s.fingerprint, pg_catalog.octet_length(w.content)::int8,
                (SELECT coalesce(sum(pg_catalog.octet_length(o.content)), 0)::int8 FROM trueup.snapshot o WHERE o.base = w.id)
         FROM trueup.snapshot s JOIN trueup.snapshot w ON w.id = coalesce(s.base, s.id) ORDER BY s.id DESC LIMIT 1",
        &[],
    )?;
    let ground = |row: postgres::Row| -> Result<Ground> {
        Ok(Ground {
            base: row.try_get(0)?,
            fingerprint: row.try_get(1)?,
            whole_bytes: row.try_get(2)?,
            bytes_since: row.try_get(3)?,
        })
    };
    row.map(ground).transpose()
}

fn take(
    client: &mut Client,
    cause: Cause,
    ground: Option<Ground>,
    (live, print): (&Catalog, String),
    before: Option<&Catalog>,
) -> Result<()> {
    let unwritable = |error: serde_json::Error| Error::internal(format!("a snapshot cannot be written: {error}"));
    let ground = ground.filter(|ground| ground.bytes_since <= ground.whole_bytes);
    let mut delta = None;
    if let Some(ground) = &ground {
        // What another version wrote may be unreadable: then nothing can be laid upon it.
        let last = match before {
            Some(_) => None,
            None => fold(client, ground.base, i64::MAX)?.ok(),
        };
        let last = before.or(last.as_ref());
        delta = last
            .map(|last| delta::between(last, live))
            .transpose()
            .map_err(unwritable)?;
    }
    let (base, content, changed) = match (ground, delta) {
        (Some(ground), Some(delta)) => (Some(ground.base), delta.text, delta.changed),
        _ => {
            let whole = WholeRef { catalog: live };
            let text = serde_json::to_string(&whole).map_err(unwritable)?;
            (None, text, live.objects.len())
        }
    };
    if base.is_some() && changed == 0 && matches!(cause, Cause::Before(_)) {
        return Ok(());
    }
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    client.execute_typed(
        "INSERT INTO trueup.snapshot (cause, execution, base, tool, fingerprint, objects, changed, content)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            (&cause.word(), Type::TEXT),
            (&cause.execution(), Type::INT8),
            (&base, Type::INT8),
            (&env!("CARGO_PKG_VERSION"), Type::TEXT),
            (&print, Type::TEXT),
            (&count(live.objects.len()), Type::INT4),
            (&count(changed), Type::INT4),
            (&content, Type::TEXT),
        ],
    )?;
    Ok(())
}

/// The same as [`Whole`], to be written.
#[derive(Serialize)]
#[serde(transparent)]
struct WholeRef<'a> {
    #[serde(serialize_with = "packed::serialize")]
    catalog: &'a Catalog,
}

/// Returns the state of a snapshot, from the whole one that it is laid upon; an inner error where that is unreadable.
fn fold(client: &mut Client, base: i64, id: i64) -> Result<serde_json::Result<Catalog>> {
    let rows = client.query_typed(
        "SELECT content FROM trueup.snapshot WHERE (id = $1 OR base = $1) AND id <= $2 ORDER BY id",
        &[(&base, Type::INT8), (&id, Type::INT8)],
    )?;
    let texts = rows.iter().map(|row| row.try_get(0));
    let texts: Vec<&str> = texts.collect::<std::result::Result<_, _>>()?;
    let Some((whole, deltas)) = texts.split_first() else {
        return Err(Error::internal(format!("the ledger lacks snapshot {base}")));
    };
    Ok(folded(whole, deltas))
}

fn folded(whole: &str, deltas: &[&str]) -> serde_json::Result<Catalog> {
    let Whole { mut catalog } = serde_json::from_str(whole)?;
    deltas.iter().try_for_each(|text| delta::lead(&mut catalog, text))?;
    Ok(catalog)
}

/// Reads the schema as it was at a moment.
///
/// # Errors
/// The ledger has no snapshot of that moment, or another version of trueup took it.
pub fn snapshot(url: &Url, point: &Point) -> Result<Catalog> {
    let mut client = advisory::reader(url)?;
    client.batch_execute("SET LOCAL TIME ZONE 'UTC'")?;
    let server = Server::read(&mut client)?;
    let version = version::version(&mut client, &server)?;
    if version.is_none_or(|version| version < SNAPSHOTS_SINCE) {
        return Err(missing(point, "the ledger keeps no snapshots yet"));
    }
    let (id, base, tool) = find(&mut client, &server, point)?;
    let mut catalog = fold(&mut client, base, id)?.map_err(|error| {
        Error::usage(format!("`{point}` was recorded by another version of trueup: {error}"))
            .hint(format!("Read it with trueup {tool}."))
    })?;
    let hidden: Vec<_> = catalog
        .objects
        .keys()
        .filter(|object| !Area::looks_after(object))
        .cloned()
        .collect();
    for object in &hidden {
        catalog.remove(object);
    }
    Ok(catalog)
}

fn find(client: &mut Client, server: &Server, point: &Point) -> Result<(i64, i64, String)> {
    let (filter, order) = match point {
        Point::After(_) => ("execution = $1 AND cause = 'execution'", "DESC"),
        // Where nobody else had changed anything, it is the snapshot that came last.
        Point::Before(_) => (
            "(execution = $1 AND cause = 'before')
             OR id < (SELECT min(o.id) FROM trueup.snapshot o WHERE o.execution = $1 AND o.cause = 'execution')",
            "DESC",
        ),
        Point::Latest => ("true", "DESC"),
        Point::First => ("true", "ASC"),
        Point::At(_) => ("recorded_at <= ($2::text)::timestamp with time zone", "DESC"),
    };
    let (number, time) = match point {
        Point::After(id) | Point::Before(id) => (Some(*id), None),
        Point::Latest | Point::First => (None, None),
        Point::At(time) => (None, Some(time)),
    };
    let sql =
        format!("SELECT id, coalesce(base, id), tool FROM trueup.snapshot WHERE {filter} ORDER BY id {order} LIMIT 1");
    let found = client.query_typed_opt(&sql, &[(&number, Type::INT8), (&time, Type::TEXT)]);
    let found = found.map_err(|error| match point {
        Point::At(_) if error.code().is_some_and(|code| code.code().starts_with("22")) => {
            Error::usage(format!("`{point}` names no time")).hint("Write it as 2026-11-21 or 2026-11-21T15:00Z.")
        }
        _ => version::explain(error, server, true),
    })?;
    let row = found.ok_or_else(|| missing(point, "the ledger has no such snapshot"))?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

fn missing(point: &Point, why: &str) -> Error {
    Error::usage(format!("there is no `{point}`: {why}")).hint(
        "A snapshot is kept after `init` and after every execution that succeeded; `trueup history show NUMBER` says whether \
         there is one.",
    )
}

/// Tells of the snapshot after an execution, if there is one.
pub(super) fn facts(client: &mut Client, execution: i64) -> Result<Option<SnapshotFacts>> {
    let row = client.query_typed_opt(
        "SELECT s.objects, s.changed, pg_catalog.to_char(s.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                EXISTS (SELECT 1 FROM trueup.snapshot b WHERE b.execution = $1 AND b.cause = 'before'
                            AND EXISTS (SELECT 1 FROM trueup.snapshot e WHERE e.id < b.id))
         FROM trueup.snapshot s WHERE s.execution = $1 AND s.cause = 'execution' ORDER BY s.id DESC LIMIT 1",
        &[(&execution, Type::INT8)],
    )?;
    let facts = |row: postgres::Row| -> Result<SnapshotFacts> {
        Ok(SnapshotFacts {
            source: Point::After(execution).to_string(),
            objects: row.try_get(0)?,
            changed: row.try_get(1)?,
            recorded_at: row.try_get(2)?,
            moved_before: row.try_get(3)?,
        })
    };
    row.map(facts).transpose()
}
