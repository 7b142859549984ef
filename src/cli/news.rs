//! Who is told what: addresses from variables, and the words about an execution.

use super::place::Place;
use super::terminal;
use crate::apply::Options;
use crate::config::{Moment, Notify};
use crate::notify::{Address, News, Post};
use crate::plan::Plan;

/// Moments that are told where nothing is said.
const USUAL: [Moment; 4] = [Moment::Paused, Moment::Succeeded, Moment::Failed, Moment::RolledBack];

/// Makes the post; an address that is missing is told and holds nothing up.
pub(super) fn post(wanted: &[Notify]) -> Post {
    let addresses = wanted.iter().filter_map(|notify| match std::env::var(&notify.url_env) {
        Ok(url) => Some(Address {
            url,
            form: notify.form,
            on: notify.on.clone().unwrap_or_else(|| USUAL.to_vec()),
        }),
        Err(_) => {
            terminal::say(&format!(
                "warning: nobody is notified: the variable {} is not set",
                notify.url_env
            ));
            None
        }
    });
    Post::new(addresses.collect())
}

/// Returns what is known before the first statement.
pub(super) fn about(place: &Place, plan: &Plan, options: &Options) -> News {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let highest = plan.findings.iter().map(|finding| finding.risk).max();
    let risk = highest.map(|risk| format!(", highest risk {risk}")).unwrap_or_default();
    News {
        environment: place.name.clone(),
        database: place.url.database().to_owned(),
        host: options.record.host.clone(),
        person: options.record.person.clone(),
        summary: format!(
            "{}, {}{risk}",
            count(plan.changes.len(), "change"),
            count(plan.forward.iter().map(|step| step.statements.len()).sum(), "statement")
        ),
        ..News::default()
    }
}
