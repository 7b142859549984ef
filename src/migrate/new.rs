//! Makes the files of a new migration, in the layout of the folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::directory::{Directory, Migration};
use super::layout::Layout;
use super::version::Version;
use crate::error::{Error, Result};
use crate::risk::Day;

/// What the files of a new migration say.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// Way forward; a template where there is none.
    pub forward: Option<String>,
    /// Way back.
    pub rollback: Option<String>,
}

const FORWARD: &str = "-- Description: {name}\n-- Author: {author}\n-- Date: {date}\n-- Depends-On:\n\n";
const ROLLBACK: &str = "-- Description: takes back {version}_{name}\n\n";

/// Writes the files of a new migration; returns their paths. The folder is made where it is missing.
pub fn create(
    path: &Path,
    (layout, name): (Option<Layout>, &str),
    author: &str,
    content: &Content,
) -> Result<Vec<PathBuf>> {
    let name = slug(name)?;
    fs::create_dir_all(path).map_err(|error| Error::io(format!("make {}", path.display()), &error))?;
    let directory = Directory::read(path, layout)?;
    if directory.layout == Layout::Journal {
        return Err(Error::usage("only Drizzle adds to a journal")
            .hint("Make the migration with `drizzle-kit generate`, or move the folder to another layout first."));
    }
    let version = next(&directory);
    let fill = |text: &str| {
        text.replace("{name}", &name)
            .replace("{version}", &version)
            .replace("{author}", author)
            .replace("{date}", &Day::today().to_string())
    };
    let forward = fill(content.forward.as_deref().unwrap_or(FORWARD));
    let rollback = fill(content.rollback.as_deref().unwrap_or(ROLLBACK));
    let files = files(&directory, &version, &name, forward, rollback);
    let mut out = Vec::new();
    for (file, text) in files {
        let file = path.join(file);
        if file.exists() {
            return Err(Error::usage(format!("{} is there already", file.display())).hint("Choose another name."));
        }
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io(format!("make {}", parent.display()), &error))?;
        }
        fs::write(&file, text).map_err(|error| Error::io(format!("write {}", file.display()), &error))?;
        out.push(file);
    }
    Ok(out)
}

/// Returns a name as it can stand in a file's name.
fn slug(name: &str) -> Result<String> {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let parts: Vec<&str> = plain.split('_').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(Error::usage(format!("`{name}` is no name for a migration"))
            .hint("Say in a few words what it does, such as add_orders_status."));
    }
    if parts.last() == Some(&"rollback") {
        return Err(
            Error::usage("a name that ends with `rollback` is the twin of another migration")
                .hint("Choose another name."),
        );
    }
    Ok(parts.join("_"))
}

/// Returns the next version, written as the folder writes its versions.
pub(super) fn next(directory: &Directory) -> String {
    let numbered_ones = directory.migrations.iter().filter(|own| !own.version.is_name());
    let last = numbered_ones.max_by(|a, b| a.version.cmp(&b.version));
    match (last, directory.layout) {
        (Some(last), _) if last.version.is_time() => after(&last.version, &now()),
        (Some(last), _) => numbered(last),
        (None, Layout::UpDown | Layout::Folders) => now(),
        (None, Layout::Flyway) => "1".to_owned(),
        (None, _) => "001".to_owned(),
    }
}

fn numbered(last: &Migration) -> String {
    let digits = last.version.text().split(['.', '_']).next().unwrap_or_default();
    format!("{:0width$}", last.version.first() + 1, width = digits.len())
}

/// Two files that are made in one second, or under a clock that is behind, must not share a version.
fn after(last: &Version, now: &str) -> String {
    match Version::parse(now) {
        Some(version) if version > *last => now.to_owned(),
        _ => (last.first() + 1).to_string(),
    }
}

/// Returns the time in UTC as `YYYYMMDDHHMMSS`.
fn now() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let day: String = Day::today().to_string().chars().filter(char::is_ascii_digit).collect();
    let second = seconds % 86_400;
    format!("{day}{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn files(directory: &Directory, version: &str, name: &str, forward: String, rollback: String) -> Vec<(String, String)> {
    match directory.layout {
        Layout::Numbered if marks(directory) => {
            let text = format!("-- migrate:up\n{forward}\n-- migrate:down\n{rollback}");
            vec![(format!("{version}_{name}.sql"), text)]
        }
        Layout::Numbered | Layout::Journal => vec![
            (format!("{version}_{name}.sql"), forward),
            (format!("{version}_{name}_rollback.sql"), rollback),
        ],
        Layout::Flyway => vec![
            (format!("V{version}__{name}.sql"), forward),
            (format!("U{version}__{name}.sql"), rollback),
        ],
        Layout::UpDown => vec![
            (format!("{version}_{name}.up.sql"), forward),
            (format!("{version}_{name}.down.sql"), rollback),
        ],
        Layout::Folders => vec![
            (format!("{version}_{name}/migration.sql"), forward),
            (format!("{version}_{name}/down.sql"), rollback),
        ],
    }
}

/// Tells whether the folder's files hold both directions.
fn marks(directory: &Directory) -> bool {
    directory.migrations.last().is_some_and(|last| {
        last.rollback
            .as_ref()
            .is_some_and(|rollback| rollback.path == last.forward.path)
            && last.forward.text.contains("migrate:up")
    })
}

/// Gives a migration the next free version; returns its files' new paths.
pub fn renumber(directory: &Directory, migration: &Migration) -> Result<Vec<PathBuf>> {
    if directory.layout == Layout::Journal {
        return Err(Error::usage("the order of these files is in Drizzle's journal")
            .hint("Make the migration again with `drizzle-kit generate`."));
    }
    if migration.version.is_name() {
        return Err(Error::usage(format!("{} has no version", migration.forward.path))
            .hint("A repeatable file runs after all others, in the order of names."));
    }
    let version = next(directory);
    let own = migration.version.text();
    let mut paths = vec![migration.forward.path.clone()];
    paths.extend(migration.rollback.iter().map(|script| script.path.clone()));
    paths.dedup();
    let mut out = Vec::new();
    if directory.layout == Layout::Folders {
        let folder = Path::new(&migration.forward.path)
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        paths = vec![folder.display().to_string()];
    }
    for path in paths {
        let from = PathBuf::from(path);
        let name = from
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let to = from.with_file_name(name.replacen(own, &version, 1));
        if to.exists() {
            return Err(Error::usage(format!("{} is there already", to.display())).hint("Remove or rename it first."));
        }
        fs::rename(&from, &to).map_err(|error| Error::io(format!("rename {}", from.display()), &error))?;
        out.push(to);
    }
    Ok(out)
}
