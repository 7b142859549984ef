//! What was last applied, object by object: recorded after every execution that succeeded, read by drift.
//!
//! Fingerprints are those of the live server's own wording. A newer trueup or another major version words things
//! differently, so a record has a format, and one of another format is as good as none.

use std::collections::{BTreeMap, BTreeSet};

use postgres::types::Type;
use postgres::{Client, Row, Transaction};
use serde_json::Value;

use super::snapshots::{self, Cause};
use super::version;
use crate::catalog::{Catalog, Fingerprint, Identity, Name};
use crate::db::Server;
use crate::error::{Error, Result};
use crate::introspect;
use crate::kinds::AnyObject;
use crate::plan::{Plan, Verb};

/// Stands for the fingerprint of what is not there.
const ABSENT: &str = "absent";

/// State of one object: its fingerprint, `None` where it is not there.
pub type Print = Option<String>;

/// What the ledger knows of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedObject {
    /// State that the last execution left it in.
    pub print: Print,
    /// State before the execution that last changed it; `None` where nobody knows.
    pub before: Option<Print>,
    /// Execution that last changed it; none where it was found so.
    pub execution: Option<i64>,
}

/// What was last applied to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// When the whole database was recorded, in UTC; `None`: never, or by a version that words things differently.
    pub recorded_at: Option<String>,
    /// Whether there is a record of another format.
    pub is_foreign: bool,
    /// Newest execution, where that stopped part-way and was not resumed or rolled back.
    pub stopped: Option<i64>,
    objects: BTreeMap<Identity, AppliedObject>,
}

impl Applied {
    /// Returns what is known of an object; `None` where nothing was ever recorded. What a record does not name was not
    /// there.
    pub fn of(&self, identity: &Identity) -> Option<AppliedObject> {
        self.recorded_at.as_ref()?;
        let absent = AppliedObject {
            print: None,
            before: None,
            execution: None,
        };
        Some(self.objects.get(identity).cloned().unwrap_or(absent))
    }

    /// Returns the objects that were there.
    pub fn there(&self) -> impl Iterator<Item = &Identity> {
        let there = self.objects.iter().filter(|(_, object)| object.print.is_some());
        there.map(|(identity, _)| identity)
    }
}

/// Returns the state of an object in a catalog.
pub fn print(catalog: &Catalog, identity: &Identity) -> Print {
    catalog.get(identity).map(|object| object.fingerprint().to_string())
}

/// Returns what fingerprints depend on beside the objects.
fn format(server: &Server) -> String {
    Fingerprint::of(&(env!("CARGO_PKG_VERSION"), introspect::queries(), server.major())).to_string()
}

/// Reads what was last applied; nothing is known where there is no ledger, or only one of version 1.
pub fn applied(client: &mut Client, server: &Server) -> Result<Applied> {
    let Some(version) = version::version(client, server)? else {
        return Ok(Applied::default());
    };
    let explained = |error| version::explain(error, server, true);
    let newest = client
        .query_typed_opt("SELECT id, status FROM trueup.execution ORDER BY id DESC LIMIT 1", &[])
        .map_err(explained)?;
    let mut out = Applied::default();
    if let Some(row) = newest {
        let status: String = row.try_get(1)?;
        out.stopped = matches!(status.as_str(), "failed" | "paused" | "running").then_some(row.try_get(0)?);
    }
    if version < 2 {
        return Ok(out);
    }
    let baseline = client
        .query_typed_opt(
            "SELECT format, pg_catalog.to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
             FROM trueup.baseline ORDER BY id DESC LIMIT 1",
            &[],
        )
        .map_err(explained)?;
    let Some(baseline) = baseline else { return Ok(out) };
    out.is_foreign = baseline.try_get::<_, String>(0)? != format(server);
    if out.is_foreign {
        return Ok(out);
    }
    out.recorded_at = Some(baseline.try_get(1)?);
    let rows = client
        .query_typed(
            "SELECT kind, path, fingerprint, before, execution FROM trueup.applied",
            &[],
        )
        .map_err(explained)?;
    for row in rows {
        let identity = identity(&row)?;
        let object = AppliedObject {
            print: told(row.try_get(2)?),
            before: row.try_get::<_, Option<String>>(3)?.map(told),
            execution: row.try_get(4)?,
        };
        out.objects.insert(identity, object);
    }
    Ok(out)
}

fn identity(row: &Row) -> Result<Identity> {
    let unreadable = |error: serde_json::Error| Error::internal(format!("unreadable object in the ledger: {error}"));
    Ok(Identity {
        kind: serde_json::from_value(Value::String(row.try_get(0)?)).map_err(unreadable)?,
        path: serde_json::from_value(row.try_get(1)?).map_err(unreadable)?,
    })
}

/// What belongs to a renamed object has another path now, and what names it has another text, though no plan speaks of
/// either.
fn follow_renames(rows: &mut Rows, plan: &Plan, live: &Catalog, known: &[Identity], execution: i64) {
    let spoken: BTreeSet<&Identity> = plan.scope.iter().map(|(identity, _)| identity).collect();
    let changes = plan.changes.iter().map(|detail| &detail.change);
    let named = changes
        .filter(|change| change.verb == Verb::Rename)
        .map(|change| &change.object);
    let gone = plan.expected.iter().filter(|(_, print)| print.is_none());
    let wholes: BTreeSet<&Identity> = named.chain(gone.map(|(identity, _)| identity)).collect();
    let is_below = |part: &Identity, whole: &Identity| {
        // The path of what is attached to another object begins with that one's kind.
        let mut paths = [0, 1].iter().filter_map(|start| part.path.get(*start..));
        paths.any(|path| path.starts_with(&whole.path))
    };
    let all = live.objects.keys().chain(known);
    let mut touched: BTreeSet<&Identity> = all
        .filter(|part| wholes.iter().any(|whole| is_below(part, whole)))
        .collect();
    let dependents = live.dependents();
    let mut open: Vec<&Identity> = touched.iter().copied().collect();
    while let Some(next) = open.pop() {
        let more = dependents.get(next).into_iter().flatten();
        open.extend(more.filter(|dependent| touched.insert(dependent)));
    }
    for identity in touched.difference(&spoken) {
        rows.push(identity, print(live, identity), None, Some(execution));
    }
}

fn told(text: String) -> Print {
    (text != ABSENT).then_some(text)
}

fn written(print: Print) -> String {
    print.unwrap_or_else(|| ABSENT.to_owned())
}

/// Rows to be written, column by column.
#[derive(Default)]
struct Rows {
    kinds: Vec<String>,
    paths: Vec<Value>,
    prints: Vec<String>,
    befores: Vec<Option<String>>,
    executions: Vec<Option<i64>>,
}

impl Rows {
    fn push(&mut self, identity: &Identity, print: Print, before: Option<Print>, execution: Option<i64>) {
        let Ok(Value::String(kind)) = serde_json::to_value(identity.kind) else {
            return;
        };
        self.kinds.push(kind);
        self.paths.push(identity.path.iter().map(Name::as_str).collect());
        self.prints.push(written(print));
        self.befores.push(before.map(written));
        self.executions.push(execution);
    }

    /// Writes the rows. What a known object was before follows from its row, unless everything is recorded anew.
    fn write(&self, transaction: &mut Transaction, anew: bool) -> Result<()> {
        transaction.execute_typed(
            "INSERT INTO trueup.applied AS a (kind, path, fingerprint, before, execution)
             SELECT u.* FROM unnest($1, $2, $3, $4, $5) AS u
             ON CONFLICT (kind, path) DO UPDATE SET
                 fingerprint = excluded.fingerprint,
                 before = CASE WHEN $6 THEN excluded.before WHEN a.fingerprint = excluded.fingerprint THEN a.before
                               ELSE a.fingerprint END,
                 execution = CASE WHEN a.fingerprint = excluded.fingerprint AND NOT $6 THEN a.execution
                                  ELSE excluded.execution END",
            &[
                (&self.kinds, Type::TEXT_ARRAY),
                (&self.paths, Type::JSONB_ARRAY),
                (&self.prints, Type::TEXT_ARRAY),
                (&self.befores, Type::TEXT_ARRAY),
                (&self.executions, Type::INT8_ARRAY),
                (&anew, Type::BOOL),
            ],
        )?;
        Ok(())
    }
}

/// Records the whole database as it is. The advisory lock is held.
pub(in crate::apply) fn record_all(client: &mut Client, server: &Server, live: &Catalog) -> Result<()> {
    record_anew(client, server, live, None)
}

/// Records what an execution left behind: the objects that its plan spoke of, or everything where nothing can be built
/// on. The advisory lock is held.
pub(in crate::apply) fn record(
    client: &mut Client,
    server: &Server,
    live: &Catalog,
    execution: (i64, &Plan),
) -> Result<()> {
    let (number, plan) = execution;
    if newest_format(client)?.as_deref() != Some(&format(server)) {
        return record_anew(client, server, live, Some(execution));
    }
    let mut rows = Rows::default();
    for (identity, before) in &plan.scope {
        let before = before.as_ref().map(ToString::to_string);
        rows.push(identity, print(live, identity), Some(before), Some(number));
    }
    if plan.changes.iter().any(|detail| detail.change.verb == Verb::Rename) {
        let known = client.query_typed("SELECT kind, path FROM trueup.applied", &[])?;
        let known = known.iter().map(identity).collect::<Result<Vec<_>>>()?;
        follow_renames(&mut rows, plan, live, &known, number);
    }
    let mut transaction = client.transaction()?;
    rows.write(&mut transaction, false)?;
    transaction.commit()?;
    Ok(())
}

/// Records objects as they are now known to be meant. The advisory lock is held.
pub(in crate::apply) fn record_some(client: &mut Client, objects: &[(Identity, Print)]) -> Result<()> {
    let mut rows = Rows::default();
    for (identity, print) in objects {
        rows.push(identity, print.clone(), None, None);
    }
    let mut transaction = client.transaction()?;
    rows.write(&mut transaction, false)?;
    transaction.commit()?;
    Ok(())
}

/// Tells whether the ledger follows the whole database, in wording that can be compared.
pub(crate) fn follows(client: &mut Client, server: &Server) -> Result<bool> {
    Ok(newest_format(client)?.as_deref() == Some(&format(server)))
}

/// Records what migration files left behind: every object that differs from what was there before them.
pub(crate) fn record_between(client: &mut Client, before: &Catalog, after: &Catalog, execution: i64) -> Result<()> {
    let all: BTreeSet<&Identity> = before.objects.keys().chain(after.objects.keys()).collect();
    let mut rows = Rows::default();
    for identity in all {
        let (was, is) = (print(before, identity), print(after, identity));
        if was != is {
            rows.push(identity, is, Some(was), Some(execution));
        }
    }
    let mut transaction = client.transaction()?;
    rows.write(&mut transaction, false)?;
    transaction.commit()?;
    let taken = snapshots::before(client, execution, before)
        .and_then(|()| snapshots::record(client, Cause::After(execution), Some(before), after));
    match taken {
        // A role of which an older ledger's owner knows may write everywhere but there: the files have run all the same.
        Err(error) if error.sqlstate.as_deref() == Some("42501") => Ok(()),
        taken => taken,
    }
}

fn newest_format(client: &mut Client) -> Result<Option<String>> {
    let row = client.query_typed_opt("SELECT format FROM trueup.baseline ORDER BY id DESC LIMIT 1", &[])?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn record_anew(client: &mut Client, server: &Server, live: &Catalog, execution: Option<(i64, &Plan)>) -> Result<()> {
    let known: BTreeMap<&Identity, &Option<Fingerprint>> = execution
        .iter()
        .flat_map(|(_, plan)| plan.scope.iter().map(|(identity, before)| (identity, before)))
        .collect();
    let before = |identity: &Identity| {
        known
            .get(identity)
            .map(|before| before.as_ref().map(ToString::to_string))
    };
    let number = execution.map(|(number, _)| number);
    let mut rows = Rows::default();
    for (identity, object) in &live.objects {
        let print = AnyObject::fingerprint(object).to_string();
        // What the execution did not change was found so.
        let before = before(identity).filter(|before| before.as_ref() != Some(&print));
        let number = before.as_ref().and(number);
        rows.push(identity, Some(print), before, number);
    }
    for identity in known.keys().filter(|identity| !live.contains(identity)) {
        rows.push(identity, None, before(identity), number);
    }
    let cause = if execution.is_some() { "execution" } else { "init" };
    let mut transaction = client.transaction()?;
    transaction.execute_typed(
        "INSERT INTO trueup.baseline (cause, format) VALUES ($1, $2)",
        &[(&cause, Type::TEXT), (&format(server), Type::TEXT)],
    )?;
    transaction.execute_typed(
        "UPDATE trueup.applied SET fingerprint = $1, before = NULL, execution = NULL",
        &[(&ABSENT, Type::TEXT)],
    )?;
    rows.write(&mut transaction, true)?;
    transaction.commit()?;
    Ok(())
}
