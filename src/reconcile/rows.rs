//! What a plan asks the live database about the rows that it touches, and what it does to keep them.

use super::{Ground, Settled, Setup};
use crate::config::OnDrop;
use crate::error::Result;
use crate::kinds::{Context, OldValues};
use crate::plan::{Plan, Sides};
use crate::risk::{Size, Statistics};
use crate::{evidence, preflight, quarantine, staged};

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

/// What is known of quarantine while a plan is made that drops rows.
pub(super) struct Kept {
    /// Names that are taken; none where nothing is kept.
    taken: Option<quarantine::Taken>,
}

impl Kept {
    /// Asks what is in quarantine, where what is dropped has to be kept.
    pub(super) fn ask(setup: &Setup, ground: &mut Ground) -> Result<Self> {
        let live = ground.live.as_mut().filter(|_| setup.on_drop != OnDrop::Drop);
        let taken = live.map(|(_, client)| quarantine::taken(client)).transpose()?;
        Ok(Self { taken })
    }

    /// Returns where the old values of columns go that change in stages.
    pub(super) fn old_values(&mut self, setup: &Setup, sides: &Sides, ground: &mut Ground) -> OldValues {
        let Some(taken) = self.taken.as_mut().filter(|_| !sides.large.is_empty()) else {
            return OldValues::default();
        };
        let context = Context::new(sides.from, sides.to, ground.database.version_num).with_large(sides.large);
        let all = setup.on_drop == OnDrop::Quarantine;
        let (out, notes) = staged::old_values(&context, all, |column| quarantine::place_of(&column.path_text(), taken));
        ground.notes.extend(notes);
        out
    }

    /// Rewrites a plan so that what it drops is kept, where that is asked for; tells whether anything is.
    pub(super) fn keep(
        self,
        setup: &Setup,
        plan: &mut Plan,
        settled: &Settled,
        figures: &Statistics,
        ground: &mut Ground,
    ) -> bool {
        let Some(taken) = self.taken else {
            return false;
        };
        let sides = quarantine::Ground {
            from: settled.from(),
            to: &settled.to,
            version_num: plan.database.version_num,
            figures,
        };
        let outcome = quarantine::keep(plan, &sides, taken, setup.on_drop);
        ground.notes.extend(outcome.notes);
        outcome.kept > 0 || !plan.old_values.is_empty()
    }
}
