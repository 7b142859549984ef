//! Folds long lists: what is alike becomes one line, and what does not fit is counted rather than shown.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::groups::Entry;
use super::summary::risk_counts;
use crate::risk::Risk;

/// Entries that say the same become one line from this number on.
const ALIKE: usize = 4;

/// Names that such a line shows.
const NAMES: usize = 3;

/// One line for one entry or for several that say the same.
pub(super) struct Line<'a> {
    /// Names that are shown.
    names: Vec<&'a str>,
    /// How many more are not.
    more: usize,
    /// What differs; may be empty.
    text: &'a str,
    /// Risk of each of them.
    pub(super) risk: Option<Risk>,
}

impl<'a> Line<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            names: vec![&entry.name],
            more: 0,
            text: &entry.text,
            risk: entry.risk,
        }
    }

    fn take(&mut self, name: &'a str) {
        if self.names.len() < NAMES {
            self.names.push(name);
        } else {
            self.more += 1;
        }
    }

    /// Returns names and text, each through a function that marks it up.
    pub(super) fn words(&self, name: impl Fn(&str) -> String, text: impl Fn(&str) -> String) -> String {
        let names: Vec<String> = self.names.iter().map(|one| name(one)).collect();
        let mut out = names.join(", ");
        if self.more > 0 {
            out.push_str(&format!(" and {} more", self.more));
        }
        if !self.text.is_empty() {
            out.push_str(&format!(": {}", text(self.text)));
        }
        out
    }
}

/// Returns at most `limit` lines, and a sentence about the rest. Where something must be left out, the riskiest stays;
/// without a limit (`usize::MAX`) every entry has its line.
pub(super) fn fold<'a>(entries: &'a [Entry], limit: usize) -> (Vec<Line<'a>>, Option<String>) {
    let mut numbers: BTreeMap<(&str, Option<Risk>), usize> = BTreeMap::new();
    for entry in entries {
        *numbers.entry((&entry.text, entry.risk)).or_default() += 1;
    }
    let mut places: BTreeMap<(&str, Option<Risk>), usize> = BTreeMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for entry in entries {
        let key = (entry.text.as_str(), entry.risk);
        // Names alone are worth their lines as long as there is room.
        let enough = if entry.text.is_empty() {
            limit.saturating_add(1)
        } else {
            ALIKE
        };
        let folds = limit < usize::MAX && numbers.get(&key).is_some_and(|number| *number >= enough);
        match places.get(&key).filter(|_| folds) {
            Some(place) => lines[*place].take(&entry.name),
            None => {
                places.insert(key, lines.len());
                lines.push(Line::new(entry));
            }
        }
    }
    if lines.len() > limit {
        lines.sort_by_key(|line| Reverse(line.risk));
    }
    let rest = lines.split_off(limit.min(lines.len()));
    let said = (!rest.is_empty()).then(|| more(&rest));
    (lines, said)
}

fn more(lines: &[Line]) -> String {
    let mut risks: BTreeMap<Risk, usize> = BTreeMap::new();
    let mut number = 0;
    for line in lines {
        let entries = line.names.len() + line.more;
        number += entries;
        if let Some(risk) = line.risk {
            *risks.entry(risk).or_default() += entries;
        }
    }
    let risks: Vec<(Risk, usize)> = risks.into_iter().rev().collect();
    if risks.is_empty() {
        format!("and {number} more without findings")
    } else {
        format!("and {number} more ({})", risk_counts(&risks))
    }
}
