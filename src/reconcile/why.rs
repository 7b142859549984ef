//! Everything that is known of one object: where it is declared, how it is and should be, who changed it, what hangs on
//! it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Said, Setup, find, ground, settle};
use crate::apply::ledger::{self, LastChange};
use crate::catalog::{Catalog, Identity};
use crate::db::Url;
use crate::desired::source::Source;
use crate::desired::write::{family, object_sql};
use crate::drift::{Drifted, Sides, classify};
use crate::error::{Error, Result};
use crate::evidence::{self, Evidence};

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Object, by its desired name.
    pub object: Identity,
    /// Where the target files declare it, or what it belongs to, as `file:line`.
    pub declared_at: Option<String>,
    /// SQL that makes it as it is in the live database, with all that belongs to it.
    pub live: Option<String>,
    /// SQL that makes it as it is declared.
    pub desired: Option<String>,
    /// Who moved, for it and each of its parts that differs.
    pub drift: Vec<Drifted>,
    /// Newest execution that changed it.
    pub last_change: Option<LastChange>,
    /// What the live server knows of its use.
    pub evidence: Vec<Evidence>,
    /// What it depends on.
    pub dependencies: Vec<Identity>,
    /// What depends on it, its own parts left out.
    pub dependents: Vec<Identity>,
}

/// Explains the objects that a name fits: `[KIND:]NAME`, where `public` and a routine's arguments may be left out.
pub fn why(setup: &Setup, url: &Url, source: &Source, name: &str) -> Result<Vec<Why>> {
    let mut ground = ground(setup, url, source)?;
    let settled = settle(setup, &mut ground, Said::Kept)?;
    let server = &ground.server;
    let Some((_, client)) = &mut ground.live else {
        return Err(Error::internal("a live database was read, but is not there"));
    };
    let found = find(name, &[settled.from(), &settled.to])?;
    let applied = ledger::applied(client, server)?;
    let (drifted, _) = classify(&Sides {
        live: &settled.live,
        from: settled.from(),
        to: &settled.to,
        said: &settled.desired.catalog,
        renames: &settled.renames,
        applied: &applied,
        filter: &setup.filter,
    })?;
    let explain = |object: Identity| {
        let sides = [settled.from(), &settled.to];
        let side = sides.into_iter().find(|side| side.contains(&object));
        let parts: BTreeSet<Identity> = sides.iter().flat_map(|side| family(side, &object)).collect();
        Ok(Why {
            declared_at: settled.place(&object),
            live: object_sql(settled.from(), &object),
            desired: object_sql(&settled.to, &object),
            drift: drifted
                .iter()
                .filter(|one| parts.contains(&one.object))
                .cloned()
                .collect(),
            last_change: ledger::last_change(client, server, &object)?,
            evidence: evidence::of(client, &object, &settled.used())?,
            dependencies: side.map(|side| dependencies(side, &object)).unwrap_or_default(),
            dependents: side.map(|side| dependents(side, &parts)).unwrap_or_default(),
            object,
        })
    };
    found.into_iter().map(explain).collect()
}

fn dependencies(catalog: &Catalog, object: &Identity) -> Vec<Identity> {
    let known = catalog.dependencies_of(object).filter(|on| catalog.contains(on));
    known.cloned().collect()
}

/// Returns what depends on an object or on one of its parts.
fn dependents(catalog: &Catalog, parts: &BTreeSet<Identity>) -> Vec<Identity> {
    let others = catalog.dependencies.iter().filter(|(other, _)| !parts.contains(*other));
    let needing = others.filter(|(_, on)| on.iter().any(|on| parts.contains(on)));
    needing.map(|(other, _)| other.clone()).collect()
}
