//! What the scratch server's refusals mean, and how they are reported: at the place of the statement, with both places
//! where something is declared twice.

use std::collections::BTreeMap;

use postgres::error::{DbError, ErrorPosition};

use crate::catalog::quote::ident;
use crate::desired::statement::{Statement, Target};
use crate::error::{Error, ErrorKind};
use crate::scratch::Stub;

/// Errors shown at once.
const SHOWN: usize = 10;

const DUPLICATES: [&str; 6] = ["42P07", "42710", "42723", "42P06", "42701", "42P16"];

/// Tells whether an object is already there.
pub(super) fn is_duplicate(refusal: &DbError) -> bool {
    // 42P16 is `invalid_table_definition`, which a second primary key gives.
    let code = refusal.code().code();
    DUPLICATES.contains(&code) && (code != "42P16" || refusal.message().contains("multiple primary keys"))
}

/// Tells whether no other statement can help: wrong syntax, or a server in trouble.
pub(super) fn is_final(refusal: &DbError) -> bool {
    let code = refusal.code().code();
    code == "42601" || ["53", "57", "58", "XX"].contains(&&code[..2])
}

/// Tells whether a statement creates what every database has from the start.
pub(super) fn is_already_there(statement: &Statement, refusal: &DbError) -> bool {
    let declares = |word, name| {
        statement
            .declares
            .first()
            .is_some_and(|first| first.word == word && first.name() == name)
    };
    let is_plpgsql = statement.sql.to_ascii_lowercase().contains("extension plpgsql");
    match refusal.code().code() {
        "42P06" => declares("schema", "public"),
        "42710" => declares("extension", "plpgsql"),
        // Only its owner may comment on it; old dumps do.
        "42501" => is_plpgsql && refusal.message().contains("must be owner of extension"),
        _ => false,
    }
}

/// Returns what a statement misses of the cluster.
pub(super) fn missing(refusal: &DbError) -> Option<Stub> {
    let is_missing = matches!(refusal.code().code(), "42704" | "22023");
    Stub::missing(refusal.message()).filter(|_| is_missing)
}

/// Tells whether a block failed on values, not on the schema: a null where a row was expected, or no row at all.
pub(super) fn misses_rows(refusal: &DbError) -> bool {
    let code = refusal.code().code();
    code.starts_with("22") || matches!(code, "P0002" | "P0003" | "P0004")
}

/// Tells whether a setting names a parameter of another version.
pub(super) fn is_unknown_parameter(refusal: &DbError) -> bool {
    refusal.code().code() == "42704" && refusal.message().starts_with("unrecognized configuration parameter")
}

/// Wraps a refusal of something that trueup itself sent.
pub(super) fn unexpected(refusal: &DbError) -> Error {
    let mut error = Error::new(ErrorKind::Database, refusal.message());
    error.sqlstate = Some(refusal.code().code().to_owned());
    error
}

/// Refuses a statement that would reach into other databases of somebody's server.
pub(super) fn reaches_cluster(target: &Target, statement: &Statement) -> Error {
    let file = &target.files[statement.file];
    let mut error = Error::target(format!(
        "{}: the statement reaches beyond one database",
        file.place(statement.offset)
    ))
    .hint("Name the objects one by one with ALTER … OWNER TO, or let trueup use PostgreSQL binaries of this machine.");
    error.detail = file.show(statement.offset);
    error
}

/// Turns refusals that are left into one error: the first with its line, the others below.
pub(super) fn error(target: &Target, left: &[(usize, Box<DbError>)], own_cluster: bool) -> Error {
    let mut left: Vec<_> = left.iter().map(|(index, refusal)| (*index, refusal.as_ref())).collect();
    // What fails only because another statement failed is no cause.
    let names = left_names(target, &left);
    left.sort_by_cached_key(|(index, refusal)| (is_consequence(&names, *index, refusal), *index));
    let Some((index, refusal)) = left.first() else {
        return Error::internal("statements are left without a reason");
    };
    let statement = &target.statements[*index];
    let offset = offset(statement, refusal);
    let file = &target.files[statement.file];
    let mut error = match twice(target, *index, refusal) {
        Some(message) => Error::target(message),
        None => Error::target(format!("{}: {}", file.place(offset), refusal.message())),
    };
    error.sqlstate = Some(refusal.code().code().to_owned());
    error.detail = file.show(offset);
    error
        .detail
        .extend(refusal.detail().map(|detail| format!("detail: {detail}")));
    for (index, refusal) in left.iter().skip(1).take(SHOWN - 1) {
        let statement = &target.statements[*index];
        let place = target.files[statement.file].place(self::offset(statement, refusal));
        error.detail.push(format!("{place}: {}", refusal.message()));
    }
    if left.len() > SHOWN {
        error.detail.push(format!("and {} more statements", left.len() - SHOWN));
    }
    error.hint(hint(refusal, own_cluster))
}

/// Returns the last names of what statements declare, with the first that declares each.
fn left_names<'a>(target: &'a Target, left: &[(usize, &DbError)]) -> BTreeMap<&'a str, usize> {
    let mut names = BTreeMap::new();
    for (index, _) in left {
        for name in target.statements[*index]
            .declares
            .iter()
            .filter_map(|declared| declared.path.last())
        {
            names.entry(name.split('(').next().unwrap_or(name)).or_insert(*index);
        }
    }
    names
}

fn is_consequence(names: &BTreeMap<&str, usize>, index: usize, refusal: &DbError) -> bool {
    let mut words = refusal.message().split(|c: char| !(c.is_alphanumeric() || c == '_'));
    refusal.message().ends_with("does not exist")
        && words.any(|word| names.get(word).is_some_and(|other| *other != index))
}

/// Returns the offset that the server points to, or that of the statement.
fn offset(statement: &Statement, refusal: &DbError) -> usize {
    let Some(ErrorPosition::Original(position)) = refusal.position() else {
        return statement.offset;
    };
    let characters = (*position as usize).saturating_sub(1);
    let bytes = statement.sql.char_indices().nth(characters).map_or(0, |(at, _)| at);
    if statement.rewritten {
        let part = statement.parts.iter().rev().find(|(at, _)| *at <= bytes);
        return part.map_or(statement.offset, |(_, offset)| *offset);
    }
    statement.offset + bytes
}

/// Says where both of two declarations of the same thing stand.
fn twice(target: &Target, index: usize, refusal: &DbError) -> Option<String> {
    if !is_duplicate(refusal) {
        return None;
    }
    let statement = &target.statements[index];
    statement.declares.iter().find_map(|declared| {
        let earlier = target.statements[..index].iter().chain(std::iter::once(statement));
        let first = earlier
            .flat_map(|other| other.declares.iter().map(move |d| (other.file, d)))
            .find(|(file, other)| {
                other.clashes_with(declared) && (*file, other.offset) != (statement.file, declared.offset)
            })?;
        let (file, other) = first;
        Some(format!(
            "{}: {} `{}` is declared twice, first at {}",
            target.files[statement.file].place(declared.offset),
            declared.word,
            declared.name(),
            target.files[file].place(other.offset),
        ))
    })
}

fn hint(refusal: &DbError, own_cluster: bool) -> String {
    if let Some(stub) = missing(refusal).filter(|_| !own_cluster) {
        let make = match stub {
            Stub::Role(role) => format!("Run `{}`", super::session::create_role(&role, false)),
            Stub::Tablespace(tablespace) => format!("Create tablespace {}", ident(&tablespace)),
        };
        return format!("{make} on the scratch server, or let trueup use PostgreSQL binaries of this machine.");
    }
    if is_duplicate(refusal) {
        return "Keep one of the declarations, or write IF NOT EXISTS or OR REPLACE.".to_owned();
    }
    if refusal
        .message()
        .starts_with("permission denied to grant privileges as role")
    {
        return "Give the grantor the role `WITH ADMIN OPTION` in a target file too (`member_of: {ROLE: {admin: true}}` in YAML), \
                or leave `GRANTED BY` out."
            .to_owned();
    }
    if let Some(hint) = refusal.hint() {
        return hint.to_owned();
    }
    match refusal.code().code() {
        "42P01" | "42883" | "42704" | "3F000" | "42703" => {
            "Declare what is missing in a target file, or correct the name.".to_owned()
        }
        "42601" => "Correct the statement, or use a scratch server of the major version that knows it.".to_owned(),
        "42501" => {
            "Give the scratch server's user the privilege, or let trueup use PostgreSQL binaries of this machine."
                .to_owned()
        }
        _ => "Correct the statement: PostgreSQL refuses it on an empty database.".to_owned(),
    }
}
