//! Files against ledger: what is applied, what is pending, and what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::directory::{Directory, Migration, OUTSIDE, title};
use super::header::Header;
use super::version::Version;
use crate::apply::ledger::migrations::{Origin, Recorded, Standing};
use crate::error::{Error, ErrorKind, Result};

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It was applied, and its file is as it was.
    Applied,
    /// It was not applied.
    Pending,
    /// It was not applied, and a later one was.
    OutOfOrder,
    /// It was applied, and its file was changed since.
    Divergent,
    /// It was applied, and its file is gone.
    Missing,
    /// It stopped part-way.
    Partial,
}

impl Condition {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::OutOfOrder => "out of order",
            Self::Divergent => "divergent",
            Self::Missing => "missing",
            Self::Partial => "partial",
        }
    }
}

/// One migration, by its file or by the ledger or both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Version as it is written.
    pub version: String,
    /// Name.
    pub name: String,
    /// How it stands.
    pub condition: Condition,
    /// Whether it runs again whenever its file was changed.
    pub repeatable: bool,
    /// Path of its file.
    pub file: Option<String>,
    /// Whether there is a way back: a file, or what the ledger keeps.
    pub has_rollback: bool,
    /// What the top of the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// What the ledger knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// Index of the migration in the folder.
    #[serde(skip)]
    pub index: Option<usize>,
}

impl Entry {
    /// Returns version and name.
    pub fn title(&self) -> String {
        title(&self.version, &self.name)
    }
}

/// What stands in the way of `up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Sort: `divergent`, `missing`, `duplicate`, `out_of_order`, `orphan`, `dependency` or `partial`.
    pub kind: &'static str,
    /// What is wrong, as a lower-case fragment that names the files.
    pub message: String,
    /// What to do, as a full sentence.
    pub hint: String,
}

/// Files against ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// Every migration, by version.
    pub entries: Vec<Entry>,
    /// What stands in the way.
    pub problems: Vec<Problem>,
    /// Migrations that were rolled back, newest first.
    pub rolled_back: Vec<Recorded>,
    /// SQL files that are no migration.
    pub strangers: Vec<String>,
    /// Newest batch.
    #[serde(skip)]
    batch: i32,
}

impl State {
    /// Compares a folder with the ledger.
    pub fn new(directory: &Directory, mut recorded: Vec<Recorded>) -> Self {
        let batch = recorded.iter().map(|row| row.batch).max().unwrap_or(0);
        if directory.is_one_file() {
            let own: Vec<String> = directory.migrations.iter().map(|own| own.version.key()).collect();
            recorded.retain(|row| own.contains(&row.key));
        }
        let (rolled_back, active): (Vec<_>, Vec<_>) = recorded
            .into_iter()
            .partition(|row| row.standing == Standing::RolledBack);
        let active: BTreeMap<String, Recorded> = active.into_iter().map(|row| (row.key.clone(), row)).collect();
        let newest = active.values().filter_map(|row| Version::parse(&row.version)).max();
        let mut builder = Builder {
            active,
            newest,
            out: Self {
                entries: Vec::new(),
                problems: Vec::new(),
                rolled_back: rolled_back.into_iter().rev().collect(),
                strangers: directory.strangers.clone(),
                batch,
            },
        };
        builder.duplicates(directory);
        builder.files(directory);
        builder.orphans(directory);
        builder.missing(directory);
        let mut out = builder.out;
        out.entries
            .sort_by_cached_key(|entry| (Version::kept(&entry.version), entry.name.clone()));
        out
    }

    /// Returns the entries of a condition.
    pub fn with(&self, condition: Condition) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.condition == condition)
    }

    /// Returns the number of the next batch.
    pub fn next_batch(&self) -> i32 {
        self.batch + 1
    }

    /// Returns what is applied, last applied first.
    pub fn applied(&self) -> Vec<&Entry> {
        let mut out: Vec<&Entry> = self.entries.iter().filter(|entry| entry.recorded.is_some()).collect();
        out.sort_by_key(|entry| std::cmp::Reverse(entry.recorded.as_ref().map(|row| row.id)));
        out
    }

    /// Refuses to go on where something stands in the way.
    pub fn must_be_clear(&self, allow_out_of_order: bool) -> Result<()> {
        let open: Vec<&Problem> = self
            .problems
            .iter()
            .filter(|problem| !(allow_out_of_order && problem.kind == "out_of_order"))
            .collect();
        let Some(first) = open.first() else { return Ok(()) };
        let mut error = Error::new(ErrorKind::Usage, first.message.clone()).hint(first.hint.clone());
        error.detail = open.iter().skip(1).map(|problem| problem.message.clone()).collect();
        Err(error)
    }
}

struct Builder {
    active: BTreeMap<String, Recorded>,
    newest: Option<Version>,
    out: State,
}

impl Builder {
    fn problem(&mut self, kind: &'static str, message: String, hint: impl Into<String>) {
        self.out.problems.push(Problem {
            kind,
            message,
            hint: hint.into(),
        });
    }

    fn duplicates(&mut self, directory: &Directory) {
        for pair in directory.migrations.windows(2) {
            let [first, second] = pair else { continue };
            if first.version == second.version {
                // What is applied keeps its number.
                let is_second = self
                    .active
                    .get(&second.version.key())
                    .is_some_and(|row| row.name == second.name);
                let (kept, moved) = if is_second { (second, first) } else { (first, second) };
                self.problem(
                    "duplicate",
                    format!(
                        "version {} is given twice: {} and {}",
                        first.version, first.forward.path, second.forward.path
                    ),
                    format!(
                        "`trueup migrate renumber {}` gives that one the next free number and leaves `{}` as it is.",
                        moved.forward.path,
                        kept.title()
                    ),
                );
            }
        }
    }

    fn files(&mut self, directory: &Directory) {
        let versions: BTreeSet<String> = directory.migrations.iter().map(|own| own.version.key()).collect();
        for (index, migration) in directory.migrations.iter().enumerate() {
            let key = migration.version.key();
            // Of two files with one version the ledger's row belongs to the one with its name.
            let row = self
                .active
                .get(&key)
                .filter(|row| row.name == migration.name || twins(directory, &migration.version) == 1)
                .cloned();
            let condition = self.condition(migration, row.as_ref());
            self.dependencies(migration, &versions);
            self.out.entries.push(Entry {
                version: migration.version.text().to_owned(),
                name: migration.name.clone(),
                condition,
                repeatable: migration.is_repeatable(),
                file: Some(migration.forward.path.clone()),
                has_rollback: migration.rollback.is_some(),
                header: Some(migration.header.clone()),
                recorded: row,
                index: Some(index),
            });
        }
    }

    fn condition(&mut self, migration: &Migration, row: Option<&Recorded>) -> Condition {
        let replaces = !migration.header.replaces.is_empty();
        let Some(row) = row else {
            let applied = migration.header.replaces.iter().filter(|version| {
                Version::parse(version).is_some_and(|version| self.active.contains_key(&version.key()))
            });
            if applied.count() > 0 {
                self.problem(
                    "partial",
                    format!(
                        "{} stands for migrations of which this database has only some",
                        migration.forward.path
                    ),
                    "Bring the database up with the files that it replaces first: check out the commit before the squash.",
                );
                return Condition::Pending;
            }
            return self.pending(migration);
        };
        let is_same = row
            .checksum
            .as_ref()
            .is_none_or(|checksum| *checksum == migration.forward.checksum.normal);
        if row.standing == Standing::Partial {
            if !is_same && !row.rolling_back {
                self.problem(
                    "divergent",
                    format!(
                        "{} stopped after {} of {} statements, and was changed since",
                        migration.forward.path, row.done, row.statements
                    ),
                    "Restore the file as it was and run `trueup migrate up`, or take it back with `trueup migrate down`.",
                );
            }
            return Condition::Partial;
        }
        if is_same || replaces {
            return Condition::Applied;
        }
        if migration.is_repeatable() {
            return Condition::Pending;
        }
        let hint = if migration.version.is_name() {
            "Take it back first with `trueup migrate run FILE --rollback`, or give the changed file another name."
                .to_owned()
        } else {
            format!(
                "Restore the file and write the change as a new migration; where the database is right as it is, `trueup \
                 migrate repair {} --reason TEXT` accepts the file.",
                migration.version
            )
        };
        self.problem(
            "divergent",
            format!(
                "{} was changed after it was applied on {}",
                migration.forward.path, row.applied_at
            ),
            hint,
        );
        Condition::Divergent
    }

    fn pending(&mut self, migration: &Migration) -> Condition {
        let Some(newest) = self.newest.clone().filter(|newest| migration.version < *newest) else {
            return Condition::Pending;
        };
        let newest = self
            .active
            .get(&newest.key())
            .map_or_else(|| newest.to_string(), |row| title(&row.version, &row.name));
        self.problem(
            "out_of_order",
            format!(
                "{} is older than {newest}, which is applied already",
                migration.forward.path
            ),
            format!(
                "`trueup migrate renumber {}` puts it last; `--allow-out-of-order` runs it as it is.",
                migration.forward.path
            ),
        );
        Condition::OutOfOrder
    }

    fn dependencies(&mut self, migration: &Migration, versions: &BTreeSet<String>) {
        for text in &migration.header.depends_on {
            let Some(version) = Version::parse(text) else { continue };
            let known = versions.contains(&version.key()) || self.active.contains_key(&version.key());
            if !known {
                self.problem(
                    "dependency",
                    format!(
                        "{} depends on {version}, for which there is no file",
                        migration.forward.path
                    ),
                    "Add the file, or correct the `Depends-On` line.",
                );
            } else if version >= migration.version {
                self.problem(
                    "dependency",
                    format!("{} depends on {version}, which comes after it", migration.forward.path),
                    format!("`trueup migrate renumber {}` puts it last.", migration.forward.path),
                );
            }
        }
    }

    fn orphans(&mut self, directory: &Directory) {
        for path in &directory.orphans {
            self.problem(
                "orphan",
                format!("{path} takes back a migration that is not there"),
                "Name it like its migration, or remove it.",
            );
        }
    }

    fn missing(&mut self, directory: &Directory) {
        let known: BTreeSet<String> = directory
            .migrations
            .iter()
            .flat_map(|own| {
                let replaced = own.header.replaces.iter().filter_map(|text| Version::parse(text));
                replaced.map(|version| version.key()).chain([own.version.key()])
            })
            .collect();
        let rows: Vec<Recorded> = self.active.values().cloned().collect();
        for row in rows {
            if known.contains(&row.key) {
                continue;
            }
            // What another runner applied from something else than SQL has no file to miss.
            let has_name = Version::kept(&row.version).is_name();
            let is_outside = row.version.starts_with(OUTSIDE);
            let is_missing = !is_outside && (row.file.is_some() || row.origin == Origin::Run);
            // A repeatable file that is gone runs no more, and nothing depends on its order.
            if is_missing && !has_name {
                self.problem(
                    "missing",
                    format!(
                        "{} was applied on {}, and its file is gone",
                        title(&row.version, &row.name),
                        row.applied_at
                    ),
                    format!(
                        "Restore the file `{}`, or take the migration back with `trueup migrate down`: the ledger keeps its \
                         rollback.",
                        row.file.as_deref().unwrap_or_default()
                    ),
                );
            }
            self.out.entries.push(Entry {
                version: row.version.clone(),
                name: row.name.clone(),
                condition: if is_missing {
                    Condition::Missing
                } else {
                    Condition::Applied
                },
                repeatable: has_name && !is_outside,
                file: None,
                has_rollback: false,
                header: None,
                recorded: Some(row),
                index: None,
            });
        }
    }
}

fn twins(directory: &Directory, version: &Version) -> usize {
    let from = directory.migrations.partition_point(|own| own.version < *version);
    directory.migrations[from..]
        .iter()
        .take_while(|own| own.version == *version)
        .count()
}
