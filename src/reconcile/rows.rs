//! What a plan asks the live database about the rows that it touches, and what it does to keep them.

use super::{Ground, Settled, Setup};
use crate::config::OnDrop;
use crate::error::Result;
use crate::plan::Plan;
use crate::risk::{Size, Statistics};
use crate::{evidence, preflight, quarantine};

/// Looks for evidence of use, and asks the rows of the live database what some findings depend on.
pub(super) fn look(
    setup: &Setup,
    plan: &mut Plan,
    settled: &Settled,
    figures: &Statistics,
    ground: &mut Ground,
) -> Result<()> {
    let Some((_, client)) = &mut ground.live else {
        return Ok(());
    };
    // Before the rows are asked, which counts as a scan.
    evidence::add(client, plan, &settled.used())?;
    let missing = preflight::missing(client, &plan.forward)?;
    if !missing.is_empty() {
        ground.notes.push(format!(
            "The server lacks what the plan needs, and apply refuses until it is there: {}.",
            missing.join(", ")
        ));
    }
    if !setup.preflight {
        return Ok(());
    }
    plan.trials = preflight::of(plan, settled.from(), &settled.to, &settled.renames);
    plan.trials.retain(|trial| figures.size(&trial.table) != Size::Empty);
    preflight::rate(client, plan, preflight::Options::default())
}

/// Rewrites a plan so that what it drops is kept, where that is asked for; returns the plan as it was when anything is kept.
pub(super) fn keep(
    setup: &Setup,
    plan: &mut Plan,
    settled: &Settled,
    figures: &Statistics,
    ground: &mut Ground,
) -> Result<Option<Plan>> {
    let Some((_, client)) = ground.live.as_mut().filter(|_| setup.on_drop != OnDrop::Drop) else {
        return Ok(None);
    };
    let plain = plan.clone();
    let version_num = plan.database.version_num;
    let sides = quarantine::Ground {
        from: settled.from(),
        to: &settled.to,
        version_num,
        figures,
    };
    let outcome = quarantine::keep(plan, &sides, quarantine::taken(client)?, setup.on_drop);
    ground.notes.extend(outcome.notes);
    Ok((outcome.kept > 0).then_some(plain))
}
