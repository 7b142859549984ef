//! ## What it finds
//!
//! A trigger or a rule that is created, changed, disabled or enabled on a table or view that stands, and an event trigger
//! likewise. Dropped ones are TU107.
//!
//! ## Why it is dangerous
//!
//! From the commit on every statement on the table does more, less or something else, and a row that was written in
//! between is corrected by nobody. `CREATE TRIGGER` blocks writes for a moment (SHARE ROW EXCLUSIVE), `CREATE RULE` reads
//! too. A rule rewrites statements before they run, which surprises most people (`RETURNING`, volatile functions,
//! `COPY`). A new or changed rule on a table, and a trigger that is disabled, are `dangerous`; other triggers, and
//! whatever concerns an empty table or a view, are `caution`.
//!
//! ## Safer way
//!
//! Prefer triggers to rules. Let a trigger's function tolerate rows of before. Decide what happens to the rows that were
//! written while it did not fire.
//!
//! ## PostgreSQL versions
//!
//! All. `CREATE OR REPLACE TRIGGER` exists since 14.

use crate::catalog::Identity;
use crate::kinds::{AnyObject, Firing, Kind};
use crate::plan::{Change, Verb};
use crate::risk::Risk;
use crate::risk::look::{Hit, Look};

pub(in crate::risk) fn check(look: &Look) -> Vec<Hit> {
    look.changes()
        .filter(|(_, change)| matches!(change.object.kind, Kind::Trigger | Kind::Rule | Kind::EventTrigger))
        .filter(|(_, change)| matches!(change.verb, Verb::Create | Verb::Alter | Verb::Replace))
        .filter_map(|(at, change)| hit(look, at, change))
        .collect()
}

fn hit(look: &Look, at: usize, change: &Change) -> Option<Hit> {
    let object = &change.object;
    let before = look.from.get(object).and_then(state);
    let (on, firing) = state(look.to.get(object)?)?;
    if on.as_ref().is_some_and(|on| !look.stands(on)) {
        return None;
    }
    let was = before.map_or(Firing::Origin, |(_, firing)| firing);
    let disabled = firing == Firing::Disabled && was != Firing::Disabled;
    let what = match change.verb {
        _ if disabled => "no longer fires",
        Verb::Create => "fires from now on",
        _ if was == Firing::Disabled && firing != Firing::Disabled => "fires again",
        _ => "changes what it does",
    };
    let has_rows = on
        .as_ref()
        .is_some_and(|on| on.kind == Kind::Table && !look.is_empty(on));
    let risk = if has_rows && (disabled || object.kind == Kind::Rule) {
        Risk::Dangerous
    } else {
        Risk::Caution
    };
    let place = match &on {
        Some(on) if on.kind == Kind::Table => format!(" on {}", look.sized(on)),
        Some(on) => format!(" on the {} `{}`", on.kind, on.path_text()),
        None => String::new(),
    };
    let message = format!(
        "The {} `{}`{place} {what}: statements have other effects from the commit on.",
        object.kind,
        object.name()
    );
    Some(Hit::new(risk, at, object, message).hint("Decide what happens to the rows that were written without it."))
}

/// Returns what something that fires stands on, and when it fires.
fn state(object: &AnyObject) -> Option<(Option<Identity>, Firing)> {
    match object {
        AnyObject::Trigger(trigger) => Some((Some(trigger.on.clone()), trigger.firing)),
        AnyObject::Rule(rule) => Some((Some(rule.on.clone()), rule.firing)),
        AnyObject::EventTrigger(trigger) => Some((None, trigger.firing)),
        _ => None,
    }
}
