//! Changes as people ask for them: missing tables, extra tables, columns that differ, and so on. What the change of a
//! whole says already (the columns of a missing table) is counted at the whole.

use std::collections::BTreeMap;

use super::name;
use super::text::{capital, value_lines};
use crate::catalog::{Identity, Name};
use crate::kinds::Kind;
use crate::plan::{Detail, Difference, Plan, Verb};
use crate::risk::Risk;
use crate::words::{count, plural};

/// Longest value that stands within a line; longer ones are shown as line diffs.
const SHORT: usize = 60;

/// Changes of one sort of objects of one kind.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// For example `Missing tables`.
    pub(super) title: String,
    /// Sign in front of each entry.
    pub(super) mark: &'static str,
    /// In the plan's order of objects.
    pub(super) entries: Vec<Entry<'a>>,
}

/// One change.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The change.
    pub(super) detail: &'a Detail,
    /// Name, without the kind that the title says; of an index with its table.
    pub(super) name: String,
    /// Path of the table or other relation that it belongs to, or is.
    pub(super) home: &'a [Name],
    /// What differs, or what comes with it; may be empty.
    pub(super) text: String,
    /// Highest risk of the object and of what is counted at it.
    pub(super) risk: Option<Risk>,
}

/// How live differs from desired, as a title says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sense {
    Renamed,
    Missing,
    Extra,
    Differs,
    Rebuilt,
}

impl Sense {
    fn of(verb: Verb) -> Self {
        match verb {
            Verb::Create => Self::Missing,
            Verb::Drop => Self::Extra,
            Verb::Alter | Verb::Replace => Self::Differs,
            Verb::Rename => Self::Renamed,
            Verb::Rebuild => Self::Rebuilt,
        }
    }

    fn title(self, kind: Kind) -> String {
        let kinds = plural(kind.words());
        match self {
            Self::Renamed => format!("Renamed {kinds}"),
            Self::Missing => format!("Missing {kinds}"),
            Self::Extra => format!("Extra {kinds}"),
            Self::Differs => capital(&format!("{kinds} that differ")),
            Self::Rebuilt => "Unchanged, but dropped and created again around the changes".to_owned(),
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Missing => "+",
            Self::Extra => "-",
            Self::Renamed | Self::Differs => "~",
            Self::Rebuilt => "±",
        }
    }
}

/// Returns the groups: kinds in the order of creation, what is merely rebuilt last.
pub(super) fn groups<'a>(plan: &'a Plan) -> Vec<Group<'a>> {
    let risks = risks(plan);
    let homes = Homes::of(plan);
    let mut parts: BTreeMap<&Identity, Vec<&Detail>> = BTreeMap::new();
    let mut heads: BTreeMap<(bool, Kind, Sense), Vec<&Detail>> = BTreeMap::new();
    for detail in &plan.changes {
        let object = &detail.change.object;
        let sense = Sense::of(detail.change.verb);
        match homes.whole(detail) {
            Some(whole) => parts.entry(whole).or_default().push(detail),
            None if sense == Sense::Rebuilt => heads.entry((true, Kind::ALL[0], sense)).or_default().push(detail),
            None => heads.entry((false, object.kind, sense)).or_default().push(detail),
        }
    }
    let entry = |detail: &'a Detail, rebuilt| {
        let parts = parts.get(&detail.change.object).map_or(&[][..], Vec::as_slice);
        entry(detail, parts, rebuilt, &homes, &risks)
    };
    heads
        .into_iter()
        .map(|((rebuilt, kind, sense), details)| Group {
            title: sense.title(kind),
            mark: sense.mark(),
            entries: details.into_iter().map(|detail| entry(detail, rebuilt)).collect(),
        })
        .collect()
}

fn entry<'a>(
    detail: &'a Detail,
    parts: &[&Detail],
    with_kind: bool,
    homes: &Homes<'a>,
    risks: &BTreeMap<&Identity, Risk>,
) -> Entry<'a> {
    let object = &detail.change.object;
    let risk = |detail: &Detail| risks.get(&detail.change.object).copied();
    let differs = differs(detail);
    // An index is not named below its table.
    let host = detail.parent.as_ref().filter(|_| !name::is_attached(object));
    let host = host.filter(|parent| !object.path.starts_with(&parent.path));
    let host = host.map(|parent| format!(" on {}", name::path(&parent.path)));
    let own = if with_kind {
        name::full(object)
    } else {
        name::bare(object)
    };
    let texts = [differs, inventory(parts)];
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    Entry {
        detail,
        name: own + &host.unwrap_or_default(),
        home: homes.home(detail),
        text: texts.join(", "),
        risk: risk(detail).max(parts.iter().filter_map(|part| risk(part)).max()),
    }
}

/// What belongs to what.
struct Homes<'a> {
    details: BTreeMap<&'a Identity, &'a Detail>,
}

impl<'a> Homes<'a> {
    fn of(plan: &'a Plan) -> Self {
        let details = plan.changes.iter().map(|detail| (&detail.change.object, detail));
        Self {
            details: details.collect(),
        }
    }

    /// Returns what an object belongs to, what that belongs to, and so on, as far as the plan changes it.
    fn ancestors(&self, detail: &'a Detail) -> impl Iterator<Item = &'a Identity> {
        let parent = |detail: &'a Detail| detail.parent.as_ref();
        std::iter::successors(parent(detail), move |object| parent(self.details.get(*object)?))
    }

    /// Returns the path of the relation that an object belongs to, or of the object itself.
    fn home(&self, detail: &'a Detail) -> &'a [Name] {
        let outermost = self.ancestors(detail).last().unwrap_or(&detail.change.object);
        // The parent of a part of an unchanged column is all that is known; the table's name begins its path.
        &outermost.path[..outermost.path.len().min(2)]
    }

    /// Returns the outermost object whose change says this one's.
    fn whole(&self, detail: &'a Detail) -> Option<&'a Identity> {
        let known = self
            .ancestors(detail)
            .filter_map(|object| self.details.get(object).copied());
        let saying: Vec<&Detail> = known.take_while(|whole| says(whole, detail)).collect();
        saying.last().map(|whole| &whole.change.object)
    }
}

/// Tells whether the change of a whole says the change of a part.
fn says(whole: &Detail, part: &Detail) -> bool {
    let made_again = |verb| matches!(verb, Verb::Replace | Verb::Rebuild);
    let (whole, part) = (whole.change.verb, part.change.verb);
    match whole {
        Verb::Create | Verb::Drop => part == whole,
        Verb::Replace | Verb::Rebuild => made_again(part),
        Verb::Alter | Verb::Rename => false,
    }
}

/// Returns the highest risk of each object.
fn risks(plan: &Plan) -> BTreeMap<&Identity, Risk> {
    let mut out: BTreeMap<&Identity, Risk> = BTreeMap::new();
    for finding in &plan.findings {
        let risk = out.entry(&finding.object).or_insert(finding.risk);
        *risk = (*risk).max(finding.risk);
    }
    out
}

/// Counts parts by kind: `with 4 columns, 1 index`.
fn inventory(parts: &[&Detail]) -> String {
    let mut kinds = BTreeMap::new();
    for part in parts.iter().filter(|part| !name::is_attached(&part.change.object)) {
        *kinds.entry(part.change.object.kind).or_insert(0) += 1;
    }
    let counts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| count(number, kind.words()))
        .collect();
    if counts.is_empty() {
        String::new()
    } else {
        format!("with {}", counts.join(", "))
    }
}

/// Tells whether a difference has room in a line.
pub(super) fn is_short(difference: &Difference) -> bool {
    let fits = |value: &Option<String>| {
        value
            .as_ref()
            .is_none_or(|text| !text.contains('\n') && text.chars().count() <= SHORT)
    };
    fits(&difference.before) && fits(&difference.after)
}

/// Returns the name of an attribute as people say it.
pub(super) fn attribute(difference: &Difference) -> String {
    difference.attribute.replace('_', " ")
}

/// Says what differs, where that is short; for long values, that they do.
fn differs(detail: &Detail) -> String {
    if detail.change.verb == Verb::Rebuild {
        return String::new();
    }
    let value = |value: &Option<String>| match value {
        None => "none".to_owned(),
        Some(text) => value_lines(text).join(", "),
    };
    let says_itself = |difference: &Difference| {
        detail.differences.len() == 1 && (difference.attribute.ends_with("type") || detail.change.verb == Verb::Rename)
    };
    let one = |difference: &Difference| {
        let arrow = format!("{} → {}", value(&difference.before), value(&difference.after));
        if says_itself(difference) {
            arrow
        } else {
            format!("{} {arrow}", attribute(difference))
        }
    };
    let (short, long): (Vec<_>, Vec<_>) = detail.differences.iter().partition(|difference| is_short(difference));
    let below: Vec<String> = long.iter().map(|difference| attribute(difference)).collect();
    let mut texts: Vec<String> = short
        .into_iter()
        // A letter of the catalog says nothing that the definition beside it does not say in words.
        .filter(|difference| below.is_empty() || !is_letter(difference))
        .map(one)
        .collect();
    if !below.is_empty() {
        texts.push(format!("{} (below)", below.join(", ")));
    }
    texts.join("; ")
}

fn is_letter(difference: &Difference) -> bool {
    let letter = |value: &Option<String>| value.as_ref().is_none_or(|text| text.chars().count() == 1);
    letter(&difference.before) && letter(&difference.after)
}
