//! Layouts of folders of migrations: how each names its files, and which one a folder has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::version::Version;
use crate::error::Error;

/// How a folder of migrations is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `001_name.sql` with `001_name_rollback.sql`; both directions in one file where comments mark them.
    Numbered,
    /// `V1__name.sql` with `U1__name.sql`, and repeatable `R__name.sql` (Flyway, refinery).
    Flyway,
    /// `20260101120000_name.up.sql` with `.down.sql` (golang-migrate, sqlx).
    UpDown,
    /// `0000_name.sql` in the order of `meta/_journal.json` (Drizzle).
    Journal,
    /// `20260101120000_name/migration.sql`, with `down.sql` where there is one (Prisma); also `up.sql` (Diesel).
    Folders,
}

impl Layout {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Numbered, "numbered"),
        (Self::Flyway, "flyway"),
        (Self::UpDown, "up-down"),
        (Self::Journal, "journal"),
        (Self::Folders, "folders"),
    ];
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(layout, _)| layout == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(layout, _)| *layout).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|(_, word)| *word).collect();
            Error::usage(format!("`{text}` is no layout of migrations"))
                .hint(format!("Pass one of {}.", words.join(", ")))
        })
    }
}

/// Direction of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Forward,
    Back,
}

/// What the path of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Version.
    pub(super) version: Version,
    /// Name without version and direction.
    pub(super) name: String,
    /// Direction.
    pub(super) way: Way,
}

/// Understands the path of a file, relative to the folder and with `/`; `None` where it is no migration of the layout.
pub(super) fn named(layout: Layout, path: &str) -> Option<Named> {
    match layout {
        Layout::Numbered | Layout::Journal => numbered(in_folder(path)?.strip_suffix(".sql")?),
        Layout::Flyway => flyway(path.rsplit('/').next()?.strip_suffix(".sql")?),
        Layout::UpDown => {
            let stem = in_folder(path)?.strip_suffix(".sql")?;
            let (stem, way) = match stem.strip_suffix(".up") {
                Some(stem) => (stem, Way::Forward),
                None => (stem.strip_suffix(".down")?, Way::Back),
            };
            let (version, name) = leading(stem)?;
            Some(Named { version, name, way })
        }
        Layout::Folders => {
            let (folder, file) = path.split_once('/')?;
            let way = match file {
                "migration.sql" | "up.sql" => Way::Forward,
                "down.sql" | "rollback.sql" => Way::Back,
                _ => return None,
            };
            let (version, name) = leading(folder)?;
            Some(Named { version, name, way })
        }
    }
}

fn in_folder(path: &str) -> Option<&str> {
    (!path.contains('/')).then_some(path)
}

fn numbered(stem: &str) -> Option<Named> {
    // The other layouts' suffix is a direction there and part of no name.
    if stem.strip_suffix(".up").or(stem.strip_suffix(".down")).is_some() {
        return None;
    }
    let back = ["_rollback", ".rollback", "-rollback"];
    let (stem, way) = match back.iter().find_map(|suffix| stem.strip_suffix(suffix)) {
        Some(stem) => (stem, Way::Back),
        None => (stem, Way::Forward),
    };
    let (version, name) = leading(stem)?;
    Some(Named { version, name, way })
}

/// Splits a version off the beginning of a name.
fn leading(stem: &str) -> Option<(Version, String)> {
    let end = stem
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(stem.len());
    let version = Version::parse(stem[..end].trim_end_matches('.'))?;
    let rest = &stem[end..];
    if !rest.is_empty() && !rest.starts_with(['_', '-']) {
        return None;
    }
    Some((version, rest.trim_start_matches(['_', '-']).to_owned()))
}

fn flyway(stem: &str) -> Option<Named> {
    if stem.strip_prefix("R__").is_some_and(|name| !name.is_empty()) {
        return Some(Named {
            version: Version::named(stem.to_owned()),
            name: String::new(),
            way: Way::Forward,
        });
    }
    let way = match stem.chars().next()? {
        'V' => Way::Forward,
        'U' => Way::Back,
        _ => return None,
    };
    let (version, name) = stem[1..].split_once("__")?;
    Some(Named {
        version: Version::parse(version)?,
        name: name.to_owned(),
        way,
    })
}

/// Returns the layout of a folder with these files.
pub(super) fn detect(paths: &[String]) -> Layout {
    if paths.iter().any(|path| path == "meta/_journal.json") {
        return Layout::Journal;
    }
    let order = [Layout::Flyway, Layout::UpDown, Layout::Folders];
    let fits = |layout: &Layout| paths.iter().any(|path| named(*layout, path).is_some());
    order.into_iter().find(fits).unwrap_or(Layout::Numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(layout: Layout, path: &str) -> Option<(String, String, bool)> {
        named(layout, path).map(|named| (named.version.key(), named.name, named.way == Way::Back))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other side of the comparison is an option")]
    fn is(version: &str, name: &str, back: bool) -> Option<(String, String, bool)> {
        Some((version.to_owned(), name.to_owned(), back))
    }

    #[test]
    fn names_of_every_layout() {
        use Layout as L;
        assert_eq!(read(L::Numbered, "001_users.sql"), is("1", "users", false));
        assert_eq!(read(L::Numbered, "001_users_rollback.sql"), is("1", "users", true));
        assert_eq!(read(L::Numbered, "12-add-index.sql"), is("12", "add-index", false));
        assert_eq!(read(L::Numbered, "seed.sql"), None);
        assert_eq!(read(L::Numbered, "2things.sql"), None);
        assert_eq!(read(L::Numbered, "sub/001_users.sql"), None);
        assert_eq!(read(L::Flyway, "V1_2__users.sql"), is("1.2", "users", false));
        assert_eq!(read(L::Flyway, "sub/U1.2__users.sql"), is("1.2", "users", true));
        assert_eq!(read(L::Flyway, "R__views.sql"), is("R__views", "", false));
        assert_eq!(read(L::Flyway, "R__.sql"), None);
        assert_eq!(
            read(L::UpDown, "20260101120000_x.up.sql"),
            is("20260101120000", "x", false)
        );
        assert_eq!(read(L::UpDown, "000001_x.down.sql"), is("1", "x", true));
        assert_eq!(
            read(L::Folders, "20260101120000_x/migration.sql"),
            is("20260101120000", "x", false)
        );
        assert_eq!(
            read(L::Folders, "20260101120000_x/down.sql"),
            is("20260101120000", "x", true)
        );
        assert_eq!(read(L::Journal, "0000_wide_hulk.sql"), is("0", "wide_hulk", false));
    }

    #[test]
    fn folders_are_recognised() {
        let of = |paths: &[&str]| detect(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Layout::Numbered);
        assert_eq!(of(&["001_a.sql", "001_a_rollback.sql"]), Layout::Numbered);
        assert_eq!(of(&["V1__a.sql", "notes.txt"]), Layout::Flyway);
        assert_eq!(of(&["1_a.up.sql", "1_a.down.sql"]), Layout::UpDown);
        assert_eq!(of(&["2026_a/migration.sql", "migration_lock.toml"]), Layout::Folders);
        assert_eq!(of(&["0000_a.sql", "meta/_journal.json"]), Layout::Journal);
    }
}
