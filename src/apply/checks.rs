//! Checks after the last statement: nothing half-built is left behind, addresses answer, queries say yes, hooks agree.

use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use serde::{Deserialize, Serialize};

use super::advisory;
use super::command::{self, Input};
use crate::config::{Checks, HealthCheck, Hook, SqlCheck};
use crate::db::Url;
use crate::error::{Error, Result};
use crate::http;

/// Limit of one answer where none is given.
const ANSWER: Duration = Duration::from_secs(5);
/// How long an address is asked again where nothing is given.
const WITHIN: Duration = Duration::from_secs(30);
/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(500);
/// Limit of one query where none is given.
const QUERY: Duration = Duration::from_secs(30);

/// What one check said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What was checked.
    pub name: String,
    /// What is wrong; nothing when all is well.
    pub wrong: Option<String>,
}

/// What is not as it should be whatever anybody does: invalid indexes and constraints that nobody has validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Halves(Vec<String>);

impl Halves {
    /// Reads them.
    pub(super) fn read(url: &Url) -> Result<Self> {
        let rows = advisory::reader(url)?.query_typed(
            "SELECT pg_catalog.format('index %I.%I is invalid', n.nspname, c.relname)
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_'
             UNION ALL
             SELECT pg_catalog.format('constraint %I of %I.%I is not validated', o.conname, n.nspname, c.relname)
             FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT o.convalidated AND n.nspname !~ '^pg_'
             ORDER BY 1",
            &[],
        )?;
        Ok(Self(
            rows.iter()
                .map(|row| row.try_get(0))
                .collect::<std::result::Result<_, _>>()?,
        ))
    }

    fn beyond(&self, before: &Self) -> Option<String> {
        let new: Vec<&str> = self
            .0
            .iter()
            .filter(|one| !before.0.contains(one))
            .map(String::as_str)
            .collect();
        (!new.is_empty()).then(|| new.join("; "))
    }
}

/// Makes every check; the first that fails does not keep the others from being made.
pub(super) fn check(url: &Url, checks: &Checks, hooks: &[Hook], input: &Input, before: &Halves) -> Vec<Checked> {
    let text = |error: Error| error.message;
    let halves = Halves::read(url).map_err(text);
    let mut out = vec![Checked {
        name: "no invalid index and no constraint without validation is new".to_owned(),
        wrong: halves.map_or_else(Some, |halves| halves.beyond(before)),
    }];
    let limit = checks.timeout.map_or(QUERY, |span| span.0);
    let mut client = None;
    for of in &checks.sql {
        let wrong = ask(&mut client, url, of, limit).map_or_else(
            |error| Some(error.message),
            |right| (!right).then(|| "the query did not say yes".to_owned()),
        );
        out.push(Checked {
            name: of.name.clone(),
            wrong,
        });
    }
    out.extend(checks.health.iter().map(|of| Checked {
        name: format!("health of {}", host(&of.url)),
        wrong: poll(of).err(),
    }));
    out.extend(hooks.iter().enumerate().map(|(at, hook)| {
        Checked {
            name: format!("verify hook {}", at + 1),
            wrong: command::run(&hook.command, input, Some(limit_of(hook)))
                .err()
                .map(|error| error.message),
        }
    }));
    out
}

/// Returns how long a hook may take.
pub(super) fn limit_of(hook: &Hook) -> Duration {
    hook.timeout.map_or(Duration::from_secs(60), |span| span.0)
}

fn ask(client: &mut Option<Client>, url: &Url, check: &SqlCheck, limit: Duration) -> Result<bool> {
    let client = match client {
        Some(client) => client,
        None => client.insert(url.connect()?),
    };
    client.batch_execute(&format!(
        "ROLLBACK; SET search_path = ''; SET statement_timeout = {}; SET default_transaction_read_only = on; BEGIN READ ONLY",
        limit.as_millis().max(1)
    ))?;
    let row = client.query_typed_opt(&check.query, &[])?;
    let unfit = |_| Error::usage("the query must have one boolean column");
    Ok(match row {
        Some(row) => row.try_get::<_, Option<bool>>(0).map_err(unfit)?.unwrap_or(false),
        None => false,
    })
}

/// Asks until the answer is right, or time is up.
fn poll(check: &HealthCheck) -> std::result::Result<(), String> {
    let limit = check.timeout.map_or(ANSWER, |span| span.0);
    let until = Instant::now() + check.within.map_or(WITHIN, |span| span.0);
    loop {
        let wrong = match answered(check, limit) {
            Ok(()) => return Ok(()),
            Err(wrong) => wrong,
        };
        if Instant::now() + PAUSE >= until {
            return Err(wrong);
        }
        thread::sleep(PAUSE);
    }
}

fn answered(check: &HealthCheck, limit: Duration) -> std::result::Result<(), String> {
    let answer = http::get(&check.url, limit)?;
    let wanted = check.status.unwrap_or(200);
    if answer.status != wanted {
        return Err(format!("status {} in place of {wanted}", answer.status));
    }
    match &check.contains {
        Some(text) if !answer.body.contains(text) => Err("the answer lacks the expected text".to_owned()),
        _ => Ok(()),
    }
}

/// Returns the host of an address: the rest may hold a secret.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        assert_eq!(
            host("https://user:secret@shop.example:8080/health?token=1"),
            "shop.example:8080"
        );
        assert_eq!(host("http://localhost"), "localhost");
    }
}
