//! Renames that nobody has said: which there may be, and which must be answered before the plan can be applied.

use std::collections::BTreeSet;

use super::{Ground, Settled, Setup};
use crate::catalog::Identity;
use crate::plan::{Plan, Question, StandIn};
use crate::risk::{Candidate, Look, Ruling, Statistics, candidates, questions, undecided, weigh};

/// Pairs of what goes and what comes.
pub(super) struct Pairs(Vec<Candidate>);

impl Pairs {
    /// Finds the pairs among a plan's changes.
    pub(super) fn of(plan: &Plan, settled: &Settled, setup: &Setup) -> Self {
        let changes = plan.changes.iter().map(|detail| &detail.change);
        let decided = [settled.desired.not_renamed(), setup.answers.not_renamed().to_vec()].concat();
        Self(candidates(changes, settled.from(), &settled.to, &decided))
    }

    /// Returns whose figures tell something about the pairs.
    pub(super) fn measured(&self) -> BTreeSet<Identity> {
        self.0.iter().flat_map(Candidate::measured).collect()
    }

    /// Adds what the live database says of the pairs.
    pub(super) fn weigh(self, ground: &mut Ground, settled: &Settled, figures: &Statistics) -> Self {
        let client = ground.live.as_mut().map(|(_, client)| client);
        let states = [settled.from(), &settled.to];
        Self(weigh(client, self.0, states, figures, &settled.renames))
    }

    /// Returns the pairs as rules see them.
    pub(super) fn all(&self) -> &[Candidate] {
        &self.0
    }

    /// Returns what has to be answered first: nothing where the plan is only for reading.
    pub(super) fn questions(
        &self,
        plan: &Plan,
        settled: &Settled,
        figures: &Statistics,
        rulings: &[Ruling],
    ) -> Vec<Question> {
        if self.0.is_empty() || matches!(plan.database.stand_in, Some(StandIn::Source { .. })) {
            return Vec::new();
        }
        let look = Look::new(settled.from(), &settled.to, &plan.forward, figures).with_candidates(&self.0);
        questions(&undecided(&look, rulings), |object| settled.place(object))
    }
}
