//! ## What it finds
//!
//! A change of the type of a column that identifies rows: one of a primary key, one that a foreign key references, or
//! one that references another table. The finding names every column that foreign keys tie to it, over any number of
//! tables, and says which of them change along.
//!
//! ## Why it is dangerous
//!
//! An identifier is known outside of its table: to the foreign keys that reference it, to indexes, sequences, caches,
//! message queues, other services and links that people have saved. `ALTER COLUMN TYPE` rewrites the table with all its
//! indexes under ACCESS EXCLUSIVE, once for each table of the chain, and between two of these rewrites the two sides of
//! a foreign key disagree. A conversion that changes the text of a value (`uuid` to `varchar`, `text` to `integer`)
//! breaks everybody who kept the old form, and that cannot be seen from here.
//!
//! It is `critical`; `dangerous` where it is changed in stages and no value becomes another that is not kept; `caution` where all tables of the chain are empty, or
//! where only a length limit grows and PostgreSQL touches no row.
//!
//! ## Safer way
//!
//! trueup takes the safer way by itself wherever a table of the chain has rows (not with `--online never`). It adds a column
//! of the new type beside the old one, keeps it filled by a trigger, fills old
//! rows in batches, builds its unique index with `CREATE INDEX CONCURRENTLY`, does the same in every table of the chain,
//! then switches keys and foreign keys over in one short transaction, and drops the old columns, whose values are in quarantine
//! then, where the environment keeps what is dropped. What remains dangerous:
//! the new column stands at the end of its table, so that `INSERT` without a list of columns and `SELECT *` see another
//! order. Where that way is closed (a generated column, an exclusion constraint, a table that is published with all others), the plan is refused and
//! says what is in the way.
//!
//! Number 5 becomes the UUID `00000000-0000-8000-8000-000000000005`, in every table: the number as 16 hexadecimal digits
//! around the version, which is 8, so that it meets no UUID that is drawn at random. Others who keep numbers can do the same.
//!
//! ## PostgreSQL versions
//!
//! All. `varchar(n)` to a larger `n` or to `text` needs no rewrite since 9.2.

use crate::catalog::Identity;
use crate::kinds::{Column, Kind, number_as_uuid, type_change};
use crate::plan::{Step, Verb};
use crate::quarantine::copies;
use crate::risk::Risk;
use crate::risk::chain::Chains;
use crate::risk::look::{Hit, Look, table_of};
use crate::risk::statistics::Size;
use crate::staged::is_stage;

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    let changed: Vec<_> = look
        .changes()
        .filter(|(_, change)| change.object.kind == Kind::Column && change.verb != Verb::Rebuild)
        .filter_map(|(at, change)| Some((at, &change.object, retyped(look, &change.object)?)))
        .filter(|(_, _, (before, _))| !goes_with_parent(look, before))
        .collect();
    if changed.is_empty() {
        return Vec::new();
    }
    let chains = Chains::read(look.from);
    changed
        .into_iter()
        .filter_map(|(at, object, types)| hit(look, &chains, (at, object), types))
        .collect()
}

/// Returns the column before and after where its type differs.
fn retyped<'a>(look: &Look<'a>, object: &Identity) -> Option<(&'a Column, &'a Column)> {
    let types = (look.column_before(object)?, look.column_after(object)?);
    (types.0.data_type != types.1.data_type).then_some(types)
}

/// Tells whether the column changes with that of a partitioned or inherited table, which says it.
fn goes_with_parent(look: &Look, column: &Column) -> bool {
    let mut parents = column.parents.iter();
    parents.any(|(schema, table)| retyped(look, &Column::named(schema, table, &column.name)).is_some())
}

fn hit(look: &Look, chains: &Chains, (at, object): (usize, &Identity), types: (&Column, &Column)) -> Option<Hit> {
    let role = chains.role(object)?;
    let tied = chains.tied(object);
    let mut message = format!(
        "`{}` changes from `{}` to `{}` and identifies rows: {role}.",
        object.path_text(),
        types.0.data_type,
        types.1.data_type
    );
    if number_as_uuid::to_uuid(&types.0.data_type, &types.1.data_type) {
        message.push_str(" Number 5 becomes `00000000-0000-8000-8000-000000000005`, and so on.");
    }
    if !tied.is_empty() {
        let list: Vec<String> = tied.iter().map(|column| describe(look, column)).collect();
        let columns = if tied.len() == 1 {
            "1 more column"
        } else {
            &format!("{} more columns", tied.len())
        };
        message.push_str(&format!(" Foreign keys tie {columns} to it: {}.", list.join(", ")));
    }
    let empty = std::iter::once(object)
        .chain(tied)
        .all(|column| look.size(&table_of(column)) == Size::Empty);
    if is_stage(&look.steps[at]) {
        message.push_str(" It is changed in stages, while everybody reads and writes.");
        let is_of_stages = |step: &&Step| is_stage(step) && step.changes.iter().any(|change| change.object == *object);
        let mut stages = look.steps.iter().filter(is_of_stages);
        let risk = if type_change::alters(&types.0.data_type, &types.1.data_type).is_none() {
            Risk::Dangerous
        } else if stages.any(copies) {
            message.push_str(
                " What values were that become others is kept in quarantine, from where a rollback brings it back.",
            );
            Risk::Dangerous
        } else {
            message.push_str(" Values that become others cannot be given back.");
            Risk::Critical
        };
        return Some(
            Hit::new(risk, at, object, message)
                .hint("The new column stands at the end of its table: make sure that nobody writes `INSERT` without a list of columns, or \
             reads `SELECT *` by place."),
        );
    }
    let risk = if empty || only_widens(look, at) {
        Risk::Caution
    } else {
        Risk::Critical
    };
    Some(Hit::new(risk, at, object, message).hint(
        "Add a column of the new type beside the old one, fill it in batches, and switch keys and foreign keys over in \
         one short transaction; drop the old column when nobody reads it any more.",
    ))
}

fn describe(look: &Look, column: &Identity) -> String {
    let name = column.path_text();
    match (retyped(look, column), look.column_after(column)) {
        (Some((before, after)), _) => format!("`{name}` (also `{}` to `{}`)", before.data_type, after.data_type),
        (None, Some(column)) => format!("`{name}` (stays `{}`)", column.data_type),
        (None, None) => format!("`{name}` (dropped)"),
    }
}

/// Tells whether PostgreSQL touches no row and no value can change.
fn only_widens(look: &Look, at: usize) -> bool {
    look.steps[at]
        .statements
        .iter()
        .all(|sentence| sentence.facts.rewrites.is_empty() && sentence.facts.loss.is_none())
}
