//! Migration files on a scratch database: each forward, back and forward again, as they will run, with what every
//! statement does to tables. Names no kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use postgres::Client;

use super::compare::Expectation;
use super::observe::{Relations, Watch};
use super::{rows, survival, take_time_zone};
use crate::apply::in_time_zone;
use crate::catalog::quote::literal;
use crate::catalog::{Catalog, Identity};
use crate::db::{Server, Url};
use crate::desired::elaborate::{Workshop, open, stand_in};
use crate::desired::replay::build;
use crate::error::{Error, Result};
use crate::introspect;
use crate::kinds::{Facts, Lock, Transaction};
use crate::plan::Direction;
use crate::scratch::{Scratch, Stub};

/// One direction of a file, as it will run.
#[derive(Debug, Clone)]
pub(crate) struct Attempt<'a> {
    /// Statements.
    pub(crate) sentences: Vec<&'a str>,
    /// Blocks that commit together: whether in a transaction, and the number of their statements.
    pub(crate) blocks: Vec<(bool, usize)>,
    /// Statements about the cluster: roles, databases, parameters of the server.
    pub(crate) about_cluster: BTreeSet<usize>,
}

/// What came of one file.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// State before it.
    pub(crate) before: Catalog,
    /// State after it.
    pub(crate) after: Catalog,
    /// What each statement of the way forward did to tables.
    pub(crate) facts: Vec<Facts>,
    /// How long each of them took.
    pub(crate) times: Vec<Duration>,
    /// Statement that failed.
    pub(crate) failure: Option<Failed>,
    /// Statements that were left out because rows are missing, or stand in the way.
    pub(crate) left_out: Vec<Failed>,
    /// First differences of the state that the way back leads to from the one before.
    pub(crate) difference: Option<String>,
    /// Rows that were lost on the way forward, where there were some.
    pub(crate) lost: Option<String>,
}

/// A statement that failed on scratch.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    /// Direction.
    pub(crate) direction: Direction,
    /// Index of the statement in its file.
    pub(crate) at: usize,
    /// What the server said.
    pub(crate) message: String,
    /// Its SQLSTATE.
    pub(crate) sqlstate: Option<String>,
    /// Whether it ran the first time, and not again after the way back.
    pub(crate) is_again: bool,
}

impl Failed {
    /// Tells whether rows that scratch does not have, or only scratch has, may be the cause.
    fn is_about_rows(&self) -> bool {
        let state = self.sqlstate.as_deref().unwrap_or_default();
        state.starts_with("22") || state.starts_with("23") || state.starts_with("P0")
    }
}

/// A scratch database on which files run one after the other.
pub(crate) struct Bench {
    client: Client,
    url: Url,
    server: Server,
    has_own_cluster: bool,
    settings: String,
    state: Catalog,
    /// Goes last: the server must outlive the connection.
    _scratch: Scratch,
}

impl Bench {
    /// Makes a scratch database that holds a state, or is empty. `search_path` is the one that files will find.
    pub(crate) fn open(workshop: &Workshop, from: Option<&Catalog>, search_path: Option<&str>) -> Result<Self> {
        Self::on(open(workshop)?, workshop, from, search_path)
    }

    /// Does the same on a scratch database that is open and empty.
    pub(crate) fn on(
        scratch: Scratch,
        workshop: &Workshop,
        from: Option<&Catalog>,
        search_path: Option<&str>,
    ) -> Result<Self> {
        let role = from
            .map(|from| from.role.as_str())
            .or(workshop.model().map(|server| server.user.as_str()))
            .filter(|role| !role.is_empty());
        let url = stand_in(&scratch, role)?;
        let mut client = url.connect()?;
        let server = Server::read(&mut client)?;
        if let Some(from) = from {
            build(from, &url, &mut client, scratch.own_cluster())
                .map_err(|error| error.context("the live state could not be built on scratch"))?;
        }
        let mut settings =
            "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET client_min_messages = warning".to_owned();
        if let Some(path) = search_path {
            settings.push_str(&format!(
                "; SELECT pg_catalog.set_config('search_path', {}, false)",
                literal(path)
            ));
        }
        // Files run in the time zone of the live session.
        let zone = workshop.model().map_or("", |server| &server.time_zone);
        if !zone.is_empty() && take_time_zone(&mut client, zone)? {
            settings.push_str(&format!("; {}", in_time_zone(zone)));
        }
        client.batch_execute(&settings)?;
        let mut out = Self {
            client,
            url,
            server,
            has_own_cluster: scratch.own_cluster(),
            settings,
            state: Catalog::default(),
            _scratch: scratch,
        };
        out.state = out.read()?;
        Ok(out)
    }

    /// Returns the state as it is now.
    pub(crate) fn state(&self) -> &Catalog {
        &self.state
    }

    /// Tells whether the whole cluster is ours.
    pub(crate) fn own_cluster(&self) -> bool {
        self.has_own_cluster
    }

    /// Returns what is known of the server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn settings(&self) -> &str {
        &self.settings
    }

    /// Reads the state.
    pub(super) fn look(&mut self) -> Result<()> {
        self.state = self.read()?;
        Ok(())
    }

    /// Says what the state is, where that is known.
    pub(crate) fn set_state(&mut self, state: Catalog) {
        self.state = state;
    }

    fn read(&mut self) -> Result<Catalog> {
        self.client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE")?;
        introspect::read(
            &self.url,
            &mut self.client,
            &self.server,
            introspect::Options::default(),
        )
    }

    /// Fills the tables with rows that fit their types and constraints; returns how many, and tables without any.
    pub(crate) fn fill(&mut self) -> Result<(u64, Vec<String>)> {
        let filled = rows::fill(&mut self.client)?;
        self.client.batch_execute(&self.settings)?;
        Ok((filled.rows, filled.notes))
    }

    /// Runs SQL that sets the scene, such as seeds.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(&self.settings)?;
        self.client.batch_execute(sql)?;
        Ok(())
    }

    /// Runs one file forward, back and forward again; the state stays as the way forward leaves it.
    pub(crate) fn file(&mut self, forward: &Attempt, back: Option<&Attempt>) -> Result<Tried> {
        let mut out = Tried {
            before: self.state.clone(),
            ..Tried::default()
        };
        out.failure = self.forward(forward, &mut out)?;
        self.state = self.read()?;
        out.after = self.state.clone();
        let Some(back) = back.filter(|_| out.failure.is_none()) else {
            return Ok(out);
        };
        out.failure = self.quietly(Direction::Rollback, back, &mut out.left_out)?;
        if out.failure.is_none() {
            out.difference = difference(&out.before, &self.read()?);
            if out.difference.is_some() {
                // From here on nobody knows where the files are; the caller stops.
                return Ok(out);
            }
            let known = out.left_out.len();
            out.failure = self.quietly(Direction::Forward, forward, &mut out.left_out)?;
            for failed in out.left_out.iter_mut().skip(known).chain(&mut out.failure) {
                failed.is_again = true;
            }
            let mut seen = BTreeSet::new();
            out.left_out
                .retain(|failed| seen.insert((failed.direction == Direction::Rollback, failed.at)));
        }
        self.state = self.read()?;
        Ok(out)
    }

    /// Runs files forward, one after the other; returns the index of the one that fails, and where.
    pub(crate) fn all_forward(&mut self, files: &[Attempt]) -> Result<Option<(usize, Failed)>> {
        for (at, file) in files.iter().enumerate() {
            if let Some(failed) = self.quietly(Direction::Forward, file, &mut Vec::new())? {
                return Ok(Some((at, failed)));
            }
        }
        self.state = self.read()?;
        Ok(None)
    }

    /// Runs one file forward only, and says what became of the rows.
    pub(crate) fn file_with_rows(&mut self, forward: &Attempt, losses: &BTreeSet<Identity>) -> Result<Tried> {
        let mut out = Tried {
            before: self.state.clone(),
            ..Tried::default()
        };
        let survival = survival::Survival::before(&mut self.client)?;
        out.failure = self.forward(forward, &mut out)?;
        self.client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE")?;
        if out.failure.is_none() {
            out.lost = survival.lost_forward(&mut self.client, losses)?;
        }
        self.state = self.read()?;
        out.after = self.state.clone();
        Ok(out)
    }

    /// Runs a way whose statements nobody looks at.
    fn quietly(
        &mut self,
        direction: Direction,
        attempt: &Attempt,
        left_out: &mut Vec<Failed>,
    ) -> Result<Option<Failed>> {
        self.blocks(direction, attempt, left_out, &mut |bench, _, _, sql| {
            Ok(bench.client.batch_execute(sql))
        })
    }

    fn forward(&mut self, attempt: &Attempt, out: &mut Tried) -> Result<Option<Failed>> {
        out.facts = vec![Facts::default(); attempt.sentences.len()];
        out.times = vec![Duration::ZERO; attempt.sentences.len()];
        let major = self.server.major();
        let mut watch: Option<Watch> = None;
        let mut seen = Seen::default();
        let mut left_out = Vec::new();
        let failure = self.blocks(
            Direction::Forward,
            attempt,
            &mut left_out,
            &mut |bench, at, place, sql| {
                if place == Place::Outside {
                    out.facts[at].transaction = Transaction::Outside;
                } else if place == Place::First {
                    let relations = Relations::read(&mut bench.client, major)?;
                    watch = Some(relations.watch(&mut bench.client, major)?);
                    seen = Seen::default();
                }
                let started = Instant::now();
                let done = bench.client.batch_execute(sql);
                out.times[at] = started.elapsed();
                if let (Some(watch), Ok(()), true) = (watch.as_mut(), &done, place != Place::Outside) {
                    let observation = watch.observe(&mut bench.client)?;
                    let mut facts = Facts::default();
                    observation.correct(&mut facts);
                    out.facts[at] = seen.news(facts);
                }
                Ok(done)
            },
        );
        out.left_out.append(&mut left_out);
        failure
    }

    /// Runs the blocks of a way, each as it will run. Roles and tablespaces that are missing are made on a cluster of our own; statements
    /// that fail for the rows that scratch has or lacks are left out.
    fn blocks(
        &mut self,
        direction: Direction,
        attempt: &Attempt,
        left_out: &mut Vec<Failed>,
        run: Run,
    ) -> Result<Option<Failed>> {
        let settings = self.settings.clone();
        self.client.batch_execute(&settings)?;
        let mut out: BTreeSet<usize> = attempt.about_cluster.clone();
        if self.has_own_cluster {
            out.clear();
        }
        let mut first = 0;
        for (in_transaction, count) in &attempt.blocks {
            let mut made = BTreeSet::new();
            let range = first..first + count;
            while let Some((at, error)) = self.block(*in_transaction, range.clone(), attempt, &out, run)? {
                if self.client.is_closed() {
                    return Err(Error::from(error).context("the scratch server"));
                }
                let stub = error
                    .as_db_error()
                    .and_then(|error| Stub::missing(error.message()))
                    .filter(|stub| self.has_own_cluster && made.insert(stub.clone()));
                if let Some(stub) = stub {
                    self.client.batch_execute("RESET SESSION AUTHORIZATION; RESET ROLE")?;
                    stub.make(&mut self.client)?;
                    continue;
                }
                let failed = Failed {
                    direction,
                    at,
                    message: error
                        .as_db_error()
                        .map_or_else(|| error.to_string(), |error| error.message().to_owned()),
                    sqlstate: error.code().map(|state| state.code().to_owned()),
                    is_again: false,
                };
                if !failed.is_about_rows() || !out.insert(at) {
                    return Ok(Some(failed));
                }
                left_out.push(failed);
            }
            first += count;
        }
        Ok(None)
    }

    fn block(
        &mut self,
        in_transaction: bool,
        range: std::ops::Range<usize>,
        attempt: &Attempt,
        out: &BTreeSet<usize>,
        run: Run,
    ) -> Result<Option<(usize, postgres::Error)>> {
        let first = range.start;
        let last = range.end.saturating_sub(1);
        if in_transaction {
            self.client.batch_execute("BEGIN")?;
        }
        for at in range {
            let place = match (in_transaction, at == first) {
                (false, _) => Place::Outside,
                (true, true) => Place::First,
                (true, false) => Place::Later,
            };
            let sql = if out.contains(&at) { "" } else { attempt.sentences[at] };
            if let Err(error) = run(self, at, place, sql)? {
                if in_transaction {
                    self.client.batch_execute("ROLLBACK")?;
                }
                return Ok(Some((at, error)));
            }
        }
        if in_transaction && let Err(error) = self.client.batch_execute("COMMIT") {
            return Ok(Some((last, error)));
        }
        Ok(None)
    }
}

/// What runs a statement: the bench, its index, where it stands, its SQL.
type Run<'r> = &'r mut dyn FnMut(&mut Bench, usize, Place, &str) -> Result<std::result::Result<(), postgres::Error>>;

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    First,
    Later,
}

/// What the statements of a transaction have done so far: locks and numbers stay until it ends.
#[derive(Default)]
struct Seen {
    locks: BTreeMap<Identity, Lock>,
    rewrites: BTreeSet<Identity>,
    scans: BTreeSet<Identity>,
}

impl Seen {
    /// Keeps what is new.
    fn news(&mut self, mut facts: Facts) -> Facts {
        facts.locks.retain(|(table, lock)| {
            let before = self.locks.insert(table.clone(), *lock);
            before.is_none_or(|before| before < *lock)
        });
        facts.rewrites.retain(|table| self.rewrites.insert(table.clone()));
        facts.scans.retain(|table| self.scans.insert(table.clone()));
        facts
    }
}

/// Returns the first differences of a state from another one; none where they are the same.
pub(crate) fn difference(wanted: &Catalog, found: &Catalog) -> Option<String> {
    let expectation = Expectation {
        scope: &BTreeSet::new(),
        part: wanted,
        promised: wanted,
        otherwise: wanted,
        same_version: wanted.version_num / 10_000 == found.version_num / 10_000,
    };
    expectation.difference(found)
}
