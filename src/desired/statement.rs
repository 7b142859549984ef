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

/// One statement of a file that is not parsed yet: trees take a hundred times the memory of their text.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// Byte offset of its first token.
    pub offset: usize,
    text: &'a str,
    parse: fn(&str) -> Option<NodeEnum>,
}

impl<'a> Piece<'a> {
    /// Parses the statement.
    pub(crate) fn parse(&self) -> Unit<'a> {
        Unit {
            offset: self.offset,
            text: self.text,
            node: (self.parse)(self.text),
        }
    }
}

/// Splits a file into its statements.
pub(crate) fn split(source: &SourceText) -> Result<Vec<Piece<'_>>> {
    match pg_query::split_with_parser(&source.text) {
        Ok(texts) => Ok(pieces(source, &texts, parse)),
        Err(pg_query::Error::Split(message)) => {
            // A server of an older version may read what this grammar does not.
            let texts = pg_query::split_with_scanner(&source.text).unwrap_or_default();
            let pieces = pieces(source, &texts, keyword::parse);
            let is_read = !pieces.is_empty() && pieces.par_iter().all(|piece| piece.parse().node.is_some());
            if is_read {
                Ok(pieces)
            } else {
                Err(syntax::error(source, &message))
            }
        }
        Err(other) => Err(Error::target(format!("{}: {other}", source.path)).hint("Remove zero bytes from the file.")),
    }
}

fn pieces<'a>(source: &'a SourceText, texts: &[&'a str], parse: fn(&str) -> Option<NodeEnum>) -> Vec<Piece<'a>> {
    let start = source.text.as_ptr() as usize;
    let pieces = texts.iter().map(|text| {
        let blank = lex::skip_blank(text.as_bytes(), 0);
        Piece {
            offset: text.as_ptr() as usize - start + blank,
            text: &text[blank..],
            parse,
        }
    });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

/// Parses one statement; `None` where its tree is too deep to be handed over.
pub(crate) fn parse(text: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(text, 0).ok()?;
    parsed.protobuf.stmts.into_iter().next()?.stmt?.node
}
