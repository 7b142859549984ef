//! Runs a backfill: batch by batch, at a pace that leaves room for everybody else, from where the ledger says that it came.

use std::thread;
use std::time::{Duration, Instant};

use super::advisory;
use super::batch::{Batch, Item};
use super::event::Event;
use super::failure::Failure;
use super::ledger::{Filled, Progress};
use super::run::{Runner, Stop, pause};
use super::session::limits;
use super::watch::Watch;
use crate::backfill::{Batches, Pace, Place, Walk, replication_lag};
use crate::error::Result;

/// Rows or pages of the first batch.
const FIRST: (u32, u32) = (500, 16);

/// Most walks through a table: each later one is for what was written meanwhile.
const PASSES: i32 = 10;

/// Shortest time between two looks at replicas, and between two events.
const OFTEN: Duration = Duration::from_secs(1);

/// Longest wait of one batch for a row that somebody else has locked: the rows that it has filled are locked meanwhile.
const ROW_WAIT: Duration = Duration::from_secs(1);

/// SQLSTATE of a statement that took too long.
const TOO_LONG: &str = "57014";

/// A backfill at work.
struct Filling<'b> {
    item: Item<'b>,
    walk: Walk<'b>,
    pace: Pace,
    done: Filled,
    /// Rows that the table has, about.
    total: Option<u64>,
    /// When this run began, and with how many rows done.
    began: (Instant, i64),
    told: Option<Instant>,
    looked: Option<Instant>,
}

type Attempt<T> = std::result::Result<T, Stop>;

impl Runner<'_, '_> {
    /// Runs a backfill until there is nothing to fill, or no more can be.
    pub(super) fn fill(&mut self, batch: &Batch, batches: &Batches) -> Result<()> {
        let item = batch.items[0];
        let filled = self.filling(&item, batches).and_then(|()| self.limit_others());
        filled.map_err(|stop| {
            let _ = self.limit_others();
            self.stopped(batch, &stop)
        })
    }

    fn filling(&mut self, item: &Item, batches: &Batches) -> Attempt<()> {
        let (started, ledger) = (Instant::now(), self.ledger);
        let ordinals = [item.ordinal];
        self.ours(|client| ledger.begin(client, &ordinals))?;
        self.tell_start(item);
        let done = ledger
            .filled(&mut self.session.client, item.ordinal)
            .map_err(|error| Stop::of(&error))?;
        let first = if batches.key.is_empty() { FIRST.1 } else { FIRST.0 };
        let after = done.upto.clone();
        let walk = self.ours(|client| Walk::begin(client, batches, after))?;
        let total = self.ours(|client| walk.rows(client))?;
        let mut filling = Filling {
            item: *item,
            walk,
            pace: Pace::begin(first),
            began: (Instant::now(), done.rows),
            done,
            total,
            told: None,
            looked: None,
        };
        let mut left = i64::MAX;
        loop {
            self.limit_batches()?;
            self.pass(&mut filling)?;
            self.limit_others()?;
            let open = self.ours(|client| filling.walk.open(client))?;
            // Rows for which the expression gives nothing stay as they are: whoever wants a value says so himself.
            if open == 0 || open >= left || filling.done.pass + 1 >= PASSES {
                break;
            }
            left = open;
            filling.done.pass += 1;
            filling.walk = self.ours(|client| Walk::begin(client, batches, None))?;
        }
        self.tell(&mut filling, true);
        let elapsed = started.elapsed();
        (self.session.events)(Event::Done {
            step: item.step + 1,
            sql: item.sentence.sql.clone(),
            elapsed,
        });
        let progress = [Progress {
            ordinal: item.ordinal,
            started,
            elapsed,
            is_own: false,
        }];
        self.ours(|client| ledger.done(client, &progress))
    }

    /// Walks through the table once.
    fn pass(&mut self, filling: &mut Filling) -> Attempt<()> {
        let mut attempt = 0;
        loop {
            match self.next(filling) {
                Ok(None) => return Ok(()),
                Ok(Some((upto, pause))) => {
                    attempt = 0;
                    filling.walk.advance(upto);
                    self.tell(filling, false);
                    thread::sleep(pause);
                    self.wait_for_replicas(filling)?;
                }
                Err(stop) => {
                    let _ = self.session.client.batch_execute("ROLLBACK");
                    let too_long = stop.failure.sqlstate.as_deref() == Some(TOO_LONG) && filling.pace.too_long();
                    if attempt >= self.session.options.retries || !(too_long || stop.failure.is_transient()) {
                        return Err(stop);
                    }
                    self.wait(filling, attempt, stop);
                    attempt += 1;
                }
            }
        }
    }

    /// Finds and runs the next batch, if there is one: to find it can take too long as well. Returns its end, and the pause
    /// behind it.
    fn next(&mut self, filling: &mut Filling) -> Attempt<Option<(Place, Duration)>> {
        let (walk, size) = (&filling.walk, filling.pace.size());
        let Some(upto) = self.ours(|client| walk.next(client, size))? else {
            return Ok(None);
        };
        let pause = self.one(filling, &upto)?;
        Ok(Some((upto, pause)))
    }

    /// Runs one batch, with its row of the ledger; returns the pause behind it.
    fn one(&mut self, filling: &mut Filling, upto: &Place) -> Attempt<Duration> {
        let (ledger, ordinal, started) = (self.ledger, filling.item.ordinal, Instant::now());
        self.ours(|client| client.batch_execute("BEGIN"))?;
        let rows = self.watched(filling, upto)?;
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let done = &filling.done;
        self.ours(|client| ledger.batch_done(client, ordinal, done, (upto, rows)))?;
        self.ours(|client| client.batch_execute("COMMIT"))?;
        filling.done.batches += 1;
        filling.done.rows += rows;
        Ok(filling.pace.took(started.elapsed()))
    }

    fn watched(&mut self, filling: &Filling, upto: &Place) -> Attempt<u64> {
        let (session, step) = (&mut *self.session, filling.item.step + 1);
        let events = &mut session.events;
        let watch = Watch {
            client: &mut session.client,
            pid: session.pid,
            watcher: &mut session.second,
            lock_timeout: session.options.lock_timeout / 2,
        };
        let watched = watch
            .run(|client| filling.walk.run(client, upto), &mut |blockers| {
                events(Event::WaitingForLock {
                    step,
                    blockers: blockers.to_vec(),
                });
            })
            .map_err(|error| Stop::of(&error))?;
        watched.outcome.map_err(|error| Stop {
            at: Some(0),
            failure: Failure::read(&error, &session.client, Some(&filling.item.sentence.facts)),
            blockers: watched.blockers,
        })
    }

    fn wait(&mut self, filling: &Filling, attempt: u32, stop: Stop) {
        let options = self.session.options;
        let pause = pause(options.backoff, attempt);
        (self.session.events)(Event::Retry {
            step: filling.item.step + 1,
            attempt: attempt + 1,
            of: options.retries,
            pause,
            cause: stop.failure.message,
            blockers: stop.blockers,
        });
        thread::sleep(pause);
    }

    /// Waits until replicas have caught up, and looks whether this is still the only trueup at work.
    fn wait_for_replicas(&mut self, filling: &mut Filling) -> Attempt<()> {
        if filling.looked.is_some_and(|looked| looked.elapsed() < OFTEN) {
            return Ok(());
        }
        advisory::check(&mut self.session.second).map_err(|error| Stop::of(&error))?;
        while let Some(pause) = replication_lag(&mut self.session.second).and_then(|bytes| filling.pace.behind(bytes)) {
            let text = format!(
                "        a replica is behind; waiting {:.1} s for it",
                pause.as_secs_f64()
            );
            (self.session.events)(Event::Noted { text });
            thread::sleep(pause);
        }
        filling.looked = Some(Instant::now());
        Ok(())
    }

    /// Sets limits under which nobody waits for a batch for longer than `lock_timeout`. Of a range over several key columns the
    /// planner expects a quarter of the table: it would read all of it for each batch, and compile the statement before.
    fn limit_batches(&mut self) -> Attempt<()> {
        let whole = self.session.options.lock_timeout;
        let own = self.session.options.statement_timeout;
        let sql = limits(ROW_WAIT.min(whole / 2), Some(own.map_or(whole, |own| own.min(whole))));
        self.ours(|client| client.batch_execute(&format!("{sql}; SET enable_seqscan = off; SET jit = off")))
    }

    /// Sets the limits of all other statements.
    fn limit_others(&mut self) -> Attempt<()> {
        let options = self.session.options;
        let sql = limits(options.lock_timeout, options.statement_timeout);
        self.ours(|client| client.batch_execute(&format!("{sql}; RESET enable_seqscan; RESET jit")))
    }

    /// Tells how far it came, now and then.
    fn tell(&mut self, filling: &mut Filling, is_last: bool) {
        if !is_last && filling.told.is_some_and(|told| told.elapsed() < OFTEN) {
            return;
        }
        filling.told = Some(Instant::now());
        let (began, before) = filling.began;
        let rows = u64::try_from(filling.done.rows).unwrap_or_default();
        let own = u64::try_from(filling.done.rows - before).unwrap_or_default();
        let per_second = as_number(own) / began.elapsed().as_secs_f64().max(0.001);
        let left = filling
            .total
            .map(|total| total.saturating_sub(rows))
            .filter(|_| per_second > 0.0);
        (self.session.events)(Event::Filled {
            step: filling.item.step + 1,
            rows,
            of: filling.total,
            per_second: as_whole(per_second),
            left: left
                .filter(|_| !is_last)
                .map(|left| Duration::from_secs(as_whole(as_number(left) / per_second))),
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows per second are an estimate")]
fn as_number(rows: u64) -> f64 {
    rows as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive estimate, rounded"
)]
fn as_whole(number: f64) -> u64 {
    number.round() as u64
}
