//! The gate: is this the database that the plan was made for, and is it still as it was then?

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Fingerprint, Identity};
use crate::db::Server;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::AnyObject;
use crate::plan::{Database, Plan, StandIn};

/// Objects, each with its fingerprint; `None`: it is not there.
pub(super) type State = [(Identity, Option<Fingerprint>)];

/// Most objects that an error names.
const SHOWN: usize = 5;

/// Refuses a plan that was made for another database.
pub(super) fn same_database(planned: &Database, server: &Server) -> Result<()> {
    let again = "Name the database that the plan was made for, or make a plan for this one with `trueup plan`.";
    match &planned.stand_in {
        None => {}
        Some(StandIn::Source { .. }) => {
            return Err(
                Error::usage("this is a difference between two sources, not a plan for a database").hint(again),
            );
        }
        // A snapshot does not say of which database it is: there the objects alone decide.
        Some(StandIn::Snapshot) if planned.version_num / 10_000 == server.major() => return Ok(()),
        Some(StandIn::Snapshot) => {
            let (theirs, ours) = (planned.version_num / 10_000, server.major());
            return Err(Error::usage(format!(
                "the plan was made from a snapshot of PostgreSQL {theirs}, this is PostgreSQL {ours}"
            ))
            .hint("Take the snapshot anew with `trueup inspect URL --format json`, and plan again."));
        }
    }
    if planned.name != server.database {
        let (theirs, ours) = (&planned.name, &server.database);
        return Err(Error::usage(format!(
            "the plan was made for database `{theirs}`, this is database `{ours}`"
        ))
        .hint(again));
    }
    let identifier = server.system_identifier.map(|number| number.to_string());
    if let (Some(theirs), Some(ours)) = (&planned.system_identifier, &identifier)
        && theirs != ours
    {
        let name = &planned.name;
        return Err(Error::usage(format!(
            "the plan was made for database `{name}` of server {theirs}, this is `{name}` of server {ours}"
        ))
        .hint(again));
    }
    Ok(())
}

/// How an object differs from what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deviation {
    /// Object.
    pub(super) object: Identity,
    how: &'static str,
}

/// Returns the objects that are not as `state` says.
pub(super) fn deviations(catalog: &Catalog, state: &State) -> Vec<Deviation> {
    let deviation = |(identity, wanted): &(Identity, Option<Fingerprint>)| {
        let found = catalog.get(identity).map(AnyObject::fingerprint);
        let how = match (wanted, &found) {
            (None, Some(_)) => "is there",
            (Some(_), None) => "is not there",
            (wanted, found) if wanted == found => return None,
            _ => "differs",
        };
        Some(Deviation {
            object: identity.clone(),
            how,
        })
    };
    state.iter().filter_map(deviation).collect()
}

/// Lists the first deviations, one line each.
pub(super) fn lines(deviations: &[Deviation]) -> Vec<String> {
    let shown = deviations.iter().take(SHOWN);
    let mut out: Vec<String> = shown.map(|one| format!("{} {}", one.object, one.how)).collect();
    if deviations.len() > SHOWN {
        out.push(format!("and {} more", deviations.len() - SHOWN));
    }
    out
}

fn moved(deviations: &[Deviation], what: &str) -> Error {
    let message = format!(
        "the live database has moved since {what}: {}",
        lines(deviations).join(", ")
    );
    Error::new(ErrorKind::Moved, message)
}

/// Refuses when the live objects are not those that the plan was made from.
pub(super) fn unmoved(catalog: &Catalog, plan: &Plan) -> Result<()> {
    let deviations = deviations(catalog, &plan.scope);
    if deviations.is_empty() {
        return Ok(());
    }
    let is_there = self::deviations(catalog, &plan.expected).is_empty();
    Err(moved(&deviations, "the plan was made").hint(if is_there {
        "Everything that the plan would do is there already: it was applied before, and there is nothing to do."
    } else {
        "Make the plan again with `trueup plan`, review it, and apply that one."
    }))
}

/// Refuses a rollback when the live objects are not those that the execution left behind.
pub(super) fn unmoved_since(catalog: &Catalog, plan: &Plan, execution: i64) -> Result<()> {
    let deviations = deviations(catalog, &plan.expected);
    if deviations.is_empty() {
        return Ok(());
    }
    Err(moved(&deviations, &format!("execution {execution}")).hint(
        "Undo what was changed since, or plan the way back from target files that say how the database shall be.",
    ))
}

/// Refuses to go on, or back from half-way, when an object that the execution has not touched yet is neither as before
/// nor as planned. What belongs to a touched object, or depends on it, may stand anywhere in between.
pub(super) fn untouched(catalog: &Catalog, plan: &Plan, touched: &BTreeSet<&Identity>, execution: i64) -> Result<()> {
    let planned: BTreeMap<&Identity, &Option<Fingerprint>> = plan
        .expected
        .iter()
        .map(|(identity, wanted)| (identity, wanted))
        .collect();
    let may_differ = |object: &Identity| {
        let found = catalog.get(object).map(AnyObject::fingerprint);
        planned.get(object).is_some_and(|wanted| **wanted == found) || is_near(catalog, object, touched)
    };
    let deviations: Vec<Deviation> = deviations(catalog, &plan.scope)
        .into_iter()
        .filter(|one| !may_differ(&one.object))
        .collect();
    if deviations.is_empty() {
        return Ok(());
    }
    Err(moved(&deviations, &format!("execution {execution}"))
        .hint("Undo what was changed since, or make a new plan from here with `trueup plan`."))
}

/// Tells whether an object is touched, belongs to one by its name, or depends on one.
fn is_near(catalog: &Catalog, object: &Identity, touched: &BTreeSet<&Identity>) -> bool {
    let mut seen: BTreeSet<&Identity> = BTreeSet::from([object]);
    let mut open = vec![object];
    while let Some(next) = open.pop() {
        if touched.contains(next) {
            return true;
        }
        open.extend(catalog.dependencies_of(next).filter(|on| seen.insert(on)));
    }
    touched.iter().any(|near| object.path.starts_with(&near.path))
}

/// Makes the error for a database that is not as it should be after the last statement.
pub(super) fn unverified(deviations: &[Deviation]) -> Error {
    let count = deviations.len();
    let noun = if count == 1 { "object is" } else { "objects are" };
    let message = format!(
        "every statement ran, but {count} {noun} not as planned: {}",
        lines(deviations).join(", ")
    );
    Error::new(ErrorKind::Partial, message).hint(
        "Something else changed the database meanwhile, or a trigger on DDL did: see the difference with `trueup drift`, \
         then plan again, or undo with `trueup rollback`.",
    )
}
