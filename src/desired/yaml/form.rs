//! The form of one family of objects: its keys, its parts, and what its keys do not say by themselves.
//!
//! The forms are the one list of what YAML target files know: reading, writing, the JSON Schema and the reference all
//! derive from them.

use serde_json::Value as Json;

use super::want::{Fields, Key, Want};
use super::write::Writer;
use crate::catalog::{Identity, Name};
use crate::kinds::{AnyObject, Kind};

/// What may be said of an object beside its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    /// `comment`
    Comment,
    /// `owner`
    Owner,
    /// `grants`
    Grants,
    /// `renamed_from`
    Renamed,
    /// `not_renamed`
    NotRenamed,
    /// `waive`
    Waive,
    /// `backfill`
    Backfill,
}

impl Attached {
    /// All of them, for what has a place of its own in a schema.
    pub(super) const ALL: &[Self] = &[
        Self::Comment,
        Self::Owner,
        Self::Grants,
        Self::Renamed,
        Self::NotRenamed,
        Self::Waive,
    ];
    /// For what belongs to its owner alone.
    pub(super) const OWNED: &[Self] = &[Self::Comment, Self::Owner, Self::Renamed, Self::NotRenamed, Self::Waive];
    /// For a part of another object.
    pub(super) const PART: &[Self] = &[Self::Comment, Self::Renamed, Self::NotRenamed, Self::Waive];
    /// For a column.
    pub(super) const COLUMN: &[Self] = &[
        Self::Comment,
        Self::Grants,
        Self::Renamed,
        Self::NotRenamed,
        Self::Waive,
        Self::Backfill,
    ];

    /// Returns the key.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Owner => "owner",
            Self::Grants => "grants",
            Self::Renamed => "renamed_from",
            Self::NotRenamed => "not_renamed",
            Self::Waive => "waive",
            Self::Backfill => "backfill",
        }
    }

    /// Returns what may stand there.
    pub(super) fn want(self) -> Want {
        match self {
            Self::Grants => Want::Named(&Want::Names),
            Self::Waive => super::said::WAIVE,
            Self::NotRenamed => Want::Bool,
            Self::Comment | Self::Owner | Self::Renamed | Self::Backfill => Want::Text,
        }
    }

    /// Returns the explanation for people.
    pub(super) const fn doc(self) -> &'static str {
        match self {
            Self::Comment => "Comment.",
            Self::Owner => "Role that owns it; left out, the role that applies the plan.",
            Self::Grants => {
                "Privileges by role (or `public`): a list such as `[select, insert]`, each with or without `with grant option`; an empty list takes away what PostgreSQL gives by itself."
            }
            Self::Renamed => "Former name, so that it is renamed instead of dropped and created.",
            Self::NotRenamed => "`true`: it is new, and no other name of what is dropped, however alike the two look.",
            Self::Backfill => {
                "Expression that fills the column in rows that are there, in batches, when a plan adds it or makes it `NOT NULL`."
            }
            Self::Waive => {
                "Findings about it, and about everything in it, that need no approval: `TU703: {until: 2027-01-31, reason: why}`."
            }
        }
    }
}

/// How the items of a section are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A mapping from names.
    Named,
    /// A mapping from names; one name may have a list, of overloads.
    Overloads,
    /// A mapping from names, or a list of names alone.
    NamedOrList,
    /// A mapping from names, where one name may have a list, or a list of names alone.
    OverloadsOrList,
    /// The item itself: there is one only.
    Single,
    /// A list of items without names.
    List,
}

/// Where an item stands.
#[derive(Debug, Clone)]
pub(super) struct Spot<'a> {
    /// Schema of the file.
    pub schema: &'a str,
    /// Object that the item is a part of.
    pub parent: Option<&'a Identity>,
    /// Name.
    pub name: &'a str,
}

impl Spot<'_> {
    /// Returns the schema of the object that the item is a part of, or of the file.
    pub(super) fn home(&self) -> &str {
        let parent = self.parent.filter(|parent| parent.path.len() > 1);
        parent
            .and_then(|parent| parent.path.first())
            .map_or(self.schema, Name::as_str)
    }

    /// Returns the name of the object that the item is a part of.
    pub(super) fn table(&self) -> &str {
        self.parent.map_or("", Identity::name)
    }
}

/// What a form reads beyond its keys: fills fields in, and returns the objects that stand beside.
pub(super) type Read = fn(&Spot, &Fields, &mut Fields) -> Result<Vec<AnyObject>, String>;

/// What a form writes beyond its keys; `None` when the object cannot be said.
pub(super) type Write = fn(&Writer, &AnyObject, &mut Fields) -> Option<()>;

/// Form of one family of objects.
pub(super) struct Form {
    /// Key of the section.
    pub section: &'static str,
    /// Explanation for people.
    pub doc: &'static str,
    /// Kind of the objects.
    pub kind: Kind,
    /// How items are written.
    pub layout: Layout,
    /// Key that a plain value stands for.
    pub short: Option<&'static str>,
    /// Keys.
    pub keys: &'static [Key],
    /// Forms of the parts.
    pub parts: fn() -> &'static [&'static Form],
    /// What else may be said.
    pub attached: &'static [Attached],
    /// Reads what the keys do not say.
    pub read: Read,
    /// Writes what the keys do not say.
    pub write: Write,
}

impl Form {
    /// Tells whether one name may have a list of items.
    pub(super) fn has_overloads(&self) -> bool {
        matches!(self.layout, Layout::Overloads | Layout::OverloadsOrList)
    }

    /// Returns every key of an item.
    pub(super) fn known(&self) -> Vec<&'static str> {
        let own = self.keys.iter().map(|key| key.name);
        let parts = (self.parts)().iter().map(|part| part.section);
        own.chain(parts)
            .chain(self.attached.iter().map(|attached| attached.name()))
            .collect()
    }
}

/// For forms without parts.
pub(super) fn no_parts() -> &'static [&'static Form] {
    &[]
}

/// For forms that write nothing by themselves.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every form's function")]
pub(super) fn nothing_more(_: &Writer, _: &AnyObject, _: &mut Fields) -> Option<()> {
    Some(())
}

/// Sets a field, which may be nested.
pub(super) fn set(fields: &mut Fields, path: &[&str], value: Json) {
    match path {
        [] => {}
        [last] => {
            fields.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = fields.entry(*first).or_insert_with(|| Json::Object(Fields::new()));
            if let Json::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Returns a field, which may be nested.
pub(super) fn get<'a>(fields: &'a Fields, path: &[&str]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    match (fields.get(*first)?, rest) {
        (value, []) => Some(value),
        (Json::Object(inner), rest) => get(inner, rest),
        _ => None,
    }
}

/// Returns the text of a value.
pub(super) fn text<'a>(values: &'a Fields, name: &str) -> Option<&'a str> {
    values.get(name).and_then(Json::as_str)
}

/// Returns the texts of a list.
pub(super) fn texts(values: &Fields, name: &str) -> Vec<String> {
    let items = values
        .get(name)
        .and_then(Json::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Tells whether a value is `true`.
pub(super) fn flag(values: &Fields, name: &str) -> bool {
    values.get(name).and_then(Json::as_bool).unwrap_or_default()
}
