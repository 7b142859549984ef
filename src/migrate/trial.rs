//! The files of an outlook on a scratch copy of the live database.

use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;

use super::harmless::Harmless;
use super::memory::{Known, Memory};
use super::outlook::{Item, Migrator, Outlook, Selection, attempt};
use super::rate::{Placed, Rating, Script};
use super::reach::reach;
use super::refusal::{does_not_restore, failure, left_out};
use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::db::{Server, Url};
use crate::desired::elaborate::{Workshop, open};
use crate::error::{Error, Result};
use crate::introspect;
use crate::prove::files::{Attempt, Bench};
use crate::reconcile::Setup;
use crate::risk::{Ruling, Statistics, statistics};
use crate::scratch::Scratch;

/// Fewer files than this are tried one by one even where nothing of them can be lost.
const FEW: usize = 4;

/// Files on a scratch copy of the live database.
pub(super) struct Trial<'a> {
    setup: &'a Setup,
    url: &'a Url,
    server: Server,
    judge: Judge<'a>,
    memory: Memory,
    /// State that scratch begins with.
    ground: Catalog,
    /// Whether that is not all of the live state.
    is_part: bool,
    search_path: String,
    /// What the state is known by that the next files begin with; none where nobody knows.
    state: Option<Fingerprint>,
    /// Scratch database that is open and empty, or why there is none.
    opened: Option<Result<Scratch>>,
    bench: Option<Bench>,
    /// Files that have run on the bench.
    done: usize,
}

/// Judges what files did on scratch, by what the live database holds.
struct Judge<'a> {
    client: postgres::Client,
    live: Catalog,
    rulings: &'a [Ruling],
}

/// What came of files.
enum Outcome {
    /// All is well.
    Held,
    /// They are as they are, and those behind them cannot be tried.
    Last,
    /// Something is wrong with one of them, and nobody knows with which.
    Doubtful,
}

impl<'a> Trial<'a> {
    pub(super) fn new(migrator: &Migrator<'a>, out: &Outlook) -> Result<Self> {
        let mut client = migrator.url.connect()?;
        let server = Server::read(&mut client)?;
        let search_path: String = client
            .query_typed_one("SELECT pg_catalog.current_setting('search_path')", &[])?
            .try_get(0)?;
        let workshop = workshop(migrator.setup, migrator.url, &server);
        // A server takes its time to start: it does so while the live catalogs are read.
        let (live, opened) = thread::scope(|scope| {
            let opening = scope.spawn(|| {
                let memory = Memory::new(&workshop, &server, &search_path, out.direction);
                let is_new = !out.items.first().is_some_and(|item| memory.has_met(item));
                let opened = is_new.then(|| open(&workshop));
                (memory, opened)
            });
            let live = introspect::read(migrator.url, &mut client, &server, introspect::Options::default());
            (live, opening.join())
        });
        let live = live?;
        let (memory, opened) = opened.map_err(|_| Error::internal("the scratch server's start stopped"))?;
        let reached = reach(&out.items, &live);
        let is_part = reached.is_some();
        let ground = reached.unwrap_or_else(|| live.clone());
        Ok(Self {
            setup: migrator.setup,
            url: migrator.url,
            judge: Judge {
                client,
                live,
                rulings: &migrator.setup.rulings,
            },
            state: memory.state(&ground),
            server,
            memory,
            ground,
            is_part,
            search_path,
            opened,
            bench: None,
            done: 0,
        })
    }

    pub(super) fn run(mut self, out: &mut Outlook, selection: &Selection) -> Result<()> {
        let harmless = Harmless::new(&self.judge.live);
        let (mut most, mut doubted) = (usize::MAX, 0);
        let mut at = 0;
        while at < out.items.len() {
            if at >= doubted {
                most = usize::MAX;
            }
            let fitting = harmless.run(&out.items[at..], most);
            let end = at + if fitting < FEW { 1 } else { fitting };
            if self.remembers(at..end, out)? {
                at = end;
                continue;
            }
            let outcome = if end - at > 1 {
                self.together(at..end, out)?
            } else {
                self.file(at, out, selection)?
            };
            match outcome {
                Outcome::Held => at = end,
                Outcome::Last => return Ok(()),
                Outcome::Doubtful if end - at > 1 => {
                    // Fewer at a time tell which.
                    (most, doubted) = ((end - at) / 8, end);
                    self.bench = None;
                }
                Outcome::Doubtful => self.widen(),
            }
        }
        Ok(())
    }

    /// Begins anew with all of the live state: what a file needs may be more than what it names.
    fn widen(&mut self) {
        self.ground = self.judge.live.clone();
        self.is_part = false;
        self.bench = None;
        self.state = None;
    }

    /// Takes what is known of files; tells whether something is.
    fn remembers(&mut self, range: Range<usize>, out: &mut Outlook) -> Result<bool> {
        let items = &out.items[range.clone()];
        let Some(known) = self.memory.look_up(self.state.as_ref(), items) else {
            return Ok(false);
        };
        let script = Script::of(items.iter().map(|item| &item.program));
        let findings = self.judge.findings(&script, &known.rating)?;
        self.judge.seen(&mut out.items[range.clone()], &known.rating);
        out.remembered += range.len();
        out.findings.extend(findings);
        out.proven_on.get_or_insert(known.server);
        self.state = Some(known.after);
        Ok(true)
    }

    /// Keeps what came of files that held, and goes on from there.
    fn keep(&mut self, items: &[Item], rating: Option<Rating>) {
        let Some(bench) = &self.bench else { return };
        let before = self.state.take();
        let Some(after) = before.as_ref().and_then(|_| self.memory.state(bench.state())) else {
            return;
        };
        self.state = Some(after.clone());
        if let Some(rating) = rating {
            let server = on(bench);
            let known = Known { after, server, rating };
            self.memory.keep(before.as_ref(), items, known);
        }
    }

    /// Returns the bench, on which all files before one have run.
    fn bench(&mut self, at: usize, out: &mut Outlook) -> Result<&mut Bench> {
        let workshop = workshop(self.setup, self.url, &self.server);
        let mut bench = match self.bench.take() {
            Some(bench) => bench,
            None => {
                self.done = 0;
                let scratch = self.opened.take().unwrap_or_else(|| open(&workshop));
                let bench = scratch
                    .and_then(|scratch| Bench::on(scratch, &workshop, Some(&self.ground), Some(&self.search_path)));
                bench.map_err(|error| {
                    let hint = error.hint.clone().unwrap_or_else(|| {
                        "Name a server that has what the live one has with --scratch URL; --no-prove runs the files untried."
                            .to_owned()
                    });
                    error.hint(hint)
                })?
            }
        };
        out.proven_on = Some(on(&bench));
        let open: Vec<_> = out.items[self.done..at].iter().map(Item::attempt).collect();
        if !open.is_empty()
            && let Some((number, failed)) = bench.all_forward(&open)?
        {
            return Err(failure(&out.items[self.done + number], &failed));
        }
        self.done = at;
        Ok(self.bench.insert(bench))
    }

    /// Tries files together of which nothing can be lost.
    fn together(&mut self, range: Range<usize>, out: &mut Outlook) -> Result<Outcome> {
        self.bench(range.start, out)?;
        let others_follow = range.end < out.items.len();
        let items = &out.items[range.clone()];
        let forward: Vec<_> = items.iter().map(Item::attempt).collect();
        let back: Option<Vec<_>> = items.iter().map(way_back).collect();
        let workshop = workshop(self.setup, self.url, &self.server);
        let (Some(bench), judge) = (&mut self.bench, &mut self.judge) else {
            return Err(Error::internal("files are tried without a bench"));
        };
        let Some(tried) = bench.together(&forward)? else {
            return Ok(Outcome::Doubtful);
        };
        let script = Script::of(items.iter().map(|item| &item.program));
        // The rules need no server: they judge while the files go back.
        let (held, judged) = thread::scope(|scope| {
            let judging = scope.spawn(|| {
                let rating = Rating::new(&script, &tried, &workshop);
                let findings = judge.findings(&script, &rating);
                (rating, findings)
            });
            let again = others_follow.then_some(forward.as_slice());
            let held = back
                .as_ref()
                .map_or(Ok(true), |back| bench.together_back(back, &tried, again));
            (held, judging.join())
        });
        if !held? {
            return Ok(Outcome::Doubtful);
        }
        let (rating, findings) = judged.map_err(|_| Error::internal("the rules stopped"))?;
        let findings = findings?;
        bench.set_state(tried.after);
        self.done = range.end;
        self.judge.seen(&mut out.items[range.clone()], &rating);
        self.keep(&out.items[range], Some(rating));
        out.findings.extend(findings);
        Ok(Outcome::Held)
    }

    /// Tries one file.
    fn file(&mut self, at: usize, out: &mut Outlook, selection: &Selection) -> Result<Outcome> {
        self.bench(at, out)?;
        let item = &out.items[at];
        let Some(bench) = &mut self.bench else {
            return Err(Error::internal("a file is tried without a bench"));
        };
        let mut tried = bench.file(&item.attempt(), way_back(item).as_ref())?;
        if self.is_part && (tried.failure.is_some() || tried.difference.is_some()) {
            return Ok(Outcome::Doubtful);
        }
        let skipped = vec![crate::kinds::Facts::default(); item.skip];
        tried.facts.splice(..0, skipped);
        if let Some(failed) = &tried.failure {
            return Err(failure(item, failed));
        }
        let mut notes: Vec<String> = tried.left_out.iter().map(|failed| left_out(item, failed)).collect();
        if !bench.own_cluster() {
            let lines = item.program.lines.iter();
            let cluster = lines.filter(|line| line.node.as_ref().is_some_and(super::outside::is_about_cluster));
            notes.extend(cluster.map(|line| {
                format!(
                    "{}: not tried, since it is about the whole server, and scratch is on somebody's.",
                    line.place
                )
            }));
        }
        let script = Script::of([&item.program]);
        let rating = Rating::new(&script, &tried, &workshop(self.setup, self.url, &self.server));
        let findings = self.judge.findings(&script, &rating)?;
        self.judge.seen(&mut out.items[at..=at], &rating);
        self.done = at + 1;
        if tried.difference.is_none() {
            // What could not be tried in full is tried again the next time.
            self.keep(&out.items[at..=at], Some(rating).filter(|_| notes.is_empty()));
            out.findings.extend(findings);
            out.notes.extend(notes);
            return Ok(Outcome::Held);
        }
        out.findings.extend(findings);
        out.notes.extend(notes);
        does_not_restore(at, &tried, out, selection)?;
        Ok(Outcome::Last)
    }
}

impl Judge<'_> {
    fn findings(&mut self, script: &Script, rating: &Rating) -> Result<Vec<Placed>> {
        let touched = rating.touched();
        let known: BTreeSet<Identity> = touched.into_iter().filter(|table| self.live.contains(table)).collect();
        let figures = if known.is_empty() {
            Statistics::default()
        } else {
            statistics(&mut self.client, &known, &[])?
        };
        let figures = fresh(figures, rating, &self.live);
        rating.findings(script, &figures, self.rulings)
    }

    /// Tells files what they were seen to do to tables that are there.
    fn seen(&self, items: &mut [Item], rating: &Rating) {
        let mut steps = rating.steps.iter();
        for item in items {
            let own = steps.by_ref().take(item.program.lines.len());
            let facts = own.flat_map(|step| &step.statements).map(|sentence| {
                let mut facts = sentence.facts.clone();
                facts.locks.retain(|(table, _)| self.live.contains(table));
                facts
            });
            item.seen = Some(facts.collect());
        }
    }
}

fn workshop<'w>(setup: &'w Setup, url: &'w Url, server: &'w Server) -> Workshop<'w> {
    Workshop {
        scratch: &setup.scratch,
        machine: &setup.machine,
        live: Some((url, server)),
        like: None,
        cache: setup.cache,
        pool: None,
    }
}

/// Says what server a bench is on.
fn on(bench: &Bench) -> String {
    format!("PostgreSQL {}", bench.server().version)
}

fn way_back(item: &Item) -> Option<Attempt<'_>> {
    let back = item.rollback.as_ref().filter(|_| item.skip == 0)?;
    Some(attempt(&back.lines, &back.blocks))
}

/// Says that tables which the live database does not have yet hold no rows.
fn fresh(mut figures: Statistics, rating: &Rating, live: &Catalog) -> Statistics {
    for table in rating.touched() {
        if !live.contains(&table) && figures.get(&table).is_none() {
            figures.insert(
                table,
                crate::risk::Figures {
                    rows: Some(0),
                    measured: true,
                    ..crate::risk::Figures::default()
                },
            );
        }
    }
    figures
}
