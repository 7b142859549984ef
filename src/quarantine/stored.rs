//! How values stand in a copy: under no type, collation or policy that a later plan may want to drop.

use super::{Ground, Taken, place, schema_statement};
use crate::catalog::quote::{ident, qualified};
use crate::catalog::{Identity, Name};
use crate::kinds::{AnyObject, Column, Kind, Lock, Statement};

/// Longest name that PostgreSQL keeps, in bytes.
const LONGEST: usize = 63;

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

/// Returns where the copy of something goes, and takes the place.
pub(super) fn copy_of(what: &str, taken: &mut Taken) -> Copy {
    let mut name = what.to_owned();
    while name.len() > LONGEST {
        name.pop();
    }
    let schema = place([name.as_str()].into_iter(), taken);
    Copy {
        table: Identity::new(Kind::Table, [&schema, &name]),
        name: qualified([&schema, &name]),
        schema,
    }
}

/// Tells whether a column's type or collation is somebody's own, which the copy must not hold.
fn is_foreign(column: &Column) -> bool {
    column.data_type.contains('.') || column.collation.is_some()
}

/// Returns a column as a copy takes it.
pub(super) fn store(column: &Column) -> String {
    let name = ident(&column.name);
    if is_foreign(column) {
        format!("{name}::text COLLATE pg_catalog.\"default\" AS {name}")
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
        let sql = format!("ALTER TABLE {} {word} ROW LEVEL SECURITY", name_of(table));
        Statement::new(sql).locks(table.clone(), Lock::AccessExclusive)
    };
    let (off, on) = (forced.then(|| word("NO FORCE")), forced.then(|| word("FORCE")));
    off.into_iter().chain(statements).chain(on).collect()
}

/// Returns the statements that copy a column with the key of its rows. The lock comes first: what is written between the
/// copy and what it is for would be lost.
pub(super) fn copying(column: &Column, key: &[String], copy: &Copy, ground: &Ground) -> Vec<Statement> {
    let table = column.table_identity();
    let of = name_of(&table);
    let keys: Vec<String> = key.iter().map(|name| ident(name)).collect();
    let select = Statement::new(format!(
        "CREATE TABLE {} AS SELECT {}, {} FROM {of}",
        copy.name,
        keys.join(", "),
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

/// Returns the qualified name of a table.
pub(super) fn name_of(table: &Identity) -> String {
    let path: Vec<&str> = table.path.iter().map(Name::as_str).collect();
    qualified(path)
}
