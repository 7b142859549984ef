//! A folder of migrations as it lies there: files found, named, paired and read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use super::checksum::Checksum;
use super::header::Header;
use super::layout::{self, Layout, Named, Way};
use super::section;
use super::state::State;
use super::version::Version;
use crate::error::{Error, Result};

/// One direction of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Path as shown to people.
    pub path: String,
    /// SQL; what belongs to the other direction is blank.
    pub text: String,
    /// Checksums.
    pub checksum: Checksum,
}

/// A migration as its files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Version.
    pub version: Version,
    /// Name without version.
    pub name: String,
    /// Way forward.
    pub forward: Script,
    /// Way back, where there is one.
    pub rollback: Option<Script>,
    /// What the top of the file says.
    pub header: Header,
    /// Time that a journal gives it, in milliseconds since 1970.
    pub when: Option<i64>,
}

impl Migration {
    /// Tells whether it runs again whenever it was changed.
    pub fn is_repeatable(&self) -> bool {
        self.version.is_name() && !self.version.text().starts_with(OUTSIDE)
    }

    /// Returns version and name, as messages call it.
    pub fn title(&self) -> String {
        title(self.version.text(), &self.name)
    }
}

/// Returns version and name, as messages call a migration.
pub(crate) fn title(version: &str, name: &str) -> String {
    if name.is_empty() {
        version.to_owned()
    } else {
        format!("{version}_{name}")
    }
}

/// A folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
    /// Layout.
    pub layout: Layout,
    /// Migrations, by version.
    pub migrations: Vec<Migration>,
    /// Rollback files without a migration.
    pub orphans: Vec<String>,
    /// SQL files that are no migration of this layout.
    pub strangers: Vec<String>,
}

impl Directory {
    /// Reads a folder; its layout is detected where none is given.
    ///
    /// # Errors
    /// The folder or a file cannot be read, or a header is wrong.
    pub fn read(path: &Path, wanted: Option<Layout>) -> Result<Self> {
        if !path.is_dir() {
            return Err(Error::usage(format!("no folder of migrations at `{}`", path.display())).hint(
                "Make the first migration with `trueup migrate new NAME`, or name the folder with --dir or `migrations:` \
                 in trueup.yaml.",
            ));
        }
        let mut paths = Vec::new();
        walk(path, "", &mut paths)?;
        paths.sort();
        let layout = wanted.unwrap_or_else(|| layout::detect(&paths));
        let mut out = Self {
            path: path.to_owned(),
            layout,
            migrations: Vec::new(),
            orphans: Vec::new(),
            strangers: Vec::new(),
        };
        let mut named: Vec<(&String, Named)> = Vec::new();
        for file in &paths {
            match layout::named(layout, file) {
                Some(name) => named.push((file, name)),
                None if is_sql(file) => out.strangers.push(out.shown(file)),
                None => {}
            }
        }
        out.pair(&named)?;
        if layout == Layout::Journal {
            out.follow_journal()?;
        }
        Ok(out)
    }

    /// Returns the path of a file of the folder, as shown to people.
    fn shown(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }

    /// Reads the files and gives each way forward its way back.
    fn pair(&mut self, named: &[(&String, Named)]) -> Result<()> {
        let read: Vec<(&Named, Script)> = named
            .par_iter()
            .map(|(file, name)| Ok((name, read_script(&self.path.join(file.as_str()))?)))
            .collect::<Result<_>>()?;
        let mut back: BTreeMap<(Version, String), Script> = BTreeMap::new();
        let mut forward = Vec::new();
        for (name, script) in read {
            match name.way {
                Way::Forward => forward.push((name, script)),
                Way::Back => drop(back.insert((name.version.clone(), name.name.clone()), script)),
            }
        }
        for (name, script) in forward {
            let twin = back.remove(&(name.version.clone(), name.name.clone()));
            self.migrations.push(migration(name, script, twin)?);
        }
        // A twin whose migration was renamed, or that another runner names freely, goes by its version.
        for ((version, name), script) in back {
            let mut of_version = self.migrations.iter_mut().filter(|own| own.version == version);
            match (of_version.next(), of_version.next()) {
                (Some(one), None) if one.rollback.is_none() && (self.layout == Layout::Flyway || one.name == name) => {
                    one.rollback = Some(script);
                }
                _ => self.orphans.push(script.path),
            }
        }
        self.migrations
            .sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
        Ok(())
    }

    /// Puts the migrations into the order of the journal, which alone says what belongs to the folder.
    fn follow_journal(&mut self) -> Result<()> {
        let path = self.path.join("meta/_journal.json");
        let text = fs::read_to_string(&path).map_err(|error| Error::io(format!("read {}", path.display()), &error))?;
        let journal: Journal = serde_json::from_str(&text).map_err(|error| {
            Error::target(format!("{}: {error}", path.display())).hint("Restore the journal as Drizzle wrote it.")
        })?;
        let mut files: BTreeMap<String, Migration> = std::mem::take(&mut self.migrations)
            .into_iter()
            .map(|migration| (migration.title(), migration))
            .collect();
        for entry in journal.entries {
            let Some(mut migration) = files.remove(&entry.tag) else {
                return Err(Error::target(format!(
                    "{} names `{}`, for which there is no file",
                    path.display(),
                    entry.tag
                ))
                .hint("Restore the file, or remove the entry."));
            };
            migration.when = Some(entry.when);
            self.migrations.push(migration);
        }
        self.strangers
            .extend(files.into_values().map(|migration| migration.forward.path));
        self.migrations.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(())
    }

    /// Makes a folder of one file that is in none; its rollback stands beside it.
    pub fn of_file(path: &Path) -> Result<Self> {
        let forward = read_script(path)?;
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let twins = ["_rollback.sql", ".rollback.sql", "-rollback.sql", ".down.sql"];
        let twins = twins.iter().map(|end| {
            let stem = if *end == ".down.sql" {
                stem.trim_end_matches(".up")
            } else {
                stem.as_str()
            };
            path.with_file_name(format!("{stem}{end}"))
        });
        let twin = twins.into_iter().find(|twin| twin.is_file());
        let named = Named {
            version: Version::named(format!("{OUTSIDE}{stem}")),
            name: String::new(),
            way: Way::Forward,
        };
        let rollback = twin.map(|twin| read_script(&twin)).transpose()?;
        Ok(Self {
            path: path.parent().map(Path::to_owned).unwrap_or_default(),
            layout: Layout::Numbered,
            migrations: vec![migration(&named, forward, rollback)?],
            orphans: Vec::new(),
            strangers: Vec::new(),
        })
    }

    /// Returns the folder with the files that are applied alone.
    #[must_use]
    pub fn applied(&self, state: &State) -> Self {
        let is_applied = |at: &usize| {
            let mut entries = state.entries.iter().filter(|entry| entry.recorded.is_some());
            entries.any(|entry| entry.index == Some(*at))
        };
        let applied = (0..self.migrations.len()).filter(is_applied);
        Self {
            migrations: applied.map(|at| self.migrations[at].clone()).collect(),
            ..self.clone()
        }
    }

    /// Tells whether this is one file outside of a folder.
    pub(super) fn is_one_file(&self) -> bool {
        matches!(self.migrations.as_slice(), [one] if one.version.text().starts_with(OUTSIDE))
    }

    /// Returns the migration of a version.
    pub fn find(&self, version: &Version) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.version == *version)
    }
}

/// What the name of a file outside of the folder begins with in the ledger.
pub(super) const OUTSIDE: &str = "file:";

#[derive(Deserialize)]
struct Journal {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tag: String,
    when: i64,
}

fn migration(name: &Named, script: Script, twin: Option<Script>) -> Result<Migration> {
    let header = Header::read(&script.path, &script.text)?;
    let (forward, rollback) = match section::split(&script.text) {
        None => (script, twin),
        Some(sections) => {
            let of = |text: String| Script {
                path: script.path.clone(),
                checksum: Checksum {
                    raw: script.checksum.raw.clone(),
                    ..Checksum::of(&text)
                },
                text,
            };
            (of(sections.forward), sections.back.map(of).or(twin))
        }
    };
    Ok(Migration {
        version: name.version.clone(),
        name: name.name.clone(),
        forward,
        rollback,
        header,
        when: None,
    })
}

/// Reads one script.
pub(super) fn read_script(path: &Path) -> Result<Script> {
    let shown = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Error::io(format!("read {shown}"), &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::target(format!(
            "{shown}: byte {} is no UTF-8",
            error.utf8_error().valid_up_to() + 1
        ))
        .hint("Save the file as UTF-8.")
    })?;
    let checksum = Checksum::of(&text);
    Ok(match text.strip_prefix('\u{feff}') {
        None => Script {
            path: shown,
            checksum,
            text,
        },
        // A byte order mark is no SQL.
        Some(rest) => Script {
            path: shown,
            checksum: Checksum {
                raw: checksum.raw,
                ..Checksum::of(rest)
            },
            text: rest.to_owned(),
        },
    })
}

fn is_sql(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("sql"))
}

/// Collects the files below a folder, with `/` between the parts, without hidden ones.
fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(format!("read {}", folder.display()), &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{path}/"), out)?;
        } else {
            out.push(path);
        }
    }
    Ok(())
}
