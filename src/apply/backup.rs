//! Backups before an apply: made, checked, described in a file beside them, and thinned out.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::command::{self, Input};
use super::event::Kept;
use super::moment::Moment;
use crate::config::{Backup, Command, Scope};
use crate::db::{FOREIGN, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;

/// Folder where none is named.
pub const FOLDER: &str = "backups";
/// Ending of the file that describes a backup.
const DESCRIPTION: &str = "backup.json";

/// Makes a backup and makes sure that it can be read.
pub(super) fn make(backup: &Backup, plan: Option<&Plan>, url: &Url) -> Result<Kept> {
    let hint = "Nothing was changed. Remove the cause, or apply without a backup: --skip-backup --reason TEXT.";
    made(backup, plan, url).map_err(|error| Error {
        kind: ErrorKind::Blocked,
        hint: Some(
            error
                .hint
                .clone()
                .map_or(hint.to_owned(), |own| format!("{own} {hint}")),
        ),
        ..error.context("no backup could be made")
    })
}

fn made(backup: &Backup, plan: Option<&Plan>, url: &Url) -> Result<Kept> {
    let folder = backup.folder.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    fs::create_dir_all(&folder).map_err(|error| Error::io(format!("make folder {}", folder.display()), &error))?;
    let now = Moment::now();
    let path = free(&folder, &format!("{}-{}", plain(url.database()), now.compact()))?;
    let unfinished = path.with_extension("part");
    // What files touch nobody knows before they run.
    let tables = plan.filter(|_| backup.scope == Scope::Tables).map(tables);
    let done = write(backup, tables.as_deref(), url, &unfinished)
        .and_then(|()| {
            if backup.command.is_some() {
                Ok(())
            } else {
                check(backup, &unfinished, url)
            }
        })
        .and_then(|()| describe(&unfinished));
    let (size, sha256) = match done {
        Ok(known) => known,
        Err(error) => {
            // Half a backup is none.
            let _ = fs::remove_file(&unfinished).or_else(|_| fs::remove_dir_all(&unfinished));
            return Err(error);
        }
    };
    fs::rename(&unfinished, &path).map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    let kept = Kept {
        path: path.display().to_string(),
        size,
        sha256,
        database: url.database().to_owned(),
        made_at: now.to_string(),
        tables,
        foreign: backup.command.is_some(),
    };
    let text = serde_json::to_string_pretty(&kept).map_err(|error| Error::internal(error.to_string()))?;
    let beside = description(&path);
    fs::write(&beside, text + "\n").map_err(|error| Error::io(format!("write {}", beside.display()), &error))?;
    thin_out(backup, &folder, &kept);
    Ok(kept)
}

fn description(path: &Path) -> PathBuf {
    path.with_extension(DESCRIPTION)
}

/// Returns a path that nothing has yet: two applies may begin in the same second.
fn free(folder: &Path, name: &str) -> Result<PathBuf> {
    let candidates = (1..1000).map(|number| match number {
        1 => folder.join(format!("{name}.dump")),
        _ => folder.join(format!("{name}-{number}.dump")),
    });
    let mut free = candidates.filter(|path| !path.exists() && !path.with_extension("part").exists());
    free.next()
        .ok_or_else(|| Error::usage(format!("folder {} is full of backups of this second", folder.display())))
}

/// Returns a name that is safe in every file system.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

/// Returns the tables that stand before the plan and that it touches.
fn tables(plan: &Plan) -> Vec<String> {
    let mut out: Vec<String> = plan
        .scope
        .iter()
        .filter(|(object, print)| object.kind.is_table() && print.is_some())
        .map(|(object, _)| object.path_text())
        .collect();
    out.sort();
    out.dedup();
    out
}

fn write(backup: &Backup, tables: Option<&[String]>, url: &Url, path: &Path) -> Result<()> {
    let limit = backup.timeout.map(|span| span.0);
    let mut input = input(url);
    if let Some(command) = &backup.command {
        input.variables.push(("TRUEUP_BACKUP_FILE", path.display().to_string()));
        concealed(command, &input, limit, url)?;
        return if path.exists() {
            Ok(())
        } else {
            Err(Error::usage("the backup command wrote no file")
                .hint("It must write the file or folder that the variable TRUEUP_BACKUP_FILE names."))
        };
    }
    let program = backup.pg_dump.clone().unwrap_or_else(|| PathBuf::from("pg_dump"));
    let mut words = vec![program.display().to_string(), "--no-password".to_owned()];
    match backup.jobs.filter(|jobs| *jobs > 1) {
        Some(jobs) => words.extend(["--format=directory".to_owned(), format!("--jobs={jobs}")]),
        None => words.push("--format=custom".to_owned()),
    }
    words.push(format!("--file={}", path.display()));
    match tables {
        // The ledger stays what it is: it tells what was done, a restore included.
        None => words.push("--exclude-schema=trueup".to_owned()),
        Some([]) => words.push("--schema-only".to_owned()),
        Some(tables) => words.extend(tables.iter().map(|table| format!("--table={table}"))),
    }
    concealed(&Command::Words(words), &input, limit, url).map_err(missing_program)?;
    Ok(())
}

/// Returns what a program of PostgreSQL's needs to reach the database.
pub(super) fn input(url: &Url) -> Input<'static> {
    Input {
        text: "",
        variables: url.variables(),
        without: &FOREIGN,
    }
}

/// Runs a command whose complaints must not show the password.
pub(super) fn concealed(command: &Command, input: &Input, limit: Option<Duration>, url: &Url) -> Result<String> {
    command::run(command, input, limit).map_err(|mut error| {
        for line in &mut error.detail {
            *line = url.conceal(line);
        }
        error
    })
}

pub(super) fn missing_program(error: Error) -> Error {
    if error.kind == ErrorKind::Io {
        return error.context("pg_dump").hint(
            "Install PostgreSQL's client programs, of the server's version or newer, or name pg_dump in `backup`.",
        );
    }
    error
}

/// Makes sure that the backup's table of contents can be read, and says something.
fn check(backup: &Backup, path: &Path, url: &Url) -> Result<()> {
    let program = pg_restore(backup.pg_dump.as_deref());
    let words = vec![program, "--list".to_owned(), path.display().to_string()];
    let listed = concealed(
        &Command::Words(words),
        &input(url),
        backup.timeout.map(|span| span.0),
        url,
    )
    .map_err(|error| error.context("pg_restore cannot read the backup"))?;
    if listed
        .lines()
        .any(|line| line.starts_with("; Archived") || line.contains("Dumped from database version"))
    {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, "pg_restore lists nothing of the backup"))
}

/// Returns the `pg_restore` beside a `pg_dump`.
pub(super) fn pg_restore(pg_dump: Option<&Path>) -> String {
    let program = pg_dump.map(|path| path.with_file_name("pg_restore"));
    program.map_or("pg_restore".to_owned(), |path| path.display().to_string())
}

/// Returns size and checksum of a file, or of the files of a folder in the order of their names.
pub(super) fn describe(path: &Path) -> Result<(u64, String)> {
    let failed = |error: &std::io::Error| Error::io(format!("read {}", path.display()), error);
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries: std::io::Result<Vec<_>> = fs::read_dir(path).map_err(|error| failed(&error))?.collect();
        files = entries
            .map_err(|error| failed(&error))?
            .iter()
            .map(fs::DirEntry::path)
            .collect();
        files.sort();
    }
    let (mut size, mut hash) = (0_u64, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    for file in files {
        let mut file = fs::File::open(&file).map_err(|error| failed(&error))?;
        loop {
            let read = file.read(&mut buffer).map_err(|error| failed(&error))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size += read as u64;
        }
    }
    if size == 0 {
        return Err(Error::new(ErrorKind::Io, "the backup is empty"));
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok((size, text))
}

/// Removes backups of the same database that are too many or too old. The newest one is never removed, and a failure is no
/// reason against the apply.
fn thin_out(backup: &Backup, folder: &Path, newest: &Kept) {
    let mut others = list(folder).unwrap_or_default();
    others.retain(|kept| kept.database == newest.database && kept.path != newest.path);
    let old = |kept: &Kept| {
        let age = fs::metadata(&kept.path).and_then(|known| known.modified());
        let age = age.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        age.is_some_and(|age| backup.keep_for.is_some_and(|limit| age > limit.0))
    };
    for (at, kept) in others.iter().enumerate() {
        let too_many = backup.keep.is_some_and(|keep| at + 2 > keep.max(1));
        if too_many || old(kept) {
            let path = Path::new(&kept.path);
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
            let _ = fs::remove_file(description(path));
        }
    }
}

/// Returns the backups of a folder, newest first.
pub fn list(folder: &Path) -> Result<Vec<Kept>> {
    let failed = |error: &std::io::Error| Error::io(format!("read {}", folder.display()), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| failed(&error))?,
    };
    let mut out = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&error))?.path();
        if !path.to_string_lossy().ends_with(DESCRIPTION) {
            continue;
        }
        let known = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str::<Kept>(&text).ok());
        out.extend(known);
    }
    out.sort_by(|one, other| (&other.made_at, &other.path).cmp(&(&one.made_at, &one.path)));
    Ok(out)
}
