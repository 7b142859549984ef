//! What is written to the ledger without running anything: baselines and repairs.

use super::directory::Migration;
use super::outlook::Migrator;
use super::program::Program;
use super::run::file_name;
use super::state::{Condition, State};
use super::version::Version;
use crate::apply::Options;
use crate::apply::files::Engine;
use crate::apply::ledger::migrations::{self, Entry, Origin};
use crate::catalog::quote::literal;
use crate::error::{Error, Result};

/// Returns the row of a migration that is not run here.
pub(super) fn entry(migration: &Migration, batch: i32, origin: Origin) -> Result<Entry<'_>> {
    let program = Program::read(&migration.forward, migration.header.no_transaction)?;
    Ok(Entry {
        version: (migration.version.text(), migration.version.key()),
        name: &migration.name,
        file: Some(file_name(&migration.forward.path)),
        checksums: Some((&migration.forward.checksum.normal, &migration.forward.checksum.raw)),
        batch,
        origin,
        statements: program.lines.len(),
        rollback_sql: migration.rollback.as_ref().map(|script| script.text.as_str()),
        execution: None,
    })
}

impl Migrator<'_> {
    /// Records every file up to a version as applied, without running it: the database is there already. Returns the
    /// titles of what was recorded.
    pub fn baseline(&self, to: &Version, options: &Options) -> Result<Vec<String>> {
        if self.directory.find(to).is_none() {
            return Err(Error::usage(format!("there is no migration {to}"))
                .hint("`trueup migrate list` shows the versions of the folder."));
        }
        let mut ignore = |_| {};
        let mut engine = Engine::open(self.url, options, &mut ignore)?;
        let server = engine.server().clone();
        let state = State::new(self.directory, migrations::read(engine.client(), &server)?);
        if let Some(entry) = state.entries.iter().find(|entry| entry.recorded.is_some()) {
            return Err(Error::usage(format!("{} is applied already", entry.title())).hint(
                "A baseline is for a database that knows no migrations yet; `trueup migrate status` shows what this one knows.",
            ));
        }
        let batch = state.next_batch();
        let mut rows = Vec::new();
        let mut out = Vec::new();
        for migration in self.directory.migrations.iter().filter(|own| own.version <= *to) {
            rows.push(entry(migration, batch, Origin::Baseline)?.insert(None));
            out.push(migration.title());
        }
        if !options.dry_run {
            migrations::write(engine.client(), &rows)?;
        }
        Ok(out)
    }

    /// Accepts that the file of an applied migration was changed, with a reason that the ledger keeps. Returns the titles
    /// of what was accepted: one version, or every divergent one.
    pub fn repair(&self, version: Option<&Version>, reason: &str, options: &Options) -> Result<Vec<String>> {
        if reason.trim().is_empty() {
            return Err(Error::usage("a repair needs a reason").hint("Pass --reason TEXT; the ledger keeps it."));
        }
        let mut ignore = |_| {};
        let mut engine = Engine::open(self.url, options, &mut ignore)?;
        let server = engine.server().clone();
        let state = State::new(self.directory, migrations::read(engine.client(), &server)?);
        let mut rows = Vec::new();
        let mut out = Vec::new();
        for entry in state.with(Condition::Divergent) {
            let migration = entry.index.and_then(|index| self.directory.migrations.get(index));
            let (Some(migration), Some(row)) = (migration, &entry.recorded) else {
                continue;
            };
            if version.is_some_and(|version| *version != migration.version) {
                continue;
            }
            let checksum = &migration.forward.checksum;
            let rollback = migration.rollback.as_ref().map(|script| literal(&script.text));
            rows.push(format!(
                "UPDATE trueup.migration SET checksum = {}, checksum_raw = {}, rollback_sql = coalesce({}, rollback_sql), note = \
                 concat_ws(E'\\n', note, pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || ' ' || current_user || ': ' || {}) WHERE id = {}",
                literal(&checksum.normal),
                literal(&checksum.raw),
                rollback.unwrap_or_else(|| "NULL".to_owned()),
                literal(reason.trim()),
                row.id
            ));
            out.push(entry.title());
        }
        if let (Some(version), true) = (version, rows.is_empty()) {
            return Err(Error::usage(format!("migration {version} is not divergent"))
                .hint("`trueup migrate status` shows which files were changed after they were applied."));
        }
        if !options.dry_run && !rows.is_empty() {
            migrations::write(engine.client(), &rows)?;
        }
        Ok(out)
    }
}
