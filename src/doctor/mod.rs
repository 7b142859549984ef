//! The doctor: is everything there that plan and apply need, and what in the live database will hurt sooner or later?

mod database;

use serde::Serialize;

use crate::apply::ledger;
use crate::apply::{self, ExecutionStatus};
use crate::db::{Server, Url};
use crate::error::{Error, Result};
use crate::reconcile::Setup;
use crate::scratch;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works, but somebody should look at it.
    Warn,
    /// Something will not work.
    Fail,
}

impl Health {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the doctor's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found, as a sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Check {
    /// Makes a line for what is as it should be.
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Ok,
            message: message.into(),
            advice: None,
        }
    }

    /// Makes a line for what somebody should look at.
    pub fn warn(name: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            health: Health::Warn,
            advice: Some(advice.into()),
            ..Self::ok(name, message)
        }
    }

    /// Makes a line for what will not work.
    pub fn fail(name: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            health: Health::Fail,
            ..Self::warn(name, message, advice)
        }
    }

    /// Makes a line from an error.
    pub fn of(name: &'static str, error: &Error) -> Self {
        let advice = error.hint.clone();
        Self {
            health: Health::Fail,
            advice,
            ..Self::ok(name, format!("{error}"))
        }
    }
}

/// Looks at the live database and at the scratch provider. Nothing is written.
pub fn examine(setup: &Setup, url: &Url) -> Vec<Check> {
    let mut out = Vec::new();
    let connected = url.connect().and_then(|mut client| {
        let server = Server::read(&mut client)?;
        Ok((client, server))
    });
    match connected {
        Err(error) => {
            out.push(Check::of("connection", &error));
            out.push(scratch_provider(setup, None));
        }
        Ok((mut client, server)) => {
            out.push(connection(url, &server));
            out.extend(sessions(url));
            out.push(version(&server));
            out.extend(database::checks(&mut client, &server));
            out.push(ledger_state(url, &server).unwrap_or_else(|error| Check::of("ledger", &error)));
            out.push(scratch_provider(setup, Some((url, &server))));
        }
    }
    out
}

fn connection(url: &Url, server: &Server) -> Check {
    let message = format!("Connected as {url}.");
    match server.must_take_writes() {
        Ok(()) => Check::ok("connection", message),
        Err(error) => Check::warn(
            "connection",
            format!("{message} This server is a standby: it can be read and planned for, not changed."),
            error.hint.unwrap_or_default(),
        ),
    }
}

/// Says why the sessions behind this address would not do for apply.
fn sessions(url: &Url) -> Option<Check> {
    let error = url.connect_pair().err()?;
    let message = format!("It can be read and planned for, not changed: {}.", error.message);
    Some(Check::warn("sessions", message, error.hint.unwrap_or_default()))
}

fn version(server: &Server) -> Check {
    let version = &server.version;
    match server.check_supported() {
        Ok(None) => Check::ok("version", format!("PostgreSQL {version} is supported.")),
        Ok(Some(warning)) => Check::warn("version", warning, "Look for a newer trueup."),
        Err(error) => Check::of("version", &error),
    }
}

fn scratch_provider(setup: &Setup, live: Option<(&Url, &Server)>) -> Check {
    let name = "scratch";
    let request = scratch::Request {
        choice: &setup.scratch,
        live: live.map(|(url, _)| url),
        major: live.map(|(_, server)| server.major()),
        machine: &setup.machine,
    };
    let scratch = match scratch::open(&request) {
        Ok(scratch) => scratch,
        Err(error) => return Check::of(name, &error),
    };
    let what = format!("A {} was opened and is gone again.", scratch.describe());
    match live.map(|(_, server)| server.major()) {
        Some(major) if major != scratch.server().major() => Check::warn(
            name,
            format!("{what} The live server is PostgreSQL {major}."),
            format!(
                "Install the binaries of PostgreSQL {major}, name their folder in TRUEUP_PG_BIN, or pass --scratch with the \
                 URL of such a server: a plan is faster then, and observed on the version that will run it."
            ),
        ),
        _ => Check::ok(name, what),
    }
}

fn ledger_state(url: &Url, server: &Server) -> Result<Check> {
    let name = "ledger";
    let status = apply::status(url)?;
    let Some(version) = status.ledger_version else {
        return Ok(Check::ok(
            name,
            "There is none yet: the first `trueup apply`, or `trueup init`, makes it.",
        ));
    };
    if let Some(party) = &status.at_work {
        return Ok(Check::ok(name, format!("Version {version}; at work: {party}.")));
    }
    let open = status.latest.and_then(|latest| match latest.status {
        ExecutionStatus::Paused => Some(format!("Execution {} is paused, as it was told to.", latest.id)),
        ExecutionStatus::Failed => Some(format!(
            "Execution {} stopped part-way: {}.",
            latest.id,
            latest.error.unwrap_or_default()
        )),
        _ => None,
    });
    if let Some(what) = open {
        return Ok(Check::warn(
            name,
            what,
            "`trueup apply --resume` goes on from there, `trueup rollback` undoes what is done.",
        ));
    }
    let applied = ledger::applied(&mut url.connect()?, server)?;
    Ok(if applied.is_foreign {
        Check::warn(
            name,
            format!(
                "Version {version}; what was last applied was recorded by another version of trueup or PostgreSQL."
            ),
            "The next `trueup apply` records it anew; until then `trueup drift` cannot tell who moved.",
        )
    } else {
        Check::ok(name, format!("Version {version}, and nothing is open."))
    })
}
