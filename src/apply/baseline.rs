//! Records what nobody executed: a database that is adopted as it is, and changes by hand that were declared since.

use super::event::{Event, Options};
use super::ledger::{self, Cause, Print};
use super::session::Session;
use crate::catalog::Identity;
use crate::db::Url;
use crate::error::Result;

/// Records the whole database, as it is now, as what was last applied; returns the number of objects. Makes the ledger
/// where there is none.
pub fn record_baseline(url: &Url, options: &Options, events: &mut dyn FnMut(Event)) -> Result<usize> {
    let mut session = Session::open(url, options, events)?;
    session.lock()?;
    session.prepare_ledger()?;
    let live = session.introspect()?;
    ledger::record_all(&mut session.client, &session.server, &live)?;
    ledger::record_snapshot(&mut session.client, Cause::Init, None, &live)?;
    Ok(live.objects.len())
}

/// Records objects as last applied that were found in the states that are given; those that have moved since are left
/// as they were recorded. Returns the number of those recorded.
pub fn accept(
    url: &Url,
    objects: &[(Identity, Print)],
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<usize> {
    let mut session = Session::open(url, options, events)?;
    session.lock()?;
    session.prepare_ledger()?;
    let live = session.introspect()?;
    let still = objects
        .iter()
        .filter(|(identity, print)| ledger::print(&live, identity) == *print);
    let still: Vec<(Identity, Print)> = still.cloned().collect();
    ledger::record_some(&mut session.client, &still)?;
    ledger::record_snapshot(&mut session.client, Cause::Accept, None, &live)?;
    Ok(still.len())
}
