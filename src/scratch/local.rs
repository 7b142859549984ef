//! Provider: a throw-away cluster from `PostgreSQL` binaries found on this machine.

use std::path::PathBuf;

use super::binaries::{self, Binaries};
use super::cluster::Cluster;
use super::workdir::{self, WorkDirectory};
use super::{Machine, Provider, Request, template};
use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};

/// A cluster of our own.
pub(super) struct Local {
    cluster: Option<Cluster>,
    url: Url,
    folder: PathBuf,
    databases: u32,
}

/// Starts a cluster of the live server's major version, where there is one.
pub(super) fn open(request: &Request<'_>) -> Result<Local> {
    let machine = request.machine;
    let binaries = binaries::find(machine, request.major)?;
    workdir::sweep(machine);
    let cluster = start(machine, &binaries).or_else(|error| {
        if template::discard(machine, &binaries) {
            start(machine, &binaries)
        } else {
            Err(error)
        }
    })?;
    Ok(Local {
        url: cluster.url("postgres"),
        cluster: Some(cluster),
        folder: binaries.folder,
        databases: 0,
    })
}

fn start(machine: &Machine, binaries: &Binaries) -> Result<Cluster> {
    let work = WorkDirectory::make(machine)?;
    let data = template::provide(machine, binaries, &work)?;
    Cluster::start(binaries, work, &data)
}

impl Provider for Local {
    fn url(&self) -> &Url {
        &self.url
    }

    fn own_cluster(&self) -> bool {
        true
    }

    fn describe(&self, server: &Server) -> String {
        format!(
            "throw-away PostgreSQL {} from `{}`",
            server.version,
            self.folder.display()
        )
    }

    fn new_database(&mut self) -> Result<Url> {
        if self.cluster.is_none() {
            return Err(Error::new(ErrorKind::Scratch, "the throw-away PostgreSQL is gone")
                .hint("Run the command again: it was interrupted."));
        }
        self.databases += 1;
        let name = format!("scratch_{}", self.databases);
        let mut client = self.url.with_database("template1").connect()?;
        client.batch_execute(&format!("create database {name} template template0"))?;
        Ok(self.url.with_database(&name))
    }

    fn remove(&mut self) {
        self.cluster = None;
    }
}
