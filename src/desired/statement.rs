//! Target files to statements: split, classified, with their place, what they declare and the settings in force.

use std::sync::Arc;

use pg_query::NodeEnum;
use rayon::prelude::*;

use super::declare::Declared;
use super::hints::Hint;
use super::place::{Place, SourceText};
use super::reader::{FileReader, read_file};
use super::roles::Roles;
use super::source::{Form, TargetFile};
use super::{keyword, lex, syntax, yaml};
use crate::error::{Error, Result};

/// Remark on something that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where the first of what it speaks of stands.
    pub place: Place,
    /// Full sentence.
    pub text: String,
}

/// Setting that a file makes, to be in force for the statements after it.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingStatement {
    /// Index of the file.
    pub file: usize,
    /// Byte offset in the file.
    pub offset: usize,
    /// SQL.
    pub sql: String,
    /// Lower-case name of the parameter.
    pub name: String,
    /// Values, where they are words.
    pub(super) values: Vec<String>,
}

/// Settings in force, in the order in which they were made.
pub type Settings = Arc<[Arc<SettingStatement>]>;

/// Statement to execute.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Index of the file.
    pub file: usize,
    /// Byte offset in the file.
    pub offset: usize,
    /// SQL without its semicolon.
    pub sql: String,
    /// Whether the SQL differs from the file's, so that positions in it mean nothing.
    pub rewritten: bool,
    /// Where parts of rewritten SQL stand: byte offset in the SQL, byte offset in the file; sorted.
    pub parts: Vec<(usize, usize)>,
    /// What it declares.
    pub declares: Vec<Declared>,
    /// What it drops.
    pub drops: Vec<Declared>,
    /// Settings in force.
    pub settings: Settings,
    /// Place among the statements that are made of something else than SQL, whatever files they come from.
    pub order: Option<usize>,
    /// Whether it cannot share a transaction with others.
    pub alone: bool,
    /// Whether it touches objects of a role outside of the database too.
    pub reaches_cluster: bool,
    /// Whether it is a `DO` block, which can do anything.
    pub runs_code: bool,
}

/// Target files, read and understood.
#[derive(Debug, Default)]
pub struct Target {
    /// Files in order.
    pub files: Vec<SourceText>,
    /// Statements to execute, in order.
    pub statements: Vec<Statement>,
    /// What was passed over.
    pub notes: Vec<Note>,
    /// Hints of all files.
    pub hints: Vec<Hint>,
    /// Roles that the files name.
    pub roles: Roles,
}

/// Splits and classifies target files; no server is needed.
///
/// # Errors
/// A syntax error, a statement that has no place in a schema, or an unknown hint, at its line and column.
pub fn prepare(files: &[TargetFile]) -> Result<Target> {
    let mut made = yaml::read_files(files)?;
    let read: Vec<Result<(SourceText, FileReader)>> = files
        .par_iter()
        .enumerate()
        .map(|(index, file)| match file.form {
            Form::Sql => read_file(index, file),
            Form::Yaml => yaml::statements(index, file, &made),
        })
        .collect();
    let mut target = Target::default();
    for result in read {
        let (source, reader) = result?;
        target.files.push(source);
        target.statements.extend(reader.statements);
        target.notes.extend(reader.notes);
        target.hints.extend(reader.hints);
        target.roles.owners.extend(reader.roles.owners);
        target.roles.sessions.extend(reader.roles.sessions);
        target.roles.named.extend(reader.roles.named);
        target.roles.declared.extend(reader.roles.declared);
        target.roles.dropped.extend(reader.roles.dropped);
    }
    yaml::settle(&mut target, files);
    // A role is there before anything is said of it: what misses one makes a stub, which would be in the way.
    target
        .statements
        .sort_by_key(|statement| !statement.declares.iter().any(|declared| declared.word == "role"));
    target.hints.append(&mut made.hints);
    target
        .roles
        .dropped
        .append(&mut made.dropped_roles.into_iter().collect());
    Ok(target)
}

/// One statement of a file as the parser sees it.
pub(crate) struct Unit<'a> {
    /// Byte offset of its first token.
    pub offset: usize,
    /// Its text from there.
    pub text: &'a str,
    /// What the parser made of it; `None` where its tree is too deep to be handed over.
    pub node: Option<NodeEnum>,
}

/// Splits a file into its statements and parses each.
pub(crate) fn split(source: &SourceText) -> Result<Vec<Unit<'_>>> {
    match pg_query::split_with_parser(&source.text) {
        Ok(pieces) => Ok(units(source, pieces, parse)),
        Err(pg_query::Error::Split(message)) => {
            // A server of an older version may read what this grammar does not.
            let pieces = pg_query::split_with_scanner(&source.text).unwrap_or_default();
            let units = units(source, pieces, keyword::parse);
            let is_read = !units.is_empty() && units.iter().all(|unit| unit.node.is_some());
            if is_read {
                Ok(units)
            } else {
                Err(syntax::error(source, &message))
            }
        }
        Err(other) => Err(Error::target(format!("{}: {other}", source.path)).hint("Remove zero bytes from the file.")),
    }
}

fn units<'a>(source: &'a SourceText, pieces: Vec<&'a str>, parse: fn(&str) -> Option<NodeEnum>) -> Vec<Unit<'a>> {
    let start = source.text.as_ptr() as usize;
    pieces
        .into_par_iter()
        .map(|piece| {
            let blank = lex::skip_blank(piece.as_bytes(), 0);
            let offset = piece.as_ptr() as usize - start + blank;
            let text = &piece[blank..];
            Unit {
                offset,
                text,
                node: parse(text),
            }
        })
        .filter(|unit| !unit.text.is_empty())
        .collect()
}

/// Parses one statement; `None` where its tree is too deep to be handed over.
pub(crate) fn parse(text: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(text, 0).ok()?;
    parsed.protobuf.stmts.into_iter().next()?.stmt?.node
}
