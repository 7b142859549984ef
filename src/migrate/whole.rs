//! What all files of a folder give together, on an empty scratch database; and what follows from that: migrations that
//! are generated, the three-way comparison, squashing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use pg_query::NodeEnum;
use serde::Serialize;

use super::checksum::Checksum;
use super::directory::{Directory, Migration, Script};
use super::import::is_of_runner;
use super::new::{Content, create};
use super::outlook::{attempt, first_line};
use super::program::Program;
use crate::apply::{batches, items};
use crate::catalog::{Catalog, Identity};
use crate::db::{Server, Url};
use crate::desired::elaborate::Workshop;
use crate::desired::replay::creation;
use crate::desired::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::Secrets;
use crate::plan::{Plan, Step, Verb};
use crate::prove::files::{Bench, difference};
use crate::reconcile::{Setup, plan_from, plan_to};

/// Runs files on an empty scratch database, of the live server's version where one is given; returns what they leave.
fn given(setup: &Setup, live: Option<&Url>, migrations: &[&Migration]) -> Result<(Catalog, Vec<Program>)> {
    let server = live.map(|url| Server::read(&mut url.connect()?)).transpose()?;
    let workshop = Workshop {
        scratch: &setup.scratch,
        machine: &setup.machine,
        live: live.zip(server.as_ref()),
        like: None,
        cache: setup.cache,
    };
    let programs: Vec<Program> = migrations
        .iter()
        .map(|own| Program::read(&own.forward, own.header.no_transaction))
        .collect::<Result<_>>()?;
    let mut bench = Bench::open(&workshop, None, None)?;
    let attempts: Vec<_> = programs
        .iter()
        .map(|program| attempt(&program.lines, &program.blocks))
        .collect();
    if let Some((at, failed)) = bench.all_forward(&attempts)? {
        let line = programs[at].lines.get(failed.at);
        let place = line.map_or_else(|| migrations[at].title(), |line| line.place.to_string());
        let mut error = Error::new(
            ErrorKind::Refuted,
            format!("{place}: failed on an empty scratch database: {}", failed.message),
        )
        .hint(
            "The files must build the schema from nothing. Where the first ones take over an older database, put what was \
             there before into a first migration, and record it with `trueup migrate baseline`.",
        );
        error.sqlstate = failed.sqlstate;
        return Err(match line {
            Some(line) => error.detail(format!("statement: {}", first_line(&line.sql))),
            None => error,
        });
    }
    Ok((bench.state().clone(), programs))
}

/// Makes a migration of what is declared and the files do not give yet; both ways are proven. `None`: nothing is missing.
pub fn generate(
    setup: &Setup,
    (directory, live): (&Directory, Option<&Url>),
    (name, author): (&str, &str),
    source: &Source,
) -> Result<Option<(Plan, Vec<PathBuf>)>> {
    let all: Vec<&Migration> = directory.migrations.iter().collect();
    let (files, _) = given(setup, live, &all)?;
    let plan = plan_from(setup, files, &directory.path.display().to_string(), source)?;
    if plan.is_empty() {
        return Ok(None);
    }
    plan.must_hold()?;
    let content = Content {
        forward: Some(format!(
            "-- Description: {{name}}, generated from {source}\n-- Author: {{author}}\n-- Date: {{date}}\n{}",
            text(&plan.forward, &Secrets::default())
        )),
        rollback: Some(text(&plan.rollback, &Secrets::default())),
    };
    let made = create(&directory.path, (Some(directory.layout), name), author, &content)?;
    Ok(Some((plan, made)))
}

/// Returns steps as a file that runs them as the plan would.
fn text(steps: &[Step], secrets: &Secrets) -> String {
    let all = items(steps);
    let batches = batches(steps, &all);
    let plain = batches.len() <= 1 && batches.iter().all(|batch| batch.in_transaction);
    let mut out = String::new();
    if all.iter().any(|item| !secrets.missing(&item.sentence.sql).is_empty()) {
        out.push_str("-- Marks such as <secret:…> stand for values in the target files; trueup fills them in.\n");
    }
    if !plain {
        out.push_str("-- Transaction: none\n");
    }
    out.push('\n');
    if all
        .iter()
        .any(|item| item.sentence.sql.contains("FUNCTION") || item.sentence.sql.contains("PROCEDURE"))
    {
        out.push_str("SET check_function_bodies = off;\n\n");
    }
    for batch in &batches {
        let wraps = batch.in_transaction && !plain;
        if wraps {
            out.push_str("BEGIN;\n");
        }
        for item in &batch.items {
            // What nobody knows stays a mark, which `up` fills in or refuses.
            let filled = secrets.filled(&item.sentence.sql);
            out.push_str(filled.as_deref().unwrap_or(&item.sentence.sql));
            out.push_str(";\n");
        }
        if wraps {
            out.push_str("COMMIT;\n");
        }
    }
    out
}

/// How one object stands on a side, seen from what the files give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// As the files give it.
    Same,
    /// Otherwise.
    Differs,
    /// It is not there.
    Missing,
    /// It is there, and the files do not give it.
    Extra,
}

impl Side {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

/// One object that is not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// Object.
    pub object: Identity,
    /// Last file that names it.
    pub file: Option<String>,
    /// In the declared schema; none where that was not asked for.
    pub declared: Option<Side>,
    /// In the live database; none where that was not asked for.
    pub live: Option<Side>,
}

/// Compares what the files give with the declared schema and with a live database; returns what is not the same. A part of
/// what is missing or extra whole is not named, nor is the history that another runner has left in the live database.
pub fn verify(
    setup: &Setup,
    directory: &Directory,
    source: Option<&Source>,
    live: Option<&Url>,
) -> Result<Vec<Deviation>> {
    let all: Vec<&Migration> = directory.migrations.iter().collect();
    let (files, programs) = given(setup, live, &all)?;
    let mut found: BTreeMap<Identity, (Option<Stand>, Option<Stand>)> = BTreeMap::new();
    if let Some(source) = source {
        let plan = plan_from(setup, files.clone(), &directory.path.display().to_string(), source)?;
        for (object, stand) in stands(&plan, (Side::Extra, Side::Missing)) {
            found.entry(object).or_default().0 = Some(stand);
        }
    }
    if let Some(url) = live {
        let plan = plan_to(setup, url, files)?;
        for (object, stand) in stands(&plan, (Side::Missing, Side::Extra)) {
            found.entry(object).or_default().1 = Some(stand);
        }
    }
    found.retain(|_, (declared, on_live)| [declared, on_live].into_iter().flatten().any(|stand| !stand.is_implied));
    let words: Vec<BTreeSet<String>> = programs.iter().map(words).collect();
    let side = |stand: Option<Stand>| stand.map_or(Side::Same, |stand| stand.side);
    let deviation = |(object, (declared, on_live)): (Identity, (Option<Stand>, Option<Stand>))| Deviation {
        file: last_naming(&words, &object).map(|at| all[at].forward.path.clone()),
        declared: source.map(|_| side(declared)),
        live: live.map(|_| side(on_live)),
        object,
    };
    let found = found.into_iter().map(deviation);
    // What the last runner left behind stays as it is, and is no drift.
    let is_left_behind = |own: &Deviation| {
        own.live == Some(Side::Extra) && own.declared.is_none_or(|side| side == Side::Same) && is_of_runner(&own.object)
    };
    Ok(found.filter(|own| !is_left_behind(own)).collect())
}

/// How an object stands on a side, and whether that follows from what it is a part of: a column of a missing table.
#[derive(Clone, Copy)]
struct Stand {
    side: Side,
    is_implied: bool,
}

/// Returns how the objects stand that a plan changes, with the words for what it creates and for what it drops.
fn stands(plan: &Plan, (created, dropped): (Side, Side)) -> BTreeMap<Identity, Stand> {
    let changed = plan
        .changes
        .iter()
        .map(|detail| (&detail.change, detail.parent.as_ref()));
    let changed = changed.filter(|(change, _)| change.verb != Verb::Rebuild);
    let verbs: BTreeMap<&Identity, (Verb, Option<&Identity>)> = changed
        .map(|(change, parent)| (&change.object, (change.verb, parent)))
        .collect();
    let stand = |(object, (verb, parent)): (&&Identity, &(Verb, Option<&Identity>))| {
        let of_whole = parent.and_then(|parent| verbs.get(parent));
        let side = match verb {
            Verb::Create => created,
            Verb::Drop => dropped,
            _ => Side::Differs,
        };
        let goes_with_whole = of_whole.is_some_and(|(of_whole, _)| of_whole == verb);
        let stand = Stand {
            side,
            is_implied: goes_with_whole && matches!(verb, Verb::Create | Verb::Drop),
        };
        ((*object).clone(), stand)
    };
    verbs.iter().map(stand).collect()
}

fn words(program: &Program) -> BTreeSet<String> {
    program.lines.iter().flat_map(super::rate::words).collect()
}

/// Returns the last file that names an object, or else what it belongs to.
fn last_naming(words: &[BTreeSet<String>], object: &Identity) -> Option<usize> {
    let weight = |words: &BTreeSet<String>| {
        let parts = object.path.iter().skip(1);
        parts.filter(|part| words.contains(part.as_str())).count()
    };
    let best = words.iter().map(weight).max().filter(|best| *best > 0)?;
    words.iter().rposition(|words| weight(words) == best)
}

/// What `squash` did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Squashed {
    /// Files that were written.
    pub made: Vec<String>,
    /// Files that were removed.
    pub removed: Vec<String>,
}

/// Puts all files up to a version into one that builds the same schema. Files that change rows cannot be squashed.
pub fn squash(setup: &Setup, directory: &Directory, to: &super::Version, live: Option<&Url>) -> Result<Squashed> {
    let old: Vec<&Migration> = directory.migrations.iter().filter(|own| own.version <= *to).collect();
    let Some(last) = old.last().filter(|last| last.version == *to) else {
        return Err(Error::usage(format!("there is no migration {to}"))
            .hint("`trueup migrate list` shows the versions of the folder."));
    };
    if old.len() < 2 {
        return Err(Error::usage("there is nothing to squash").hint("Name a later version."));
    }
    if directory.layout == super::Layout::Journal {
        return Err(Error::usage("only Drizzle changes its journal").hint("Squash with Drizzle's own tools."));
    }
    let (before, programs) = given(setup, live, &old)?;
    refuse_rows(&programs)?;
    let steps = creation(&before);
    // Values that the old files state stand in the new one too.
    let secrets = Secrets::default();
    let nodes = programs
        .iter()
        .flat_map(|program| &program.lines)
        .filter_map(|line| line.node.as_ref());
    nodes.for_each(|node| secrets.learn_statement(node));
    let replaced: Vec<String> = old
        .iter()
        .flat_map(|own| {
            own.header
                .replaces
                .iter()
                .cloned()
                .chain([own.version.text().to_owned()])
        })
        .collect();
    let forward = format!(
        "-- Description: everything up to {}\n-- Replaces: {}\n{}",
        last.title(),
        replaced.join(", "),
        text(&steps, &secrets)
    );
    let script = Script {
        path: last.forward.path.clone(),
        checksum: Checksum::of(&forward),
        text: forward.clone(),
    };
    let whole = Migration {
        forward: script,
        rollback: None,
        header: super::Header::read(&last.forward.path, &forward)?,
        ..(*last).clone()
    };
    let (after, _) = given(setup, live, &[&whole])?;
    if let Some(difference) = difference(&before, &after) {
        return Err(Error::new(
            ErrorKind::Refuted,
            format!("one file would not build what these files build: {difference}"),
        )
        .hint("Nothing was changed. Please report this with the files."));
    }
    let mut removed: Vec<String> = Vec::new();
    for own in &old {
        let twin = own.rollback.iter().map(|script| script.path.clone());
        removed.extend(std::iter::once(own.forward.path.clone()).chain(twin));
    }
    removed.sort();
    removed.dedup();
    for path in &removed {
        fs::remove_file(path).map_err(|error| Error::io(format!("remove {path}"), &error))?;
    }
    let path = last.forward.path.clone();
    fs::write(&path, forward).map_err(|error| Error::io(format!("write {path}"), &error))?;
    removed.retain(|removed| *removed != path);
    Ok(Squashed {
        made: vec![path],
        removed,
    })
}

/// Refuses files whose statements are about rows, which a schema does not hold.
fn refuse_rows(programs: &[Program]) -> Result<()> {
    let lines = programs.iter().flat_map(|program| &program.lines);
    let about_rows = lines.filter(|line| {
        matches!(
            &line.node,
            Some(
                NodeEnum::InsertStmt(_)
                    | NodeEnum::UpdateStmt(_)
                    | NodeEnum::DeleteStmt(_)
                    | NodeEnum::MergeStmt(_)
                    | NodeEnum::CopyStmt(_)
                    | NodeEnum::DoStmt(_)
                    | NodeEnum::CallStmt(_)
            )
        )
    });
    let places: Vec<String> = about_rows
        .map(|line| format!("{}: {}", line.place, first_line(&line.sql)))
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    let error = Error::usage("these files change rows, which one file with the schema would lose").hint(
        "Squash up to a version before them, or move what a new database still needs into a migration behind that version.",
    );
    Err(places.into_iter().fold(error, Error::detail))
}
