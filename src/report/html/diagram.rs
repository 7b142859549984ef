//! The diagram: touched tables with what changes in them, and the references between them, as inline SVG.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::columns;
use super::markup::escape;
use crate::catalog::{Identity, Name};
use crate::plan::{Plan, Verb};
use crate::report::groups::Group;
use crate::report::name;

/// Tables that are drawn; those with the most changes stay.
const TABLES: usize = 60;
/// Lines in one box.
const LINES: usize = 8;
/// Letters in one line.
const LETTERS: usize = 38;
/// Width of one letter, height of one line, width of a box, and the gaps between boxes, in pixels.
const LETTER: usize = 7;
const LINE: usize = 18;
const WIDTH: usize = LETTERS * LETTER + 28;
const GAP: (usize, usize) = (90, 24);

/// One table.
struct Table<'a> {
    path: &'a [Name],
    class: &'static str,
    lines: Vec<(&'static str, String)>,
    changes: usize,
}

/// Where a box stands.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    height: usize,
}

/// Returns the diagram, and a sentence when not all tables are in it; nothing for a plan that touches no table.
pub(super) fn diagram(plan: &Plan, groups: &[Group]) -> String {
    let (tables, left) = tables(plan, groups);
    if tables.is_empty() {
        return String::new();
    }
    let numbers: BTreeMap<&[Name], usize> = tables.iter().enumerate().map(|(at, table)| (table.path, at)).collect();
    let number = |table: &Identity| numbers.get(table.path.as_slice()).copied();
    let edges: Vec<(usize, usize, &Identity)> = plan
        .references
        .iter()
        .filter_map(|reference| Some((number(&reference.from)?, number(&reference.to)?, &reference.by)))
        .collect();
    let lines: Vec<(usize, usize)> = edges.iter().map(|(from, to, _)| (*from, *to)).collect();
    let (places, width, height) = place(&tables, &columns(tables.len(), &lines));
    let classes = classes(plan);
    let mut out = format!(
        "<div class=\"wide\"><svg role=\"img\" aria-label=\"Tables that the plan touches, and their references\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n"
    );
    for (from, to, by) in &edges {
        let class = classes.get(by).copied().unwrap_or("same");
        out.push_str(&edge(places[*from], places[*to], by, class));
    }
    out.extend(tables.iter().zip(&places).map(|(table, place)| draw(table, *place)));
    out.push_str("</svg></div>\n");
    if left > 0 {
        out.push_str(&format!("<p class=\"soft\">{left} more tables are not drawn.</p>\n"));
    }
    out
}

/// Returns the tables that the plan touches and those that they refer to, at most so many, and how many were left out.
fn tables<'a>(plan: &'a Plan, groups: &[Group<'a>]) -> (Vec<Table<'a>>, usize) {
    let scope = plan.scope.iter().map(|(object, _)| object);
    let referring = plan
        .references
        .iter()
        .flat_map(|reference| [&reference.from, &reference.to]);
    let known: BTreeSet<&[Name]> = scope
        .filter(|object| object.kind.is_table())
        .chain(referring)
        .map(|table| table.path.as_slice())
        .collect();
    let mut found: BTreeMap<&[Name], Table> = BTreeMap::new();
    let new = |path: &'a [Name]| Table {
        path,
        class: "same",
        lines: Vec::new(),
        changes: 0,
    };
    for (group, entry) in groups
        .iter()
        .flat_map(|group| group.entries.iter().map(move |entry| (group, entry)))
    {
        let Some(path) = known.get(entry.home) else {
            continue;
        };
        let table = found.entry(path).or_insert_with(|| new(path));
        let change = &entry.detail.change;
        let class = class(change.verb);
        table.changes += 1;
        if change.object.path[..] == *table.path && change.object.kind.is_table() {
            table.class = class;
            table.lines.insert(0, (class, entry.text.clone()));
        } else {
            if table.class == "same" {
                table.class = "change";
            }
            let own = part(&change.object, path);
            let colon = if entry.text.is_empty() { "" } else { ": " };
            table
                .lines
                .push((class, format!("{} {}{colon}{}", group.mark, own, entry.text)));
        }
    }
    let touched: BTreeSet<&[Name]> = found.keys().copied().collect();
    let leaving = plan
        .references
        .iter()
        .filter(|reference| touched.contains(reference.from.path.as_slice()));
    for path in leaving.map(|reference| reference.to.path.as_slice()) {
        found.entry(path).or_insert_with(|| new(path));
    }
    let mut all: Vec<Table> = found.into_values().collect();
    all.sort_by_key(|table| std::cmp::Reverse(table.changes));
    let left = all.len().saturating_sub(TABLES);
    all.truncate(TABLES);
    all.sort_by_key(|table| table.path);
    (all, left)
}

/// Returns what a part is called within its table.
fn part(object: &Identity, table: &[Name]) -> String {
    let (attached, own) = match name::target(object) {
        Some((_, path)) => (true, path),
        None => (false, object.path.as_slice()),
    };
    match own.strip_prefix(table) {
        Some([]) => object.kind.to_string(),
        Some(rest) if attached => format!("{} {}", object.kind, name::path(rest)),
        Some(rest) => name::path(rest),
        // An index is named beside its table, in the same schema.
        None => name::path(&own[own.len().saturating_sub(1)..]),
    }
}

fn class(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "add",
        Verb::Drop => "drop",
        Verb::Alter | Verb::Replace | Verb::Rename => "change",
        Verb::Rebuild => "same",
    }
}

fn classes(plan: &Plan) -> BTreeMap<&Identity, &'static str> {
    let changes = plan.changes.iter().map(|detail| &detail.change);
    changes.map(|change| (&change.object, class(change.verb))).collect()
}

impl Table<'_> {
    fn height(&self) -> usize {
        let lines = self.lines.len().min(LINES) + usize::from(self.lines.len() > LINES);
        (lines + 1) * LINE + 14
    }
}

/// Returns the place of each box, and the size of the whole.
fn place(tables: &[Table], columns: &[Vec<usize>]) -> (Vec<Place>, usize, usize) {
    let mut places = vec![Place::default(); tables.len()];
    let mut bottom = 0;
    for (at, column) in columns.iter().enumerate() {
        let mut y = 10;
        for one in column {
            let height = tables[*one].height();
            let x = 10 + at * (WIDTH + GAP.0);
            places[*one] = Place { x, y, height };
            y += height + GAP.1;
        }
        bottom = bottom.max(y);
    }
    (places, columns.len() * (WIDTH + GAP.0) - GAP.0 + 60, bottom)
}

fn draw(table: &Table, place: Place) -> String {
    let Place { x, y, height } = place;
    let title = name::path(table.path);
    let mut out = format!(
        "<g><title>{}</title><rect class=\"box {}\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>",
        escape(&title),
        table.class
    );
    let mut text = |line: usize, class: &str, text: &str| {
        let (x, y) = (x + 10, y + 20 + line * LINE);
        let shown = escape(&shorten(text));
        out.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{shown}</text>"));
    };
    text(0, "title", &title);
    for (at, (class, line)) in table.lines.iter().take(LINES).enumerate() {
        text(at + 1, class, line);
    }
    if let more @ 1.. = table.lines.len().saturating_sub(LINES) {
        text(LINES + 1, "same", &format!("… {more} more"));
    }
    out.push_str("</g>\n");
    out
}

fn shorten(text: &str) -> String {
    let letters = text.chars().count();
    if letters <= LETTERS {
        return text.to_owned();
    }
    text.chars().take(LETTERS - 1).chain(['…']).collect()
}

/// Draws a line from the referring table to the referenced one, with a tip at the latter.
fn edge(from: Place, to: Place, by: &Identity, class: &str) -> String {
    let (fy, ty) = (from.y + 16, to.y + 16);
    // Leftwards where there is room, else around the right side of both.
    let (start, end, bend) = if from.x > to.x {
        let (start, end) = (from.x, to.x + WIDTH);
        let half = (start - end) / 2;
        (start, end, (start - half, end + half))
    } else {
        let (start, end) = (from.x + WIDTH, to.x + WIDTH);
        let out = start.max(end) + 45;
        (start, end, (out, out))
    };
    let ty = if from.y == to.y && from.x == to.x {
        ty + LINE
    } else {
        ty
    };
    let tip = end + 8;
    format!(
        "<g><title>{}</title><path class=\"edge {class}\" d=\"M{start} {fy} C{} {fy} {} {ty} {tip} {ty}\"/>\
         <path class=\"tip {class}\" d=\"M{end} {ty} l9 -4 v8 z\"/></g>\n",
        escape(&name::full(by)),
        bend.0,
        bend.1
    )
}
