//! Promotion: whether the changes of a plan were applied and verified in another environment before.

use super::advisory;
use super::ledger;
use crate::catalog::Identity;
use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Plan, Verb};

/// Most objects that an error names.
const SHOWN: usize = 10;

/// Refuses a plan that leads to anything which the other environment's ledger does not record as applied.
///
/// Object by object: an environment may get in one plan what the other got in several.
pub fn promoted(plan: &Plan, from: &str, url: &Url) -> Result<()> {
    let mut client = advisory::reader(url).map_err(|error| error.context(format!("environment `{from}`")))?;
    let server = Server::read(&mut client)?;
    let applied = ledger::applied(&mut client, &server)?;
    let blocked = |message: String| Error::new(ErrorKind::Blocked, message);
    let force = "or pass --force --reason TEXT, which is recorded.";
    if applied.recorded_at.is_none() {
        let why = if applied.is_foreign {
            "what its ledger records was written by another version of trueup or of PostgreSQL"
        } else {
            "its ledger records nothing"
        };
        return Err(blocked(format!(
            "nobody can tell what was applied in environment `{from}`: {why}"
        ))
        .hint(format!("Apply there first: `trueup apply --env {from}`; {force}")));
    }
    if server.major() != plan.database.version_num / 10_000 {
        return Err(blocked(format!(
            "environment `{from}` runs PostgreSQL {}, the plan is for PostgreSQL {}: what was applied cannot be compared",
            server.major(),
            plan.database.version_num / 10_000
        ))
        .hint(format!("Run both on one major version, {force}")));
    }
    if let Some(execution) = applied.stopped {
        return Err(blocked(format!(
            "execution {execution} stopped part-way in environment `{from}`"
        ))
        .hint(format!("Resume it or roll it back there, {force}")));
    }
    let wanted = plan.changes.iter().map(|detail| &detail.change);
    let wanted = wanted
        .filter(|change| change.verb != Verb::Rebuild)
        .map(|change| &change.object);
    let missing: Vec<&Identity> = wanted.filter(|object| !is_there(plan, &applied, object)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} of {} changes were not applied in environment `{from}` before",
        missing.len(),
        plan.changes.len()
    );
    let error = blocked(message).hint(format!("Apply them there first: `trueup apply --env {from}`; {force}"));
    let more = (missing.len() > SHOWN).then(|| format!("and {} more", missing.len() - SHOWN));
    let lines = missing.iter().take(SHOWN).map(ToString::to_string);
    Err(lines.chain(more).fold(error, Error::detail))
}

fn is_there(plan: &Plan, applied: &ledger::Applied, object: &Identity) -> bool {
    let wanted = plan.expected.iter().find(|(identity, _)| identity == object);
    let Some((_, wanted)) = wanted else { return false };
    let known = applied.of(object).and_then(|known| known.print);
    known == wanted.as_ref().map(ToString::to_string)
}
