//! A table that moves to quarantine: rows, indexes and what else stays with it move along; what reaches outside does not.

use std::collections::BTreeSet;

use super::{BACK, Ground, MOVED, Taken, Way, place, schema_statement, sentences};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, qualified};
use crate::kinds::{AnyObject, Context, Kind, Lock, Statement};
use crate::plan::{Change, Phase, Reversal, Step, Verb};

/// Kinds of parts that would still act on other tables, or make others act on this one.
const REACHES_OUT: [Kind; 3] = [Kind::ForeignKey, Kind::PublicationTable, Kind::Rule];

/// Returns the way of a table, or why there is none.
pub(super) fn way(
    step: &Step,
    subject: &Identity,
    ground: &Ground,
    dropped: &BTreeSet<Identity>,
    taken: &mut Taken,
) -> Result<Way, String> {
    let Some(AnyObject::Table(table)) = ground.from.get(subject) else {
        return Err("it is not there".to_owned());
    };
    if table.partition_key.is_some() || is_in_a_family(subject, ground) {
        return Err("it is partitioned or inherits, which the move would tear apart".to_owned());
    }
    let own: BTreeSet<&Identity> = step.changes.iter().map(|change| &change.object).collect();
    let (mut stays, mut leaves) = (Vec::new(), Vec::new());
    for part in step
        .changes
        .iter()
        .map(|change| &change.object)
        .filter(|part| *part != subject)
    {
        let gone = ground
            .from
            .dependencies_of(part)
            .find(|on| dropped.contains(*on) && !own.contains(*on));
        match gone {
            Some(on) if matches!(part.kind, Kind::Column) => {
                return Err(format!("{part} needs {on}, which is dropped too"));
            }
            None if !REACHES_OUT.contains(&part.kind) => stays.push(part.clone()),
            _ => leaves.push(part.clone()),
        }
    }
    leaves.sort();
    let names = stays.iter().filter(|part| has_relation(part)).map(Identity::name);
    let schema = place(names.chain([table.name.as_str()]), taken);
    let context = Context::new(ground.from, ground.to, ground.version_num);
    let mut there = vec![schema_statement(&schema)];
    let parts = leaves.iter().rev().filter_map(|part| ground.from.get(part));
    there.extend(parts.flat_map(|part| part.drop(&context)));
    let (old, new) = (
        qualified([&table.schema, &table.name]),
        qualified([&schema, &table.name]),
    );
    there.push(
        Statement::new(format!("ALTER TABLE {old} SET SCHEMA {}", ident(&schema)))
            .locks(subject.clone(), Lock::AccessExclusive),
    );
    let back = vec![
        Statement::new(format!("ALTER TABLE {new} SET SCHEMA {}", ident(&table.schema)))
            .locks(subject.clone(), Lock::AccessExclusive),
    ];
    let created = std::iter::once(subject).chain(&stays).map(|object| Change {
        object: object.clone(),
        verb: Verb::Create,
    });
    Ok(Way {
        there: Step {
            statements: sentences(&there),
            reversal: Reversal::Exact,
            form: Some(format!("{MOVED}{schema}")),
            ..step.clone()
        },
        back: Step {
            changes: created.collect(),
            phase: Phase::Structure,
            statements: sentences(&back),
            transaction: 0,
            reversal: Reversal::Exact,
            form: Some(format!("{BACK}{new}")),
            temporary: Vec::new(),
        },
    })
}

fn has_relation(part: &Identity) -> bool {
    matches!(part.kind, Kind::Index | Kind::Key | Kind::Sequence)
}

fn is_in_a_family(table: &Identity, ground: &Ground) -> bool {
    let is = |schema: &str, name: &str| table.path == [schema, name];
    ground.from.objects.values().any(|object| match object {
        AnyObject::Partition(part) => is(&part.schema, &part.table) || is(&part.parent_schema, &part.parent_table),
        AnyObject::Inheritance(link) => is(&link.schema, &link.table) || is(&link.parent_schema, &link.parent_table),
        _ => false,
    })
}
