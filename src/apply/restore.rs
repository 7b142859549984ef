//! Restores a backup: into a new database, or in place of what is there.

use std::path::Path;

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
        Err(error) if *into != Into::Place && is_harmless(&error) => Ok(String::new()),
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
