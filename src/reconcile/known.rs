//! Plans that are known to be empty: the catalogs' print and the target files are as they were when they last agreed.

use std::fs;
use std::path::PathBuf;

use postgres::Client;
use serde::{Deserialize, Serialize};

use super::Setup;
use crate::catalog::Fingerprint;
use crate::db::Server;
use crate::desired::cache;
use crate::desired::source::Source;
use crate::error::Result;
use crate::introspect;
use crate::kinds::Area;
use crate::plan::Plan;
use crate::risk::Day;

/// Place of an empty plan in the cache, by everything but the live catalogs that makes it what it is.
pub(super) struct Slot(PathBuf);

/// An empty plan, with the print of the catalogs that it was made from.
#[derive(Serialize, Deserialize)]
struct Known {
    print: Fingerprint,
    plan: Plan,
}

impl Slot {
    /// Returns the slot for target files; nothing where there are none, or where the cache is not to be used.
    pub(super) fn of(setup: &Setup, source: &Source, server: &Server, workshop: &super::Workshop) -> Option<Self> {
        let (Source::Folder(_) | Source::File(_)) = source else {
            return None;
        };
        if !Area::managed().is_empty() {
            // The print is of the database's own catalogs.
            return None;
        }
        let desired = cache::key(&source.files().ok()?, workshop)?;
        let said = format!("{:?} {:?}", setup.rulings, setup.answers);
        let database = (&server.database, server.system_identifier, &server.version);
        // What the files waive has a last day.
        let today = format!("{:?}", Day::today());
        let key = Fingerprint::of(&(desired, &setup.filter, said, database, today));
        Some(Self(setup.machine.cache.join("empty").join(format!("{key}.json"))))
    }

    /// Returns the plan, if the catalogs are as they were.
    pub(super) fn look_up(&self, client: &mut Client, server: &Server) -> Result<Option<Plan>> {
        let text = fs::read_to_string(&self.0).ok();
        let Some(known) = text.and_then(|text| serde_json::from_str::<Known>(&text).ok()) else {
            return Ok(None);
        };
        let print = introspect::print(client, server)?;
        Ok((print == Some(known.print)).then_some(known.plan))
    }

    /// Keeps a plan, if it is empty, for as long as the catalogs have the print.
    pub(super) fn keep(&self, print: Option<Fingerprint>, plan: &Plan) {
        let is_empty = plan.is_empty() && plan.changes.is_empty() && plan.findings.is_empty();
        if let Some(print) = print.filter(|_| is_empty) {
            let plan = plan.clone();
            cache::keep(&self.0, &Known { print, plan });
        }
    }
}
