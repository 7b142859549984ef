//! How values stand in a copy: under no type, collation or policy that a later plan may want to drop.

use super::{Ground, Taken, place, schema_statement};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, list, qualified};
use crate::kinds::{AnyObject, Column, Kind, Lock, NAME_LIMIT, Statement, clip};
use crate::plan::{Reversal, Sentence, Step, Verb};

/// A table in quarantine that takes a copy.
pub(super) struct Copy {
    /// Schema.
    pub(super) schema: String,
    /// Qualified name, quoted.
    pub(super) name: String,
    table: Identity,
}

impl Copy {
    /// Returns a statement that reads the copy from end to end.
    pub(super) fn read_by(&self, sql: String) -> Statement {
        Statement::new(sql).scans(self.table.clone())
    }

    /// Returns the statement that drops the copy.
    pub(super) fn drop(&self) -> Statement {
        Statement::new(format!("DROP TABLE {}", self.name)).locks(self.table.clone(), Lock::AccessExclusive)
    }
}

/// Returns the schema and the name of the table where the copy of something goes, and takes the place.
pub(crate) fn place_of(what: &str, taken: &mut Taken) -> (String, String) {
    let name = clip(what, NAME_LIMIT);
    (place([name].into_iter(), taken), name.to_owned())
}

/// Returns where the copy of something goes, and takes the place.
pub(super) fn copy_of(what: &str, taken: &mut Taken) -> Copy {
    let (schema, name) = place_of(what, taken);
    let path = [schema.as_str(), &name];
    Copy {
        table: Identity::new(Kind::Table, path),
        name: qualified(path),
        schema,
    }
}

/// Tells whether a column's type or collation is somebody's own, which the copy must not hold.
fn is_foreign(column: &Column) -> bool {
    column.data_type.contains('.') || column.collation.is_some()
}

/// Returns the type that the values of a column have in a copy.
pub(crate) fn declared(column: &Column) -> &str {
    if is_foreign(column) { "text" } else { &column.data_type }
}

/// Returns a value of a column as a copy holds it.
pub(crate) fn stored(value: &str, column: &Column) -> String {
    if is_foreign(column) {
        format!("{value}::text")
    } else {
        value.to_owned()
    }
}

/// Returns a column as a copy takes it.
pub(super) fn store(column: &Column) -> String {
    let name = ident(&column.name);
    if is_foreign(column) {
        format!("{} COLLATE pg_catalog.\"default\" AS {name}", stored(&name, column))
    } else {
        name
    }
}

/// Returns the value of a column from a row `q` of its copy.
pub(super) fn restore(column: &Column) -> String {
    let name = ident(&column.name);
    if is_foreign(column) {
        format!("q.{name}::{}", column.data_type)
    } else {
        format!("q.{name}")
    }
}

/// Returns the columns of a table that hold values of their own, in their order.
pub(super) fn columns_of<'a>(table: &Identity, ground: &Ground<'a>) -> Vec<&'a Column> {
    let of_table = |object: &'a AnyObject| match object {
        AnyObject::Column(column) if column.table_identity() == *table && column.generated.is_none() => Some(&**column),
        _ => None,
    };
    let mut out: Vec<&Column> = ground.from.objects.values().filter_map(of_table).collect();
    out.sort_by_key(|column| column.position);
    out
}

/// Tells whether row security binds the owner of a table too.
pub(super) fn forces(table: &Identity, ground: &Ground) -> bool {
    matches!(ground.from.get(table), Some(AnyObject::Table(table)) if table.force_row_security)
}

/// Returns statements that see every row of a table, whatever its policies say of its owner.
pub(super) fn visible(table: &Identity, forced: bool, statements: Vec<Statement>) -> Vec<Statement> {
    let word = |word: &str| {
        let sql = format!("ALTER TABLE {} {word} ROW LEVEL SECURITY", qualified(&table.path));
        Statement::new(sql).locks(table.clone(), Lock::AccessExclusive)
    };
    let (off, on) = (forced.then(|| word("NO FORCE")), forced.then(|| word("FORCE")));
    off.into_iter().chain(statements).chain(on).collect()
}

/// Returns the statements that copy a column with the key of its rows. The lock comes first: what is written between the
/// copy and what it is for would be lost.
pub(super) fn copying(column: &Column, key: &[String], copy: &Copy, ground: &Ground) -> Vec<Statement> {
    let table = column.table_identity();
    let of = qualified(&table.path);
    let select = Statement::new(format!(
        "CREATE TABLE {} AS SELECT {}, {} FROM {of}",
        copy.name,
        list(key),
        store(column)
    ));
    let mut out = vec![
        schema_statement(&copy.schema),
        Statement::new(format!("LOCK TABLE {of} IN ACCESS EXCLUSIVE MODE")).locks(table.clone(), Lock::AccessExclusive),
    ];
    out.extend(visible(
        &table,
        forces(&table, ground),
        vec![select.scans(table.clone())],
    ));
    out
}

/// Returns the statements that fill a column from its copy, whatever policies say of its table's owner, and drop the copy.
pub(super) fn filling(update: Statement, column: &Column, copy: &Copy, ground: &Ground) -> Vec<Statement> {
    let table = column.table_identity();
    let update = update.locks(table.clone(), Lock::RowExclusive).scans(table.clone());
    let mut out = visible(&table, forces(&table, ground), vec![update]);
    out.push(copy.drop());
    out
}

/// Returns a step that loses nothing, since its statements copy what goes first.
pub(super) fn kept(step: &Step, statements: Vec<Sentence>, form: String) -> Step {
    Step {
        statements,
        reversal: Reversal::Exact,
        form: Some(form),
        ..step.clone()
    }
}

/// Returns a step's own statements, behind a copy of what they lose. A finding about what is dropped and made anew goes on
/// saying that its values are gone.
pub(super) fn behind_copy(step: &Step) -> impl Iterator<Item = Sentence> {
    let is_drop = step.changes.first().is_some_and(|change| change.verb == Verb::Drop);
    step.statements.iter().cloned().map(move |mut sentence| {
        sentence.facts.loss = sentence.facts.loss.filter(|_| !is_drop);
        sentence
    })
}
