//! Renames that nobody has said: an object that goes and one that comes may be the same one under another name. Each such
//! pair has a score and the evidence for it, in words.

mod answer;
mod column;
mod definition;
mod label;
mod likeness;
mod live;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Identity, Name};
use crate::kinds::{AnyObject, Context, Kind};
use crate::plan::{Change, Verb};

pub use answer::{questions, undecided};
pub use live::weigh;

/// Fewest points, of 100, that make a pair worth a look.
const ENOUGH: u32 = 40;

/// Points by which a pair must be better to leave another one of the same object out.
const CLEARLY: u32 = 15;

/// Most former names that are shown for one object.
const MOST: usize = 3;

/// Whether rows are lost where the former object is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// There are none, or they stay.
    None,
    /// There are some; how many, in words.
    Some(String),
    /// Nobody knows.
    Unknown,
}

/// An object that goes and one that comes, which may be the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What goes; a label of an enum stands below its type.
    pub former: Identity,
    /// What comes.
    pub object: Identity,
    /// How much speaks for it, of 100.
    pub score: u32,
    /// What speaks for and against it, in words.
    pub evidence: Vec<String>,
    /// Whether rows are lost unless it is a rename.
    pub rows: Rows,
}

impl Candidate {
    /// Returns the object that the finding is about: the new one, or what holds the new label.
    pub(super) fn home(&self) -> Identity {
        match (self.object.kind, self.object.path.len()) {
            (Kind::EnumType, 3..) => Identity::new(Kind::EnumType, &self.object.path[..2]),
            _ => self.object.clone(),
        }
    }

    /// Returns the sort of both objects in the words of SQL.
    pub(super) fn word(&self) -> &'static str {
        match (self.object.kind, self.object.path.len()) {
            (Kind::EnumType, 3..) => "enum value",
            (kind, _) => kind.words(),
        }
    }

    /// Returns the table whose figures tell something about the pair, as it is called in the state before.
    fn table(&self) -> Option<Identity> {
        matches!(self.former.kind, Kind::Table | Kind::Column)
            .then(|| Identity::new(Kind::Table, self.former.path.iter().take(2)))
    }

    /// Returns whose figures [`weigh`] asks for.
    pub fn measured(&self) -> Vec<Identity> {
        let column = (self.former.kind == Kind::Column).then(|| self.former.clone());
        self.table().into_iter().chain(column).collect()
    }

    fn is_refused(&self, paths: &[Vec<String>]) -> bool {
        let sides = [&self.object, &self.former, &self.home()];
        paths
            .iter()
            .any(|path| sides.iter().any(|side| means(path, &side.path)))
    }
}

/// Tells whether a written name path, whose schema may be missing, means an object's.
fn means(written: &[String], path: &[Name]) -> bool {
    path == written || (path.len() > 1 && path[0] == "public" && path[1..] == *written)
}

/// The two states between which something goes and comes.
#[derive(Debug, Clone, Copy)]
struct Sides<'a> {
    from: &'a Catalog,
    to: &'a Catalog,
    /// What depends on what goes.
    on_former: &'a Dependents<'a>,
    /// What depends on what comes.
    on_new: &'a Dependents<'a>,
}

/// What depends directly on some objects.
type Dependents<'a> = BTreeMap<&'a Identity, BTreeSet<&'a Identity>>;

/// What goes, what comes, and what changes where it stands.
struct Moves<'a> {
    gone: Vec<&'a Identity>,
    new: Vec<&'a Identity>,
    changed: Vec<&'a Identity>,
}

impl<'a> Moves<'a> {
    fn of(changes: impl Iterator<Item = &'a Change>) -> Self {
        let mut out = Self {
            gone: Vec::new(),
            new: Vec::new(),
            changed: Vec::new(),
        };
        for change in changes {
            match change.verb {
                Verb::Drop => out.gone.push(&change.object),
                Verb::Create => out.new.push(&change.object),
                Verb::Alter | Verb::Replace => out.changed.push(&change.object),
                Verb::Rebuild | Verb::Rename => {}
            }
        }
        out
    }

    /// Tells whether nothing comes where something goes, and no type changes.
    fn is_one_way(&self) -> bool {
        let has_type = || self.changed.iter().any(|object| object.kind == Kind::EnumType);
        (self.gone.is_empty() || self.new.is_empty()) && !has_type()
    }

    /// Returns every pair of one kind of something that goes and something that comes.
    fn pairs(&self, kind: Kind) -> impl Iterator<Item = (&'a Identity, &'a Identity)> {
        let of_kind = move |object: &&&Identity| object.kind == kind;
        let gone = self.gone.iter().filter(of_kind).copied();
        gone.flat_map(move |gone| self.new.iter().filter(of_kind).map(move |new| (gone, *new)))
    }
}

/// Returns the pairs of a plan's changes that may be renames, by what both states say of them. Pairs of an object that
/// `refused` names, on either side, are left out.
pub fn candidates<'a>(
    changes: impl Iterator<Item = &'a Change>,
    from: &Catalog,
    to: &Catalog,
    refused: &[Vec<String>],
) -> Vec<Candidate> {
    let moves = Moves::of(changes);
    if moves.is_one_way() {
        return Vec::new();
    }
    let sides = Sides {
        from,
        to,
        on_former: &dependents(from, &moves.gone),
        on_new: &dependents(to, &moves.new),
    };
    let schemas = definition::schemas(&moves, sides);
    let mut out = table::tables(&moves, sides);
    out.extend(column::columns(&moves, sides));
    out.extend(label::labels(&moves, sides));
    out.extend(definition::definitions(&moves, sides));
    // What moves with its schema is asked about once, with the schema.
    let moves_along = |one: &Candidate| {
        let is_home = |schema: &Candidate| {
            schema.former.path[..] == one.former.path[..1] && schema.object.path[..] == one.object.path[..1]
        };
        schemas.iter().any(is_home)
    };
    out.retain(|one| !moves_along(one));
    out.extend(schemas);
    out.retain(|one| one.score >= ENOUGH && !one.is_refused(refused) && can_be_renamed(one, sides));
    best(out)
}

/// Tells whether a hint would lead to a rename.
fn can_be_renamed(one: &Candidate, sides: Sides) -> bool {
    let context = Context::new(sides.from, sides.to, sides.from.version_num);
    match (sides.from.get(&one.former), sides.to.get(&one.object)) {
        (Some(former), Some(object)) => former.rename(object, &context).is_some(),
        // A label: the type was looked at.
        (before, after) => before.or(after).is_none(),
    }
}

/// Leaves out pairs for which there is a clearly better one; the rest comes best first.
fn best(mut all: Vec<Candidate>) -> Vec<Candidate> {
    all.sort_by(|a, b| (b.score, &a.former, &a.object).cmp(&(a.score, &b.former, &b.object)));
    let mut kept: Vec<Candidate> = Vec::new();
    for one in all {
        let rivals = || kept.iter().filter(|rival| rival.object == one.object);
        let is_beaten = |rival: &Candidate| rival.score >= one.score + CLEARLY;
        let elsewhere = kept.iter().filter(|rival| rival.former == one.former);
        if rivals().chain(elsewhere).any(is_beaten) || rivals().count() == MOST {
            continue;
        }
        kept.push(one);
    }
    kept
}

/// Returns the objects of a kind below a path, in order.
fn below<'a>(catalog: &'a Catalog, kind: Kind, path: &[Name]) -> impl Iterator<Item = &'a AnyObject> {
    let first = Identity::new(kind, path);
    let path = path.to_vec();
    let inside = move |found: &&'a Identity| found.kind == kind && found.path.starts_with(&path);
    catalog
        .objects
        .range(first..)
        .take_while(move |(found, _)| inside(found))
        .map(|(_, object)| object)
}

/// Returns what depends directly on objects, without their own properties.
fn dependents<'a>(catalog: &'a Catalog, on: &[&'a Identity]) -> Dependents<'a> {
    const TELLING: &[Kind] = &[
        Kind::Check,
        Kind::Key,
        Kind::Index,
        Kind::ForeignKey,
        Kind::Statistics,
        Kind::View,
        Kind::MaterializedView,
        Kind::Policy,
        Kind::Trigger,
        Kind::Function,
    ];
    let wanted: BTreeSet<&Identity> = on
        .iter()
        .copied()
        .filter(|object| matches!(object.kind, Kind::Table | Kind::Column))
        .collect();
    let mut out = Dependents::new();
    if wanted.is_empty() {
        return out;
    }
    for (other, needs) in catalog
        .dependencies
        .iter()
        .filter(|(other, _)| TELLING.contains(&other.kind))
    {
        for need in needs.iter().filter_map(|need| wanted.get(need)) {
            out.entry(*need).or_default().insert(other);
        }
    }
    out
}
