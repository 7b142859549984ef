//! What a rule looks at: both states, the way forward, and the size of the tables on it.

use std::collections::BTreeSet;

use super::candidates::Candidate;
use super::finding::{Finding, Risk};
use super::statistics::{Size, Statistics};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{AnyObject, Column, Kind, Lock};
use crate::plan::{Change, Sentence, Step, Verb};

/// Everything that a rule may look at.
#[derive(Debug)]
pub struct Look<'a> {
    /// State before the plan.
    pub from: &'a Catalog,
    /// State after the plan.
    pub to: &'a Catalog,
    /// Way forward.
    pub steps: &'a [Step],
    /// Size of the tables that the plan touches.
    pub statistics: &'a Statistics,
    /// Renames that nobody has said.
    pub(super) candidates: &'a [Candidate],
    /// `TimeZone` in which the plan is executed, where it is known.
    pub(super) time_zone: Option<&'a str>,
    /// Objects that are dropped and created again.
    remade: BTreeSet<&'a Identity>,
    /// Every change once, at the first step that takes part in it.
    changes: Vec<(usize, &'a Change)>,
}

impl<'a> Look<'a> {
    /// Looks at a way between two states.
    pub fn new(from: &'a Catalog, to: &'a Catalog, steps: &'a [Step], statistics: &'a Statistics) -> Self {
        let mut seen = BTreeSet::new();
        let all = steps.iter().enumerate();
        let changes: Vec<_> = all
            .flat_map(|(at, step)| step.changes.iter().map(move |change| (at, change)))
            .filter(|(_, change)| seen.insert(&change.object))
            .collect();
        let remade = changes
            .iter()
            .filter(|(_, change)| matches!(change.verb, Verb::Replace | Verb::Rebuild))
            .map(|(_, change)| &change.object)
            .collect();
        Self {
            from,
            to,
            steps,
            statistics,
            candidates: &[],
            time_zone: None,
            remade,
            changes,
        }
    }

    /// Looks at renames, too, that nobody has said.
    #[must_use]
    pub fn with_candidates(self, candidates: &'a [Candidate]) -> Self {
        Self { candidates, ..self }
    }

    /// Knows the time zone in which the plan is executed.
    #[must_use]
    pub fn in_time_zone(self, time_zone: Option<&'a str>) -> Self {
        Self { time_zone, ..self }
    }

    /// Returns every change once, at the first step that takes part in it.
    pub(super) fn changes(&self) -> impl Iterator<Item = (usize, &'a Change)> {
        self.changes.iter().copied()
    }

    /// Returns the objects of a verb, at the first step that takes part in the change.
    pub(super) fn with_verb(&self, verb: Verb) -> impl Iterator<Item = (usize, &'a Identity)> {
        self.changes()
            .filter(move |(_, change)| change.verb == verb)
            .map(|(at, change)| (at, &change.object))
    }

    /// Returns every statement with its step.
    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, &'a Step, &'a Sentence)> {
        let all = self.steps.iter().enumerate();
        all.flat_map(|(at, step)| step.statements.iter().map(move |sentence| (at, step, sentence)))
    }

    /// Tells whether the object is there before and after, and is not made anew on the way.
    pub(super) fn stands(&self, object: &Identity) -> bool {
        self.from.contains(object) && self.to.contains(object) && !self.remade.contains(object)
    }

    /// Tells whether the plan makes the object: it was not there, or is dropped and created.
    pub(super) fn is_new(&self, object: &Identity) -> bool {
        !self.from.contains(object) || self.remade.contains(object)
    }

    /// Tells whether the plan fills a column of rows that are there.
    pub(super) fn is_filled(&self, column: &Identity) -> bool {
        let mut batches = self
            .statements()
            .filter_map(|(_, _, sentence)| sentence.facts.batches.as_ref());
        batches.any(|batches| batches.fills.contains(column))
    }

    /// Tells whether an object is dropped because what it belongs to is.
    pub(super) fn falls_with_parent(&self, object: &Identity) -> bool {
        let parent = self.from.get(object).and_then(AnyObject::parent);
        parent.is_some_and(|parent| !self.to.contains(&parent))
    }

    /// Tells whether an object belongs to another one.
    pub(super) fn belongs_to(&self, object: &Identity, parent: &Identity) -> bool {
        self.from.get(object).and_then(AnyObject::parent).as_ref() == Some(parent)
    }

    /// Tells whether some of the tables are a table, its partitions, or tables that inherit from it: what is observed on a
    /// partitioned table is observed on its partitions.
    pub(super) fn any_within(&self, tables: &[Identity], whole: &Identity) -> bool {
        tables.iter().any(|table| self.is_within(table, whole))
    }

    fn is_within(&self, table: &Identity, whole: &Identity) -> bool {
        let table_named = |schema: &String, name: &String| Identity::new(Kind::Table, [schema, name]);
        if table == whole {
            return true;
        }
        let partition = Identity::new(Kind::Partition, table.path.iter());
        if let Some(AnyObject::Partition(of)) = self.from.get(&partition) {
            return self.is_within(&table_named(&of.parent_schema, &of.parent_table), whole);
        }
        match self.from.get(table) {
            Some(AnyObject::Table(table)) => {
                let mut parents = table.inherits.iter().map(|(schema, name)| table_named(schema, name));
                parents.any(|parent| self.is_within(&parent, whole))
            }
            _ => false,
        }
    }

    /// Returns the size of a table.
    pub(super) fn size(&self, table: &Identity) -> Size {
        self.statistics.size(table)
    }

    /// Returns the name of a table with its size, as it stands in a sentence.
    pub(super) fn sized(&self, table: &Identity) -> String {
        format!("`{}` ({})", table.path_text(), self.statistics.describe(table))
    }

    /// Tells whether a table is certainly empty.
    pub(super) fn is_empty(&self, table: &Identity) -> bool {
        self.size(table) == Size::Empty
    }

    /// Grades what costs time in proportion to the table; `None` where there is nothing to wait for.
    pub(super) fn grade(&self, table: &Identity) -> Option<Risk> {
        match self.size(table) {
            Size::Empty => None,
            Size::Small => Some(Risk::Caution),
            Size::Large if self.statistics.is_busy(table) => Some(Risk::Critical),
            Size::Large | Size::Unknown => Some(Risk::Dangerous),
        }
    }

    /// Returns the tables that stand and that the step locks against writes or more, with the strongest lock.
    pub(super) fn strong_locks(&self, step: &'a Step) -> impl Iterator<Item = (&'a Identity, Lock)> {
        let locks = step.statements.iter().flat_map(|sentence| &sentence.facts.locks);
        locks
            .filter(|(table, lock)| table.kind == Kind::Table && *lock >= Lock::Share && self.stands(table))
            .map(|(table, lock)| (table, *lock))
    }

    /// Returns a column of the state before.
    pub(super) fn column_before(&self, identity: &Identity) -> Option<&'a Column> {
        match self.from.get(identity) {
            Some(AnyObject::Column(column)) => Some(column),
            _ => None,
        }
    }

    /// Returns a column of the state after.
    pub(super) fn column_after(&self, identity: &Identity) -> Option<&'a Column> {
        match self.to.get(identity) {
            Some(AnyObject::Column(column)) => Some(column),
            _ => None,
        }
    }
}

/// Returns the lock that a statement takes on a table.
pub(super) fn lock_on(sentence: &Sentence, table: &Identity) -> Option<Lock> {
    let locks = sentence.facts.locks.iter().filter(|(locked, _)| locked == table);
    locks.map(|(_, lock)| *lock).max()
}

/// Returns the table that an object belongs to by its path.
pub(super) fn table_of(object: &Identity) -> Identity {
    Identity::new(Kind::Table, object.path.iter().take(2).cloned())
}

/// Returns names in backticks, joined with commas.
pub(super) fn names<'a>(objects: impl IntoIterator<Item = &'a Identity>) -> String {
    let quoted: Vec<String> = objects
        .into_iter()
        .map(|object| format!("`{}`", object.path_text()))
        .collect();
    quoted.join(", ")
}

/// What a rule found, before it has the rule's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    risk: Risk,
    step: usize,
    object: Identity,
    message: String,
    hint: String,
}

impl Hit {
    /// Makes one; the message is a full sentence.
    pub(super) fn new(risk: Risk, step: usize, object: &Identity, message: impl Into<String>) -> Self {
        Self {
            risk,
            step,
            object: object.clone(),
            message: message.into(),
            hint: String::new(),
        }
    }

    /// Adds the safer way, in full sentences.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Signs it with the rule's code.
    pub(super) fn finding(self, code: &str) -> Finding {
        Finding {
            code: code.to_owned(),
            risk: self.risk,
            object: self.object,
            step: self.step,
            message: self.message,
            hint: self.hint,
            evidence: Vec::new(),
            ruling: None,
        }
    }
}
