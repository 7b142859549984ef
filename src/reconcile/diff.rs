//! The difference between two sources, and a plan for a database that only a snapshot stands for.

use super::{Ground, Setup, between, read, with_secrets_from};
use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::desired::elaborate::{Desired, Workshop};
use crate::desired::source::Source;
use crate::error::{Error, Result};
use crate::plan::{Database, Plan, StandIn};

/// Note of every plan whose tables nobody could measure.
const UNMEASURED: &str = "Nothing is known of the size of the tables: each counts as large.";

/// Plans the way from one source to another. Only sources that are databases are connected to.
///
/// The plan is for reading: nothing says which database it could be applied to.
pub fn diff(setup: &Setup, from: &Source, to: &Source) -> Result<Plan> {
    let (from_url, to_url) = (url(setup, from)?, url(setup, to)?);
    let mut client = from_url.as_ref().or(to_url.as_ref()).map(Url::connect).transpose()?;
    let server = client.as_mut().map(Server::read).transpose()?;
    let live = from_url.as_ref().or(to_url.as_ref()).zip(server.as_ref());
    let warning = server.as_ref().map(Server::check_supported).transpose()?.flatten();
    let (mut before, after) = both(setup, live, from, to)?;
    if after.owner_roles.is_none() {
        before.catalog = before.complete(&after.catalog);
    }
    let database = Database {
        name: name(from, from_url.as_ref()),
        system_identifier: None,
        version_num: before.catalog.version_num,
        time_zone: None,
        stand_in: Some(StandIn::Source {
            desired: name(to, to_url.as_ref()),
        }),
    };
    let ground = Ground {
        server: server.unwrap_or_else(|| stand_in(&before.catalog)),
        live: from_url.as_ref().zip(client),
        whole: before.catalog,
        desired: after,
        database,
        notes: warning.into_iter().collect(),
        held: None,
    };
    Ok(unmeasured(between(setup, ground)?, from_url.is_none()))
}

/// Plans what brings a database that looks as the snapshot says to what the source declares.
pub fn plan_snapshot(setup: &Setup, snapshot: &Source, source: &Source) -> Result<Plan> {
    if !snapshot.is_kept() {
        return Err(Error::usage("only a snapshot can stand in for the live database").hint(
            "Write one with `trueup inspect URL --format json`; `trueup diff FROM TO` compares any two sources, and \
             --database names a live database.",
        ));
    }
    let whole = read(setup, snapshot, &setup.workshop(None))?.catalog;
    let server = stand_in(&whole);
    let workshop = Workshop {
        like: Some(&server),
        ..setup.workshop(None)
    };
    let ground = Ground {
        desired: read(setup, source, &workshop)?,
        database: Database {
            name: snapshot.to_string(),
            system_identifier: None,
            version_num: whole.version_num,
            time_zone: None,
            stand_in: Some(StandIn::Snapshot),
        },
        whole,
        live: None,
        notes: Vec::new(),
        server: server.clone(),
        held: None,
    };
    Ok(unmeasured(with_secrets_from(source, between(setup, ground)?), true))
}

/// Says where it matters that nobody could measure the tables.
fn unmeasured(mut plan: Plan, is_so: bool) -> Plan {
    if is_so && !plan.is_empty() {
        plan.notes.insert(0, UNMEASURED.to_owned());
    }
    plan
}

/// Reads both sources. A snapshot comes first, since the other one's scratch server should be of its version.
fn both(setup: &Setup, live: Option<(&Url, &Server)>, from: &Source, to: &Source) -> Result<(Desired, Desired)> {
    let workshop = setup.workshop(live);
    match (from, to) {
        (from, _) if from.is_kept() => {
            let from = read(setup, from, &workshop)?;
            let to = read_like(setup, to, &workshop, &from.catalog)?;
            Ok((from, to))
        }
        (_, to) if to.is_kept() => {
            let to = read(setup, to, &workshop)?;
            let from = read_like(setup, from, &workshop, &to.catalog)?;
            Ok((from, to))
        }
        _ => std::thread::scope(|scope| {
            let to = scope.spawn(|| read(setup, to, &workshop));
            let from = read(setup, from, &workshop);
            let to = to
                .join()
                .unwrap_or_else(|_| Err(Error::internal("the desired side panicked")));
            Ok((from?, to?))
        }),
    }
}

fn read_like(setup: &Setup, source: &Source, workshop: &Workshop, snapshot: &Catalog) -> Result<Desired> {
    let server = stand_in(snapshot);
    let workshop = Workshop {
        like: Some(&server),
        ..workshop.clone()
    };
    read(setup, source, &workshop)
}

/// Returns what a catalog says of its server.
fn stand_in(catalog: &Catalog) -> Server {
    Server {
        version_num: catalog.version_num,
        user: catalog.role.clone(),
        ..Server::default()
    }
}

fn url(setup: &Setup, source: &Source) -> Result<Option<Url>> {
    match source {
        Source::Database(text) => Url::parse(text, &setup.environment).map(Some),
        Source::Live(url) => Ok(url.as_deref().cloned()),
        _ => Ok(None),
    }
}

/// Returns how a source is called in a report; of a database only the name.
fn name(source: &Source, url: Option<&Url>) -> String {
    url.map_or_else(|| source.to_string(), |url| format!("database {}", url.database()))
}
