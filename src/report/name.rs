//! How objects are called in reports: whose family they belong to, and what they are called in it.

use crate::catalog::{Identity, quote::readable};
use crate::kinds::{Kind, readers};
use crate::plan::{Plan, StandIn};

/// Returns what an attached object (comment, owner, privilege) is about, and the rest of its path; such a path begins
/// with the kind of what it is about.
fn target(object: &Identity) -> Option<(Kind, &[String])> {
    let attached = readers()
        .iter()
        .any(|reader| reader.kind == object.kind && reader.attached);
    let (first, rest) = object.path.split_first()?;
    let kind = Kind::ALL
        .iter()
        .find(|kind| kind.words().replace([' ', '-'], "_") == *first)?;
    attached.then_some((*kind, rest))
}

/// Tells whether an object is attached to another one, which people seldom count.
pub(super) fn is_attached(object: &Identity) -> bool {
    target(object).is_some()
}

fn path(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| readable(name)).collect();
    names.join(".")
}

/// Returns what a plan is about, as its title.
pub(super) fn title(plan: &Plan) -> String {
    let name = &plan.database.name;
    match &plan.database.stand_in {
        None => format!("Plan for database {}", readable(name)),
        Some(StandIn::Snapshot) => format!("Plan for snapshot {name}"),
        Some(StandIn::Source { desired }) => format!("Difference from {name} to {desired}"),
    }
}

/// Returns the full name: `column shop.orders.id`, `comment on table shop.orders`.
pub(super) fn full(object: &Identity) -> String {
    match target(object) {
        Some((kind, names)) => format!("{} on {kind} {}", object.kind, path(names)),
        None => object.to_string(),
    }
}

/// Returns the names of the family that an object belongs to by its own path: schema and relation.
pub(super) fn family(object: &Identity) -> Vec<String> {
    let names = target(object).map_or(object.path.as_slice(), |(_, names)| names);
    names.iter().take(2).cloned().collect()
}

/// Returns the name within a family: `column id`; the full name for the head of the family and for strangers.
pub(super) fn within(object: &Identity, family: &[String]) -> String {
    let (about, names) = match target(object) {
        Some((kind, names)) => (Some(kind), names),
        None => (None, object.path.as_slice()),
    };
    let rest = names.strip_prefix(family);
    match (about, rest) {
        (None, Some([])) => object.to_string(),
        (Some(_), Some([])) => object.kind.to_string(),
        (None, Some(rest)) => format!("{} {}", object.kind, path(rest)),
        (Some(kind), Some(rest)) => format!("{} on {kind} {}", object.kind, path(rest)),
        (_, None) => format!("{} {}", object.kind, readable(object.name())),
    }
}

/// Returns the argument that approves findings about an object, quoted for a shell.
pub(super) fn approval(code: &str, object: &Identity) -> String {
    let plain = format!("{code}:{}", object.path_text());
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_:./-".contains(c);
    if plain.chars().all(harmless) {
        plain
    } else {
        format!("'{}'", plain.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_and_out_of_the_family() {
        let column = Identity::new(Kind::ALL[0], ["shop"]);
        assert_eq!(full(&column), "schema shop");
        let comment = readers()
            .into_iter()
            .find(|reader| reader.attached && reader.kind.words() == "comment")
            .unwrap();
        let comment = Identity::new(comment.kind, ["column", "shop", "orders", "Id"]);
        assert_eq!(full(&comment), "comment on column shop.orders.\"Id\"");
        let orders = family(&comment);
        assert_eq!(orders, ["shop", "orders"]);
        assert_eq!(within(&comment, &orders), "comment on column \"Id\"");
    }

    #[test]
    fn approvals_survive_a_shell() {
        let object = Identity::new(Kind::ALL[0], ["it's"]);
        assert_eq!(approval("TU104", &object), "'TU104:\"it'\\''s\"'");
    }
}
