//! What evidence is looked for.

use std::collections::BTreeSet;

use super::Ground;
use crate::catalog::{Identity, Name};
use crate::kinds::{AnyObject, Kind};
use crate::plan::{Plan, Verb};
use crate::risk::live_path;

/// How statements name an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// By its name in `FROM`.
    Relation,
    /// By its name beside that of its table.
    Column,
    /// Not at all.
    Index,
    /// By a call.
    Routine,
    /// In a cast or a declaration.
    Type,
}

/// An object that evidence is looked for, under its live names.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// Object, as the plan names it.
    pub(super) object: Identity,
    pub(super) sort: Sort,
    pub(super) schema: String,
    /// Relation, routine or type.
    pub(super) name: String,
    /// Column.
    pub(super) column: Option<String>,
}

impl Subject {
    /// Makes the subject of an object, if use can be told of its kind.
    pub(super) fn of(object: &Identity, ground: &Ground) -> Option<Self> {
        let sort = match object.kind {
            Kind::Table | Kind::View | Kind::MaterializedView | Kind::Sequence => Sort::Relation,
            Kind::Column => Sort::Column,
            Kind::Index | Kind::Key => Sort::Index,
            Kind::Function | Kind::Procedure => Sort::Routine,
            kind if kind.is_type() => Sort::Type,
            _ => return None,
        };
        ground.from.contains(object).then_some(())?;
        let live = live_path(object, ground.renames);
        let name = match object.kind {
            // The index of a key stands beside its table.
            Kind::Key => live.last()?,
            _ => live.get(1)?,
        };
        let bare = name
            .split_once('(')
            .filter(|_| sort == Sort::Routine)
            .map_or(name.as_str(), |(bare, _)| bare);
        Some(Self {
            object: object.clone(),
            sort,
            schema: live.first()?.clone(),
            name: bare.to_owned(),
            column: live.get(2).filter(|_| sort == Sort::Column).cloned(),
        })
    }

    /// Returns the word by which the text of a statement can be passed over.
    pub(super) fn word(&self) -> String {
        self.column.as_ref().unwrap_or(&self.name).to_lowercase()
    }
}

/// Returns the subjects of a plan: what it drops, renames or gives another type, as far as there is a finding about it.
pub(super) fn of_plan(plan: &Plan, ground: &Ground) -> Vec<Subject> {
    let found: BTreeSet<&Identity> = plan.findings.iter().map(|finding| &finding.object).collect();
    let concerned = plan.changes.iter().filter(|detail| match detail.change.verb {
        Verb::Drop | Verb::Rename | Verb::Replace => true,
        Verb::Alter => changes_type(&detail.change.object, ground),
        Verb::Create | Verb::Rebuild => false,
    });
    let objects: BTreeSet<&Identity> = concerned
        .map(|detail| &detail.change.object)
        .filter(|object| found.contains(object))
        .collect();
    objects
        .into_iter()
        .filter_map(|object| Subject::of(object, ground))
        .collect()
}

fn changes_type(object: &Identity, ground: &Ground) -> bool {
    match (ground.from.get(object), ground.to.get(object)) {
        (Some(AnyObject::Column(before)), Some(AnyObject::Column(after))) => before.data_type != after.data_type,
        _ => false,
    }
}

/// Returns the triggers' functions of a table, to which `new` and `old` are its rows.
pub(super) fn trigger_functions(subject: &Subject, ground: &Ground) -> BTreeSet<Identity> {
    let table: Vec<&str> = subject.object.path.iter().take(2).map(Name::as_str).collect();
    let of_table = |object: &Identity| {
        object.kind == Kind::Trigger && object.path.iter().take(2).map(Name::as_str).eq(table.iter().copied())
    };
    let triggers = ground.from.dependencies.iter().filter(|(object, _)| of_table(object));
    triggers
        .flat_map(|(_, on)| on.iter())
        .filter(|on| on.kind == Kind::Function)
        .cloned()
        .collect()
}
