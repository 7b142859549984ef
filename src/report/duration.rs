//! How long a plan and its steps run, and who waits meanwhile: ranges, with what they rest on. What is over in a moment is
//! not worth a line.

use std::collections::BTreeSet;

use crate::plan::{Plan, Step};
use crate::risk::{Blocks, Estimate};

/// Up to this many seconds nobody needs to be told.
const MOMENT: u64 = 1;

/// Fewest and most seconds; no upper end where the size of a table is unknown.
type Range = (u64, Option<u64>);

/// Returns the time for the whole plan, and the longest wait; nothing where nobody estimated anything.
pub(super) fn whole(plan: &Plan) -> Option<String> {
    let all: Vec<&Estimate> = plan.forward.iter().flat_map(estimates).collect();
    if all.is_empty() {
        return None;
    }
    let mut out = match total(&all) {
        (0, Some(0)) => "less than a second".to_owned(),
        range => span(range),
    };
    if !is_a_moment(total(&all)) {
        let waits = [(Blocks::Reads, "reads and writes"), (Blocks::Writes, "writes")];
        for (blocks, who) in waits {
            let longest = longest(all.iter().copied().filter(|one| one.blocks == blocks));
            out.extend(longest.map(|range| format!("; {who} wait {}", limit(range))));
        }
    }
    Some(out)
}

/// Returns the time for a step where that is more than a moment: `12 s to 2 min`.
pub(super) fn short(step: &Step) -> Option<String> {
    let range = total(&estimates(step).collect::<Vec<_>>());
    (!is_a_moment(range)).then(|| span(range))
}

/// Returns the time for a step with its basis, and how long others wait, where that is more than a moment.
pub(super) fn lines(step: &Step) -> Vec<String> {
    let basis: BTreeSet<&str> = estimates(step)
        .filter(|one| !is_a_moment((one.seconds_low, one.seconds_high)))
        .map(|one| one.basis.as_str())
        .collect();
    let basis: Vec<&str> = basis.into_iter().collect();
    let takes = short(step).map(|time| format!("takes {time}: {}", basis.join("; ")));
    let own = total(&estimates(step).collect::<Vec<_>>());
    let held = longest(estimates(step)).filter(|range| range.1.is_none_or(|most| Some(most) > own.1));
    // Its own time says the rest.
    let held = held.filter(|_| own.1.is_some());
    let until = format!("until transaction {} ends", step.transaction + 1);
    takes
        .into_iter()
        .chain(held.map(|range| format!("others wait {}: {until}", limit(range))))
        .collect()
}

fn estimates(step: &Step) -> impl Iterator<Item = &Estimate> {
    step.statements.iter().filter_map(|sentence| sentence.estimate.as_ref())
}

fn total(all: &[&Estimate]) -> Range {
    let low = all.iter().map(|one| one.seconds_low).sum();
    (low, all.iter().map(|one| one.seconds_high).sum())
}

/// Returns the longest wait, where one is more than a moment.
fn longest<'a>(all: impl Iterator<Item = &'a Estimate>) -> Option<Range> {
    let waits = all.filter(|one| one.blocks != Blocks::None);
    let ranges = waits.map(|one| (one.blocked_low, one.blocked_high));
    ranges
        .filter(|range| !is_a_moment(*range))
        .max_by_key(|(low, high)| (high.is_none(), *high, *low))
}

fn is_a_moment((_, high): Range) -> bool {
    high.is_some_and(|high| high <= MOMENT)
}

fn span((low, high): Range) -> String {
    match (low, high) {
        (0, None) => "nobody knows how long: the size of a table is unknown".to_owned(),
        (low, None) => format!("at least {}: the size of a table is unknown", time(low)),
        (0, Some(high)) => format!("up to {}", time(high)),
        (low, Some(high)) if time(low) == time(high) => format!("about {}", time(low)),
        (low, Some(high)) => format!("{} to {}", time(low), time(high)),
    }
}

fn limit((_, high): Range) -> String {
    high.map_or_else(
        || "nobody knows how long".to_owned(),
        |high| format!("up to {}", time(high)),
    )
}

/// Says seconds in the unit that people would use; ranges are too wide for more than that.
fn time(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1800) / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_in_words() {
        for (range, expected) in [
            ((0, Some(5)), "up to 5 s"),
            ((12, Some(62)), "12 s to 62 s"),
            ((40, Some(410)), "40 s to 7 min"),
            ((121, Some(125)), "about 2 min"),
            ((3000, Some(9000)), "50 min to 3 h"),
            ((0, None), "nobody knows how long: the size of a table is unknown"),
            ((12, None), "at least 12 s: the size of a table is unknown"),
        ] {
            assert_eq!(span(range), expected);
        }
        assert!(is_a_moment((0, Some(1))) && !is_a_moment((0, Some(2))) && !is_a_moment((0, None)));
    }
}
