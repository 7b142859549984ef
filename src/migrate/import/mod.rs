//! Takes over what another runner has applied: its history table is read, and the ledger gets a row for each.

mod checksums;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

pub(super) use tables::is_of_runner;

use super::accept;
use super::directory::{Migration, title};
use super::outlook::Migrator;
use super::state::State;
use super::version::Version;
use crate::apply::Options;
use crate::apply::files::Engine;
use crate::apply::ledger::migrations::{self, Entry, Origin};
use crate::error::{Error, Result};

/// A runner whose history can be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names of products")]
pub enum Tool {
    Flyway,
    Liquibase,
    Dbmate,
    GolangMigrate,
    Sqlx,
    Refinery,
    Prisma,
    Drizzle,
    Rails,
    Alembic,
}

impl Tool {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Flyway, "flyway"),
        (Self::Liquibase, "liquibase"),
        (Self::Dbmate, "dbmate"),
        (Self::GolangMigrate, "golang-migrate"),
        (Self::Sqlx, "sqlx"),
        (Self::Refinery, "refinery"),
        (Self::Prisma, "prisma"),
        (Self::Drizzle, "drizzle"),
        (Self::Rails, "rails"),
        (Self::Alembic, "alembic"),
    ];
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(tool, _)| tool == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}

impl FromStr for Tool {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(tool, _)| *tool).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|(_, word)| *word).collect();
            Error::usage(format!("`{text}` is no runner whose history is known"))
                .hint(format!("Pass one of {}.", words.join(", ")))
        })
    }
}

/// One line of another runner's history.
#[derive(Debug, Clone, Default)]
struct Line {
    /// How that runner calls it: a version, a name, a path, an identifier.
    id: String,
    /// What it is called beside that.
    name: String,
    /// Checksum as that runner computes it.
    checksum: Option<String>,
    /// When it was applied, as text that the server can read.
    at: Option<String>,
    /// By whom.
    by: Option<String>,
}

/// What another runner's table says.
#[derive(Debug, Default)]
struct History {
    lines: Vec<Line>,
    /// Everything up to the one line is applied too: the runner keeps only where it is.
    is_mark: bool,
}

/// How a history is taken over.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Runner; found by its table where it is not named.
    pub tool: Option<Tool>,
    /// What that runner calls a migration, to the version of its file.
    pub mapping: BTreeMap<String, String>,
    /// Whether files that differ from what that runner ran are taken as they are.
    pub accept_changed: bool,
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Runner.
    pub tool: Tool,
    /// Its table.
    pub table: String,
    /// Migrations that have files, by title.
    pub migrations: Vec<String>,
    /// Versions for which there is no SQL file; they are recorded without one.
    pub without_file: Vec<String>,
}

/// Reads a mapping file: lines of what another runner calls a migration, and the version of its file.
pub fn read_mapping(path: &str, text: &str) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts = line.split_once('=').or_else(|| line.split_once(char::is_whitespace));
        let parts = parts.map(|(id, version)| (id.trim(), version.trim()));
        let Some((id, version)) = parts.filter(|(id, version)| !id.is_empty() && Version::parse(version).is_some())
        else {
            return Err(Error::usage(format!("{path}:{}:1: this is no mapping", at + 1)).hint(
                "Write one line per migration: what the other runner calls it, `=`, and the version of its file.",
            ));
        };
        out.insert(id.to_owned(), version.to_owned());
    }
    Ok(out)
}

impl Migrator<'_> {
    /// Takes over another runner's history. Its table stays as it is.
    ///
    /// Refuses a history that stopped half-way, files that differ from what was run, and a ledger that is not empty.
    pub fn import(&self, wanted: &ImportOptions, options: &Options) -> Result<Imported> {
        let mut ignore = |_| {};
        let mut engine = Engine::open(self.url, options, &mut ignore)?;
        let server = engine.server().clone();
        let state = State::new(self.directory, migrations::read(engine.client(), &server)?);
        if let Some(entry) = state.entries.iter().find(|entry| entry.recorded.is_some()) {
            return Err(
                Error::usage(format!("{} is in the ledger already", entry.title())).hint(
                    "A history is taken over into an empty ledger; `trueup migrate status` shows what this one knows.",
                ),
            );
        }
        let (tool, table) = tables::find(engine.client(), wanted.tool)?;
        let history = tables::read(engine.client(), tool, &table)?;
        let mut matched = Vec::new();
        for (line, migration) in self.matched(&history, tool, &wanted.mapping)? {
            // A repeatable file that was changed since is pending.
            let is_open = match migration.filter(|own| own.is_repeatable()) {
                Some(own) => checksums::differs(tool, &line, own)?,
                None => false,
            };
            if !is_open {
                matched.push((line, migration));
            }
        }
        if !wanted.accept_changed {
            checksums::check(tool, &matched)?;
        }
        let batch = state.next_batch();
        let mut rows = Vec::new();
        let mut out = Imported {
            tool,
            table,
            migrations: Vec::new(),
            without_file: Vec::new(),
        };
        for (line, migration) in &matched {
            let applied = line.at.as_deref().map(|at| (at, line.by.as_deref()));
            if let Some(migration) = migration {
                out.migrations.push(migration.title());
                rows.push(accept::entry(migration, batch, Origin::Import)?.insert_at(None, applied));
            } else {
                let version = version_of(line, &wanted.mapping).ok_or_else(|| unmapped(line, tool))?;
                let name = if version.is_name() { "" } else { &line.name };
                out.without_file.push(title(version.text(), name));
                let entry = Entry {
                    version: (version.text(), version.key()),
                    name,
                    file: None,
                    checksums: None,
                    batch,
                    origin: Origin::Import,
                    statements: 0,
                    rollback_sql: None,
                    execution: None,
                };
                rows.push(entry.insert_at(None, applied));
            }
        }
        if !options.dry_run && !rows.is_empty() {
            migrations::write(engine.client(), &rows)?;
        }
        Ok(out)
    }

    /// Finds the file of each line, in the order of versions.
    fn matched(
        &self,
        history: &History,
        tool: Tool,
        mapping: &BTreeMap<String, String>,
    ) -> Result<Vec<(Line, Option<&Migration>)>> {
        let mut out: Vec<(Line, Option<&Migration>)> = Vec::new();
        for line in &history.lines {
            let found = self.file_of(line, tool, mapping);
            if found.is_none() && version_of(line, mapping).is_none() {
                return Err(unmapped(line, tool));
            }
            if let (Some(found), true) = (found, history.is_mark) {
                let before = self
                    .directory
                    .migrations
                    .iter()
                    .filter(|own| own.version < found.version);
                out.extend(before.map(|own| (Line::default(), Some(own))));
            }
            out.push((line.clone(), found));
        }
        let mut seen: BTreeSet<String> = BTreeSet::new();
        out.retain(|(line, migration)| {
            let version = migration
                .map(|own| own.version.clone())
                .or_else(|| version_of(line, mapping));
            version.is_some_and(|version| seen.insert(version.key()))
        });
        out.sort_by_cached_key(|(line, migration)| {
            migration
                .map(|own| own.version.clone())
                .or_else(|| version_of(line, mapping))
        });
        Ok(out)
    }

    fn file_of(&self, line: &Line, tool: Tool, mapping: &BTreeMap<String, String>) -> Option<&Migration> {
        let all = &self.directory.migrations;
        if tool == Tool::Drizzle && !mapping.contains_key(&line.id) {
            // Drizzle knows a migration by the time that its journal gives it.
            return all
                .iter()
                .find(|own| own.when.is_some_and(|when| when.to_string() == line.id));
        }
        let name = line.name.rsplit('/').next().unwrap_or_default();
        let of_name = || all.iter().find(|own| own.forward.path.rsplit('/').next() == Some(name));
        // The identifiers of Liquibase may be numbers that are no versions.
        if tool == Tool::Liquibase && !mapping.contains_key(&line.id) {
            return of_name();
        }
        let version = version_of(line, mapping)?;
        all.iter().find(|own| own.version == version)
    }
}

/// Returns the version of a line: by the mapping, or as its runner calls it.
fn version_of(line: &Line, mapping: &BTreeMap<String, String>) -> Option<Version> {
    match mapping.get(&line.id) {
        Some(version) => Version::parse(version),
        None if line.id.starts_with("R__") => Some(Version::kept(&line.id)),
        None => Version::parse(&line.id),
    }
}

fn unmapped(line: &Line, tool: Tool) -> Error {
    Error::usage(format!("{tool} has applied `{}`, and no file says that it is that", line.id)).hint(
        "Pass --mapping FILE with one line per migration: what the other runner calls it, `=`, and the version of its file.",
    )
}
