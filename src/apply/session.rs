//! The connections of one execution: one that runs statements, one that holds the advisory lock and watches.

use std::time::Duration;

use postgres::Client;

use super::advisory;
use super::event::{Event, Options};
use super::{gate, ledger};
use crate::catalog::Catalog;
use crate::catalog::quote::literal;
use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::introspect;
use crate::plan::Database;

/// Settings that decide what a statement does and where an object lands, whatever the defaults of role and database are. Rows
/// that a policy hides make a statement fail: they are not passed over.
pub(crate) const MEANING: [&str; 12] = [
    "search_path = ''",
    "check_function_bodies = off",
    "default_tablespace = ''",
    "default_table_access_method = heap",
    "default_transaction_isolation = 'read committed'",
    "standard_conforming_strings = on",
    "datestyle = 'ISO, MDY'",
    "intervalstyle = 'postgres'",
    "xmloption = content",
    "extra_float_digits = 1",
    "bytea_output = 'hex'",
    "row_security = off",
];

/// Further settings of the session that runs statements.
const CONDUCT: [&str; 5] = [
    "client_min_messages = warning",
    "application_name = 'trueup'",
    "idle_in_transaction_session_timeout = 0",
    "idle_session_timeout = 0",
    "default_transaction_read_only = off",
];

/// Returns what sets up a session that runs statements.
pub(crate) fn settings() -> String {
    let each = MEANING.iter().chain(&CONDUCT).map(|setting| format!("SET {setting}"));
    each.collect::<Vec<_>>().join("; ")
}

/// Lets the server notice within seconds that this program was killed. Not every platform knows it.
const LOOKS: &str = "SET client_connection_check_interval = '2s'";

/// Longest wait of a concurrent build or drop for older transactions: nobody waits behind it, and what it has built so far
/// would be lost.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Returns the settings that limit how long a statement waits for a lock, and how long it takes where that is limited.
pub(super) fn limits(lock: Duration, statement: Option<Duration>) -> String {
    let limit = |limit: Duration| limit.as_millis().max(1);
    format!(
        "SET lock_timeout = {}; SET statement_timeout = {}",
        limit(lock),
        statement.map_or(0, limit)
    )
}

/// Returns what sets the time zone of a session.
pub(crate) fn in_time_zone(zone: &str) -> String {
    format!("SET timezone = {}", literal(zone))
}

/// An open execution's connections.
pub(super) struct Session<'a> {
    /// Target.
    pub(super) url: &'a Url,
    /// What the caller set.
    pub(super) options: &'a Options,
    /// Where events go.
    pub(super) events: &'a mut dyn FnMut(Event),
    /// Facts about the server.
    pub(super) server: Server,
    /// Runs statements.
    pub(super) client: Client,
    /// Process number of `client`.
    pub(super) pid: i32,
    /// Settings that must outlast `RESET ALL`, of those that this server knows.
    pub(super) lasting: String,
    /// How long the server lets two sessions wait for each other before it ends one of them.
    deadlock_timeout: Duration,
    /// Holds the advisory lock, except in a dry run, and watches `client`.
    pub(super) second: Client,
}

impl<'a> Session<'a> {
    /// Opens both connections, without the lock.
    pub(super) fn open(url: &'a Url, options: &'a Options, events: &'a mut dyn FnMut(Event)) -> Result<Self> {
        let (mut client, mut second) = url.connect_pair()?;
        advisory::prepare(&mut second)?;
        let server = Server::read(&mut client)?;
        server.check_supported()?;
        let settings = format!(
            "{}; {}",
            settings(),
            limits(options.lock_timeout, options.statement_timeout)
        );
        client.batch_execute(&settings)?;
        let lasting = [(14, LOOKS), (17, "SET transaction_timeout = 0")].into_iter();
        let lasting: Vec<&str> = lasting
            .filter(|(since, sql)| server.major() >= *since && client.batch_execute(sql).is_ok())
            .map(|(_, sql)| sql)
            .collect();
        let row = client.query_typed_one(
            "SELECT pg_catalog.pg_backend_pid(),
                    (SELECT setting::int8 FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout')",
            &[],
        )?;
        let pid = row.try_get(0)?;
        let deadlock_timeout: i64 = row.try_get(1)?;
        Ok(Self {
            url,
            options,
            events,
            server,
            client,
            pid,
            lasting: lasting.join("; "),
            deadlock_timeout: Duration::from_millis(deadlock_timeout.unsigned_abs()),
            second,
        })
    }

    /// Refuses a plan that was made for another database, and lets statements run in the time zone that it was proven in:
    /// whether a table is written anew, and which moment a time without zone becomes, depend on it, and another role may have
    /// another one.
    pub(super) fn meet(&mut self, planned: &Database) -> Result<()> {
        gate::same_database(planned, &self.server)?;
        match &planned.time_zone {
            Some(zone) => Ok(self.client.batch_execute(&in_time_zone(zone))?),
            None => Ok(()),
        }
    }

    /// Returns what begins a transaction.
    pub(super) fn begin(&self, locks_several: bool) -> String {
        format!("BEGIN{}", self.give_up_early(locks_several))
    }

    /// Returns what has a transaction that waits for one table while it holds another give up before PostgreSQL looks for
    /// a deadlock on behalf of the other side, which would lose its work: this side tries again.
    pub(super) fn give_up_early(&self, locks_several: bool) -> String {
        if !locks_several {
            return String::new();
        }
        let limit = self.options.lock_timeout.min(self.deadlock_timeout / 4);
        format!("; SET LOCAL lock_timeout = {}", limit.as_millis().max(1))
    }

    /// Sets how long a statement may wait for a lock.
    pub(super) fn set_lock_timeout(&mut self, limit: Duration) -> Result<()> {
        let sql = format!("SET lock_timeout = {}", limit.as_millis().max(1));
        Ok(self.client.batch_execute(&sql)?)
    }

    /// Returns how long a statement may wait behind which nobody waits.
    pub(super) fn patience(&self) -> Duration {
        PATIENCE.max(self.options.lock_timeout)
    }

    /// Runs what blocks nobody while it waits for a lock.
    pub(super) fn patiently(
        &mut self,
        run: impl FnOnce(&mut Client) -> std::result::Result<(), postgres::Error>,
    ) -> Result<()> {
        self.set_lock_timeout(self.patience())?;
        let outcome = run(&mut self.client);
        self.set_lock_timeout(self.options.lock_timeout)?;
        Ok(outcome?)
    }

    /// Takes the advisory lock; nothing is locked in a dry run.
    pub(super) fn lock(&mut self) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        self.server.must_take_writes()?;
        advisory::take(&mut self.second, self.options, self.events)
    }

    /// Makes the ledger ready, and settles what killed sessions left open. The lock is held.
    pub(super) fn prepare_ledger(&mut self) -> Result<()> {
        if let Some(version) = ledger::ensure(&mut self.client, &self.server)? {
            (self.events)(Event::LedgerReady { version });
        }
        ledger::close_interrupted(&mut self.client)
    }

    /// Makes sure that there is a ledger to read.
    pub(super) fn find_ledger(&mut self) -> Result<()> {
        if ledger::is_there(&mut self.client, &self.server)? {
            return if self.options.dry_run {
                Ok(())
            } else {
                self.prepare_ledger()
            };
        }
        let name = &self.server.database;
        Err(Error::new(
            ErrorKind::Usage,
            format!("trueup has executed nothing in database `{name}`"),
        )
        .hint("Name the database in which `trueup apply` ran."))
    }

    /// Reads the live catalog.
    pub(super) fn introspect(&mut self) -> Result<Catalog> {
        introspect::read(self.url, &mut self.client, &self.server, introspect::Options::default())
    }
}
