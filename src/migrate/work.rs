//! One execution of files: their blocks as units for the executor, and what is recorded after each.

use std::ops::Range;
use std::time::{Duration, Instant};

use pg_query::NodeEnum;

use super::directory::Migration;
use super::outlook::{Item, first_line};
use super::program::{Block, Line};
use super::quick::{MOST_BYTES, Quick, leave_settings};
use super::run::{Event, Finished, Mode, file_name};
use super::waits::{lock_several, needs};
use crate::apply;
use crate::apply::blockers::Needs;
use crate::apply::files::{Act, Engine, Halt, Unit};
use crate::apply::ledger::migrations::{self, Entry, Origin, Took};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Direction;
use crate::words::count;

/// Most files that go to the server in one message.
const MOST_FILES: usize = 50;

/// One execution.
pub(super) struct Work<'a> {
    /// Direction.
    pub(super) direction: Direction,
    /// Its number.
    pub(super) execution: i64,
    /// Batch of what it applies.
    pub(super) batch: i32,
    /// What commits together.
    pub(super) mode: Mode,
    /// Files in order.
    pub(super) items: Vec<&'a Item>,
}

/// What came of it.
pub(super) struct Told {
    /// Files that are done.
    pub(super) finished: Vec<Finished>,
    /// How it ended.
    pub(super) outcome: Result<()>,
}

/// Units with the file and the statement of each act.
struct Job<'a> {
    units: Vec<Unit<'a>>,
    places: Vec<Vec<(usize, usize)>>,
}

impl<'a> Work<'a> {
    /// Runs the files.
    pub(super) fn run(&self, engine: &mut Engine, events: &mut dyn FnMut(Event)) -> Told {
        let mut finished = Vec::new();
        let outcome = self.mind_others(engine).and_then(|()| {
            if self.mode == Mode::Batch {
                self.together(engine, events, &mut finished)
            } else {
                self.one_by_one(engine, events, &mut finished)
            }
        });
        Told { finished, outcome }
    }

    /// Looks at replicas before anything runs, and says of which files nobody knows what they lock.
    fn mind_others(&self, engine: &mut Engine) -> Result<()> {
        let all = self.items.iter().flat_map(|item| {
            let blocks = self.blocks(item);
            blocks.into_iter().map(|block| needs(item, &block))
        });
        engine.mind_replicas(all)?;
        let untried = self.items.iter().filter(|item| item.seen.is_none()).count();
        if untried > 0 && engine.minds_others() {
            engine.note(format!(
                "warning: nobody knows who would be in the way of {}, not tried on scratch: what they run queues for lock_timeout, \
                 except CONCURRENTLY",
                count(untried, "file")
            ));
        }
        Ok(())
    }

    fn one_by_one(&self, engine: &mut Engine, events: &mut dyn FnMut(Event), out: &mut Vec<Finished>) -> Result<()> {
        let (quick, minds_others) = (self.quick(), engine.minds_others());
        let mut at = 0;
        while at < self.items.len() {
            let end = at + self.fitting(at, &quick, minds_others);
            if end - at > 1 {
                at += self.message(at..end, engine, events, out)?;
                if at == end {
                    continue;
                }
            }
            let item = self.items[at];
            self.tell_start(at, events);
            let started = Instant::now();
            let outcome = self.file(engine, at, &quick[at]);
            let error = outcome.as_ref().err().map(|error| error.message.clone());
            let line = self.line(item, started.elapsed(), error);
            events(Event::Ended(line.clone()));
            outcome?;
            out.push(line);
            at += 1;
        }
        Ok(())
    }

    fn tell_start(&self, at: usize, events: &mut dyn FnMut(Event)) {
        events(Event::Started {
            at: at + 1,
            of: self.items.len(),
            title: self.items[at].title(),
        });
    }

    /// Tells of each block of each file whether it is over at once.
    fn quick(&self) -> Vec<Vec<bool>> {
        let mut quick = Quick::default();
        let mut out = Vec::with_capacity(self.items.len());
        for item in &self.items {
            quick.next_file();
            let blocks = self.blocks(item);
            let lines = |block: &Block| &item.program.lines[block.first..block.first + block.count];
            out.push(blocks.iter().map(|block| quick.take(lines(block))).collect());
        }
        out
    }

    /// Returns how many files from one on can go to the server in one message; none, where it is to be looked before each
    /// who is in its way.
    fn fitting(&self, at: usize, quick: &[Vec<bool>], minds_others: bool) -> usize {
        let mut bytes = 0;
        let fits = |(item, quick): &(&&Item, &Vec<bool>)| {
            bytes += item.program.lines.iter().map(|line| line.sql.len()).sum::<usize>();
            self.mode == Mode::File
                && quick.as_slice() == [true]
                && item.program.is_atomic()
                && item.skip == 0
                && (!minds_others || self.blocks(item).iter().all(|block| needs(item, block).is_nothing()))
                && (self.direction == Direction::Rollback || item.row.is_none() || item.again)
                && bytes <= MOST_BYTES
        };
        let rest = self.items[at..].iter().zip(&quick[at..]);
        rest.take(MOST_FILES).take_while(fits).count()
    }

    /// Runs files in one message, each a transaction of its own; returns how many are done. Where that is not all of
    /// them, the next one fails, or the connection is lost: it says so when it runs by itself.
    fn message(
        &self,
        range: Range<usize>,
        engine: &mut Engine,
        events: &mut dyn FnMut(Event),
        out: &mut Vec<Finished>,
    ) -> Result<usize> {
        let jobs = range
            .clone()
            .map(|at| self.job(at, &self.blocks(self.items[at]), true, &[true], engine));
        let jobs: Vec<Job> = jobs.collect::<Result<_>>()?;
        let units: Vec<Unit> = jobs.into_iter().flat_map(|job| job.units).collect();
        let started = Instant::now();
        let times = engine.together(&units);
        let done = if times.is_some() {
            range.len()
        } else {
            let keys: Vec<String> = self.items[range.clone()].iter().map(|item| item.key()).collect();
            let count = std::cell::Cell::new(0);
            engine.on_any(|client| {
                count.set(migrations::done_by(client, self.execution, &keys)?);
                Ok(())
            })?;
            count.get()
        };
        let share = started.elapsed() / u32::try_from(done.max(1)).unwrap_or(u32::MAX);
        for (number, at) in range.take(done).enumerate() {
            self.tell_start(at, events);
            let took = times.as_ref().and_then(|times| times.get(number).copied());
            let line = self.line(self.items[at], took.map_or(share, Duration::from_micros), None);
            events(Event::Ended(line.clone()));
            out.push(line);
        }
        Ok(done)
    }

    fn line(&self, item: &Item, elapsed: Duration, error: Option<String>) -> Finished {
        Finished {
            kind: "migration",
            migration: item.title(),
            action: match (&error, self.direction) {
                (Some(_), _) => "failed",
                (None, Direction::Forward) => "applied",
                (None, Direction::Rollback) => "rolled_back",
            },
            duration: elapsed.as_secs_f64(),
            checksum: item.checksum.clone(),
            execution: self.execution,
            error,
        }
    }

    fn file(&self, engine: &mut Engine, at: usize, quick: &[bool]) -> Result<()> {
        let item = self.items[at];
        let blocks = self.blocks(item);
        let is_atomic =
            blocks.iter().all(|block| block.in_transaction) && item.program.is_atomic() && self.mode == Mode::File;
        if blocks.is_empty() {
            return self.write(engine, at, &[self.whole(item)]);
        }
        if !is_atomic {
            let first = match self.direction {
                Direction::Forward if item.row.is_none() || item.again => Some(new_row(&self.entry(item), item, None)),
                Direction::Rollback if !item.row.as_ref().is_some_and(|row| row.rolling_back) => {
                    Some(migrations::going_back(&item.key(), item.program.lines.len()))
                }
                _ => None,
            };
            if let Some(first) = first {
                self.write(engine, at, &[first])?;
            }
        }
        let job = self.job(at, &blocks, is_atomic, quick, engine)?;
        engine.run(&job.units).map_err(|halt| self.stopped(&halt, &job, engine))
    }

    fn together(&self, engine: &mut Engine, events: &mut dyn FnMut(Event), out: &mut Vec<Finished>) -> Result<()> {
        let mut unit = Unit {
            in_transaction: true,
            is_quick: false,
            leaves_settings: false,
            locks_several: lock_several(self.items.iter().flat_map(|item| &item.program.lines)),
            needs: Needs::of(self.items.iter().flat_map(|item| item.seen.iter().flatten()), true),
            acts: Vec::new(),
        };
        let mut places = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            if !item.program.is_atomic() || item.skip > 0 {
                return Err(Error::usage(format!("{} cannot run in one transaction with others", item.file)).hint(
                    "It has statements that run outside a transaction, or begins and ends its own: run it with `--transaction \
                     file`.",
                ));
            }
            let job = self.job(at, &self.blocks(item), true, &[], engine)?;
            for (own, at) in job.units.into_iter().zip(job.places) {
                unit.acts.extend(own.acts);
                places.extend(at);
            }
        }
        let started = Instant::now();
        if unit.acts.is_empty() {
            let records: Vec<String> = self.items.iter().map(|item| self.whole(item)).collect();
            self.write(engine, 0, &records)?;
        } else {
            let empty = self.items.iter().filter(|item| item.program.lines.is_empty());
            let more: Vec<String> = empty.map(|item| self.whole(item)).collect();
            let job = Job {
                units: vec![unit],
                places: vec![places],
            };
            engine
                .run(&job.units)
                .map_err(|halt| self.stopped(&halt, &job, engine))?;
            if !more.is_empty() {
                self.write(engine, 0, &more)?;
            }
        }
        for item in &self.items {
            let line = self.line(item, started.elapsed(), None);
            events(Event::Ended(line.clone()));
            out.push(line);
        }
        Ok(())
    }

    fn blocks(&self, item: &Item) -> Vec<Block> {
        let blocks = item.blocks();
        if self.mode != Mode::None {
            return blocks;
        }
        let alone = |block: Block| {
            let lines = block.first..block.first + block.count;
            lines.map(move |first| Block {
                in_transaction: block.in_transaction && !super::outside::may_commit(&item.program.lines[first]),
                first,
                count: 1,
            })
        };
        blocks.into_iter().flat_map(alone).collect()
    }

    fn job(&self, at: usize, blocks: &[Block], is_atomic: bool, quick: &[bool], engine: &Engine) -> Result<Job<'a>> {
        let item = self.items[at];
        let header = item.migration.as_ref().map(|migration| &migration.header);
        let timeout = header.and_then(|header| header.timeout);
        let mut settings = Some(settings(engine.settings(timeout), &item.program.lines[..item.skip]));
        let was_begun = item.row.as_ref().is_some_and(|row| row.running);
        let mut job = Job {
            units: Vec::new(),
            places: Vec::new(),
        };
        let last_block = blocks.len().saturating_sub(1);
        for (number, block) in blocks.iter().enumerate() {
            let lines = block.first..block.first + block.count;
            let ends = lines.end;
            let mut acts = Vec::new();
            for line in lines.clone() {
                let is_last = line + 1 == ends;
                let record = is_last.then(|| self.record(item, ends, number == last_block, is_atomic));
                acts.push(Act {
                    file: at,
                    settings: settings.take(),
                    mark: (!block.in_transaction).then(|| migrations::begun(&item.key())),
                    sql: engine.filled(&item.program.lines[line].sql)?,
                    record,
                    was_begun: was_begun && line == item.skip,
                });
            }
            job.units.push(Unit {
                in_transaction: block.in_transaction,
                is_quick: quick.get(number).copied().unwrap_or(false),
                leaves_settings: leave_settings(&item.program.lines[lines.clone()]),
                needs: needs(item, block),
                locks_several: block.in_transaction && lock_several(&item.program.lines[lines.clone()]),
                acts,
            });
            job.places.push(lines.map(|line| (at, line)).collect());
        }
        Ok(job)
    }

    /// Returns what is recorded after a block: all of the file, or how far it came.
    fn record(&self, item: &'a Item, done: usize, is_last: bool, is_atomic: bool) -> apply::files::Record<'a> {
        let (direction, execution, batch) = (self.direction, self.execution, self.batch);
        let key = item.key();
        Box::new(move |took| match (is_atomic, is_last, direction) {
            (true, _, Direction::Forward) => new_row(&entry(item, execution, batch), item, Some(took)),
            (false, true, Direction::Forward) => migrations::finished(&key, took),
            (_, _, Direction::Rollback) if is_atomic || is_last => migrations::rolled_back(&key, execution),
            _ => migrations::reached(&key, done),
        })
    }

    fn entry(&self, item: &'a Item) -> Entry<'a> {
        entry(item, self.execution, self.batch)
    }

    /// Returns what is recorded of a file without statements.
    fn whole(&self, item: &'a Item) -> String {
        match (self.direction, &item.row) {
            (Direction::Forward, row) if row.is_none() || item.again => {
                new_row(&self.entry(item), item, Some(Took::Measured(Duration::ZERO)))
            }
            (Direction::Forward, _) => migrations::finished(&item.key(), Took::Measured(Duration::ZERO)),
            (Direction::Rollback, _) => migrations::rolled_back(&item.key(), self.execution),
        }
    }

    /// Writes rows that no statement of a file goes with.
    fn write(&self, engine: &mut Engine, at: usize, rows: &[String]) -> Result<()> {
        migrations::write(engine.client(), rows).map_err(|error| Error {
            kind: ErrorKind::Partial,
            hint: Some(format!("Remove the cause. Then {}", self.goes_on())),
            ..error.context(self.items[at].file.clone()).detail(format!(
                "execution {}: {at} of {} files are done and stay",
                self.execution,
                self.items.len()
            ))
        })
    }

    /// Says what to do next.
    fn goes_on(&self) -> &'static str {
        match self.direction {
            Direction::Forward => {
                "`trueup migrate up` goes on from there, `trueup migrate down` takes the last one back."
            }
            Direction::Rollback => "`trueup migrate down` goes on from there.",
        }
    }

    fn stopped(&self, halt: &Halt, job: &Job, engine: &mut Engine) -> Error {
        let places = &job.places[halt.unit];
        let (at, line) = places[halt.act.unwrap_or_else(|| places.len().saturating_sub(1))];
        let item = self.items[at];
        let line: &Line = &item.program.lines[line];
        let mut out = Error::new(ErrorKind::Partial, format!("{}: {}", line.place, halt.message));
        out.sqlstate.clone_from(&halt.sqlstate);
        out.detail.clone_from(&halt.detail);
        if halt.act.is_some() {
            out = out.detail(format!("statement: {}", first_line(&line.sql)));
        }
        out = halt
            .blockers
            .iter()
            .fold(out, |out, party| out.detail(format!("blocked by {party}")));
        let server = engine.server().clone();
        let rows = migrations::read(engine.client(), &server).unwrap_or_default();
        let row = rows.iter().rev().find(|row| row.key == item.key());
        let done = row
            .filter(|row| row.standing == migrations::Standing::Partial)
            .map_or(0, |row| row.done);
        let what = if done == 0 {
            format!("nothing of {} lasts", item.title())
        } else {
            format!(
                "{done} of {} statements of {} are done and stay",
                item.program.lines.len(),
                item.title()
            )
        };
        let before = if self.mode == Mode::Batch { 0 } else { at };
        out = out.detail(format!(
            "execution {}: {what}; {before} of {} files before it are done and stay",
            self.execution,
            self.items.len()
        ));
        let go_on = self.goes_on();
        let is_in_the_way = halt.sqlstate.is_none() && !halt.blockers.is_empty();
        out.hint(match halt.sqlstate.as_deref() {
            state if is_in_the_way || state == Some("55P03") => {
                format!("End the session that holds the lock, or come back when it is done. Then {go_on}")
            }
            Some("42501") => format!(
                "Role `{}` lacks a privilege: run as the owner of the object. Then {go_on}",
                server.user
            ),
            _ => format!("Correct the file, or remove the cause in the database. Then {go_on}"),
        })
    }
}

/// Returns SQL for the row of a file that begins, or is done at once.
fn new_row(entry: &Entry, item: &Item, took: Option<Took>) -> String {
    if item.again {
        entry.update(took)
    } else {
        entry.insert(took)
    }
}

fn entry(item: &Item, execution: i64, batch: i32) -> Entry<'_> {
    let migration: Option<&Migration> = item.migration.as_ref();
    Entry {
        version: (&item.version, item.key()),
        name: &item.name,
        file: Some(file_name(&item.file)),
        checksums: migration.map(|migration| {
            let checksum = &migration.forward.checksum;
            (checksum.normal.as_str(), checksum.raw.as_str())
        }),
        batch,
        origin: Origin::Run,
        statements: item.program.lines.len(),
        rollback_sql: migration
            .and_then(|migration| migration.rollback.as_ref())
            .map(|script| script.text.as_str()),
        execution: Some(execution),
    }
}

/// Returns the settings that a file begins with; one that is resumed has made some of its own already.
fn settings(fresh: String, done: &[Line]) -> String {
    let own = done
        .iter()
        .filter(|line| matches!(&line.node, Some(NodeEnum::VariableSetStmt(set)) if !set.is_local));
    own.fold(fresh, |out, line| format!("{out}; {}", line.sql))
}
