//! The advisory lock that keeps two trueups off the same database: session-level, on a connection of its own, polled.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

use super::event::{Event, Options};
use super::watch::{PARTY, Party, party};
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};

/// `trueup` in ASCII; advisory locks are local to a database.
const KEY: i64 = 0x7472_7565_7570;
/// Pause between two attempts.
const POLL: Duration = Duration::from_millis(200);

/// Makes the connection that will hold the lock ready.
pub(super) fn prepare(client: &mut Client) -> Result<()> {
    Ok(client.batch_execute("SET search_path = ''; SET idle_session_timeout = 0; SET statement_timeout = '30s'")?)
}

/// Opens a connection that records something about an execution, whose sessions `connect_pair` opened.
pub(super) fn recorder(url: &Url) -> Result<Client> {
    let mut client = url.connect()?;
    prepare(&mut client)?;
    Ok(client)
}

/// Opens a connection that reads, in a transaction: through a pooler, no setting outlasts it.
pub(super) fn reader(url: &Url) -> Result<Client> {
    let mut client = url.connect()?;
    client.batch_execute("BEGIN READ ONLY; SET LOCAL search_path = ''; SET LOCAL statement_timeout = '30s'")?;
    Ok(client)
}

/// Takes the lock. Never waits for it inside the server: a waiter would hold a snapshot that `CREATE INDEX CONCURRENTLY`
/// waits for in its turn.
pub(super) fn take(client: &mut Client, options: &Options, events: &mut dyn FnMut(Event)) -> Result<()> {
    let until = Instant::now() + options.wait;
    let mut is_told = false;
    loop {
        if client
            .query_typed_one(&format!("SELECT pg_catalog.pg_try_advisory_lock({KEY})"), &[])?
            .try_get(0)?
        {
            return Ok(());
        }
        let holder = holder(client)?;
        if Instant::now() >= until {
            return Err(refused(holder, options.wait));
        }
        if !is_told {
            events(Event::WaitingForOther { holder });
            is_told = true;
        }
        thread::sleep(POLL.min(until.saturating_duration_since(Instant::now())));
    }
}

fn refused(holder: Option<Party>, waited: Duration) -> Error {
    let who = holder.map_or_else(|| "another session".to_owned(), |holder| holder.to_string());
    Error::new(
        ErrorKind::Database,
        format!("another trueup works on this database: {who}"),
    )
    .detail(format!("waited {:.1} seconds", waited.as_secs_f32()))
    .hint("Wait until it is done and run the command again, or let this one wait longer.")
}

/// Returns who holds the lock.
pub(super) fn holder(client: &mut Client) -> Result<Option<Party>> {
    // An advisory lock with a 64-bit key shows it in two halves, with objsubid 1 (manual: pg_locks).
    let sql = format!(
        "SELECT {PARTY} FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
           AND (l.classid::int8 << 32 | l.objid::int8) = {KEY}"
    );
    client.query_typed_opt(&sql, &[])?.map(|row| party(&row)).transpose()
}

/// Makes sure that the lock is still ours.
pub(super) fn check(client: &mut Client) -> Result<()> {
    client.batch_execute("SELECT 1").map_err(|error| {
        Error::new(
            ErrorKind::Connection,
            format!(
                "the connection that keeps other trueups away was lost: {}",
                Error::from(error).message
            ),
        )
    })
}
