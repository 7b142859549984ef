//! Runs what an outlook holds: under the advisory lock, block by block, each file recorded with what it did.

use serde::Serialize;

use super::outlook::{Item, Migrator, Outlook, Selection};
use super::state::State;
use super::work::Work;
use crate::apply::files::Engine;
use crate::apply::ledger::migrations;
use crate::apply::{self, Approvals, Errand, Guard, Options};
use crate::catalog::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::needs_secrets;
use crate::plan::Direction;
use crate::risk::Risk;

/// What commits together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Each file, as far as its statements can.
    #[default]
    File,
    /// All files together.
    Batch,
    /// Each statement.
    None,
}

/// What happens while files run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What the executor says; steps are files, from 1.
    Executor(apply::Event),
    /// A file begins.
    Started {
        /// Which, from 1.
        at: usize,
        /// Of how many.
        of: usize,
        /// Version and name.
        title: String,
    },
    /// A file is done and recorded, or has failed.
    Ended(Finished),
}

/// One migration that ran: a line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finished {
    /// `migration`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Version and name.
    pub migration: String,
    /// `applied`, `rolled_back` or `failed`.
    pub action: &'static str,
    /// Seconds.
    pub duration: f64,
    /// Checksum of its SQL.
    pub checksum: String,
    /// Execution.
    pub execution: i64,
    /// What stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Number in the ledger; none where nothing was to do.
    pub execution: Option<i64>,
    /// Batch; none where nothing was to do, or on the way back.
    pub batch: Option<i32>,
    /// Migrations that ran, in order.
    pub migrations: Vec<Finished>,
}

impl Migrator<'_> {
    /// Applies what an outlook holds as [`Migrator::run`] does, with what an environment asks for around it: a backup of the
    /// database, hooks (which read the outlook as JSON), and checks.
    pub fn guarded(
        &self,
        outlook: &Outlook,
        what: (&Selection, Mode),
        approvals: &Approvals,
        (options, guard): (&Options, &Guard),
        events: &mut dyn FnMut(Event),
    ) -> Result<Report> {
        refuse(outlook, approvals, options)?;
        let text = serde_json::to_string(outlook).map_err(|error| Error::internal(error.to_string()))?;
        let errand = Errand {
            text: &text,
            is_dangerous: outlook
                .findings
                .iter()
                .any(|placed| placed.finding.risk >= Risk::Dangerous),
        };
        // Two parties tell events: what stands around, and the run itself.
        let events = std::cell::RefCell::new(events);
        let mut tell = |event| (events.borrow_mut())(Event::Executor(event));
        apply::guarded_work(&errand, self.url, options, guard, &mut tell, |options, _| {
            self.run(outlook, what, approvals, options, &mut |event| {
                (events.borrow_mut())(event);
            })
        })
    }

    /// Applies what an outlook holds. What another runner has applied in the meantime is left out.
    ///
    /// Refuses before anything is changed: findings that are not approved (blocked), files that stand in the way (usage).
    /// After that a failure is [`Partial`](ErrorKind::Partial), and the ledger says how far it came.
    pub fn run(
        &self,
        outlook: &Outlook,
        (selection, mode): (&Selection, Mode),
        approvals: &Approvals,
        options: &Options,
        events: &mut dyn FnMut(Event),
    ) -> Result<Report> {
        refuse(outlook, approvals, options)?;
        let nothing = Report {
            execution: None,
            batch: None,
            migrations: Vec::new(),
        };
        if outlook.items.is_empty() || options.dry_run {
            return Ok(nothing);
        }
        // Two parties tell events: the executor, and this.
        let events = std::cell::RefCell::new(events);
        let mut tell = |event| (events.borrow_mut())(Event::Executor(event));
        let mut engine = Engine::open(self.url, options, &mut tell)?;
        let server = engine.server().clone();
        let state = State::new(self.directory, migrations::read(engine.client(), &server)?);
        let items = still_open(outlook, &state, selection)?;
        if items.is_empty() {
            return Ok(nothing);
        }
        know_secrets(&mut engine, options, &items)?;
        let tracked = crate::apply::ledger::follows(engine.client(), &server)?;
        let before = if tracked { Some(engine.introspect()?) } else { None };
        let work = Work {
            direction: outlook.direction,
            execution: migrations::open(
                engine.client(),
                &print(&items),
                &summary(outlook, &items),
                &options.record,
            )?,
            batch: state.next_batch(),
            mode,
            items,
        };
        let told = work.run(&mut engine, &mut |event| (events.borrow_mut())(event));
        engine.refresh();
        let failure = told.outcome.as_ref().err();
        let ended = failure.map(|error| (error.message.as_str(), error.sqlstate.as_deref()));
        let closed = engine.on_any(|client| migrations::close(client, work.execution, ended));
        if let Some(before) = before.filter(|_| !told.finished.is_empty()) {
            let after = engine.introspect()?;
            crate::apply::ledger::record_between(engine.client(), &before, &after, work.execution)?;
        }
        told.outcome?;
        closed?;
        Ok(Report {
            execution: Some(work.execution),
            batch: (outlook.direction == Direction::Forward).then_some(work.batch),
            migrations: told.finished,
        })
    }
}

/// Refuses findings that are not approved; each is named with its place.
fn refuse(outlook: &Outlook, approvals: &Approvals, options: &Options) -> Result<()> {
    let allowed = options.record.allowed;
    let open: Vec<_> = outlook
        .findings
        .iter()
        .filter(|placed| {
            !approvals.cover(&placed.finding) && allowed.is_none_or(|allowed| placed.finding.risk > allowed)
        })
        .map(|placed| {
            let mut finding = placed.finding.clone();
            finding.message = format!("{} ({}:{})", finding.message, placed.place.file, placed.place.line);
            finding
        })
        .collect();
    apply::refuse(&open.iter().collect::<Vec<_>>())
}

/// Leaves out what another runner has done since the outlook was taken.
fn still_open<'a>(outlook: &'a Outlook, state: &State, selection: &Selection) -> Result<Vec<&'a Item>> {
    let row = |item: &Item| {
        let own = state.entries.iter().find(|entry| {
            let recorded = entry.recorded.as_ref();
            recorded.is_some_and(|row| row.key == item.key())
        });
        own.and_then(|entry| entry.recorded.clone())
    };
    if outlook.direction == Direction::Forward {
        state.must_be_clear(selection.allow_out_of_order || selection.only.is_some())?;
        let applied = |item: &Item| {
            let is_same = |row: &migrations::Recorded| {
                !item.again || row.checksum.as_deref().is_none_or(|checksum| checksum == item.checksum)
            };
            row(item).is_some_and(|row| row.standing == migrations::Standing::Applied && is_same(&row))
        };
        let open: Vec<&Item> = outlook.items.iter().filter(|item| !applied(item)).collect();
        let moved = open.iter().find(|item| {
            let now = row(item).filter(|_| !item.again).map_or(0, |row| row.done);
            now != i32::try_from(item.skip).unwrap_or(i32::MAX)
        });
        return moved.map_or(Ok(open.clone()), |item| Err(raced(&item.title())));
    }
    let gone = outlook
        .items
        .iter()
        .find(|item| row(item).map(|row| row.id) != item.row.as_ref().map(|row| row.id));
    match gone {
        Some(item) => Err(raced(&item.title())),
        None => Ok(outlook.items.iter().collect()),
    }
}

/// Makes sure that the values of all secrets that files name by marks are known, before the first file runs.
fn know_secrets(engine: &mut Engine, options: &Options, items: &[&Item]) -> Result<()> {
    let lines = items.iter().flat_map(|item| item.program.lines.iter().skip(item.skip));
    let marked: Vec<_> = lines.filter(|line| needs_secrets(&line.sql)).collect();
    if marked.is_empty() {
        return Ok(());
    }
    let server = engine.server().clone();
    options.secrets.learn_live(engine.client(), &server)?;
    for line in &marked {
        let missing = options.secrets.missing(&line.sql);
        if !missing.is_empty() {
            return Err(Error::new(
                ErrorKind::Blocked,
                format!("{}: nobody knows the value behind {}", line.place, missing.join(", ")),
            )
            .hint(
                "A mark stands for a secret that the target files state: name them with --schema, or write the value into \
                 the file. Nothing was changed.",
            ));
        }
        options
            .secrets
            .filled(&line.sql)
            .map_err(|error| error.context(line.place.to_string()))?;
    }
    Ok(())
}

fn raced(title: &str) -> Error {
    Error::new(
        ErrorKind::Moved,
        format!("another runner has worked on {title} since this command looked"),
    )
    .hint("Run the command again: nothing was changed.")
}

fn print(items: &[&Item]) -> String {
    let checksums: Vec<&str> = items.iter().map(|item| item.checksum.as_str()).collect();
    Fingerprint::of(&checksums).to_string()
}

fn summary(outlook: &Outlook, items: &[&Item]) -> serde_json::Value {
    let titles: Vec<String> = items.iter().map(|item| item.title()).collect();
    let statements: usize = items.iter().map(|item| item.statements.len()).sum();
    let mut findings: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for placed in &outlook.findings {
        *findings.entry(&placed.finding.code).or_default() += 1;
    }
    serde_json::json!({
        "direction": if outlook.direction == Direction::Forward { "up" } else { "down" },
        "migrations": titles,
        "statements": statements,
        "findings": findings,
    })
}

/// Returns the last part of a path, with its folder where every file has the same name.
pub(super) fn file_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if matches!(name, "migration.sql" | "up.sql") {
        let parent = path.len() - name.len();
        let start = path[..parent.saturating_sub(1)]
            .rfind(['/', '\\'])
            .map_or(0, |at| at + 1);
        return &path[start..];
    }
    name
}
