//! The files of an outlook on a scratch copy of the live database.

use std::collections::BTreeSet;

use super::harmless::Harmless;
use super::outlook::{Item, Migrator, Outlook, Selection, attempt, first_line};
use super::program::Line;
use super::rate::{Placed, Rating, Script};
use crate::catalog::{Catalog, Identity};
use crate::db::{Server, Url};
use crate::desired::elaborate::Workshop;
use crate::error::{Error, ErrorKind, Result};
use crate::introspect;
use crate::plan::Direction;
use crate::prove::files::{Attempt, Bench, Failed, Tried};
use crate::reconcile::Setup;
use crate::risk::{Statistics, statistics};

/// Fewer files than this are tried one by one even where nothing of them can be lost.
const FEW: usize = 4;

/// Files on a scratch copy of the live database.
pub(super) struct Trial<'a> {
    setup: &'a Setup,
    url: &'a Url,
    client: postgres::Client,
    server: Server,
    live: Catalog,
    search_path: String,
}

impl<'a> Trial<'a> {
    pub(super) fn new(migrator: &Migrator<'a>) -> Result<Self> {
        let mut client = migrator.url.connect()?;
        let server = Server::read(&mut client)?;
        let search_path = client
            .query_typed_one("SELECT pg_catalog.current_setting('search_path')", &[])?
            .try_get(0)?;
        let live = introspect::read(migrator.url, &mut client, &server, introspect::Options::default())?;
        Ok(Self {
            setup: migrator.setup,
            url: migrator.url,
            client,
            server,
            live,
            search_path,
        })
    }

    pub(super) fn run(mut self, out: &mut Outlook, selection: &Selection) -> Result<()> {
        let setup = self.setup;
        let url = self.url;
        let server = self.server.clone();
        let workshop = Workshop {
            scratch: &setup.scratch,
            machine: &setup.machine,
            live: Some((url, &server)),
            like: None,
            cache: setup.cache,
        };
        let mut bench = self.bench(&workshop)?;
        out.proven_on = Some(format!("PostgreSQL {}", bench.server().version));
        let harmless = Harmless::new(&self.live);
        let (mut most, mut doubted) = (usize::MAX, 0);
        let mut at = 0;
        while at < out.items.len() {
            if at >= doubted {
                most = usize::MAX;
            }
            let end = at + harmless.run(&out.items[at..], most);
            if end - at < FEW {
                if !self.file(at, &mut bench, &workshop, out, selection)? {
                    return Ok(());
                }
                at += 1;
                continue;
            }
            if self.together(at..end, &mut bench, &workshop, out)? {
                at = end;
                continue;
            }
            // Something is wrong with one of them: fewer at a time tell which.
            (most, doubted) = ((end - at) / 8, end);
            bench = self.bench(&workshop)?;
            let done: Vec<_> = out.items[..at].iter().map(Item::attempt).collect();
            bench.all_forward(&done)?;
        }
        Ok(())
    }

    fn bench(&self, workshop: &Workshop) -> Result<Bench> {
        Bench::open(workshop, Some(&self.live), Some(&self.search_path)).map_err(|error| {
            let hint = error.hint.clone().unwrap_or_else(|| {
                "Name a server that has what the live one has with --scratch URL; --no-prove runs the files untried.".to_owned()
            });
            error.hint(hint)
        })
    }

    /// Tries files together of which nothing can be lost; tells whether all is well with them.
    fn together(
        &mut self,
        range: std::ops::Range<usize>,
        bench: &mut Bench,
        workshop: &Workshop,
        out: &mut Outlook,
    ) -> Result<bool> {
        let others_follow = range.end < out.items.len();
        let items = &out.items[range];
        let files: Vec<_> = items.iter().map(|item| (item.attempt(), way_back(item))).collect();
        let Some(tried) = bench.together(&files, others_follow)? else {
            return Ok(false);
        };
        let script = Script::of(items.iter().map(|item| &item.program));
        let findings = self.judge(&script, &tried, workshop)?;
        out.findings.extend(findings);
        Ok(true)
    }

    /// Tries one file; tells whether the ones after it can be tried.
    fn file(
        &mut self,
        at: usize,
        bench: &mut Bench,
        workshop: &Workshop,
        out: &mut Outlook,
        selection: &Selection,
    ) -> Result<bool> {
        let item = &out.items[at];
        let mut tried = bench.file(&item.attempt(), way_back(item).as_ref())?;
        let skipped = vec![crate::kinds::Facts::default(); item.skip];
        tried.facts.splice(..0, skipped);
        if let Some(failed) = &tried.failure {
            return Err(failure(item, failed));
        }
        out.notes
            .extend(tried.left_out.iter().map(|failed| left_out(item, failed)));
        if !bench.own_cluster() {
            let lines = item.program.lines.iter();
            let cluster = lines.filter(|line| line.node.as_ref().is_some_and(super::outside::is_about_cluster));
            out.notes.extend(cluster.map(|line| {
                format!(
                    "{}: not tried, since it is about the whole server, and scratch is on somebody's.",
                    line.place
                )
            }));
        }
        let findings = self.judge(&Script::of([&item.program]), &tried, workshop)?;
        out.findings.extend(findings);
        let Some(difference) = &tried.difference else {
            return Ok(true);
        };
        let path = item
            .migration
            .as_ref()
            .and_then(|own| own.rollback.as_ref())
            .map_or_else(|| item.file.clone(), |script| script.path.clone());
        let message = format!("{path} does not restore what was before {}: {difference}", item.title());
        if !selection.accept_rollback {
            return Err(Error::new(ErrorKind::Refuted, message).hint(
                "Correct the rollback: it was run on a scratch copy, and nothing was changed. --accept-rollback runs \
                 the file all the same.",
            ));
        }
        out.notes.push(format!("{message}."));
        out.notes.extend(later(&out.items[at + 1..]));
        Ok(false)
    }

    fn judge(&mut self, script: &Script, tried: &Tried, workshop: &Workshop) -> Result<Vec<Placed>> {
        let rating = Rating::new(script, tried, workshop);
        let known: BTreeSet<Identity> = rating
            .touched()
            .into_iter()
            .filter(|table| self.live.contains(table))
            .collect();
        let figures = if known.is_empty() {
            Statistics::default()
        } else {
            statistics(&mut self.client, &known, &[])?
        };
        let figures = fresh(figures, &rating, &self.live);
        rating.findings(script, &figures, &self.setup.rulings)
    }
}

fn way_back(item: &Item) -> Option<Attempt<'_>> {
    let back = item.rollback.as_ref().filter(|_| item.skip == 0)?;
    Some(attempt(&back.lines, &back.blocks))
}

/// Says that tables which the live database does not have yet hold no rows.
fn fresh(mut figures: Statistics, rating: &Rating, live: &Catalog) -> Statistics {
    for table in rating.touched() {
        if !live.contains(&table) && figures.get(&table).is_none() {
            figures.insert(
                table,
                crate::risk::Figures {
                    rows: Some(0),
                    measured: true,
                    ..crate::risk::Figures::default()
                },
            );
        }
    }
    figures
}

/// Returns the statement that failed on scratch, and where it stands.
fn place<'i>(item: &'i Item, failed: &Failed) -> (Option<&'i Line>, String) {
    let (program, at) = match failed.direction {
        Direction::Rollback => (item.rollback.as_ref().unwrap_or(&item.program), failed.at),
        Direction::Forward => (&item.program, failed.at + item.skip),
    };
    let line = program.lines.get(at);
    (
        line,
        line.map_or_else(|| item.file.clone(), |line| line.place.to_string()),
    )
}

/// Says that a statement could not be tried.
fn left_out(item: &Item, failed: &Failed) -> String {
    let (_, place) = place(item, failed);
    let state = failed.sqlstate.as_deref().unwrap_or_default();
    if failed.is_again {
        return format!(
            "{place}: ran, but not again after the rollback (SQLSTATE {state}): the rollback leaves rows behind."
        );
    }
    format!("{place}: could not be tried, since scratch has none of your rows (SQLSTATE {state}).")
}

/// Makes an error of a statement that failed on scratch.
fn failure(item: &Item, failed: &Failed) -> Error {
    let (line, place) = place(item, failed);
    let again = if failed.is_again {
        " when run again after its rollback"
    } else {
        ""
    };
    let mut error = Error::new(
        ErrorKind::Refuted,
        format!(
            "{place}: failed on a scratch copy of the database{again}: {}",
            failed.message
        ),
    )
    .hint("Correct the file; nothing was changed. --no-prove runs it untried.");
    error.sqlstate.clone_from(&failed.sqlstate);
    match line {
        Some(line) => error.detail(format!("statement: {}", first_line(&line.sql))),
        None => error,
    }
}

fn later(rest: &[Item]) -> Option<String> {
    let names: Vec<String> = rest.iter().map(Item::title).collect();
    (!names.is_empty()).then(|| format!("Not tried for that reason: {}.", names.join(", ")))
}
