//! Files against rows: on a scratch database whose tables hold seeds, or rows that fit their types and constraints.

use std::collections::BTreeSet;

use serde::Serialize;

use super::directory::Directory;
use super::outlook::attempt;
use super::program::Program;
use super::version::Version;
use crate::db::{Server, Url};
use crate::desired::elaborate::Workshop;
use crate::desired::place::Place;
use crate::error::{Error, Result};
use crate::prove::files::Bench;
use crate::reconcile::Setup;

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    /// Version and name.
    pub migration: String,
    /// Statements with the seconds that each took.
    pub statements: Vec<(Place, f64)>,
    /// Statement that failed, with what the server said.
    pub failure: Option<String>,
    /// Rows that are gone, in words.
    pub lost: Option<String>,
}

impl Tested {
    /// Tells whether the file ran and lost nothing.
    pub fn is_good(&self) -> bool {
        self.failure.is_none() && self.lost.is_none()
    }
}

/// Builds a scratch database with the files up to `base` (all but the last where none is given), fills it with seeds or
/// with rows of its own making, and runs the files after that one by one. Returns notes about tables that stay empty, too.
pub fn sample(
    setup: &Setup,
    (directory, live): (&Directory, Option<&Url>),
    base: Option<&Version>,
    seeds: Option<&str>,
) -> Result<(Vec<Tested>, Vec<String>)> {
    let all = &directory.migrations;
    let count = match base {
        Some(base) => all.partition_point(|own| own.version <= *base),
        None => all.len().saturating_sub(1),
    };
    if count == all.len() {
        return Err(Error::usage("there is no migration to test").hint("Name an earlier version with --from."));
    }
    let server = live.map(|url| Server::read(&mut url.connect()?)).transpose()?;
    let workshop = Workshop {
        scratch: &setup.scratch,
        machine: &setup.machine,
        live: live.zip(server.as_ref()),
        like: None,
        cache: setup.cache,
        pool: None,
    };
    let programs: Vec<Program> = all
        .iter()
        .map(|own| Program::read(&own.forward, own.header.no_transaction))
        .collect::<Result<_>>()?;
    let mut bench = Bench::open(&workshop, None, None)?;
    let attempts: Vec<_> = programs
        .iter()
        .map(|program| attempt(&program.lines, &program.blocks))
        .collect();
    if let Some((at, failed)) = bench.all_forward(&attempts[..count])? {
        let place = programs[at].lines.get(failed.at).map(|line| line.place.to_string());
        return Err(Error::target(format!(
            "{}: failed on an empty scratch database: {}",
            place.unwrap_or_else(|| all[at].title()),
            failed.message
        ))
        .hint("The files must build the schema from nothing."));
    }
    let mut notes = Vec::new();
    match seeds {
        Some(seeds) => bench
            .prepare(seeds)
            .map_err(|error| error.context("the seeds failed").hint("Correct the seeds."))?,
        None => notes = bench.fill()?.1,
    }
    let mut out = Vec::new();
    for ((migration, program), attempt) in all.iter().zip(&programs).zip(&attempts).skip(count) {
        let tried = bench.file_with_rows(attempt, &BTreeSet::new())?;
        let left_out = tried.left_out.first();
        let failed = tried.failure.as_ref().or(left_out);
        let failure = failed.map(|failed| {
            let place = program.lines.get(failed.at).map(|line| line.place.to_string());
            let state = failed.sqlstate.as_deref().unwrap_or_default();
            format!("{}: {} (SQLSTATE {state})", place.unwrap_or_default(), failed.message)
        });
        let stops = tried.failure.is_some();
        let times = tried.times.iter().map(std::time::Duration::as_secs_f64);
        out.push(Tested {
            migration: migration.title(),
            statements: program.lines.iter().map(|line| line.place.clone()).zip(times).collect(),
            failure,
            lost: tried.lost,
        });
        if stops {
            break;
        }
    }
    Ok((out, notes))
}
