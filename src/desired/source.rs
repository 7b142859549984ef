//! Where a desired state comes from: files, a snapshot, a git revision, or another database.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::git;
use super::place::{Place, SourceText};
use super::psql::{self, Include};
use crate::apply::ledger::Point;
use crate::db::Url;
use crate::error::{Error, Result};

/// Names a place that a catalog can be had from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// Folder of target files, any depth.
    Folder(PathBuf),
    /// One `.sql`, `.yaml` or `.yml` file.
    File(PathBuf),
    /// Snapshot of a catalog, `.json`.
    Snapshot(PathBuf),
    /// File or folder at a git revision of the current repository.
    Git {
        /// Revision.
        revision: String,
        /// Path relative to the working directory.
        path: String,
    },
    /// Database by URL; holds a secret, so it is never shown.
    Database(String),
    /// Environment variable that holds a URL.
    Environment(String),
    /// The live database itself, once it is known.
    Live(Option<Box<Url>>),
    /// A snapshot in the ledger of the live database, once that is known.
    Ledger(Point, Option<Box<Url>>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) | Self::File(path) | Self::Snapshot(path) => write!(f, "{}", path.display()),
            Self::Git { revision, path } => write!(f, "git:{revision}:{path}"),
            Self::Database(_) => f.write_str("database"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Live(_) => f.write_str("live"),
            Self::Ledger(point, _) => write!(f, "{point}"),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}

/// Language of a target file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// SQL, possibly with what psql understands.
    Sql,
    /// YAML.
    Yaml,
}

/// Target file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFile {
    /// Path as shown to people.
    pub path: String,
    /// Content.
    pub text: String,
    /// Language.
    pub form: Form,
}

const ADVICE: &str =
    "Pass a folder, a .sql, .yaml or .json file, git:REF:PATH, env:NAME, ledger:NUMBER, live or a postgres:// URL.";

impl Source {
    /// Understands a source as it is written on the command line.
    ///
    /// # Errors
    /// Nothing is there, or its form is not known.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Database(text.to_owned()));
        }
        if let Some(name) = text.strip_prefix("env:") {
            return Ok(Self::Environment(name.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("git:") {
            return parse_git(rest);
        }
        if let Some(rest) = text.strip_prefix("ledger:") {
            return Ok(Self::Ledger(Point::parse(rest)?, None));
        }
        if text == "live" {
            return Ok(Self::Live(None));
        }
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        if !path.exists() {
            return Err(Error::usage(format!("no such file or folder: `{text}`")).hint(ADVICE));
        }
        match extension(&path).as_str() {
            "json" => Ok(Self::Snapshot(path)),
            _ if form(&path).is_some() => Ok(Self::File(path)),
            _ => Err(Error::usage(format!("`{text}` is of no known form")).hint(ADVICE)),
        }
    }

    /// Tells whether it is a state that somebody kept: what is read with it should speak as its server did.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Snapshot(_) | Self::Ledger(..))
    }

    /// Reads the target files of a source that has some, in the order in which they are executed.
    ///
    /// # Errors
    /// A file cannot be read, there is none, or the source has no target files at all.
    pub fn files(&self) -> Result<Vec<TargetFile>> {
        let files = match self {
            Self::Folder(path) => {
                let mut paths = Vec::new();
                walk(path, &mut paths)?;
                paths.sort();
                with_includes(&paths, &Disk)?
            }
            Self::File(path) => with_includes(std::slice::from_ref(path), &Disk)?,
            Self::Git { revision, path } => git::files(revision, path)?,
            Self::Snapshot(_) | Self::Database(_) | Self::Environment(_) | Self::Live(_) | Self::Ledger(..) => {
                return Err(Error::internal(format!("{self} has no target files")));
            }
        };
        if files.is_empty() {
            return Err(Error::usage(format!("no target files in `{self}`"))
                .hint("Put .sql or .yaml files there, or pass the folder that holds them with --schema."));
        }
        Ok(files)
    }
}

fn parse_git(rest: &str) -> Result<Source> {
    match rest.split_once(':') {
        Some((revision, path)) if !revision.is_empty() && !revision.starts_with('-') => {
            let path = if path.is_empty() { "." } else { path };
            Ok(Source::Git {
                revision: revision.to_owned(),
                path: path.to_owned(),
            })
        }
        _ => Err(Error::usage(format!("`git:{rest}` names no revision and path"))
            .hint("Write git:REF:PATH, for example git:main:schema.")),
    }
}

fn extension(path: &Path) -> String {
    path.extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase()
}

/// Returns the language of a file; `None` for what is no target file.
pub(super) fn form(path: &Path) -> Option<Form> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with('.') || name == "trueup.yaml" || name == "trueup.yml" {
        return None;
    }
    match extension(path).as_str() {
        "sql" => Some(Form::Sql),
        "yaml" | "yml" => Some(Form::Yaml),
        _ => None,
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io(format!("reading folder {}", folder.display()), &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if form(&path).is_some() {
            found.push(path);
        }
    }
    Ok(())
}

pub(super) fn target_file(shown: String, path: &Path, bytes: Vec<u8>) -> Result<TargetFile> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::target(format!("{shown}: the file is not UTF-8")).hint("Convert the file to UTF-8."))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(TargetFile {
        path: shown,
        text,
        form: form(path).unwrap_or(Form::Sql),
    })
}

/// Where files are read from.
pub(super) trait Shelf {
    /// Reads a file.
    fn read(&self, path: &Path) -> Result<TargetFile>;

    /// Tells whether a file is there.
    fn has(&self, path: &Path) -> bool;

    /// Returns the one path of a file that has several.
    fn canonical(&self, path: &Path) -> PathBuf;

    /// Returns the file that a file means: psql looks in the working directory, people often beside the file.
    fn included(&self, by: &Path, include: &Include) -> PathBuf {
        let beside = by.parent().unwrap_or(Path::new("")).join(&include.path);
        let here = PathBuf::from(&include.path);
        if !include.relative && self.has(&here) {
            here
        } else {
            beside
        }
    }
}

/// The file system.
struct Disk;

impl Shelf for Disk {
    fn read(&self, path: &Path) -> Result<TargetFile> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(format!("reading {}", path.display()), &error))?;
        target_file(path.display().to_string(), path, bytes)
    }

    fn has(&self, path: &Path) -> bool {
        path.exists()
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
}

/// Reads files and, behind each, those that it includes with `\i` and `\ir`; each file once.
pub(super) fn with_includes(paths: &[PathBuf], shelf: &dyn Shelf) -> Result<Vec<TargetFile>> {
    let mut seen: BTreeSet<PathBuf> = paths.iter().map(|path| shelf.canonical(path)).collect();
    let mut waiting: Vec<(PathBuf, Option<Place>)> = paths.iter().rev().map(|path| (path.clone(), None)).collect();
    let mut files = Vec::new();
    while let Some((path, by)) = waiting.pop() {
        let file = shelf.read(&path).map_err(|error| match &by {
            Some(place) => error
                .context(place)
                .hint("Write the file, or correct the path: that of `\\ir` is relative to its own file."),
            None => error,
        })?;
        if file.form == Form::Sql {
            let includes = psql::scan(&file.text).includes;
            let text =
                (!includes.is_empty()).then(|| SourceText::new(file.path.clone(), file.text.clone(), String::new()));
            for include in includes.iter().rev() {
                let included = shelf.included(&path, include);
                if seen.insert(shelf.canonical(&included)) {
                    let place = text.as_ref().map(|text| text.place(include.offset));
                    waiting.push((included, place));
                }
            }
        }
        files.push(file);
    }
    Ok(files)
}
