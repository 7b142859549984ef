//! Views that read an object and routines whose bodies mention it, as far as they stay: what the plan itself drops or writes
//! anew needs no evidence.

use std::collections::BTreeSet;

use super::mention::Mentions;
use super::subject::{Subject, trigger_functions};
use super::{Evidence, Found, Ground, Source};
use crate::catalog::Identity;
use crate::kinds::{AnyObject, Context, Kind, Routine};

/// Most names that are shown.
const SHOWN: usize = 10;

/// Returns what mentions each subject.
pub(super) fn mentions(subjects: &[Subject], ground: &Ground) -> Found {
    let objects = ground.to.objects.iter();
    let routines = objects.filter_map(|(identity, object)| Some((identity, object, routine(object)?)));
    let context = Context::new(ground.from, ground.to, ground.to.version_num);
    // A body is worth its parsing only where one of the words occurs.
    let words: Vec<String> = subjects.iter().map(Subject::word).collect();
    let near = |routine: &Routine| {
        let body = routine.body.to_lowercase();
        words.iter().any(|word| body.contains(word.as_str()))
    };
    let bodies: Vec<(&Identity, Mentions)> = routines
        .filter(|(identity, _, routine)| ground.from.contains(identity) && near(routine))
        .filter_map(|(identity, object, routine)| Some((identity, body(object, routine, &context)?)))
        .collect();
    let each = subjects.iter().enumerate().filter_map(|(place, subject)| {
        let mut by = dependents(subject, ground);
        let of_triggers = trigger_functions(subject, ground);
        let naming = bodies
            .iter()
            .filter(|(identity, mentions)| mentions.name(subject, of_triggers.contains(*identity)));
        by.extend(naming.map(|(identity, _)| (*identity).clone()));
        by.remove(&subject.object);
        Some((place, evidence(&by)?))
    });
    each.collect()
}

fn evidence(by: &BTreeSet<Identity>) -> Option<Evidence> {
    let names: Vec<String> = by
        .iter()
        .take(SHOWN)
        .map(|object| format!("{} `{}`", object.kind, object.path_text()))
        .collect();
    let more = by.len().saturating_sub(SHOWN);
    let rest = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    (!by.is_empty()).then(|| Evidence {
        source: Source::MentionedBy,
        text: format!("mentioned by {}{rest}", names.join(", ")),
    })
}

fn routine(object: &AnyObject) -> Option<&Routine> {
    match object {
        AnyObject::Function(function) => Some(&function.0),
        AnyObject::Procedure(procedure) => Some(&procedure.0),
        _ => None,
    }
}

/// Returns the views and routines that the server knows to need the subject.
fn dependents(subject: &Subject, ground: &Ground) -> BTreeSet<Identity> {
    let reads = [Kind::View, Kind::MaterializedView, Kind::Function, Kind::Procedure];
    let users = ground.from.dependencies.iter();
    users
        .filter(|(user, on)| reads.contains(&user.kind) && on.contains(&subject.object))
        .map(|(user, _)| user.clone())
        .filter(|user| ground.to.contains(user))
        .collect()
}

fn body(object: &AnyObject, routine: &Routine, context: &Context) -> Option<Mentions> {
    match routine.language.as_str() {
        // A body that the server has parsed has its dependencies there.
        "sql" if !routine.parsed_body => Mentions::of(&routine.body),
        "plpgsql" => {
            let sql = object.create(context).first()?.sql();
            Some(Mentions::of_plpgsql(&sql).unwrap_or_else(|| Mentions::of_words(&routine.body)))
        }
        _ => None,
    }
}
