//! Evidence of use: what the live server knows of an object that a plan drops, renames or gives another type: scans, writes,
//! statements, bodies that mention it, sessions that hold it now. Reading alone, a fixed number of queries, and silence where
//! the role may not look.

mod bodies;
mod figures;
mod mention;
mod statements;
mod subject;

use std::collections::BTreeMap;

use postgres::{Client, Transaction};
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Identity};
use crate::diff::Rename;
use crate::error::Result;
use crate::plan::Plan;
use subject::Subject;

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Scans and writes of a table.
    TableStatistics,
    /// Scans of an index.
    IndexStatistics,
    /// Extension `pg_stat_statements`.
    Statements,
    /// Views and routines.
    MentionedBy,
    /// Sessions that hold a lock now.
    Sessions,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Where it comes from.
    pub source: Source,
    /// What is known, as a fragment in words; no text of a statement and no value.
    pub text: String,
}

/// The states between which something is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// State before, under the names that it will have.
    pub from: &'a Catalog,
    /// State after.
    pub to: &'a Catalog,
    /// Renames between the live names and those.
    pub renames: &'a [Rename],
}

/// Puts what is known of each object that a plan drops, renames or gives another type into its first finding.
pub fn add(client: &mut Client, plan: &mut Plan, ground: &Ground) -> Result<()> {
    let subjects = subject::of_plan(plan, ground);
    if subjects.is_empty() {
        return Ok(());
    }
    let found = look(client, &subjects, ground)?;
    for (subject, evidence) in subjects.iter().zip(found) {
        let own = plan
            .findings
            .iter_mut()
            .filter(|finding| finding.object == subject.object);
        if let Some(first) = own.min_by(|a, b| a.code.cmp(&b.code)) {
            first.evidence = evidence;
        }
    }
    Ok(())
}

/// Returns what is known of one object.
pub fn of(client: &mut Client, object: &Identity, ground: &Ground) -> Result<Vec<Evidence>> {
    let Some(subject) = Subject::of(object, ground) else {
        return Ok(Vec::new());
    };
    Ok(look(client, &[subject], ground)?.into_iter().next().unwrap_or_default())
}

fn look(client: &mut Client, subjects: &[Subject], ground: &Ground) -> Result<Vec<Vec<Evidence>>> {
    let mut out: Vec<Vec<Evidence>> = vec![Vec::new(); subjects.len()];
    let mut transaction = client.build_transaction().read_only(true).start()?;
    transaction.batch_execute(
        "SET LOCAL search_path = ''; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '500ms'",
    )?;
    let used = quietly(&mut transaction, |look| {
        figures::used(look, subjects, ground.from.version_num)
    })?;
    let known = quietly(&mut transaction, |look| statements::known(look, subjects))?;
    let held = quietly(&mut transaction, |look| figures::held(look, subjects))?;
    transaction.rollback()?;
    let mentions = bodies::mentions(subjects, ground);
    for found in [used, known, mentions, held] {
        for (place, evidence) in found {
            if let Some(own) = out.get_mut(place) {
                own.push(evidence);
            }
        }
    }
    Ok(out)
}

/// Evidence by the place of its subject.
type Found = BTreeMap<usize, Evidence>;

/// Looks at something that the role may not be allowed to see, or that is not there: then there is no evidence.
fn quietly(
    transaction: &mut Transaction,
    look: impl FnOnce(&mut Transaction) -> std::result::Result<Found, postgres::Error>,
) -> Result<Found> {
    let mut savepoint = transaction.transaction()?;
    if let Ok(found) = look(&mut savepoint) {
        savepoint.commit()?;
        return Ok(found);
    }
    savepoint.rollback()?;
    Ok(Found::new())
}
