//! Runs migration files with the executor's session: advisory lock, locks that are waited for, retry, what a statement
//! outside a transaction leaves behind. What is recorded, and when, the caller says.

use std::borrow::Cow;
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, SimpleQueryMessage};

use super::advisory;
use super::blockers::{Needs, Refused};
use super::event::{Event, Options};
use super::failure::Failure;
use super::ledger::migrations::{MICROSECONDS, Took};
use super::leftovers::{self, Trace};
use super::run::pause;
use super::session::{Session, limits};
use super::watch::{Party, Watch};
use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};

/// Pause between two looks at whether the advisory lock is still ours.
const LOOK: Duration = Duration::from_secs(1);

/// SQL that records what was done, given the time that it took.
pub(crate) type Record<'a> = Box<dyn Fn(Took) -> String + 'a>;

/// One statement of a file.
pub(crate) struct Act<'a> {
    /// Index of its file, from 0.
    pub(crate) file: usize,
    /// Settings that come before it.
    pub(crate) settings: Option<String>,
    /// SQL that is committed before it, outside a transaction only.
    pub(crate) mark: Option<String>,
    /// The statement, with the values of its secrets.
    pub(crate) sql: Cow<'a, str>,
    /// What is recorded after it; in its transaction, where it has one.
    pub(crate) record: Option<Record<'a>>,
    /// Whether an earlier attempt at it may have ended.
    pub(crate) was_begun: bool,
}

/// Statements that commit together.
pub(crate) struct Unit<'a> {
    /// Whether they run in a transaction; a unit outside of one has one statement.
    pub(crate) in_transaction: bool,
    /// Whether its statements are over at once: they go to the server in one message, and again one by one only to find
    /// the one that fails.
    pub(crate) is_quick: bool,
    /// Whether none of them can change the settings or the role of the session.
    pub(crate) leaves_settings: bool,
    /// Whether they wait for one table while they hold another.
    pub(crate) locks_several: bool,
    /// What they need of others, as far as it is known.
    pub(crate) needs: Needs,
    /// In order.
    pub(crate) acts: Vec<Act<'a>>,
}

/// Where units stopped.
#[derive(Debug)]
pub(crate) struct Halt {
    /// Unit.
    pub(crate) unit: usize,
    /// Statement in it; none when it was the transaction itself.
    pub(crate) act: Option<usize>,
    /// What the server said.
    pub(crate) message: String,
    /// Its SQLSTATE.
    pub(crate) sqlstate: Option<String>,
    /// Further lines.
    pub(crate) detail: Vec<String>,
    /// Sessions that held a lock.
    pub(crate) blockers: Vec<Party>,
}

struct Stop {
    act: Option<usize>,
    failure: Failure,
    blockers: Vec<Party>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            act: None,
            failure: Failure::of(&error),
            blockers: Vec::new(),
        }
    }
}

impl From<Refused> for Stop {
    fn from(Refused { failure, blockers }: Refused) -> Self {
        Self {
            act: None,
            failure,
            blockers,
        }
    }
}

/// An open session that runs files.
pub(crate) struct Engine<'a> {
    session: Session<'a>,
    looked: Instant,
}

impl<'a> Engine<'a> {
    /// Connects, takes the advisory lock and makes the ledger ready; a dry run does neither of the latter.
    pub(crate) fn open(url: &'a Url, options: &'a Options, events: &'a mut dyn FnMut(Event)) -> Result<Self> {
        let mut session = Session::open(url, options, events)?;
        session.lock()?;
        if !options.dry_run {
            session.prepare_ledger()?;
        }
        Ok(Self {
            session,
            looked: Instant::now(),
        })
    }

    /// Returns the connection that runs statements.
    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    /// Returns what is known of the server.
    pub(crate) fn server(&self) -> &Server {
        &self.session.server
    }

    /// Reads the live catalog.
    pub(crate) fn introspect(&mut self) -> Result<Catalog> {
        self.session.introspect()
    }

    /// Returns the settings that each file begins with: those of role and database, as for psql, and trueup's limits.
    pub(crate) fn settings(&self, timeout: Option<Duration>) -> String {
        let options = self.session.options;
        let limits = limits(options.lock_timeout, timeout.or(options.statement_timeout));
        format!("{FRESH}; {}; {limits}", self.session.lasting)
    }

    /// Returns a statement with the values of the secrets that it names by marks.
    pub(crate) fn filled<'s>(&self, sql: &'s str) -> Result<Cow<'s, str>> {
        self.session.options.secrets.filled(sql)
    }

    /// Tells whether statements do not simply queue behind those who are in their way.
    pub(crate) fn minds_others(&self) -> bool {
        self.session.patience_with_others().is_some()
    }

    /// Says something to whoever follows the run.
    pub(crate) fn note(&mut self, text: String) {
        (self.session.events)(Event::Noted { text });
    }

    /// Looks whether replicas are too far behind for what units need.
    pub(crate) fn mind_replicas(&mut self, needs: impl Iterator<Item = Needs>) -> Result<()> {
        self.session.mind_replicas(needs).map_err(|refused| {
            Error::new(ErrorKind::Blocked, refused.failure.message)
                .hint("Wait until it has caught up, or pass `--blockers wait`. Nothing was changed.")
        })
    }

    /// Runs units in order.
    pub(crate) fn run(&mut self, units: &[Unit]) -> std::result::Result<(), Halt> {
        for (at, unit) in units.iter().enumerate() {
            self.unit(unit).map_err(|stop| Halt {
                unit: at,
                act: stop.act,
                message: stop.failure.message,
                sqlstate: stop.failure.sqlstate,
                detail: stop.failure.detail,
                blockers: stop.blockers,
            })?;
        }
        Ok(())
    }

    fn unit(&mut self, unit: &Unit) -> std::result::Result<(), Stop> {
        if self.looked.elapsed() > LOOK {
            advisory::check(&mut self.session.second)?;
            self.looked = Instant::now();
        }
        let of = self.session.options.retries;
        let mut was_begun = unit.acts.iter().any(|act| act.was_begun);
        let mut attempt = 0;
        loop {
            let outcome = self.make_way(unit).and_then(|()| {
                if unit.in_transaction && unit.is_quick && attempt < of {
                    self.at_once(unit)
                } else if unit.in_transaction {
                    self.in_transaction(unit)
                } else {
                    self.outside(unit, was_begun)
                }
            });
            let Err(stop) = outcome else { return Ok(()) };
            if attempt == of || !stop.failure.is_transient() {
                self.tidy(unit, &stop);
                return Err(stop);
            }
            let pause = pause(self.session.options.backoff, attempt);
            attempt += 1;
            was_begun = true;
            (self.session.events)(Event::Retry {
                step: unit.acts[stop.act.unwrap_or(0)].file + 1,
                attempt,
                of,
                pause,
                cause: stop.failure.message,
                blockers: stop.blockers,
            });
            thread::sleep(pause);
        }
    }

    /// Does what the policy says about those who are in the way. Where statements queue anyway, such that are over at once
    /// are not worth a question.
    fn make_way(&mut self, unit: &Unit) -> std::result::Result<(), Stop> {
        if unit.is_quick && !self.minds_others() {
            return Ok(());
        }
        let step = unit.acts.first().map_or(0, |act| act.file) + 1;
        Ok(self.session.make_way(&unit.needs, step)?)
    }

    /// Sends a transaction in one message. Where it fails for good, its statements run once more, one by one, to find
    /// the one that does.
    fn at_once(&mut self, unit: &Unit) -> std::result::Result<(), Stop> {
        let Err(stop) = self.message(std::slice::from_ref(unit)) else {
            return Ok(());
        };
        if stop.failure.is_lost || stop.failure.is_transient() {
            return Err(stop);
        }
        self.in_transaction(unit)
    }

    /// Sends transactions that are over at once in one message; returns the microseconds that those took whose record
    /// says so. `None`: one of them fails, and those before it are done; the ledger knows how many.
    pub(crate) fn together(&mut self, units: &[Unit]) -> Option<Vec<u64>> {
        if self.looked.elapsed() > LOOK {
            // Where the lock is lost, the first of them alone says so.
            advisory::check(&mut self.session.second).ok()?;
            self.looked = Instant::now();
        }
        self.message(units).ok()
    }

    fn message(&mut self, units: &[Unit]) -> std::result::Result<Vec<u64>, Stop> {
        let mut sql = String::new();
        // What the file before has set up and not changed, the next one need not set again.
        let mut standing: Option<&str> = None;
        for unit in units {
            let own = unit.acts.first().and_then(|act| act.settings.as_deref());
            let stands = own.is_some() && own == standing;
            standing = own.filter(|_| unit.leaves_settings);
            for (at, act) in unit.acts.iter().enumerate() {
                if at == 0 && stands {
                    sql.push_str(&self.session.begin(unit.locks_several));
                    sql.push_str(";\n");
                } else {
                    sql.push_str(&self.prelude(unit, at));
                }
                sql.push_str(&act.sql);
                sql.push_str(";\n");
                if let Some(record) = &act.record {
                    if !unit.leaves_settings {
                        sql.push_str(OURSELVES);
                    }
                    sql.push_str(&record(Took::SinceBegin));
                    sql.push_str(";\n");
                }
            }
            sql.push_str("COMMIT;\n");
        }
        let Some(first) = units.first().and_then(|unit| unit.acts.first()) else {
            return Ok(Vec::new());
        };
        let outcome = self.watched(first, |client| client.simple_query(&sql));
        if outcome.is_err() {
            let _ = self.session.client.batch_execute("ROLLBACK");
        }
        Ok(outcome?.iter().filter_map(microseconds).collect())
    }

    /// Returns what comes before a statement of a transaction: its file's settings, and what begins it.
    fn prelude(&self, unit: &Unit, at: usize) -> String {
        let session = &self.session;
        match (&unit.acts[at].settings, at) {
            (Some(settings), 0) => format!("{settings};\n{};\n", session.begin(unit.locks_several)),
            (None, 0) => format!("{};\n", session.begin(unit.locks_several)),
            (Some(settings), _) => format!("{settings}{};\n", session.give_up_early(unit.locks_several)),
            (None, _) => String::new(),
        }
    }

    fn in_transaction(&mut self, unit: &Unit) -> std::result::Result<(), Stop> {
        let outcome = self.statements(unit);
        if outcome.is_err() {
            // A lost connection has ended the transaction already.
            let _ = self.session.client.batch_execute("ROLLBACK");
        }
        outcome
    }

    /// One message per statement; what begins, records and ends the transaction rides along.
    fn statements(&mut self, unit: &Unit) -> std::result::Result<(), Stop> {
        let last = unit.acts.len().saturating_sub(1);
        let mut began: Option<(usize, Instant)> = None;
        for (at, act) in unit.acts.iter().enumerate() {
            let mut sql = self.prelude(unit, at);
            sql.push_str(&act.sql);
            let started = match began {
                Some((file, started)) if file == act.file => started,
                _ => Instant::now(),
            };
            began = Some((act.file, started));
            self.watched(act, |client| client.batch_execute(&sql))
                .map_err(|stop| Stop { act: Some(at), ..stop })?;
            let mut after = String::new();
            if let Some(record) = &act.record {
                after.push_str(OURSELVES);
                after.push_str(&record(Took::Measured(started.elapsed())));
                after.push_str(";\n");
            }
            if at == last {
                after.push_str("COMMIT");
            }
            if !after.is_empty() {
                self.ours(&after)?;
            }
        }
        Ok(())
    }

    fn outside(&mut self, unit: &Unit, was_begun: bool) -> std::result::Result<(), Stop> {
        for (at, act) in unit.acts.iter().enumerate() {
            if let Some(settings) = &act.settings {
                self.ours(settings)?;
            }
            let started = Instant::now();
            if !(was_begun && self.settled(act)?) {
                if let Some(mark) = &act.mark {
                    self.ours(&format!("{OURSELVES}{mark}"))?;
                }
                let limit = self.session.options.lock_timeout;
                self.session.set_lock_timeout(self.session.patience())?;
                let own: &str = &act.sql;
                let outcome = self.watched(act, |client| client.batch_execute(own));
                let restored = self.session.set_lock_timeout(limit);
                outcome.map_err(|stop| Stop { act: Some(at), ..stop })?;
                restored?;
            }
            if let Some(record) = &act.record {
                self.ours(&format!("{OURSELVES}{}", record(Took::Measured(started.elapsed()))))?;
            }
        }
        Ok(())
    }

    /// Clears away what an earlier attempt left behind; true when that attempt had completed the statement.
    fn settled(&mut self, act: &Act) -> Result<bool> {
        let trace = leftovers::find(&mut self.session.client, &act.sql)?;
        if let Trace::Clear(sql) | Trace::Finish(sql) = &trace {
            self.session.patiently(|client| client.batch_execute(sql))?;
            (self.session.events)(Event::Cleared { sql: sql.clone() });
        }
        Ok(matches!(trace, Trace::Completed | Trace::Finish(_)))
    }

    /// Drops what a build that failed for good has left behind, so that it costs no writer anything meanwhile.
    fn tidy(&mut self, unit: &Unit, stop: &Stop) {
        if unit.in_transaction || stop.failure.is_lost {
            return;
        }
        if let Some(act) = unit.acts.first()
            && let Ok(Trace::Clear(sql)) = leftovers::find(&mut self.session.client, &act.sql)
            && self.session.patiently(|client| client.batch_execute(&sql)).is_ok()
        {
            (self.session.events)(Event::Cleared { sql });
        }
    }

    fn ours(&mut self, sql: &str) -> std::result::Result<(), Stop> {
        let client = &mut self.session.client;
        client.batch_execute(sql).map_err(|error| Stop {
            act: None,
            failure: Failure::read(&error, client, None),
            blockers: Vec::new(),
        })
    }

    fn watched<T: Send>(
        &mut self,
        act: &Act,
        run: impl FnOnce(&mut Client) -> std::result::Result<T, postgres::Error> + Send,
    ) -> std::result::Result<T, Stop> {
        let (sql, file) = (&act.sql, act.file);
        let session = &mut self.session;
        let secrets = session.options.secrets.clone();
        let events = &mut session.events;
        let watch = Watch {
            client: &mut session.client,
            pid: session.pid,
            watcher: &mut session.second,
            lock_timeout: session.options.lock_timeout,
        };
        let watched = watch.run(run, &mut |blockers| {
            events(Event::WaitingForLock {
                step: file + 1,
                blockers: blockers.to_vec(),
            });
        })?;
        watched.outcome.map_err(|error| Stop {
            act: None,
            // A statement that users write may do anything, so that its errors may hold values of rows.
            failure: Failure::read_of_rows(&error, &session.client, says_itself(sql)).without(&secrets),
            blockers: watched.blockers,
        })
    }

    /// Forgets what files have set.
    pub(crate) fn refresh(&mut self) {
        // A connection that is lost says so with what comes next.
        let _ = self.session.client.batch_execute(FRESH);
    }

    /// Runs what records how the work ended, on whichever connection still works.
    pub(crate) fn on_any(&mut self, run: impl Fn(&mut Client) -> Result<()>) -> Result<()> {
        run(&mut self.session.client)
            .or_else(|_| run(&mut self.session.second))
            .or_else(|_| run(&mut advisory::recorder(self.session.url)?))
    }
}

/// Returns the time of a transaction that its record tells.
fn microseconds(message: &SimpleQueryMessage) -> Option<u64> {
    let SimpleQueryMessage::Row(row) = message else {
        return None;
    };
    let own = row
        .columns()
        .first()
        .is_some_and(|column| column.name() == MICROSECONDS);
    row.get(0).filter(|_| own)?.parse().ok()
}

/// Tells whether what a statement raises is its author's own text, and not about rows that it happens to meet.
fn says_itself(sql: &str) -> bool {
    sql.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("do"))
}

/// What a session begins with: nothing of what an earlier file set.
const FRESH: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET client_min_messages = warning; \
     SET application_name = 'trueup'; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0; \
     SET default_transaction_read_only = off; SET standard_conforming_strings = on";

/// The ledger is written by the role that connected, whichever one a file has taken on.
const OURSELVES: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; ";
