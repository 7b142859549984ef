//! YAML target files, in both directions.
//!
//! A file declares the objects of one schema in a form that people like to write. [`forms`] is the one list of what can
//! be said; it is read into the kinds' own structs ([`read`], [`finish`]) and becomes SQL by the same `create()` that
//! plans use ([`sentences`]), which is then executed like any other target file. [`files`] goes the other way, and the
//! JSON Schema and the reference ([`schema`]) derive from the same list. What the forms cannot say stands under
//! `objects`, in the kinds' own fields, so that nothing is lost.

mod attached;
mod complaint;
mod files;
mod finish;
mod form;
mod forms;
mod item;
mod node;
mod pieces;
mod proof;
mod read;
mod said;
mod schema;
mod sentences;
mod text;
mod want;
mod write;

use std::collections::BTreeMap;

pub(crate) use complaint::nearest;
pub use files::yaml_files;
pub use schema::{json_schema, reference};

use super::hints::Hint;
use super::place::SourceText;
use super::reader::FileReader;
use super::source::{Form, TargetFile};
use super::statement::{Settings, Target};
use crate::error::{Error, Result};
use sentences::Sentence;

/// What all YAML files of a target declare.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Renames and waivers.
    pub hints: Vec<Hint>,
    /// Roles that are to go.
    pub dropped_roles: Vec<String>,
    sentences: BTreeMap<usize, Vec<Sentence>>,
    settings: BTreeMap<usize, Settings>,
    places: BTreeMap<usize, BTreeMap<Vec<String>, usize>>,
}

fn source(file: &TargetFile) -> SourceText {
    SourceText::new(file.path.clone(), file.text.clone(), file.text.clone())
}

/// Reads the YAML files among target files, all together: what one declares may follow from another.
///
/// # Errors
/// No valid YAML, an unknown key, a wrong value, or an object that is declared twice; at its line and column.
pub(super) fn read_files(files: &[TargetFile]) -> Result<Made> {
    let mut made = Made::default();
    let mut all = Vec::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.form == Form::Yaml) {
        let declared = read::read(&file.text).map_err(|complaint| complaint.error(&source(file)))?;
        let settings = sentences::settings(index, &declared.schema, declared.schema_offset);
        made.settings.insert(index, settings);
        made.dropped_roles.extend(declared.dropped_roles.iter().cloned());
        made.hints.extend(declared.said.iter().map(|said| Hint {
            place: source(file).place(said.offset),
            word: said.words.clone(),
            path: said.path.clone(),
            says: said.says.clone(),
        }));
        all.push((index, declared));
    }
    let mut objects = read::by_identity(&all).map_err(|twice| {
        let place = |(file, offset): (usize, usize)| source(&files[file]).place(offset);
        let (first, second) = (place(twice.first), place(twice.second));
        let mut error = Error::target(format!(
            "{second}: {} is declared twice, first at {first}",
            twice.identity
        ))
        .hint("Keep one of the declarations.");
        error.detail = source(&files[twice.second.0]).show(twice.second.1);
        error
    })?;
    finish::finish(&mut objects).map_err(|(file, complaint)| complaint.error(&source(&files[file])))?;
    for (identity, (_, file, offset)) in &objects {
        let places = made.places.entry(*file).or_default();
        places.entry(identity.path.to_strings()).or_insert(*offset);
    }
    for sentence in sentences::sentences(&objects) {
        made.sentences.entry(sentence.file).or_default().push(sentence);
    }
    Ok(made)
}

/// Returns the statements of one YAML file.
pub(super) fn statements(index: usize, file: &TargetFile, made: &Made) -> Result<(SourceText, FileReader)> {
    let source = source(file);
    let mut reader = FileReader::of(index);
    let places = made.places.get(&index);
    let settings = made.settings.get(&index).cloned().unwrap_or_default();
    for sentence in made.sentences.get(&index).into_iter().flatten() {
        let place = |path: &[String]| places.and_then(|places| places.get(path)).copied();
        let settings = if sentence.at_home {
            settings.clone()
        } else {
            Settings::default()
        };
        reader.read_made(
            &source,
            (sentence.order, sentence.offset, &sentence.sql, &settings),
            place,
        )?;
    }
    reader.note_skipped(&source);
    Ok((source, reader))
}

/// Brings the statements of YAML files into line with the others: they stand in the order that works, whatever files they
/// come from, a schema that a file only names is made once, and default privileges come last, because they say nothing
/// about the objects of the target.
pub(super) fn settle(target: &mut Target, files: &[TargetFile]) {
    let is_yaml = |file: usize| files.get(file).is_some_and(|file| file.form == Form::Yaml);
    let said: Vec<String> = target
        .statements
        .iter()
        .filter(|statement| !is_yaml(statement.file))
        .flat_map(|statement| &statement.declares)
        .filter(|declared| declared.word == "schema")
        .map(super::declare::Declared::name)
        .collect();
    target.statements.retain(|statement| {
        let names_only = is_yaml(statement.file) && statement.sql.starts_with("CREATE SCHEMA ");
        !(names_only
            && statement
                .declares
                .iter()
                .any(|declared| said.contains(&declared.name())))
    });
    let made = target.statements.iter().filter(|statement| statement.order.is_some());
    let mut ordered: Vec<_> = made.cloned().collect();
    ordered.sort_by_key(|statement| statement.order);
    let places = target
        .statements
        .iter_mut()
        .filter(|statement| statement.order.is_some());
    for (place, statement) in places.zip(ordered) {
        *place = statement;
    }
    let (late, mut statements): (Vec<_>, Vec<_>) = std::mem::take(&mut target.statements)
        .into_iter()
        .partition(|statement| is_yaml(statement.file) && sentences::is_late(&statement.sql));
    statements.extend(late);
    // The schema is made even where the file that names it comes before the one that fills it.
    statements.sort_by_key(|statement| !(is_yaml(statement.file) && statement.sql.starts_with("CREATE SCHEMA ")));
    target.statements = statements;
}
