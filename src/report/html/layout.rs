//! Places tables in columns: what is referred to stands to the left of what refers to it, so that lines run one way.

use std::collections::{BTreeMap, BTreeSet};

/// Boxes in one column.
const COLUMN: usize = 12;

/// Returns the columns of boxes, by their numbers. `lines` are pairs of boxes: from, to.
pub(super) fn columns(boxes: usize, lines: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut targets: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in lines.iter().filter(|(from, to)| from != to) {
        targets.entry(*from).or_default().insert(*to);
    }
    let tied: BTreeSet<usize> = lines.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let mut depths = BTreeMap::new();
    for one in &tied {
        depth(*one, &targets, &mut BTreeSet::new(), &mut depths);
    }
    let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (one, depth) in depths {
        layers.entry(depth).or_default().push(one);
    }
    let mut layers: Vec<Vec<usize>> = layers.into_values().collect();
    settle(&mut layers, &targets);
    let mut out: Vec<Vec<usize>> = layers
        .iter()
        .flat_map(|layer| layer.chunks(COLUMN))
        .map(<[usize]>::to_vec)
        .collect();
    let loose: Vec<usize> = (0..boxes).filter(|one| !tied.contains(one)).collect();
    spread(&mut out, &loose);
    out
}

/// Returns how many references lead from a box to the end of the longest chain; one that closes a circle does not count.
fn depth(
    one: usize,
    targets: &BTreeMap<usize, BTreeSet<usize>>,
    open: &mut BTreeSet<usize>,
    known: &mut BTreeMap<usize, usize>,
) -> usize {
    if let Some(depth) = known.get(&one) {
        return *depth;
    }
    open.insert(one);
    let next = targets.get(&one).into_iter().flatten();
    let next: Vec<usize> = next.filter(|next| !open.contains(next)).copied().collect();
    let deepest = next.into_iter().map(|next| depth(next, targets, open, known) + 1).max();
    open.remove(&one);
    known.insert(one, deepest.unwrap_or(0));
    deepest.unwrap_or(0)
}

/// Orders each column by the mean place of what its boxes refer to, so that fewer lines cross.
fn settle(layers: &mut [Vec<usize>], targets: &BTreeMap<usize, BTreeSet<usize>>) {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for layer in layers {
        layer.sort_by_key(|one| {
            let known: Vec<usize> = targets
                .get(one)
                .into_iter()
                .flatten()
                .filter_map(|target| places.get(target).copied())
                .collect();
            // Thousandths, since keys must be whole.
            let mean = known.iter().sum::<usize>() * 1_000 / known.len().max(1);
            (mean, *one)
        });
        places.extend(layer.iter().enumerate().map(|(place, one)| (*one, place)));
    }
}

/// Puts boxes without lines where columns are short, then into columns of their own.
fn spread(columns: &mut Vec<Vec<usize>>, loose: &[usize]) {
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0).max(3);
    let mut loose = loose.iter().copied();
    for column in columns.iter_mut().rev() {
        let room = tallest.saturating_sub(column.len());
        column.extend(loose.by_ref().take(room));
    }
    let rest: Vec<usize> = loose.collect();
    columns.extend(rest.chunks(tallest).map(<[usize]>::to_vec));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_stands_left() {
        assert_eq!(columns(3, &[(0, 1), (2, 0)]), [[1], [0], [2]]);
    }

    #[test]
    fn circles_and_loops_end() {
        let found = columns(3, &[(0, 1), (1, 0), (2, 2)]);
        let mut all: Vec<usize> = found.into_iter().flatten().collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    }

    #[test]
    fn every_box_has_its_place_once() {
        let lines: Vec<(usize, usize)> = (1..40).map(|from| (from, 0)).collect();
        let found = columns(50, &lines);
        assert!(found.iter().all(|column| column.len() <= COLUMN));
        let mut all: Vec<usize> = found.into_iter().flatten().collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
}
