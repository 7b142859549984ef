//! Runs batches of statements: ledger before and after, retry after what may pass, an error that says where it stopped.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use postgres::Client;

use super::advisory;
use super::batch::{Batch, Item};
use super::blockers::Refused;
use super::event::Event;
use super::explain::{Explained, explain};
use super::failure::Failure;
use super::ledger::{Ledger, Progress};
use super::leftovers::{self, Trace};
use super::session::Session;
use super::watch::{Party, Watch};
use crate::catalog::Identity;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::{Facts, Lock, Transaction};
use crate::plan::Step;

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs the statements of one execution.
pub(super) struct Runner<'s, 'a> {
    /// Connections.
    pub(super) session: &'s mut Session<'a>,
    /// Rows of the execution.
    pub(super) ledger: Ledger,
    /// Steps of the execution.
    pub(super) steps: &'s [Step],
}

/// Where a batch stopped.
pub(super) struct Stop {
    /// Statement; none when it was the transaction itself.
    pub(super) at: Option<usize>,
    /// What the server said.
    pub(super) failure: Failure,
    /// Who was in the way.
    pub(super) blockers: Vec<Party>,
}

impl Runner<'_, '_> {
    /// Runs the batches in order; after an error the ledger says how far they came. Returns the number of the batch before
    /// which it paused. Where it was paused before, it goes on with the first one.
    pub(super) fn run(&mut self, batches: &[Batch], was_paused: bool) -> Result<Option<usize>> {
        let minded = self.session.mind_replicas(batches.iter().map(Batch::needs));
        if let (Some(first), Err(refused)) = (batches.first(), minded) {
            return Err(self.stopped(first, &refused.into()));
        }
        for (at, batch) in batches.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &batches[before]);
            if !(at == 0 && was_paused) && self.leads_into(before, batch) {
                let ledger = self.ledger;
                self.ours(|client| ledger.pause(client))
                    .map_err(|stop| self.stopped(batch, &stop))?;
                return Ok(Some(at));
            }
            if let Err(error) = advisory::check(&mut self.session.second) {
                return Err(self.stopped(batch, &Stop::of(&error)));
            }
            self.run_batch(batch)?;
        }
        Ok(None)
    }

    /// Tells whether the way leads into the phase before which it pauses.
    fn leads_into(&self, before: Option<&Batch>, next: &Batch) -> bool {
        let has = |batch: &Batch, phase| batch.items.iter().any(|item| self.steps[item.step].phase == phase);
        let phase = self.session.options.pause_before;
        phase.is_some_and(|phase| has(next, phase) && !before.is_some_and(|before| has(before, phase)))
    }

    fn run_batch(&mut self, batch: &Batch) -> Result<()> {
        if let Some(batches) = &batch.items[0].sentence.facts.batches {
            return self.fill(batch, batches);
        }
        let of = self.session.options.retries;
        for attempt in 0..=of {
            let mut stop = match self.attempt(batch) {
                Ok(()) => return Ok(()),
                Err(stop) => stop,
            };
            self.abort(batch);
            if attempt == of || !stop.failure.is_transient() {
                self.tidy(batch, &mut stop);
                return Err(self.stopped(batch, &stop));
            }
            let pause = pause(self.session.options.backoff, attempt);
            (self.session.events)(Event::Retry {
                step: step_of(batch, &stop) + 1,
                attempt: attempt + 1,
                of,
                pause,
                cause: stop.failure.message,
                blockers: stop.blockers,
            });
            thread::sleep(pause);
            if !batch.in_transaction {
                match self.clear(&batch.items[0]) {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(error) => return Err(self.stopped(batch, &Stop::of(&error))),
                }
            }
        }
        Ok(())
    }

    fn attempt(&mut self, batch: &Batch) -> std::result::Result<(), Stop> {
        self.session.make_way(&batch.needs(), batch.items[0].step + 1)?;
        let ordinals: Vec<i32> = batch.items.iter().map(|item| item.ordinal).collect();
        let ledger = self.ledger;
        self.ours(|client| ledger.begin(client, &ordinals))?;
        if batch.in_transaction {
            let begin = self.session.begin(locks_several(batch));
            self.ours(|client| client.batch_execute(&begin))?;
        }
        let mut progress = Vec::with_capacity(batch.items.len());
        for (at, item) in batch.items.iter().enumerate() {
            progress.push(self.statement(at, item)?);
        }
        self.ours(|client| ledger.done(client, &progress))?;
        if batch.in_transaction {
            self.ours(|client| client.batch_execute("COMMIT"))?;
        }
        Ok(())
    }

    /// Runs a statement that belongs to no step.
    pub(super) fn ours<T>(
        &mut self,
        run: impl FnOnce(&mut Client) -> std::result::Result<T, postgres::Error>,
    ) -> std::result::Result<T, Stop> {
        let client = &mut self.session.client;
        run(client).map_err(|error| Stop {
            at: None,
            failure: Failure::read(&error, client, None),
            blockers: Vec::new(),
        })
    }

    fn statement(&mut self, at: usize, item: &Item) -> std::result::Result<Progress, Stop> {
        let step = item.step + 1;
        self.tell_start(item);
        let session = &mut *self.session;
        let secrets = session.options.secrets.clone();
        let sql = secrets.filled(&item.sentence.sql).map_err(|error| Stop::of(&error))?;
        let is_patient = blocks_nobody(&item.sentence.facts);
        if is_patient {
            session
                .set_lock_timeout(session.patience())
                .map_err(|error| Stop::of(&error))?;
        }
        let started = Instant::now();
        let events = &mut session.events;
        let watch = Watch {
            client: &mut session.client,
            pid: session.pid,
            watcher: &mut session.second,
            lock_timeout: session.options.lock_timeout,
        };
        let watched = watch
            .run(|client| client.batch_execute(&sql), &mut |blockers| {
                events(Event::WaitingForLock {
                    step,
                    blockers: blockers.to_vec(),
                });
            })
            .map_err(|error| Stop::of(&error))?;
        let elapsed = started.elapsed();
        // A connection that is lost says so with the statement's own outcome.
        let restored = if is_patient {
            session.set_lock_timeout(session.options.lock_timeout)
        } else {
            Ok(())
        };
        if let Err(error) = watched.outcome {
            return Err(Stop {
                at: Some(at),
                failure: Failure::read(&error, &session.client, Some(&item.sentence.facts)).without(&secrets),
                blockers: watched.blockers,
            });
        }
        restored.map_err(|error| Stop::of(&error))?;
        (session.events)(Event::Done {
            step,
            sql: item.sentence.sql.clone(),
            elapsed,
        });
        Ok(Progress {
            ordinal: item.ordinal,
            started,
            elapsed,
            is_own: watched.blockers.is_empty(),
        })
    }

    /// Tells that a step starts, at its first statement.
    pub(super) fn tell_start(&mut self, item: &Item) {
        if let (0, Some(change)) = (item.statement, self.steps[item.step].changes.first()) {
            (self.session.events)(Event::Started {
                step: item.step + 1,
                of: self.steps.len(),
                object: change.object.clone(),
            });
        }
    }

    /// Clears away what an earlier attempt at a statement outside a transaction left behind; true when that completes
    /// the statement, which is then recorded as done.
    pub(super) fn clear(&mut self, item: &Item) -> Result<bool> {
        let trace = leftovers::find(&mut self.session.client, &item.sentence.sql)?;
        if let Trace::Clear(sql) | Trace::Finish(sql) = &trace {
            self.clear_with(sql)?;
        }
        let is_complete = matches!(trace, Trace::Completed | Trace::Finish(_));
        if is_complete {
            self.settle(item)?;
        }
        Ok(is_complete)
    }

    fn clear_with(&mut self, sql: &str) -> Result<()> {
        let session = &mut *self.session;
        session.patiently(|client| client.batch_execute(sql))?;
        (session.events)(Event::Cleared { sql: sql.to_owned() });
        Ok(())
    }

    /// Drops what a build that failed for good has left behind, so that it costs no writer anything until somebody
    /// resumes. Where that fails too, it is done then.
    fn tidy(&mut self, batch: &Batch, stop: &mut Stop) {
        if batch.in_transaction || stop.failure.is_lost {
            return;
        }
        let Ok(Trace::Clear(sql)) = leftovers::find(&mut self.session.client, &batch.items[0].sentence.sql) else {
            return;
        };
        if self.clear_with(&sql).is_err() {
            let line = format!("an invalid index is left behind, which `{sql}` drops");
            stop.failure.detail.push(line);
        }
    }

    /// Records a statement as done that an earlier attempt has completed.
    pub(super) fn settle(&mut self, item: &Item) -> Result<()> {
        let progress = Progress {
            ordinal: item.ordinal,
            started: Instant::now(),
            elapsed: Duration::ZERO,
            is_own: false,
        };
        Ok(self.ledger.done(&mut self.session.client, &[progress])?)
    }

    /// Ends the transaction of a failed attempt. A lost connection has ended it already.
    fn abort(&mut self, batch: &Batch) {
        if batch.in_transaction {
            let _ = self.session.client.batch_execute("ROLLBACK");
        }
    }

    /// Records where the execution stopped, and makes the error that says so.
    pub(super) fn stopped(&mut self, batch: &Batch, stop: &Stop) -> Error {
        // Outside a transaction nobody knows whether the statement ended, so that it must not return to pending.
        let known = stop.at.or((!batch.in_transaction).then_some(0));
        let ordinal = known.map(|at| batch.items[at].ordinal);
        let counts = self.record(ordinal, &stop.failure);
        let Failure { message, detail, .. } = &stop.failure;
        let index = step_of(batch, stop);
        let step = &self.steps[index];
        let object = step.changes.first().map(|change| format!(" ({})", change.object));
        let mut out = Error::new(
            ErrorKind::Partial,
            format!(
                "step {} of {}{} failed: {message}",
                index + 1,
                self.steps.len(),
                object.unwrap_or_default()
            ),
        );
        out.sqlstate.clone_from(&stop.failure.sqlstate);
        out.detail.clone_from(detail);
        if let Some(at) = stop.at {
            out = out.detail(format!("statement: {}", batch.items[at].sentence.sql));
        }
        out = stop
            .blockers
            .iter()
            .fold(out, |out, party| out.detail(format!("blocked by {party}")));
        let execution = self.ledger.execution;
        out = out.detail(match counts {
            Ok((0, _)) => format!("execution {execution}: nothing was changed"),
            Ok((done, all)) => format!("execution {execution}: {done} of {all} statements are done and stay"),
            Err(error) => format!(
                "execution {execution}: the ledger could not be written: {}",
                error.message
            ),
        });
        out.hint(hint(&stop.failure, &self.session.server.user))
    }

    /// Writes through whichever connection still works, a new one at last. Without any, the execution shows as
    /// interrupted, which comes to the same.
    fn record(&mut self, ordinal: Option<i32>, failure: &Failure) -> Result<(i64, i64)> {
        let ledger = self.ledger;
        let write = |client: &mut Client| {
            ledger.fail(client, ordinal, failure)?;
            ledger.count(client)
        };
        write(&mut self.session.client)
            .or_else(|_| write(&mut self.session.second))
            .or_else(|_| write(&mut advisory::recorder(self.session.url)?))
    }

    /// Records a failure that no statement caused.
    pub(super) fn fail(&mut self, error: &Error) -> Result<()> {
        self.record(None, &Failure::of(error)).map(drop)
    }
}

impl Stop {
    /// Makes it of an error that no statement caused.
    pub(super) fn of(error: &Error) -> Self {
        Self {
            at: None,
            failure: Failure::of(error),
            blockers: Vec::new(),
        }
    }
}

impl From<Refused> for Stop {
    fn from(Refused { failure, blockers }: Refused) -> Self {
        Self {
            at: None,
            failure,
            blockers,
        }
    }
}

fn step_of(batch: &Batch, stop: &Stop) -> usize {
    batch.items[stop.at.unwrap_or(0)].step
}

/// Tells whether a batch waits for one table while it holds another, so that it and a writer can wait for each other.
fn locks_several(batch: &Batch) -> bool {
    let locks = batch.items.iter().flat_map(|item| &item.sentence.facts.locks);
    let tables: BTreeSet<&Identity> = locks.map(|(table, _)| table).collect();
    tables.len() > 1
}

/// Tells whether nobody has to wait behind a statement that waits for a lock: a concurrent build waits for every older
/// transaction, and whoever reads or writes goes on meanwhile.
pub(super) fn blocks_nobody(facts: &Facts) -> bool {
    let is_weak = |(_, lock): &(Identity, Lock)| *lock == Lock::ShareUpdateExclusive;
    facts.transaction == Transaction::Outside && !facts.locks.is_empty() && facts.locks.iter().all(is_weak)
}

/// Returns the pause before a retry: doubled each time, and up to half of it more, so that two do not meet again.
pub(super) fn pause(first: Duration, attempt: u32) -> Duration {
    let base = first.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    base + base.mul_f64(f64::from(nanos % 1000) / 2000.0)
}

fn hint(failure: &Failure, role: &str) -> String {
    let on = "`trueup apply --resume` goes on from there, `trueup rollback` undoes what is done.";
    let explained = failure.sqlstate.as_deref().and_then(explain);
    match (explained, failure.sqlstate.as_deref()) {
        (Some(Explained { advice, .. }), Some("42501")) => {
            format!("Role `{role}` lacks a privilege that the statement needs. {advice} Then {on}")
        }
        (Some(Explained { meaning, advice }), _) => format!("{meaning} {advice} Then {on}"),
        _ if failure.is_lost => format!("Check that the server is up. Then {on}"),
        _ => format!("Remove the cause. Then {on}"),
    }
}
