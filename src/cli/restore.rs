//! `trueup restore`: lists the backups that were made before applies, and restores one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::LiveArguments;
use super::place;
use super::terminal;
use crate::apply::{self, Into, Kept};
use crate::error::{Error, Result};

/// Arguments of `trueup restore`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Backup to restore; without it the backups are listed
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Restore into a new database of this name [default: the database's name with the time of the backup]
    #[arg(long, value_name = "NAME", conflicts_with = "in_place")]
    r#as: Option<String>,
    /// Restore in place of what is there: what the backup holds is dropped and created again
    #[arg(long, requires = "file")]
    in_place: bool,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    live: LiveArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let place = place::place(&arguments.live)?;
    let policy = place.settings.backup.clone();
    let folder = policy.as_ref().and_then(|backup| backup.folder.clone());
    let folder = folder.unwrap_or_else(|| PathBuf::from(apply::BACKUPS));
    let all = apply::backups(&folder)?;
    let Some(file) = &arguments.file else {
        if all.is_empty() {
            terminal::print(&format!("No backups in {}.\n", folder.display()))?;
        }
        all.iter().try_for_each(|kept| terminal::print(&line(kept)))?;
        return Ok(0);
    };
    let wanted = |kept: &&Kept| {
        let path = Path::new(&kept.path);
        path == file || path.file_name() == Some(file.as_os_str())
    };
    let kept = all.iter().find(wanted).ok_or_else(|| {
        Error::usage(format!(
            "{} is none of the backups in {}",
            file.display(),
            folder.display()
        ))
        .hint("`trueup restore` lists them. `pg_restore` restores what trueup did not make.")
    })?;
    let into = into(arguments, kept);
    let question = match &into {
        Into::New(name) => format!("Restore {} into a new database `{name}`?", kept.path),
        Into::Place => format!(
            "Restore {} over database `{}`? What it holds now is replaced.",
            kept.path,
            place.url.database()
        ),
    };
    if !arguments.yes {
        if !terminal::can_ask() {
            return Err(Error::usage("nobody can be asked whether to restore").hint("Pass --yes."));
        }
        if !terminal::ask(&question) {
            terminal::progress("nothing was restored");
            return Ok(0);
        }
    }
    let program = policy.and_then(|backup| backup.pg_dump);
    apply::restore(kept, &place.url, &into, program.as_deref())?;
    terminal::print(&match &into {
        Into::New(name) => format!("Restored {} into database {name}.\n", kept.path),
        Into::Place => format!("Restored {} in place.\n", kept.path),
    })?;
    Ok(0)
}

fn into(arguments: &Arguments, kept: &Kept) -> Into {
    if arguments.in_place {
        return Into::Place;
    }
    let stamp: String = kept.made_at.chars().filter(char::is_ascii_digit).collect();
    let name = arguments.r#as.clone();
    Into::New(name.unwrap_or_else(|| format!("{}_restored_{stamp}", kept.database)))
}

fn line(kept: &Kept) -> String {
    let what = match &kept.tables {
        None => "whole database".to_owned(),
        Some(tables) if tables.len() == 1 => "1 table".to_owned(),
        Some(tables) => format!("{} tables", tables.len()),
    };
    let own = if kept.foreign {
        ", made by the project's own command"
    } else {
        ""
    };
    format!(
        "{}  {}  {} bytes  {what} of {}{own}\n",
        kept.made_at, kept.path, kept.size, kept.database
    )
}
