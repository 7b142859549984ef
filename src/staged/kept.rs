//! The old values of a chain's columns in quarantine. The trigger that fills the new columns writes down what each value was
//! beside what it becomes: whenever the swap comes, all of them are there, and the old columns can go. The way back looks
//! there first.

use super::chain::{Chain, Member, all};
use super::once;
use crate::catalog::Identity;
use crate::catalog::quote::{ident, list};
use crate::kinds::{
    AnyObject, Column, Context, ForeignKey, Key, KeyType, Kind, Lock, OldColumn, Statement, type_change,
};
use crate::quarantine;

/// Returns where the old values of a chain's columns go: one table for each column that the others refer to. `place` returns
/// the schema and the name of the table for a column.
///
/// # Errors
///
/// Says why a value's old form could not be told from what it becomes.
pub(super) fn tables(
    chain: &Chain,
    context: &Context,
    mut place: impl FnMut(&Identity) -> (String, String),
) -> Result<Vec<OldColumn>, String> {
    let sources: Vec<(&Member, &Member)> = chain
        .members
        .iter()
        .map(|member| Ok((member, source(member, chain, context)?)))
        .collect::<Result<_, String>>()?;
    let mut own: Vec<OldColumn> = Vec::new();
    for source in once(sources.iter().map(|(_, source)| source.identity())) {
        let Some(member) = chain.member(&source) else { continue };
        let key = key(member, chain, context)?;
        let (schema, table) = place(&source);
        own.push(OldColumn {
            data_type: member.before.data_type.clone(),
            schema,
            table,
            key,
            was: member.old.clone(),
            alters: member.loses().is_some(),
            of: source.clone(),
            column: source,
        });
    }
    let of_members = sources.iter().filter_map(|(member, source)| {
        let table = own.iter().find(|own| own.column == source.identity())?;
        Some(OldColumn {
            column: member.identity(),
            data_type: member.before.data_type.clone(),
            alters: member.loses().is_some(),
            ..table.clone()
        })
    });
    Ok(of_members.collect())
}

/// Returns the column of the chain that a column refers to in the end, itself where it refers to none.
fn source<'a>(member: &'a Member, chain: &'a Chain, context: &Context) -> Result<&'a Member, String> {
    let foreign_keys = all::<ForeignKey>(context);
    let mut out = member;
    // More steps than columns would be a circle.
    for _ in &chain.members {
        let own = |key: &&&ForeignKey| key.schema == out.before.schema && key.table == out.before.table;
        let next = foreign_keys.iter().filter(own).find_map(|key| {
            let at = key.columns.iter().position(|name| *name == out.before.name)?;
            let to = Column::named(
                &key.referenced_schema,
                &key.referenced_table,
                &key.referenced_columns[at],
            );
            let next = chain.member(&to).filter(|next| next.identity() != out.identity())?;
            Some((key, next))
        });
        match next {
            Some((key, _)) if !(key.valid && key.enforced) => {
                return Err(format!("rows need not keep to foreign key {}", key.name));
            }
            Some((_, next)) => out = next,
            None => return Ok(out),
        }
    }
    Err("its foreign keys go in a circle".to_owned())
}

/// Returns the columns beside a column itself that tell its rows apart.
fn key(member: &Member, chain: &Chain, context: &Context) -> Result<Vec<String>, String> {
    let (table, own) = (member.table(), [member.before.name.clone()]);
    let of_table = |schema: &str, name: &str| table.path[..] == [schema, name];
    let keys: Vec<&Key> = all::<Key>(context);
    let mut of_table_keys = keys.iter().filter(|key| of_table(&key.schema, &key.table));
    let is_alone = of_table_keys.any(|key| key.columns == own)
        || context.from.objects.values().any(|object| match object {
            AnyObject::Index(index) => {
                let is_whole = index.unique && index.valid && index.predicate.is_none();
                is_whole && of_table(&index.schema, &index.table) && index.keys == ident(&own[0])
            }
            _ => false,
        });
    if is_alone {
        return Ok(Vec::new());
    }
    let why = || {
        format!(
            "no key says of its values alone, or of rows that keep theirs, which is which in {}",
            table.path_text()
        )
    };
    let primary = keys
        .iter()
        .find(|key| key.constraint == KeyType::Primary && of_table(&key.schema, &key.table));
    let rest: Vec<String> = primary.ok_or_else(why)?.columns.clone();
    let rest: Vec<String> = rest.into_iter().filter(|name| *name != own[0]).collect();
    let stays = |name: &String| {
        let column = Column::named(&member.before.schema, &member.before.table, name);
        match (context.before(&column), context.after(&column)) {
            (Some(AnyObject::Column(before)), Some(AnyObject::Column(after))) => before.data_type == after.data_type,
            _ => false,
        }
    };
    if chain.members.len() == 1 && rest.iter().all(stays) {
        Ok(rest)
    } else {
        Err(why())
    }
}

/// Returns the table that takes the old values of a column, where the column leaves them.
fn filled<'a>(member: &Member, context: &Context<'a>) -> Option<&'a OldColumn> {
    let old = context.old_values.get(&member.identity())?;
    (old.is_own() && old.data_type == member.before.data_type).then_some(old)
}

/// Returns the table from which a column gets its old values back.
fn read<'a>(member: &Member, context: &Context<'a>) -> Option<&'a OldColumn> {
    let old = context.old_values.get(&member.identity())?;
    (old.alters && old.data_type == member.after.data_type).then_some(old)
}

/// Tells whether a table's trigger has to do with quarantine, to which those who write have no rights.
pub(super) fn concerns(chain: &Chain, table: &Identity, context: &Context) -> bool {
    chain
        .of_table(table)
        .any(|member| filled(member, context).is_some() || reads(member, context))
}

/// Tells whether a column gets its old values back from quarantine.
pub(super) fn reads(member: &Member, context: &Context) -> bool {
    read(member, context).is_some()
}

/// Returns the statements that make the tables which take the old values of a table's columns.
pub(super) fn make(chain: &Chain, table: &Identity, context: &Context) -> Vec<Statement> {
    let members = chain.of_table(table);
    let filled = members.filter_map(|member| Some((member, filled(member, context)?)));
    let made = filled.flat_map(|(member, old)| {
        let mut columns: Vec<String> = beside(member, old, context)
            .map(|column| format!("{} {}", ident(&column.name), quarantine::declared(column)))
            .collect();
        columns.push(format!(
            "{} {}",
            ident(old.of.name()),
            quarantine::declared(&member.after)
        ));
        columns.push(format!("{} {}", ident(&old.was), quarantine::declared(&member.before)));
        columns.push(format!("PRIMARY KEY ({})", list(columns_of_key(old))));
        [
            quarantine::schema_statement(&old.schema),
            Statement::new(format!("{}{})", making(old), columns.join(", "))),
        ]
    });
    made.collect()
}

/// Returns how the statement begins that makes a table of old values.
pub(super) fn making(old: &OldColumn) -> String {
    format!("CREATE TABLE {} (", old.place())
}

/// Returns the columns of a row's key beside the value.
fn beside<'a>(member: &Member, old: &'a OldColumn, context: &Context<'a>) -> impl Iterator<Item = &'a Column> {
    let (schema, table) = (member.before.schema.clone(), member.before.table.clone());
    let columns = old
        .key
        .iter()
        .filter_map(move |name| context.before(&Column::named(&schema, &table, name)));
    columns.filter_map(|column| match column {
        AnyObject::Column(column) => Some(column.as_ref()),
        _ => None,
    })
}

fn columns_of_key(old: &OldColumn) -> Vec<&str> {
    let key = old.key.iter().map(String::as_str);
    key.chain([old.of.name()]).collect()
}

/// Returns what the trigger does beside: where a row's value is another one than before, it writes down both forms.
pub(super) fn write_down(member: &Member, context: &Context) -> String {
    let Some(old) = filled(member, context) else {
        return String::new();
    };
    let own: Vec<(&str, &Column)> = beside(member, old, context)
        .map(|column| (column.name.as_str(), column))
        .chain([
            (member.new.as_str(), &member.after),
            (member.before.name.as_str(), &member.before),
        ])
        .collect();
    let row = |of: &str| -> String {
        let fields: Vec<String> = own.iter().map(|(name, _)| format!("{of}.{}", ident(name))).collect();
        format!("ROW({})", fields.join(", "))
    };
    let values: Vec<String> = own
        .iter()
        .map(|(name, column)| quarantine::stored(&format!("NEW.{}", ident(name)), column))
        .collect();
    let (key, was) = (columns_of_key(old), ident(&old.was));
    let names: Vec<&str> = key.iter().copied().chain([old.was.as_str()]).collect();
    format!(
        "    IF NEW.{} IS NOT NULL AND (TG_OP = 'INSERT' OR {} IS DISTINCT FROM {}) THEN\n        \
         INSERT INTO {} AS kept ({}) VALUES ({})\n            ON CONFLICT ({}) DO UPDATE SET {was} = EXCLUDED.{was} \
         WHERE kept.{was} IS DISTINCT FROM EXCLUDED.{was};\n    END IF;\n",
        ident(&member.new),
        row("OLD"),
        row("NEW"),
        old.place(),
        list(&names),
        values.join(", "),
        list(&key),
    )
}

/// Returns a value as what it was, where that is known, and what is made of it otherwise.
pub(super) fn restored(member: &Member, row: &str, made: &str, context: &Context) -> String {
    let Some(old) = read(member, context) else {
        return made.to_owned();
    };
    let same = |name: &str, own: &str, column: &Column| {
        let value = quarantine::stored(&format!("{row}{}", ident(own)), column);
        format!("trueup_kept.{} = {value}", ident(name))
    };
    let mut conditions: Vec<String> = beside(member, old, context)
        .map(|column| same(&column.name, &column.name, column))
        .collect();
    let of = match context.before(&old.of) {
        Some(AnyObject::Column(of)) => of.as_ref(),
        _ => &member.before,
    };
    conditions.push(same(old.of.name(), &member.before.name, of));
    // A limit of the type is minded when the value is assigned: a cast to it would cut.
    let unlimited = type_change::unlimited(&member.after.data_type);
    format!(
        "coalesce((SELECT trueup_kept.{}::{unlimited} FROM {} trueup_kept WHERE {}), ({made})::{unlimited})",
        ident(&old.was),
        old.place(),
        conditions.join(" AND ")
    )
}

/// Returns the statements that drop the tables from which a chain's columns have their old values back.
pub(super) fn clear(chain: &Chain, context: &Context) -> Vec<(Identity, Statement)> {
    let members = chain.members.iter();
    let read = members.filter_map(|member| {
        let old = context.old_values.get(&member.identity())?;
        let is_back = old.is_own() && old.data_type == member.after.data_type;
        is_back.then(|| (member.identity(), drop(old)))
    });
    read.collect()
}

/// Returns the statement that drops a table of old values. Somebody may have purged it.
pub(super) fn drop(old: &OldColumn) -> Statement {
    let table = Identity::new(Kind::Table, [&old.schema, &old.table]);
    Statement::new(format!("DROP TABLE IF EXISTS {}", old.place())).locks(table, Lock::AccessExclusive)
}

/// Returns the places where a chain's old values are kept.
pub(super) fn places(chain: &Chain, context: &Context) -> Vec<String> {
    let members = chain.members.iter().filter_map(|member| filled(member, context));
    members.map(OldColumn::place).collect()
}
