//! Provider: a scratch database on a server that the user names.

use super::Provider;
use super::database::Databases;
use crate::db::{Server, Url};
use crate::error::{ErrorKind, Result};

/// Scratch databases on somebody's server.
pub(super) struct OnServer {
    databases: Databases,
    url: Url,
    place: String,
}

/// Makes a scratch database next to the one that the URL names.
pub(super) fn open(url: &Url) -> Result<OnServer> {
    let place = url
        .hosts()
        .iter()
        .map(|(host, port)| format!("{host}:{port}"))
        .collect::<Vec<_>>();
    make(url, format!("at `{}`", place.join(",")))
}

/// Makes a scratch database; `place` says where, for people.
pub(super) fn make(url: &Url, place: String) -> Result<OnServer> {
    let mut databases = Databases::connect(url).map_err(|mut error| {
        if error.kind == ErrorKind::Database {
            error.kind = ErrorKind::Scratch;
        }
        error.context(format!("open a scratch database {place}"))
    })?;
    let url = databases.make()?;
    Ok(OnServer { databases, url, place })
}

impl Provider for OnServer {
    fn url(&self) -> &Url {
        &self.url
    }

    fn own_cluster(&self) -> bool {
        false
    }

    fn describe(&self, server: &Server) -> String {
        format!("scratch database on PostgreSQL {} {}", server.version, self.place)
    }

    fn new_database(&mut self) -> Result<Url> {
        self.databases.make()
    }

    fn remove(&mut self) {
        self.databases.drop_all();
    }
}
