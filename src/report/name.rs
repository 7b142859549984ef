//! How objects are called in reports.

use crate::catalog::{Identity, Name, quote::readable};
use crate::kinds::{Kind, readers};
use crate::plan::{Plan, StandIn};

/// Returns what an attached object (comment, owner, privilege) is about, and the rest of its path; such a path begins
/// with the kind of what it is about.
pub(super) fn target(object: &Identity) -> Option<(Kind, &[Name])> {
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

/// Returns names joined by dots, quoted where SQL would quote them.
pub(super) fn path(names: &[Name]) -> String {
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

/// Returns the name where the kind is said already: `shop.orders.id`, of a comment `table shop.orders`.
pub(super) fn bare(object: &Identity) -> String {
    match target(object) {
        Some((kind, names)) => format!("{kind} {}", path(names)),
        None => object.path_text(),
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
    fn names_with_and_without_the_kind() {
        let schema = Kind::ALL.iter().find(|kind| kind.words() == "schema").unwrap();
        assert_eq!(full(&Identity::new(*schema, ["shop"])), "schema shop");
        let comment = readers()
            .into_iter()
            .find(|reader| reader.attached && reader.kind.words() == "comment")
            .unwrap();
        let comment = Identity::new(comment.kind, ["column", "shop", "orders", "Id"]);
        assert_eq!(full(&comment), "comment on column shop.orders.\"Id\"");
        assert_eq!(bare(&comment), "column shop.orders.\"Id\"");
    }

    #[test]
    fn approvals_survive_a_shell() {
        let object = Identity::new(Kind::ALL[0], ["it's"]);
        assert_eq!(approval("TU104", &object), "'TU104:\"it'\\''s\"'");
    }
}
