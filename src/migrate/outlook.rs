//! What a command would run: the files with their statements, tried on scratch and judged, before anything is changed.

use rayon::prelude::*;
use serde::Serialize;

use super::directory::{Directory, Migration, Script, title};
use super::program::{Block, Line, Program};
use super::rate::Placed;
use super::state::{Condition, Entry, State};
use super::trial::Trial;
use super::version::Version;
use crate::apply::ledger::migrations::{self, Recorded, Standing};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::kinds::Facts;
use crate::migrate::checksum::Checksum;
use crate::plan::Direction;
use crate::prove::files::Attempt;
use crate::reconcile::Setup;

/// Which migrations a command is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Up to and with this version; on the way back this one stays.
    pub to: Option<Version>,
    /// This many.
    pub steps: Option<usize>,
    /// The newest batch, on the way back.
    pub batch: bool,
    /// This one alone.
    pub only: Option<Version>,
    /// Whether files that are older than what is applied run too.
    pub allow_out_of_order: bool,
    /// Whether a rollback that does not restore what was before is a note instead of an error.
    pub accept_rollback: bool,
}

/// One migration that would run.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// Version.
    pub version: String,
    /// Name.
    pub name: String,
    /// Path of the file, or what the rollback is taken from.
    pub file: String,
    /// Statements that would run.
    pub statements: Vec<String>,
    /// Checksum of its SQL.
    pub checksum: String,
    #[serde(skip)]
    pub(super) program: Program,
    #[serde(skip)]
    pub(super) rollback: Option<Program>,
    #[serde(skip)]
    pub(super) migration: Option<Migration>,
    #[serde(skip)]
    pub(super) row: Option<Recorded>,
    /// Whether it was applied before, as it was then.
    #[serde(skip)]
    pub(super) again: bool,
    /// Statements that an earlier run has done.
    #[serde(skip)]
    pub(super) skip: usize,
    /// What each statement was seen to do to tables of the live database; none where it was not tried.
    #[serde(skip)]
    pub(super) seen: Option<Vec<Facts>>,
}

impl Item {
    /// Returns version and name.
    pub fn title(&self) -> String {
        title(&self.version, &self.name)
    }

    pub(super) fn key(&self) -> String {
        Version::kept(&self.version).key()
    }

    /// Returns the blocks that are still to run.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let open = |block: &Block| {
            let done = self.skip.saturating_sub(block.first).min(block.count);
            Block {
                in_transaction: block.in_transaction,
                first: block.first + done,
                count: block.count - done,
            }
        };
        let blocks = self.program.blocks.iter().map(open);
        blocks.filter(|block| block.count > 0).collect()
    }

    pub(super) fn attempt(&self) -> Attempt<'_> {
        let lines = &self.program.lines[self.skip.min(self.program.lines.len())..];
        attempt(lines, &self.blocks())
    }
}

pub(super) fn attempt<'a>(lines: &'a [Line], blocks: &[Block]) -> Attempt<'a> {
    let about_cluster = |(_, line): &(usize, &Line)| line.node.as_ref().is_some_and(super::outside::is_about_cluster);
    Attempt {
        about_cluster: lines
            .iter()
            .enumerate()
            .filter(about_cluster)
            .map(|(at, _)| at)
            .collect(),
        sentences: lines.iter().map(|line| line.sql.as_str()).collect(),
        blocks: blocks.iter().map(|block| (block.in_transaction, block.count)).collect(),
    }
}

/// What a command would run.
#[derive(Debug, Clone, Serialize)]
pub struct Outlook {
    /// Direction.
    #[serde(serialize_with = "direction")]
    pub direction: Direction,
    /// Migrations in the order in which they would run.
    pub items: Vec<Item>,
    /// What the rules found, at the statements.
    pub findings: Vec<Placed>,
    /// What could not be tried, and why.
    pub notes: Vec<String>,
    /// Server on which the files were tried; none where they were not.
    pub proven_on: Option<String>,
    /// Files of which it is known that they hold: the same ones ran on the same schema before.
    pub remembered: usize,
}

impl Outlook {
    /// Tells whether files name secrets by marks, whose values [`Options`](crate::apply::Options) must then know.
    pub fn needs_secrets(&self) -> bool {
        let statements = self.items.iter().flat_map(|item| &item.statements);
        statements.into_iter().any(|sql| crate::kinds::needs_secrets(sql))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn direction<S: serde::Serializer>(direction: &Direction, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(match direction {
        Direction::Forward => "forward",
        Direction::Rollback => "rollback",
    })
}

/// A folder of migrations and the database that it is for.
#[derive(Debug, Clone, Copy)]
pub struct Migrator<'a> {
    /// What may be used of this machine.
    pub setup: &'a Setup,
    /// The live database.
    pub url: &'a Url,
    /// The folder.
    pub directory: &'a Directory,
}

impl Migrator<'_> {
    /// Compares the folder with the ledger. A fixed number of round trips; nothing is written and nothing is locked.
    pub fn state(&self) -> Result<State> {
        let mut client = self.url.connect()?;
        let server = Server::read(&mut client)?;
        Ok(State::new(self.directory, migrations::read(&mut client, &server)?))
    }

    /// Tells what `up` would run: pending files, understood, tried on scratch forward and back, and judged.
    pub fn outlook_up(&self, selection: &Selection) -> Result<Outlook> {
        let state = self.state()?;
        let items = self.pending(&state, selection)?;
        self.look(Direction::Forward, items, selection)
    }

    /// Tells what `down` would run: by default the rollback of what was applied last.
    pub fn outlook_down(&self, selection: &Selection) -> Result<Outlook> {
        let mut client = self.url.connect()?;
        let server = Server::read(&mut client)?;
        let state = State::new(self.directory, migrations::read(&mut client, &server)?);
        let mut items = Vec::new();
        for entry in chosen_back(&state, selection)? {
            items.push(self.back(entry, &mut client)?);
        }
        self.look(Direction::Rollback, items, selection)
    }

    /// Returns the files that are to run.
    pub(super) fn pending(&self, state: &State, selection: &Selection) -> Result<Vec<Item>> {
        state.must_be_clear(selection.allow_out_of_order || selection.only.is_some())?;
        let chosen = chosen(state, selection)?;
        let with_file = chosen.into_iter().filter_map(|entry| {
            let migration = self.directory.migrations.get(entry.index?)?;
            Some((migration, entry))
        });
        let with_file: Vec<_> = with_file.collect();
        let items = with_file.par_iter().map(|(migration, entry)| item(migration, entry));
        // Of several mistakes the first one is told, whichever thread finds one first.
        let items: Vec<Result<Item>> = items.collect();
        items.into_iter().collect()
    }

    /// Reads the rollback of an applied migration: as it was when that was applied, or else its file.
    fn back(&self, entry: &Entry, client: &mut postgres::Client) -> Result<Item> {
        let migration = entry.index.and_then(|index| self.directory.migrations.get(index));
        let row = entry
            .recorded
            .clone()
            .ok_or_else(|| Error::internal("a migration that is not applied goes back"))?;
        let file = migration.and_then(|migration| migration.rollback.clone());
        let kept = migrations::rollback_sql(client, row.id)?;
        let script = match (kept, file) {
            (Some(kept), file) => {
                let checksum = Checksum::of(&kept);
                match file {
                    Some(file) if file.checksum.normal == checksum.normal => file,
                    _ => Script {
                        path: format!("rollback of {} in the ledger", entry.title()),
                        text: kept,
                        checksum,
                    },
                }
            }
            (None, Some(file)) => file,
            (None, None) => {
                return Err(Error::usage(format!("{} has no rollback", entry.title())).hint(
                    "Write one, in the layout of the folder (for example `001_name_rollback.sql`), and run the command again.",
                ));
            }
        };
        let header = super::header::Header::read(&script.path, &script.text)?;
        let program = Program::read(&script, header.no_transaction)?;
        let skip = if row.rolling_back { count(row.done) } else { 0 };
        Ok(Item {
            again: false,
            version: entry.version.clone(),
            name: entry.name.clone(),
            statements: statements(&program, skip),
            file: script.path,
            checksum: script.checksum.normal,
            program,
            rollback: None,
            migration: migration.cloned(),
            row: Some(row),
            skip,
            seen: None,
        })
    }

    fn look(&self, direction: Direction, items: Vec<Item>, selection: &Selection) -> Result<Outlook> {
        let mut out = Outlook {
            direction,
            items,
            findings: Vec::new(),
            notes: Vec::new(),
            proven_on: None,
            remembered: 0,
        };
        if self.setup.prove && !out.items.is_empty() {
            Trial::new(self, &out)?.run(&mut out, selection)?;
        }
        Ok(out)
    }
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn statements(program: &Program, skip: usize) -> Vec<String> {
    let lines = program.lines.iter().skip(skip);
    lines.map(|line| line.sql.clone()).collect()
}

/// Understands a migration that is to run.
pub(super) fn item(migration: &Migration, entry: &Entry) -> Result<Item> {
    let program = Program::read(&migration.forward, migration.header.no_transaction)?;
    let row = entry.recorded.clone();
    if let Some(row) = row.as_ref().filter(|row| row.rolling_back) {
        return Err(Error::usage(format!(
            "the rollback of {} stopped after {} of {} statements",
            entry.title(),
            row.done,
            row.statements
        ))
        .hint("Run `trueup migrate down` to finish it."));
    }
    let again = migration.is_repeatable() && row.as_ref().is_some_and(|row| row.standing == Standing::Applied);
    let skip = row.as_ref().filter(|_| !again).map_or(0, |row| count(row.done));
    Ok(Item {
        again,
        version: migration.version.text().to_owned(),
        name: migration.name.clone(),
        file: migration.forward.path.clone(),
        statements: statements(&program, skip),
        checksum: migration.forward.checksum.normal.clone(),
        rollback: rollback(migration)?,
        migration: Some(migration.clone()),
        program,
        row,
        skip,
        seen: None,
    })
}

/// Understands the way back of a migration.
pub(super) fn rollback(migration: &Migration) -> Result<Option<Program>> {
    let Some(script) = &migration.rollback else {
        return Ok(None);
    };
    let header = super::header::Header::read(&script.path, &script.text)?;
    Program::read(script, header.no_transaction).map(Some)
}

fn unknown(version: &Version) -> Error {
    Error::usage(format!("there is no migration {version}"))
        .hint("`trueup migrate list` shows the versions of the folder.")
}

/// Returns what `up` is about.
fn chosen<'a>(state: &'a State, selection: &Selection) -> Result<Vec<&'a Entry>> {
    let version = |entry: &Entry| Some(Version::kept(&entry.version));
    for wanted in selection.to.iter().chain(&selection.only) {
        if !state
            .entries
            .iter()
            .any(|entry| version(entry).as_ref() == Some(wanted))
        {
            return Err(unknown(wanted));
        }
    }
    let open = state.entries.iter().filter(|entry| {
        matches!(
            entry.condition,
            Condition::Pending | Condition::OutOfOrder | Condition::Partial
        )
    });
    let wanted = open.filter(|entry| match (&selection.only, &selection.to) {
        (Some(only), _) => version(entry).as_ref() == Some(only),
        (None, Some(to)) => version(entry).is_some_and(|version| version <= *to),
        (None, None) => true,
    });
    Ok(wanted.take(selection.steps.unwrap_or(usize::MAX)).collect())
}

/// Returns what `down` is about, last applied first.
fn chosen_back<'a>(state: &'a State, selection: &Selection) -> Result<Vec<&'a Entry>> {
    let mut applied = state.applied();
    // What a repeatable file made has no state before it.
    applied.retain(|entry| !entry.repeatable);
    let version = |entry: &Entry| Some(Version::kept(&entry.version));
    let batch = |entry: &Entry| entry.recorded.as_ref().map(|row| row.batch);
    if let Some(only) = &selection.only {
        let found = applied.into_iter().find(|entry| version(entry).as_ref() == Some(only));
        return found.map(|entry| vec![entry]).ok_or_else(|| {
            Error::usage(format!("migration {only} is not applied"))
                .hint("`trueup migrate status` shows what is applied.")
        });
    }
    if let Some(to) = &selection.to {
        let is_known = to.first() == 0 || applied.iter().any(|entry| version(entry).as_ref() == Some(to));
        if !is_known {
            return Err(Error::usage(format!("migration {to} is not applied"))
                .hint("Name the version that stays, or 0 to take everything back."));
        }
        return Ok(applied
            .into_iter()
            .filter(|entry| version(entry).is_some_and(|version| version > *to || (to.key() == "0" && version != *to)))
            .collect());
    }
    if selection.batch {
        let newest = applied.iter().filter_map(|entry| batch(entry)).max();
        return Ok(applied.into_iter().filter(|entry| batch(entry) == newest).collect());
    }
    Ok(applied.into_iter().take(selection.steps.unwrap_or(1)).collect())
}

/// Returns the first line of a statement.
pub(super) fn first_line(sql: &str) -> String {
    let mut lines = sql.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() {
        format!("{first} …")
    } else {
        first
    }
}
