//! The state that migration files give, against what is declared and against a live database.

use super::{Ground, Setup, between, database, read};
use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::desired::elaborate::{Desired, Workshop};
use crate::desired::source::Source;
use crate::error::Result;
use crate::introspect;
use crate::plan::{Database, Plan, StandIn};

/// Plans the way from the state that files give to what a source declares.
pub(crate) fn plan_from(setup: &Setup, files: Catalog, name: &str, source: &Source) -> Result<Plan> {
    let server = Server {
        version_num: files.version_num,
        user: files.role.clone(),
        ..Server::default()
    };
    let workshop = Workshop {
        like: Some(&server),
        ..setup.workshop(None)
    };
    let ground = Ground {
        desired: read(setup, source, &workshop)?,
        database: Database {
            name: name.to_owned(),
            system_identifier: None,
            version_num: files.version_num,
            time_zone: None,
            stand_in: Some(StandIn::Source {
                desired: source.to_string(),
            }),
        },
        whole: files,
        live: None,
        notes: Vec::new(),
        server: server.clone(),
        held: None,
    };
    between(setup, ground)
}

/// Plans the way from a live database to the state that files give.
pub(crate) fn plan_to(setup: &Setup, url: &Url, files: Catalog) -> Result<Plan> {
    let mut client = url.connect()?;
    let server = Server::read(&mut client)?;
    let whole = introspect::read(url, &mut client, &server, introspect::Options::default())?;
    let ground = Ground {
        whole,
        desired: Desired {
            catalog: files,
            owner_roles: Some(std::collections::BTreeSet::new()),
            ..Desired::default()
        },
        database: database(&server),
        live: Some((url, client)),
        server,
        notes: Vec::new(),
        held: None,
    };
    between(setup, ground)
}
