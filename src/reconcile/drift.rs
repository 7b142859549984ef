//! Drift of a live database.

use super::{Said, Setup, ground, settle};
use crate::apply::ledger;
use crate::db::Url;
use crate::desired::source::Source;
use crate::drift::{Drift, Sides, classify};
use crate::error::Result;

/// Compares the live database with what the source declares and with what was last applied. Nothing is written.
pub fn drift(setup: &Setup, url: &Url, source: &Source) -> Result<Drift> {
    let mut ground = ground(setup, url, source)?;
    let applied = match &mut ground.live {
        Some((_, client)) => ledger::applied(client, &ground.server)?,
        None => ledger::Applied::default(),
    };
    let unmodelled = ground.whole.unmodelled.iter().cloned().collect();
    let settled = settle(setup, &mut ground, Said::Kept)?;
    let (mut differences, adopted) = classify(&Sides {
        live: &settled.live,
        from: settled.from(),
        to: &settled.to,
        said: &settled.desired.catalog,
        renames: &settled.renames,
        applied: &applied,
        filter: &setup.filter,
    })?;
    for difference in &mut differences {
        difference.declared_at = settled.place(&difference.object);
    }
    let mut notes = ground.notes;
    notes.extend(doubts(&applied));
    Ok(Drift {
        database: ground.database.name,
        version_num: ground.database.version_num,
        recorded_at: applied.recorded_at,
        differences,
        adopted,
        notes,
        unmodelled,
    })
}

/// Says what keeps the record from being a good witness.
fn doubts(applied: &ledger::Applied) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(execution) = applied.stopped {
        out.push(format!(
            "Execution {execution} has not ended: what it changed so far shows as drift. `trueup apply --resume` goes on, \
             `trueup rollback` undoes it."
        ));
    }
    if applied.is_foreign {
        out.push(
            "What was last applied was recorded by another version of trueup or PostgreSQL, so that it cannot be compared. \
             The next `trueup apply` records everything anew."
                .to_owned(),
        );
    } else if applied.recorded_at.is_none() {
        out.push(
            "Nothing is recorded of what was last applied, so that nobody can tell who moved. The next `trueup apply`, or \
             `trueup init`, records it."
                .to_owned(),
        );
    }
    out
}
