//! A column whose values are copied to quarantine with the key of their rows, before it is dropped.

use std::collections::BTreeSet;

use super::copy::refill;
use super::stored;
use super::{BACK, COPIED, Ground, Taken, Way, sentences};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, qualified};
use crate::kinds::{AnyObject, Column, Context, KeyType, Kind, Object, Statement};
use crate::plan::{Change, Phase, Reversal, Sentence, Step, Verb};

/// Returns the way of a column, or why there is none.
pub(super) fn way(
    step: &Step,
    subject: &Identity,
    ground: &Ground,
    dropped: &BTreeSet<Identity>,
    taken: &mut Taken,
) -> Result<Way, String> {
    if let Some(on) = ground.from.dependencies_of(subject).find(|on| dropped.contains(*on)) {
        return Err(format!("it needs {on}, which is dropped too"));
    }
    copied(step, subject, ground, taken).map(|copied| copied.made_again(subject, ground))
}

/// A column that is copied.
pub(super) struct Copied<'a> {
    /// The step, with the copy before its own statements.
    pub(super) there: Step,
    column: &'a Column,
    copy: stored::Copy,
    back: Vec<Statement>,
}

impl Copied<'_> {
    /// Returns the way of a column that the rollback makes again: it is filled before anything is said about its values.
    pub(super) fn made_again(self, subject: &Identity, ground: &Ground) -> Way {
        let context = Context::new(ground.to, ground.from, ground.version_num);
        let mut back: Vec<Sentence> = sentences(&self.column.create(&context));
        back.extend(sentences(&self.back));
        Way {
            there: self.there,
            back: Step {
                changes: vec![Change {
                    object: subject.clone(),
                    verb: Verb::Create,
                }],
                phase: Phase::Structure,
                statements: back,
                transaction: 0,
                reversal: Reversal::Exact,
                form: Some(format!("{BACK}{}", self.copy.name)),
                temporary: Vec::new(),
            },
        }
    }

    /// Returns the step that fills a column which the rollback changes where it stands.
    pub(super) fn filled_again(&self, subject: &Identity) -> Step {
        refill(subject, &self.back, &self.copy)
    }
}

/// Copies a column whose type need not stay.
pub(super) fn copied<'a>(
    step: &Step,
    subject: &Identity,
    ground: &Ground<'a>,
    taken: &mut Taken,
) -> Result<Copied<'a>, String> {
    let Some(AnyObject::Column(column)) = ground.from.get(subject) else {
        return Err("it is not there".to_owned());
    };
    let key = key(column, ground)?;
    let copy = stored::copy_of(&subject.path_text(), taken);
    let (of, own) = (qualified([&column.schema, &column.table]), ident(&column.name));
    let mut statements = sentences(&stored::copying(column, &key, &copy, ground));
    statements.extend(stored::behind_copy(step));
    let update = copy.read_by(format!(
        "UPDATE {of} t SET {own} = {} FROM {} q WHERE {}",
        stored::restore(column),
        copy.name,
        same(&key)
    ));
    Ok(Copied {
        there: stored::kept(step, statements, format!("{COPIED}{}", copy.name)),
        back: stored::filling(update, column, &copy, ground),
        column,
        copy,
    })
}

/// Returns the condition under which a row `t` of the table is the row `q` of the copy.
pub(super) fn same(key: &[String]) -> String {
    let pairs = key
        .iter()
        .map(|name| ident(name))
        .map(|name| format!("t.{name} = q.{name}"));
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// Returns the columns of a key that tells all rows apart, before and after the plan, without the column itself: the primary
/// one, or a unique one that holds no null.
pub(super) fn key(column: &Column, ground: &Ground) -> Result<Vec<String>, String> {
    let of_table = |object: &AnyObject| match object {
        AnyObject::Key(key) if key.constraint != KeyType::Exclusion && key.valid => {
            let is_own = key.schema == column.schema && key.table == column.table;
            is_own.then(|| (key.constraint, key.columns.clone()))
        }
        _ => None,
    };
    let inherits = |object: &AnyObject| match object {
        AnyObject::Inheritance(link) => link.parent_schema == column.schema && link.parent_table == column.table,
        _ => false,
    };
    if ground.from.objects.values().any(inherits) {
        return Err("other tables inherit from its table, whose rows are not told apart by its primary key".to_owned());
    }
    let stays = |name: &String| {
        let identity = Column::named(&column.schema, &column.table, name);
        *name != column.name && ground.from.contains(&identity) && ground.to.contains(&identity)
    };
    let is_filled = |name: &String| {
        let identity = Identity::new(Kind::NotNull, [&column.schema, &column.table, name]);
        matches!(ground.from.get(&identity), Some(AnyObject::NotNull(not_null)) if not_null.valid)
    };
    let keys = ground.from.objects.values().filter_map(of_table);
    let mut fit: Vec<_> = keys
        .filter(|(sort, columns)| {
            columns.iter().all(stays) && (*sort == KeyType::Primary || columns.iter().all(is_filled))
        })
        .collect();
    fit.sort_by_key(|(sort, _)| *sort != KeyType::Primary);
    let first = fit.into_iter().next().map(|(_, columns)| columns);
    first.ok_or_else(|| "its table has no key without nulls that stays, by which rows could be found again".to_owned())
}
