//! What all files of a folder give together, on an empty scratch database; and what follows from that: migrations that
//! are generated, squashing.

use std::fs;
use std::path::PathBuf;

use pg_query::NodeEnum;
use serde::Serialize;

use super::checksum::Checksum;
use super::directory::{Directory, Migration, Script};
use super::new::{Content, create};
use super::outlook::{attempt, first_line};
use super::program::Program;
use crate::apply::{batches, items};
use crate::catalog::Catalog;
use crate::db::{Server, Url};
use crate::desired::elaborate::Workshop;
use crate::desired::replay::creation;
use crate::desired::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::Secrets;
use crate::plan::{Plan, Step};
use crate::prove::files::{Bench, difference};
use crate::reconcile::{Setup, plan_from};

/// Runs files on an empty scratch database, of the live server's version where one is given; returns what they leave.
pub(super) fn given(setup: &Setup, live: Option<&Url>, migrations: &[&Migration]) -> Result<(Catalog, Vec<Program>)> {
    let server = live.map(|url| Server::read(&mut url.connect()?)).transpose()?;
    let workshop = Workshop {
        scratch: &setup.scratch,
        machine: &setup.machine,
        live: live.zip(server.as_ref()),
        like: None,
        cache: setup.cache,
        pool: None,
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
