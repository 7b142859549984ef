//! What the files give, beside what is declared and what is live: three columns, each difference with its file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::directory::{Directory, Migration};
use super::import::is_of_runner;
use super::program::Program;
use super::whole::given;
use crate::catalog::Identity;
use crate::db::Url;
use crate::desired::source::Source;
use crate::error::Result;
use crate::plan::{Plan, Verb};
use crate::reconcile::{Setup, plan_from, plan_to};

/// How one object stands on a side, seen from what the files give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// As the files give it.
    Same,
    /// Otherwise.
    Differs,
    /// It is not there.
    Missing,
    /// It is there, and the files do not give it.
    Extra,
}

impl Side {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

/// One object that is not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// Object.
    pub object: Identity,
    /// Last file that names it.
    pub file: Option<String>,
    /// In the declared schema; none where that was not asked for.
    pub declared: Option<Side>,
    /// In the live database; none where that was not asked for.
    pub live: Option<Side>,
}

/// Compares what the files give with the declared schema and with a live database; returns what is not the same. A part of
/// what is missing or extra whole is not named, nor is the history that another runner has left in the live database.
pub fn verify(
    setup: &Setup,
    directory: &Directory,
    source: Option<&Source>,
    live: Option<&Url>,
) -> Result<Vec<Deviation>> {
    let all: Vec<&Migration> = directory.migrations.iter().collect();
    let (files, programs) = given(setup, live, &all)?;
    let mut found: BTreeMap<Identity, (Option<Stand>, Option<Stand>)> = BTreeMap::new();
    if let Some(source) = source {
        let plan = plan_from(setup, files.clone(), &directory.path.display().to_string(), source)?;
        for (object, stand) in stands(&plan, (Side::Extra, Side::Missing)) {
            found.entry(object).or_default().0 = Some(stand);
        }
    }
    if let Some(url) = live {
        let plan = plan_to(setup, url, files)?;
        for (object, stand) in stands(&plan, (Side::Missing, Side::Extra)) {
            found.entry(object).or_default().1 = Some(stand);
        }
    }
    found.retain(|_, (declared, on_live)| [declared, on_live].into_iter().flatten().any(|stand| !stand.is_implied));
    let words: Vec<BTreeSet<String>> = programs.iter().map(words).collect();
    let side = |stand: Option<Stand>| stand.map_or(Side::Same, |stand| stand.side);
    let deviation = |(object, (declared, on_live)): (Identity, (Option<Stand>, Option<Stand>))| Deviation {
        file: last_naming(&words, &object).map(|at| all[at].forward.path.clone()),
        declared: source.map(|_| side(declared)),
        live: live.map(|_| side(on_live)),
        object,
    };
    let found = found.into_iter().map(deviation);
    // What the last runner left behind stays as it is, and is no drift.
    let is_left_behind = |own: &Deviation| {
        own.live == Some(Side::Extra) && own.declared.is_none_or(|side| side == Side::Same) && is_of_runner(&own.object)
    };
    Ok(found.filter(|own| !is_left_behind(own)).collect())
}

/// How an object stands on a side, and whether that follows from what it is a part of: a column of a missing table.
#[derive(Clone, Copy)]
struct Stand {
    side: Side,
    is_implied: bool,
}

/// Returns how the objects stand that a plan changes, with the words for what it creates and for what it drops.
fn stands(plan: &Plan, (created, dropped): (Side, Side)) -> BTreeMap<Identity, Stand> {
    let changed = plan
        .changes
        .iter()
        .map(|detail| (&detail.change, detail.parent.as_ref()));
    let changed = changed.filter(|(change, _)| change.verb != Verb::Rebuild);
    let verbs: BTreeMap<&Identity, (Verb, Option<&Identity>)> = changed
        .map(|(change, parent)| (&change.object, (change.verb, parent)))
        .collect();
    let stand = |(object, (verb, parent)): (&&Identity, &(Verb, Option<&Identity>))| {
        let of_whole = parent.and_then(|parent| verbs.get(parent));
        let side = match verb {
            Verb::Create => created,
            Verb::Drop => dropped,
            _ => Side::Differs,
        };
        let goes_with_whole = of_whole.is_some_and(|(of_whole, _)| of_whole == verb);
        let stand = Stand {
            side,
            is_implied: goes_with_whole && matches!(verb, Verb::Create | Verb::Drop),
        };
        ((*object).clone(), stand)
    };
    verbs.iter().map(stand).collect()
}

fn words(program: &Program) -> BTreeSet<String> {
    program.lines.iter().flat_map(super::rate::words).collect()
}

/// Returns the last file that names an object, or else what it belongs to.
fn last_naming(words: &[BTreeSet<String>], object: &Identity) -> Option<usize> {
    let weight = |words: &BTreeSet<String>| {
        let parts = object.path.iter().skip(1);
        parts.filter(|part| words.contains(part.as_str())).count()
    };
    let best = words.iter().map(weight).max().filter(|best| *best > 0)?;
    words.iter().rposition(|words| weight(words) == best)
}
