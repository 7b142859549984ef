//! Who stands in the way: sessions that hold a lock, seen from a second connection while the first one waits.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use postgres::types::Type;
use postgres::{Client, Row};

use crate::error::{Error, Result};

/// Longest pause between two looks at who blocks.
const TICK: Duration = Duration::from_millis(250);

/// Another session, as far as this role may see it. Its query is left out on purpose: it may hold values of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Process number.
    pub pid: i32,
    /// Name that its program gave; empty when it gave none.
    pub application: String,
    /// Role.
    pub role: Option<String>,
    /// Since when it holds a transaction, or else its connection, in UTC.
    pub since: Option<String>,
    /// What it does that one should know: nothing in an open transaction, or it prevents wraparound.
    pub doing: Option<String>,
    /// Whether it is the session of a client, as far as this role may see that.
    pub is_client: bool,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => f.write_str("no process")?,
            pid => write!(f, "process {pid}")?,
        }
        if !self.application.is_empty() {
            write!(f, " (`{}`)", self.application)?;
        }
        if let Some(role) = &self.role {
            write!(f, " of role `{role}`")?;
        }
        if let Some(doing) = &self.doing {
            write!(f, ", {doing},")?;
        }
        if let Some(since) = &self.since {
            write!(f, " since {since}")?;
        }
        Ok(())
    }
}

/// Columns of `pg_stat_activity a` that a [`Party`] is read from.
pub(super) const PARTY: &str = "a.pid, coalesce(a.application_name, ''), a.usename::text,
    pg_catalog.to_char(coalesce(a.xact_start, a.backend_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
    NULL::text, coalesce(a.backend_type = 'client backend', false)";

/// What a session of `pg_stat_activity a` does that one should know. Its query is read for this alone.
pub(super) const DOING: &str = "CASE WHEN a.backend_type = 'autovacuum worker' THEN 'autovacuum to prevent wraparound'
    WHEN a.backend_type <> 'client backend' THEN a.backend_type
    WHEN a.state ~ '^idle in transaction' THEN 'idle in transaction' END";

pub(super) fn party(row: &Row) -> Result<Party> {
    Ok(Party {
        pid: row.try_get(0)?,
        application: row.try_get(1)?,
        role: row.try_get(2)?,
        since: row.try_get(3)?,
        doing: row.try_get(4)?,
        is_client: row.try_get(5)?,
    })
}

/// Returns who blocks a session, by process number.
fn blockers(watcher: &mut Client, pid: i32) -> Result<Vec<Party>> {
    let sql = format!(
        "SELECT {PARTY} FROM pg_catalog.pg_stat_activity a
         WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1)) ORDER BY a.pid"
    );
    let rows = watcher.query_typed(&sql, &[(&pid, Type::INT4)])?;
    rows.iter().map(party).collect()
}

/// What a watched statement came to.
pub(super) struct Watched<T> {
    /// What the server answered.
    pub(super) outcome: std::result::Result<T, postgres::Error>,
    /// Who was seen blocking it last.
    pub(super) blockers: Vec<Party>,
}

/// A statement that another connection watches.
pub(super) struct Watch<'a> {
    /// Connection that runs it.
    pub(super) client: &'a mut Client,
    /// Its process number.
    pub(super) pid: i32,
    /// Connection that watches.
    pub(super) watcher: &'a mut Client,
    /// Limit of a wait for a lock: looks are taken more often than that.
    pub(super) lock_timeout: Duration,
}

impl Watch<'_> {
    /// Runs a statement; `waits` is called whenever other sessions than before block it.
    pub(super) fn run<T: Send>(
        self,
        statement: impl FnOnce(&mut Client) -> std::result::Result<T, postgres::Error> + Send,
        waits: &mut dyn FnMut(&[Party]),
    ) -> Result<Watched<T>> {
        let Self {
            client,
            pid,
            watcher,
            lock_timeout,
        } = self;
        let tick = TICK.min(lock_timeout / 4).max(Duration::from_millis(10));
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                // The receiver lives until it has the outcome.
                let _ = sender.send(statement(client));
            });
            let mut seen: Vec<Party> = Vec::new();
            loop {
                match receiver.recv_timeout(tick) {
                    Ok(outcome) => {
                        return Ok(Watched {
                            outcome,
                            blockers: seen,
                        });
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        // A watcher that sees nothing, or is gone, must not stop the statement.
                        let now = blockers(watcher, pid).unwrap_or_default();
                        if !now.is_empty() && now != seen {
                            waits(&now);
                            seen = now;
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(Error::internal("the thread of a statement ended without an outcome"));
                    }
                }
            }
        })
    }
}
