//! Notifications: who is told that an apply began, succeeded, failed or was rolled back. Sent beside the work, with
//! retries, so that a dead address never holds an apply up. No secret and no row value is in them.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::config::{Form, Moment};
use crate::http;

/// Limit of one attempt.
const LIMIT: Duration = Duration::from_secs(5);
/// Attempts.
const ATTEMPTS: u32 = 3;
/// Longest wait for all that is still under way when the program ends.
const PATIENCE: Duration = Duration::from_secs(12);

/// An address, with what it wants to be told.
#[derive(Clone)]
pub struct Address {
    /// Address, which may be a secret.
    pub url: String,
    /// Form.
    pub form: Form,
    /// Moments.
    pub on: Vec<Moment>,
}

/// What is told.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Environment.
    pub environment: Option<String>,
    /// Database.
    pub database: String,
    /// Machine.
    pub host: Option<String>,
    /// Account.
    pub person: Option<String>,
    /// Execution.
    pub execution: Option<i64>,
    /// One sentence about the plan.
    pub summary: String,
    /// What went wrong: message and SQLSTATE.
    pub error: Option<(String, Option<String>)>,
}

/// Messages under way.
#[derive(Default)]
pub struct Post {
    addresses: Vec<Address>,
    under_way: Vec<mpsc::Receiver<Option<String>>>,
}

impl Post {
    /// Makes a post that knows these addresses.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            under_way: Vec::new(),
        }
    }

    /// Tells everybody who wants to know; returns at once.
    pub fn tell(&mut self, moment: Moment, news: &News) {
        for address in self.addresses.iter().filter(|address| address.on.contains(&moment)) {
            let letter = letter(address, moment, news);
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || {
                let _ = sender.send(letter.and_then(|letter| send(&letter)).err());
            });
            self.under_way.push(receiver);
        }
    }

    /// Waits a little for what is under way; returns what could not be delivered, in words.
    pub fn finish(self) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let rest = || until.saturating_duration_since(Instant::now());
        self.under_way
            .iter()
            .filter_map(|letter| match letter.recv_timeout(rest()) {
                Ok(error) => error,
                Err(_) => Some("no answer in time".to_owned()),
            })
            .collect()
    }
}

struct Letter {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn letter(address: &Address, moment: Moment, news: &News) -> Result<Letter, String> {
    let plain = |body: Value| Letter {
        url: address.url.clone(),
        headers: Vec::new(),
        body: body.to_string(),
    };
    Ok(match address.form {
        Form::Webhook => plain(webhook(moment, news)),
        Form::Slack => plain(json!({ "text": text(moment, news) })),
        Form::Sentry => {
            let (url, key) = sentry(&address.url).ok_or("the address is no DSN of Sentry")?;
            Letter {
                url,
                headers: vec![(
                    "X-Sentry-Auth",
                    format!("Sentry sentry_version=7, sentry_client=trueup, sentry_key={key}"),
                )],
                body: event(moment, news).to_string(),
            }
        }
    })
}

fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Started => "started",
        Moment::Paused => "paused",
        Moment::Succeeded => "succeeded",
        Moment::Failed => "failed",
        Moment::RolledBack => "was rolled back",
    }
}

/// Says all in one line for people.
fn text(moment: Moment, news: &News) -> String {
    let place = match &news.environment {
        Some(environment) => format!("`{}` ({environment})", news.database),
        None => format!("`{}`", news.database),
    };
    let execution = news
        .execution
        .map(|id| format!(" (execution {id})"))
        .unwrap_or_default();
    let who = news
        .person
        .as_deref()
        .map(|who| format!(" by {who}"))
        .unwrap_or_default();
    let error = news
        .error
        .as_ref()
        .map(|(message, _)| format!("\n{message}"))
        .unwrap_or_default();
    format!(
        "trueup apply on {place} {}{execution}{who}: {}{error}",
        word(moment),
        news.summary
    )
}

fn webhook(moment: Moment, news: &News) -> Value {
    json!({
        "event": moment,
        "environment": news.environment,
        "database": news.database,
        "host": news.host,
        "person": news.person,
        "execution": news.execution,
        "summary": news.summary,
        "error": news.error.as_ref().map(|(message, _)| message),
        "sqlstate": news.error.as_ref().and_then(|(_, state)| state.as_ref()),
        "tool": concat!("trueup ", env!("CARGO_PKG_VERSION")),
    })
}

fn event(moment: Moment, news: &News) -> Value {
    let level = if moment == Moment::Failed { "error" } else { "info" };
    json!({
        "platform": "other",
        "level": level,
        "logger": "trueup",
        "environment": news.environment,
        "release": concat!("trueup@", env!("CARGO_PKG_VERSION")),
        "server_name": news.host,
        "message": { "formatted": text(moment, news) },
        "tags": {
            "database": news.database,
            "sqlstate": news.error.as_ref().and_then(|(_, state)| state.as_ref()),
        },
    })
}

/// Reads a DSN (`https://KEY@HOST/PROJECT`) into the address that takes events, and the key.
fn sentry(dsn: &str) -> Option<(String, String)> {
    let (scheme, rest) = dsn.split_once("://")?;
    let (key, rest) = rest.split_once('@')?;
    let key = key.split(':').next()?;
    let (host, project) = rest.trim_end_matches('/').rsplit_once('/')?;
    (!key.is_empty() && !project.is_empty())
        .then(|| (format!("{scheme}://{host}/api/{project}/store/"), key.to_owned()))
}

/// Tries a few times. The address is no part of the error: it may be a secret.
fn send(letter: &Letter) -> Result<(), String> {
    let headers: Vec<(&str, &str)> = letter
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut wrong = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(Duration::from_millis(250 << attempt));
        }
        match http::post(&letter.url, &headers, &letter.body, LIMIT) {
            Ok(answer) if answer.status < 300 => return Ok(()),
            // Asking again does not make a wrong request right.
            Ok(answer) if answer.status < 500 && answer.status != 429 => {
                return Err(format!("status {}", answer.status));
            }
            Ok(answer) => wrong = format!("status {}", answer.status),
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_dsn() {
        assert_eq!(
            sentry("https://abc@o1.ingest.sentry.io/42"),
            Some(("https://o1.ingest.sentry.io/api/42/store/".to_owned(), "abc".to_owned()))
        );
        assert_eq!(
            sentry("http://abc:old@localhost:9000/prefix/42/"),
            Some((
                "http://localhost:9000/prefix/api/42/store/".to_owned(),
                "abc".to_owned()
            ))
        );
        assert_eq!(sentry("https://localhost/42"), None);
    }

    #[test]
    fn one_line_for_people() {
        let news = News {
            environment: Some("production".to_owned()),
            database: "shop".to_owned(),
            execution: Some(7),
            person: Some("ada".to_owned()),
            summary: "3 changes".to_owned(),
            error: Some(("step 2 of 3 failed".to_owned(), Some("55P03".to_owned()))),
            ..News::default()
        };
        assert_eq!(
            text(Moment::Failed, &news),
            "trueup apply on `shop` (production) failed (execution 7) by ada: 3 changes\nstep 2 of 3 failed"
        );
        assert_eq!(webhook(Moment::Failed, &news)["sqlstate"], "55P03");
    }
}
