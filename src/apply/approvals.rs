//! Approvals: what a person has agreed to, by level, by rule, or by rule and object.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::risk::{Finding, Risk};

/// Most findings that an error lists.
const SHOWN: usize = 10;

/// One value of `--approve`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Everything up to this level.
    Level(Risk),
    /// Every finding of a rule.
    Code(String),
    /// The findings of a rule about one object, by its path.
    Object(String, String),
}

impl FromStr for Approval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(level) = text.parse() {
            return Ok(Self::Level(level));
        }
        let (code, object) = text
            .split_once(':')
            .map_or((text, None), |(code, object)| (code, Some(object)));
        let is_code = code.len() == 5
            && code.is_ascii()
            && code[..2].eq_ignore_ascii_case("TU")
            && code[2..].bytes().all(|byte| byte.is_ascii_digit());
        if !is_code || object.is_some_and(str::is_empty) {
            return Err(Error::usage(format!("`{text}` is nothing that can be approved")).hint(
                "Pass a level (safe, caution, dangerous or critical), the code of a rule such as TU101, or a code with an \
                 object such as TU101:shop.orders.id.",
            ));
        }
        let code = code.to_ascii_uppercase();
        Ok(match object {
            None => Self::Code(code),
            Some(object) => Self::Object(code, object.to_owned()),
        })
    }
}

/// Everything that was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approvals(BTreeSet<Approval>);

impl Approvals {
    /// Returns the approval of everything.
    pub(super) fn all() -> Self {
        Self(BTreeSet::from([Approval::Level(Risk::Critical)]))
    }

    /// Reads the values of `--approve`.
    pub fn parse<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Result<Self> {
        let values = values.into_iter().map(|value| value.as_ref().parse());
        Ok(Self(values.collect::<Result<_>>()?))
    }

    /// Adds an approval.
    pub fn add(&mut self, approval: Approval) {
        self.0.insert(approval);
    }

    /// Tells whether a finding is approved, or needs no approval; a waiver that has expired since the plan was made no
    /// longer counts.
    pub fn cover(&self, finding: &Finding) -> bool {
        finding.risk < Risk::Dangerous
            || finding.is_waived()
            || self.0.iter().any(|approval| match approval {
                Approval::Level(level) => *level >= finding.risk,
                Approval::Code(code) => *code == finding.code,
                Approval::Object(code, object) => *code == finding.code && *object == finding.object.path_text(),
            })
    }
}

impl Approvals {
    /// Returns, in words, what approves a finding that needs an approval; nothing for one that needs none.
    pub(super) fn given(&self, finding: &Finding, allowed: Option<Risk>) -> Option<String> {
        if finding.risk < Risk::Dangerous {
            return None;
        }
        if finding.is_waived() {
            let place = finding.ruling.as_ref().map(|ruling| ruling.place.clone());
            return Some(format!("waived in {}", place.unwrap_or_default()));
        }
        let own = |approval: &&Approval| Self(BTreeSet::from([(*approval).clone()])).cover(finding);
        // The most exact one says most.
        if let Some(approval) = self.0.iter().rev().find(own) {
            return Some(match approval {
                Approval::Level(level) => level.to_string(),
                Approval::Code(code) => code.clone(),
                Approval::Object(code, object) => format!("{code}:{object}"),
            });
        }
        allowed
            .filter(|allowed| finding.risk <= *allowed)
            .map(|allowed| format!("{allowed} is allowed in this environment"))
    }
}

/// Tells whether every open question of a plan is settled by an approval to drop and add, which loses rows: one of
/// everything critical, or of the finding on the new object.
pub(super) fn settles_questions(plan: &Plan, approvals: &Approvals) -> bool {
    plan.questions.iter().all(|question| {
        let mut found = plan.findings.iter().filter(|finding| finding.object == question.object);
        found.any(|finding| {
            let lossy = Finding {
                risk: Risk::Critical,
                ..finding.clone()
            };
            finding.code == POSSIBLE_RENAME && approvals.cover(&lossy)
        })
    })
}

/// Code of the rule that finds what may be a rename.
const POSSIBLE_RENAME: &str = "TU508";

/// Returns the findings of a plan that need an approval and have none.
pub fn unapproved<'a>(plan: &'a Plan, approvals: &Approvals) -> Vec<&'a Finding> {
    plan.findings
        .iter()
        .filter(|finding| !approvals.cover(finding))
        .collect()
}

/// Refuses findings that are not approved; the hint holds the flags that would approve them.
pub(crate) fn refuse(open: &[&Finding]) -> Result<()> {
    let Some(highest) = open.iter().map(|finding| finding.risk).max() else {
        return Ok(());
    };
    let count = open.len();
    let noun = if count == 1 { "finding is" } else { "findings are" };
    let flags: BTreeSet<String> = open
        .iter()
        .map(|finding| {
            format!(
                "--approve {}",
                shell(&format!("{}:{}", finding.code, finding.object.path_text()))
            )
        })
        .collect();
    let level = format!("--approve {highest}");
    let hint = if flags.len() > SHOWN {
        format!("Read them, then pass `{level}`.")
    } else {
        let flags: Vec<String> = flags.into_iter().collect();
        format!("Read what follows, then pass `{}`, or `{level}`.", flags.join(" "))
    };
    let error = Error::new(ErrorKind::Blocked, format!("{count} {noun} not approved")).hint(hint);
    let lines = open.iter().take(SHOWN).map(|finding| {
        let Finding { code, risk, object, .. } = finding;
        format!("{code} {risk}, {object}: {}", finding.message)
    });
    let more = (count > SHOWN).then(|| format!("and {} more", count - SHOWN));
    Err(lines.chain(more).fold(error, Error::detail))
}

/// Quotes a word for a shell where it needs that.
fn shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":._-/,@".contains(&byte);
    if word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Identity;
    use crate::kinds::Kind;
    use crate::risk::Applied;

    fn finding(code: &str, risk: Risk, path: &[&str]) -> Finding {
        Finding {
            code: code.to_owned(),
            risk,
            object: Identity::new(Kind::ALL[0], path.iter().copied()),
            step: 0,
            message: "The column changes its type.".to_owned(),
            hint: String::new(),
            evidence: Vec::new(),
            ruling: None,
        }
    }

    #[test]
    fn levels_codes_and_objects() {
        let critical = finding("TU101", Risk::Critical, &["shop", "orders", "id"]);
        let covers = |value: &str| Approvals::parse([value]).unwrap().cover(&critical);
        assert!(covers("critical") && covers("TU101") && covers("tu101") && covers("TU101:shop.orders.id"));
        assert!(!covers("dangerous") && !covers("TU102") && !covers("TU101:shop.orders"));
        let none = Approvals::default();
        assert!(!none.cover(&critical));
        assert!(none.cover(&finding("TU102", Risk::Caution, &["shop"])));
        assert!(!none.cover(&finding("TU102", Risk::Dangerous, &["shop"])));
    }

    #[test]
    fn a_waiver_covers_until_it_expires() {
        let mut waived = finding("TU101", Risk::Critical, &["shop", "orders", "id"]);
        for (until, expected) in [("2999-12-31", true), ("2001-01-01", false)] {
            waived.ruling = Some(Applied {
                was: Risk::Critical,
                waived: true,
                reason: "nobody reads it".to_owned(),
                until: Some(until.parse().unwrap()),
                place: "trueup.yaml".to_owned(),
            });
            assert_eq!(Approvals::default().cover(&waived), expected, "{until}");
        }
    }

    #[test]
    fn what_is_no_approval() {
        for text in ["", "harmless", "TU1", "TUé1", "TU101:", "101"] {
            let error = text.parse::<Approval>().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Usage, "{text}");
            assert!(error.hint.unwrap().contains("TU101:shop.orders.id"));
        }
    }

    #[test]
    fn the_hint_holds_the_flags() {
        let one = finding("TU101", Risk::Dangerous, &["shop", "Odd name"]);
        let two = finding("TU102", Risk::Critical, &["shop", "orders"]);
        let error = refuse(&[&one, &two]).unwrap_err();
        assert_eq!(error.kind.exit_code(), 3);
        assert_eq!(
            error.hint.unwrap(),
            "Read what follows, then pass `--approve 'TU101:shop.\"Odd name\"' --approve TU102:shop.orders`, or \
             `--approve critical`."
        );
        assert_eq!(refuse(&[]), Ok(()));
    }
}
