//! A column whose values are copied to quarantine with the key of their rows, before it is dropped.

use std::collections::BTreeSet;

use super::{BACK, COPIED, Ground, Taken, Way, place, schema_statement, sentences};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, qualified};
use crate::kinds::{AnyObject, Column, Context, KeyType, Kind, Lock, Object, Statement};
use crate::plan::{Change, Phase, Reversal, Sentence, Step, Verb};

/// Longest name that PostgreSQL keeps, in bytes.
const LONGEST: usize = 63;

/// Returns the way of a column, or why there is none.
pub(super) fn way(
    step: &Step,
    subject: &Identity,
    ground: &Ground,
    dropped: &BTreeSet<Identity>,
    taken: &mut Taken,
) -> Result<Way, String> {
    let Some(AnyObject::Column(column)) = ground.from.get(subject) else {
        return Err("it is not there".to_owned());
    };
    if let Some(on) = ground.from.dependencies_of(subject).find(|on| dropped.contains(*on)) {
        return Err(format!("it needs {on}, which is dropped too"));
    }
    let key =
        key(column, ground).ok_or("its table has no primary key that stays, by which rows could be found again")?;
    let name = name(column);
    let schema = place([name.as_str()].into_iter(), taken);
    let copy = qualified([&schema, &name]);
    let table = Identity::new(Kind::Table, [&column.schema, &column.table]);
    let of = qualified([&column.schema, &column.table]);
    let own = ident(&column.name);
    let keys: Vec<String> = key.iter().map(|name| ident(name)).collect();
    let there = [
        schema_statement(&schema),
        // Taken first: what is written between the copy and the drop would be lost.
        Statement::new(format!("LOCK TABLE {of} IN ACCESS EXCLUSIVE MODE")).locks(table.clone(), Lock::AccessExclusive),
        Statement::new(format!(
            "CREATE TABLE {copy} AS SELECT {}, {own} FROM {of}",
            keys.join(", ")
        ))
        .scans(table.clone()),
    ];
    let mut statements = sentences(&there);
    statements.extend(step.statements.iter().cloned().map(|mut sentence| {
        sentence.facts.loss = None;
        sentence
    }));
    let same: Vec<String> = keys.iter().map(|key| format!("t.{key} = q.{key}")).collect();
    let context = Context::new(ground.to, ground.from, ground.version_num);
    let mut back: Vec<Sentence> = sentences(&column_alone(column, &context));
    back.extend(sentences(&[
        Statement::new(format!(
            "UPDATE {of} t SET {own} = q.{own} FROM {copy} q WHERE {}",
            same.join(" AND ")
        ))
        .scans(table),
        Statement::new(format!("DROP TABLE {copy}")),
    ]));
    Ok(Way {
        there: Step {
            statements,
            reversal: Reversal::Exact,
            form: Some(format!("{COPIED}{copy}")),
            ..step.clone()
        },
        back: Step {
            changes: vec![Change {
                object: subject.clone(),
                verb: Verb::Create,
            }],
            phase: Phase::Structure,
            statements: back,
            transaction: 0,
            reversal: Reversal::Exact,
            form: Some(format!("{BACK}{copy}")),
            temporary: Vec::new(),
        },
    })
}

fn column_alone(column: &Column, context: &Context) -> Vec<Statement> {
    column.create(context)
}

/// Returns the columns of a primary key that stands before and after the plan, without the column itself.
fn key(column: &Column, ground: &Ground) -> Option<Vec<String>> {
    let of_table = |object: &AnyObject| match object {
        AnyObject::Key(key) if key.constraint == KeyType::Primary => {
            (key.schema == column.schema && key.table == column.table).then(|| key.columns.clone())
        }
        _ => None,
    };
    let columns = ground.from.objects.values().find_map(of_table)?;
    let stays = |name: &String| {
        let identity = Identity::new(Kind::Column, [&column.schema, &column.table, name]);
        *name != column.name && ground.from.contains(&identity) && ground.to.contains(&identity)
    };
    columns.iter().all(stays).then_some(columns)
}

fn name(column: &Column) -> String {
    let mut name = format!("{}.{}.{}", column.schema, column.table, column.name);
    while name.len() > LONGEST {
        name.pop();
    }
    name
}
