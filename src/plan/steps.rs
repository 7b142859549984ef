//! Steps: what a plan file and every report show.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::graph::{Node, Role};
use crate::catalog::Identity;
use crate::kinds::{Facts, Lock, Loss, Statement, Transaction};
use crate::risk::Estimate;

/// Phase of a step; the order in which steps run where no dependency says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Additive and catalog-only.
    Structure,
    /// Backfills.
    Data,
    /// Builds and scans under weak locks.
    Validation,
    /// Removal and narrowing.
    Contract,
}

/// What a change does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Creates it.
    Create,
    /// Changes it where it stands.
    Alter,
    /// Drops it and creates it again because it changes.
    Replace,
    /// Drops it and creates it again, unchanged, because something below it changes.
    Rebuild,
    /// Renames it.
    Rename,
    /// Drops it.
    Drop,
}

/// How far the rollback of a step restores what was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "label", content = "reason")]
pub enum Reversal {
    /// Everything comes back.
    Exact,
    /// The shape comes back, the rows or values do not.
    SchemaOnly(String),
    /// Values may differ from what they were.
    Lossy(String),
    /// PostgreSQL cannot undo it.
    Impossible(String),
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Object.
    pub object: Identity,
    /// What happens to it.
    pub verb: Verb,
}

/// A statement as a plan holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// SQL text without the final semicolon.
    pub sql: String,
    /// Facts.
    pub facts: Facts,
    /// How long it runs and who waits; only on the way forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// One step: what is said at one place of the plan about one object and what folds into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The changes that the step carries out; the first one gives it its name.
    pub changes: Vec<Change>,
    /// Phase.
    pub phase: Phase,
    /// In order.
    pub statements: Vec<Sentence>,
    /// Steps with the same number run in one transaction.
    pub transaction: usize,
    /// How far its rollback restores what was.
    pub reversal: Reversal,
    /// Why it has the form that it has, where the size of a table decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Objects that it makes or removes on the way: they stand neither before nor after the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub temporary: Vec<Identity>,
}

/// Returns the number of transactions of steps.
pub(crate) fn transactions(steps: &[Step]) -> usize {
    steps.last().map_or(0, |step| step.transaction + 1)
}

/// Puts more steps behind others, in transactions of their own.
pub(crate) fn go_on(steps: &mut Vec<Step>, more: Vec<Step>) {
    let first = transactions(steps);
    steps.extend(more.into_iter().map(|step| Step {
        transaction: step.transaction + first,
        ..step
    }));
}

impl Step {
    /// Makes a step of statements; its transaction is numbered later.
    pub(crate) fn new(changes: Vec<Change>, phase: Phase, statements: &[Statement]) -> Self {
        let forms: BTreeSet<&str> = statements.iter().filter_map(|s| s.form.as_deref()).collect();
        let temporary: BTreeSet<&Identity> = statements.iter().flat_map(|s| &s.temporary).collect();
        let sentences: Vec<Sentence> = statements.iter().map(Sentence::from).collect();
        Self {
            changes,
            phase,
            transaction: 0,
            reversal: Reversal::of(&sentences),
            statements: sentences,
            form: (!forms.is_empty()).then(|| forms.into_iter().collect::<Vec<_>>().join("; ")),
            temporary: temporary.into_iter().cloned().collect(),
        }
    }
}

impl From<&Statement> for Sentence {
    fn from(statement: &Statement) -> Self {
        Self {
            sql: statement.sql(),
            facts: statement.facts.clone(),
            estimate: None,
        }
    }
}

/// Derives the phase of a node from its facts.
pub(super) fn phase(node: &Node) -> Phase {
    if node.rebuilds {
        return Phase::Structure;
    }
    phase_of(node.role, &node.statements)
}

/// Derives the phase of statements that are no part of a rebuild.
pub(super) fn phase_of(role: Role, statements: &[Statement]) -> Phase {
    let narrows = |statement: &Statement| matches!(statement.facts.loss, Some(Loss::Values(_) | Loss::Precision(_)));
    if role == Role::Drop || statements.iter().any(narrows) {
        return Phase::Contract;
    }
    if statements.iter().any(|statement| !statement.facts.writes.is_empty()) {
        return Phase::Data;
    }
    let weak = |statement: &Statement| {
        let facts = &statement.facts;
        facts.transaction == Transaction::Outside
            || (facts.transaction == Transaction::Alone && statement.form.is_some())
            || (!facts.scans.is_empty() && facts.locks.iter().all(|(_, lock)| *lock <= Lock::ShareUpdateExclusive))
    };
    if statements.iter().any(weak) {
        return Phase::Validation;
    }
    Phase::Structure
}

impl Reversal {
    /// Derives the label of a step's rollback from what its statements destroy.
    pub(crate) fn of(sentences: &[Sentence]) -> Self {
        let losses = sentences.iter().filter_map(|sentence| sentence.facts.loss.as_ref());
        let fills = |sentence: &Sentence| sentence.facts.batches.as_ref().is_some_and(|batches| batches.stays);
        let filled = sentences
            .iter()
            .any(fills)
            .then(|| Self::Lossy("rows that had no value keep the one that they were filled with".to_owned()));
        losses
            .map(|loss| match loss {
                Loss::Values(what) => Self::SchemaOnly(format!("lost: {what}")),
                Loss::Precision(how) => Self::Lossy(how.clone()),
                Loss::Secret(what) => Self::Impossible(format!("{what} is known to the server only")),
            })
            .chain(filled)
            .min_by_key(|reversal| (!matches!(reversal, Self::Impossible(_)), reversal.clone()))
            .unwrap_or(Self::Exact)
    }
}
