//! What the benches share: sizes from the command line, times, medians.

use std::env;
use std::time::Instant;

/// Returns the numbers of the command line, or others where there are none.
pub(crate) fn sizes(otherwise: &[usize]) -> Vec<usize> {
    let given: Vec<usize> = env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    if given.is_empty() { otherwise.to_vec() } else { given }
}

/// Returns the middle one of some values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the seconds that work takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}
