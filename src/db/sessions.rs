//! Two connections, each with a server session of its own.

use postgres::Client;

use super::url::Url;
use crate::error::{Error, ErrorKind, Result};

/// How often both connections are asked in turn: a pooler may lend two sessions at first.
const ROUNDS: usize = 2;

impl Url {
    /// Opens two connections, each of which keeps its server session until it closes. Nothing is set in either.
    ///
    /// A pooler that lends a session for one transaction at a time would lose locks and settings between two transactions,
    /// and leave the settings to whoever comes next.
    ///
    /// # Errors
    /// The server cannot be reached, or such a pooler stands before it.
    pub fn connect_pair(&self) -> Result<(Client, Client)> {
        let (mut first, mut second) = (self.connect()?, self.connect()?);
        let own = (process(&mut first)?, process(&mut second)?);
        for _ in 1..ROUNDS {
            if own.0 == own.1 || own != (process(&mut first)?, process(&mut second)?) {
                return Err(pooled());
            }
        }
        Ok((first, second))
    }
}

fn process(client: &mut Client) -> Result<i32> {
    Ok(client
        .query_typed_one("SELECT pg_catalog.pg_backend_pid()", &[])?
        .try_get(0)?)
}

fn pooled() -> Error {
    Error::new(
        ErrorKind::Connection,
        "this address is that of a pooler which lends a server session for one transaction at a time",
    )
    .detail("locks and settings must last from one transaction to the next, and settings would reach the sessions of others")
    .hint("Give the address of PostgreSQL itself, or of a pool in session mode.")
}
