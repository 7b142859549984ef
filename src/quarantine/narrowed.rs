//! A column whose values may not survive a change of its type: they are copied with the key of their rows first. The rollback
//! puts back each value that is still what the change made of it; what was written since stays.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, RangeVar};

use super::column::{key, same};
use super::copy::{Saved, refill};
use super::stored;
use super::{COPIED, Ground, Taken, sentences};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, list, qualified};
use crate::desired::expression;
use crate::kinds::{AnyObject, Column};
use crate::plan::Step;

/// Returns the step with the values copied first, or why there is no such way.
pub(super) fn saved(
    step: &Step,
    subject: &Identity,
    rollback: &[Step],
    ground: &Ground,
    taken: &mut Taken,
) -> Result<Saved, String> {
    let (Some(AnyObject::Column(before)), Some(AnyObject::Column(after))) =
        (ground.from.get(subject), ground.to.get(subject))
    else {
        return Err("it is not there".to_owned());
    };
    if before.data_type == after.data_type {
        return Err("its type is replaced by another one of its name".to_owned());
    }
    let there = conversion(std::slice::from_ref(step), after);
    let back = conversion(rollback, before);
    let (Some(there), Some(back)) = (there, back) else {
        return Err("its values are not converted by one statement".to_owned());
    };
    let key = key(before, ground)?;
    let copy = stored::copy_of(&subject.path_text(), taken);
    let of = qualified([&before.schema, &before.table]);
    let mut statements = sentences(&stored::copying(before, &key, &copy, ground));
    statements.extend(step.statements.iter().cloned());
    let (own, keys) = (ident(&before.name), list(&key));
    let update = copy.read_by(format!(
        "UPDATE {of} t SET {own} = q.old\n    FROM (SELECT {keys}, old, {back} AS back\n          FROM (SELECT {keys}, {} AS old, \
         {there} AS {own} FROM {} q) q) q\n    WHERE {} AND t.{own}::text IS NOT DISTINCT FROM q.back::text AND \
         t.{own}::text IS DISTINCT FROM q.old::text",
        stored::restore(before),
        copy.name,
        same(&key)
    ));
    let back = stored::filling(update, before, &copy, ground);
    Ok(Saved {
        there: stored::kept(step, statements, format!("{COPIED}{}", copy.name)),
        back: vec![refill(subject, &back, &copy)],
    })
}

/// Returns the expression by which steps convert a column's values to the type that it has then.
fn conversion(steps: &[Step], column: &Column) -> Option<String> {
    let mut sentences = steps.iter().flat_map(|step| &step.statements);
    let expression = sentences.find_map(|sentence| converts(&sentence.sql, column))?;
    Some(format!("({expression})::{}", column.data_type))
}

/// Tells whether a statement changes the values of a column that stands: their type, or that they are computed.
pub(super) fn changes_values(sql: &str) -> bool {
    let of = [AlterTableType::AtAlterColumnType, AlterTableType::AtDropExpression];
    let commands =
        |(_, commands): (RangeVar, Vec<AlterTableCmd>)| commands.iter().any(|command| of.contains(&command.subtype()));
    altering(sql).is_some_and(commands)
}

/// Returns the table of an `ALTER TABLE` and what it does.
fn altering(sql: &str) -> Option<(RangeVar, Vec<AlterTableCmd>)> {
    let parsed = pg_query::parse(sql, 0).ok()?.protobuf;
    let NodeEnum::AlterTableStmt(alter) = parsed.stmts.into_iter().next()?.stmt?.node? else {
        return None;
    };
    let commands = alter.cmds.into_iter().filter_map(|command| match command.node? {
        NodeEnum::AlterTableCmd(command) => Some(*command),
        _ => None,
    });
    Some((alter.relation?, commands.collect()))
}

/// Returns the expression by which a statement converts a column: what stands behind `USING`, or the column itself.
fn converts(sql: &str, column: &Column) -> Option<String> {
    let (relation, commands) = altering(sql)?;
    (relation.schemaname == column.schema && relation.relname == column.table).then_some(())?;
    let mut commands = commands
        .into_iter()
        .filter(|command| command.subtype() == AlterTableType::AtAlterColumnType && command.name == column.name);
    using(commands.next()?)
}

fn using(command: AlterTableCmd) -> Option<String> {
    match command.def?.node? {
        NodeEnum::ColumnDef(definition) => match &definition.raw_default {
            Some(expression) => expression::text(expression),
            None => Some(ident(&command.name)),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_behind_using() {
        let found = |sql: &str| {
            let (_, mut commands) = altering(sql).unwrap();
            using(commands.remove(0))
        };
        assert_eq!(
            found("ALTER TABLE a.b ALTER COLUMN c TYPE integer USING c::text::integer").as_deref(),
            Some("c::text::int")
        );
        assert_eq!(
            found("ALTER TABLE a.b ALTER COLUMN \"C\" TYPE integer").as_deref(),
            Some("\"C\"")
        );
        assert!(changes_values("ALTER TABLE a.b ALTER COLUMN c DROP EXPRESSION"));
        assert!(!changes_values("ALTER TABLE a.b ALTER COLUMN c SET STORAGE plain"));
    }
}
