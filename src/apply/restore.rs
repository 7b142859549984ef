//! Restores a backup: into a new database, or in place of what is there.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use postgres::Client;

use super::backup::{concealed, describe, input, missing_program, pg_restore};
use super::event::Kept;
use crate::catalog::quote::ident;
use crate::config::Command;
use crate::db::Url;
use crate::error::{Error, ErrorKind, Result};

/// Where a backup is restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Into {
    /// A database that is made for it, beside the one that it is of.
    New(String),
    /// The database that it is of: what the backup holds is dropped and created again, in one transaction.
    Place,
}

/// Restores a backup, after its checksum was found right.
pub fn restore(kept: &Kept, url: &Url, into: &Into, pg_dump: Option<&Path>) -> Result<()> {
    let path = Path::new(&kept.path);
    if kept.foreign {
        return Err(
            Error::usage(format!("{} was made by a command of the project's own", kept.path))
                .hint("Only the project knows how it is restored: ask whoever wrote the backup command."),
        );
    }
    let (_, sha256) = describe(path)?;
    if sha256 != kept.sha256 {
        let message = format!("{} is not as it was when it was made: its checksum differs", kept.path);
        return Err(Error::new(ErrorKind::Io, message).hint("Take another backup, or another copy of this one."));
    }
    let mut words = vec![pg_restore(pg_dump), "--no-password".to_owned()];
    let target = match into {
        Into::New(name) => {
            create(&mut url.connect()?, name)?;
            url.with_database(name)
        }
        Into::Place => {
            words.extend([
                "--clean".to_owned(),
                "--if-exists".to_owned(),
                "--single-transaction".to_owned(),
            ]);
            url.clone()
        }
    };
    words.extend([format!("--dbname={}", target.database()), kept.path.clone()]);
    let done = concealed(&Command::Words(words), &input(&target), None, &target).map_err(missing_program);
    let done = match done {
        Err(error) if is_harmless(&error) && *into == Into::Place => by_script(kept, &target, pg_dump),
        Err(error) if is_harmless(&error) => Ok(String::new()),
        done => done,
    };
    done.map(drop).map_err(|error| Error {
        kind: ErrorKind::Database,
        ..error.context("restore").hint(match into {
            Into::New(name) => format!("Database `{name}` may be half full: drop it before the next attempt."),
            Into::Place => {
                "Nothing was changed: it is all one transaction. What is new since the backup may depend on what it holds; \
                 restore into a new database and take from there what is needed."
                    .to_owned()
            }
        })
    })
}

/// Restores in one transaction on a server that is older than `pg_restore`: what that server does not know is left out of
/// the script, which `psql` runs.
fn by_script(kept: &Kept, target: &Url, pg_dump: Option<&Path>) -> Result<String> {
    let path = PathBuf::from(&kept.path).with_extension("sql.part");
    let shown = path.display().to_string();
    let words = [
        &pg_restore(pg_dump),
        "--clean",
        "--if-exists",
        &format!("--file={shown}"),
        &kept.path,
    ];
    let run = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        concealed(&Command::Words(words), &input(target), None, target)
    };
    let done = private(&path)
        .and_then(|()| run(&words))
        .and_then(|_| forget(&path))
        .and_then(|()| {
            let psql = pg_dump.map_or("psql".to_owned(), |path| {
                path.with_file_name("psql").display().to_string()
            });
            let stop = "--variable=ON_ERROR_STOP=1";
            let database = format!("--dbname={}", target.database());
            run(&[
                &psql,
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                "--single-transaction",
                stop,
                &database,
                &format!("--file={shown}"),
            ])
            .map_err(missing_program)
        });
    // It holds rows.
    let _ = fs::remove_file(&path);
    done
}

/// Makes a file that nobody else can read.
fn private(path: &Path) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| Error::io(format!("write {}", path.display()), &error))
}

/// Puts a comment where the head of a script sets what an older server does not know, byte for byte as long.
fn forget(path: &Path) -> Result<()> {
    const UNKNOWN: &[u8] = b"\nSET transaction_timeout";
    const HEAD: u64 = 16 * 1024;
    let failed = |error: std::io::Error| Error::io(format!("write {}", path.display()), &error);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(failed)?;
    if let Some(at) = head.windows(UNKNOWN.len()).position(|bytes| bytes == UNKNOWN) {
        file.seek(SeekFrom::Start(at as u64)).map_err(failed)?;
        file.write_all(b"\n---").map_err(failed)?;
    }
    Ok(())
}

/// A `pg_restore` of version 17 or later sets a parameter that older servers do not know, and says so.
fn is_harmless(error: &Error) -> bool {
    let mut errors = error
        .detail
        .iter()
        .filter(|line| line.starts_with("pg_restore: error:"))
        .peekable();
    errors.peek().is_some() && errors.all(|line| line.contains("\"transaction_timeout\""))
}

fn create(client: &mut Client, name: &str) -> Result<()> {
    let sql = format!("CREATE DATABASE {} TEMPLATE template0", ident(name));
    client
        .batch_execute(&sql)
        .map_err(|error| Error::from(error).context(format!("make database `{name}`")))
}
