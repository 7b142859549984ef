//! A catalog said again on a scratch server: so that both sides are deparsed by one version, and renames are carried
//! out before anything is compared.

use std::borrow::Cow;
use std::collections::BTreeSet;

use postgres::Client;

use super::elaborate::{Workshop, clear_database, open, stand_in};
use super::here::in_database;
use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::introspect;
use crate::kinds::{AnyObject, Context, Database, Transaction, name_database_as_in, public_schema};
use crate::plan::{Step, route};
use crate::scratch::Stub;

/// Statements in one message to the server.
const BATCH: usize = 100;

/// Returns the catalog as the scratch server deparses it, after the given statements ran on it.
pub fn replay(catalog: &Catalog, statements: &[String], workshop: &Workshop) -> Result<Catalog> {
    let scratch = open(workshop)?;
    let url = stand_in(&scratch, Some(&catalog.role))?;
    let mut client = url.connect()?;
    let server = build(catalog, &url, &mut client, scratch.own_cluster())?;
    let run = Run {
        client: &mut client,
        has_own_cluster: scratch.own_cluster(),
        database: &server.database,
    };
    run.all(&[], statements)?;
    let mut out = introspect::read(&url, &mut client, &server, introspect::Options::default())?;
    catalog.role.clone_into(&mut out.role);
    name_database_as_in(&mut out, catalog);
    out.unmodelled.clone_from(&catalog.unmodelled);
    Ok(out)
}

/// Builds a catalog in an empty database; roles and tablespaces that it names are made on a cluster of our own.
pub(crate) fn build(catalog: &Catalog, url: &Url, client: &mut Client, has_own_cluster: bool) -> Result<Server> {
    let server = Server::read(client)?;
    client.batch_execute("SET check_function_bodies = off; SET client_min_messages = error; SET search_path = ''")?;
    clear_database(client)?;
    let mut empty = introspect::read(url, client, &server, introspect::Options::default())?;
    name_database_as_in(&mut empty, catalog);
    let way = route(&Context::new(&empty, catalog, server.version_num));
    let run = Run {
        client,
        has_own_cluster,
        database: &server.database,
    };
    run.all(&way.steps, &[])?;
    Ok(server)
}

/// Returns the steps that build a catalog in an empty database: what `inspect` writes as SQL.
pub fn creation(catalog: &Catalog) -> Vec<Step> {
    let mut empty = Catalog {
        version_num: catalog.version_num,
        role: catalog.role.clone(),
        ..Catalog::default()
    };
    if let Some(database) = Database::of(catalog) {
        empty.insert(AnyObject::from(Database {
            connection_limit: -1,
            ..database.clone()
        }));
    }
    for object in public_schema(catalog) {
        empty.insert(object);
    }
    route(&Context::new(&empty, catalog, catalog.version_num)).steps
}

struct Run<'a> {
    client: &'a mut Client,
    has_own_cluster: bool,
    database: &'a str,
}

impl Run<'_> {
    fn all(mut self, steps: &[Step], more: &[String]) -> Result<()> {
        let sentences = steps.iter().flat_map(|step| &step.statements);
        let mut batch: Vec<Cow<str>> = Vec::new();
        for sentence in sentences {
            if sentence.facts.transaction != Transaction::Inside {
                self.batch(&std::mem::take(&mut batch))?;
                self.one(&sentence.sql)?;
                continue;
            }
            let sql = in_database(&sentence.sql, self.database);
            batch.push(sql.map_or_else(|| Cow::from(&sentence.sql), Cow::from));
            if batch.len() == BATCH {
                self.batch(&std::mem::take(&mut batch))?;
            }
        }
        self.batch(&batch)?;
        more.iter().try_for_each(|sql| self.one(sql))
    }

    /// Runs statements in one message, and one by one where that fails.
    fn batch(&mut self, batch: &[Cow<str>]) -> Result<()> {
        if batch.is_empty() || self.client.batch_execute(&batch.join(";\n")).is_ok() {
            return Ok(());
        }
        batch.iter().try_for_each(|sql| self.one(sql))
    }

    fn one(&mut self, sql: &str) -> Result<()> {
        let mut made = BTreeSet::new();
        loop {
            let Err(error) = self.client.batch_execute(sql) else {
                return Ok(());
            };
            let missing = error
                .as_db_error()
                .and_then(|error| Stub::missing(error.message()))
                .filter(|_| self.has_own_cluster);
            match missing {
                Some(stub) if made.insert(stub.clone()) => stub.make(self.client)?,
                _ => {
                    let first_line = sql.lines().next().unwrap_or_default();
                    return Err(Error::from(error).context(format!(
                        "state the live definitions again on scratch (`{first_line} …`)"
                    )));
                }
            }
        }
    }
}
