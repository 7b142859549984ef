//! The questions that pairs raise, and the hints that answer them.

use std::collections::BTreeMap;

use super::{Candidate, Rows};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, literal, qualified};
use crate::plan::{Answer, Former, Question};
use crate::risk::look::Look;
use crate::risk::rules::possible_rename;
use crate::risk::{Day, Finding, Risk, Ruling, apply_rulings};

/// Code of the rule that shows the pairs.
const CODE: &str = "TU508";

/// Returns the pairs that a look shows and whose findings the project has neither waived nor lowered to advice.
pub fn undecided(look: &Look, rulings: &[Ruling]) -> Vec<Candidate> {
    let hits = possible_rename::check(look).into_iter();
    let mut findings: Vec<Finding> = hits.map(|hit| hit.finding(CODE)).collect();
    apply_rulings(&mut findings, rulings, [look.from, look.to], Day::today());
    let is_open = |one: &&Candidate| {
        let own = findings.iter().filter(|finding| finding.object == one.home());
        own.clone()
            .any(|finding| finding.risk >= Risk::Caution && !finding.is_waived())
    };
    look.candidates.iter().filter(is_open).cloned().collect()
}

/// Returns the questions that have to be answered before a plan is applied: one for each object whose rows, or those of
/// what it may have been, are lost unless it is a rename.
pub fn questions(candidates: &[Candidate], declared_at: impl Fn(&Identity) -> Option<String>) -> Vec<Question> {
    let mut out: BTreeMap<Identity, Question> = BTreeMap::new();
    for one in candidates.iter().filter(|one| one.rows != Rows::None) {
        let question = out.entry(one.object.clone()).or_insert_with(|| Question {
            object: one.object.clone(),
            declared_at: declared_at(&one.object),
            formers: Vec::new(),
            not_renamed: one.not_renamed(),
        });
        question.formers.push(Former {
            object: one.former.clone(),
            score: one.score,
            evidence: one.evidence.clone(),
            rows: match &one.rows {
                Rows::Some(rows) => Some(rows.clone()),
                Rows::None | Rows::Unknown => None,
            },
            rename: one.rename(),
        });
    }
    out.into_values().collect()
}

impl Candidate {
    fn is_label(&self) -> bool {
        self.home() != self.object
    }

    /// Tells whether only the last name differs, not what the object stands in.
    fn stays_in_place(&self) -> bool {
        let place = |object: &Identity| object.path.split_last().map(|(_, place)| place.to_vec());
        place(&self.former) == place(&self.object)
    }

    /// Returns what says that the new object is the former one.
    pub(in crate::risk) fn rename(&self) -> Answer {
        let former = match (self.is_label(), self.stays_in_place()) {
            (true, _) => literal(self.former.name()),
            (false, true) => ident(self.former.name()),
            (false, false) => qualified(&self.former.path),
        };
        let yaml = if self.is_label() {
            let (label, former) = (self.object.name(), self.former.name());
            format!("renamed_labels: {{{}: {}}}", scalar(label), scalar(former))
        } else if self.stays_in_place() {
            format!("renamed_from: {}", scalar(self.former.name()))
        } else {
            format!("renamed_from: {}", scalar(&former))
        };
        let new = if self.stays_in_place() {
            ident(self.object.name())
        } else {
            qualified(&self.object.path)
        };
        Answer {
            sql: format!("-- trueup: renamed from {former}"),
            yaml,
            flag: format!("--rename {}", shell(&format!("{}={new}", qualified(&self.former.path)))),
        }
    }

    /// Returns what says that the new object is new.
    pub(in crate::risk) fn not_renamed(&self) -> Answer {
        Answer {
            sql: "-- trueup: not renamed".to_owned(),
            yaml: "not_renamed: true".to_owned(),
            flag: format!("--no-rename {}", shell(&qualified(&self.home().path))),
        }
    }
}

/// Writes a YAML scalar; what is not plainly a word is quoted.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// Quotes a word for a shell where it needs that.
fn shell(word: &str) -> String {
    if word.chars().all(|c| c.is_ascii_alphanumeric() || "._=-".contains(c)) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    fn answers(kind: Kind, former: &[&str], object: &[&str]) -> [Answer; 2] {
        let one = Candidate {
            former: Identity::new(kind, former.iter().copied()),
            object: Identity::new(kind, object.iter().copied()),
            score: 50,
            evidence: Vec::new(),
            rows: Rows::Unknown,
        };
        [one.rename(), one.not_renamed()]
    }

    #[test]
    fn the_rule_has_its_code() {
        let rule = crate::risk::RULES.iter().find(|rule| rule.code == CODE);
        assert_eq!(rule.map(|rule| rule.name), Some("possible rename"));
    }

    #[test]
    fn answers_are_ready_to_be_copied() {
        let [yes, no] = answers(Kind::Column, &["shop", "people", "email"], &["shop", "people", "mail"]);
        assert_eq!(yes.sql, "-- trueup: renamed from email");
        assert_eq!(yes.yaml, "renamed_from: email");
        assert_eq!(yes.flag, "--rename shop.people.email=mail");
        assert_eq!(no.flag, "--no-rename shop.people.mail");
        let [yes, _] = answers(Kind::Table, &["old", "people"], &["shop", "people"]);
        assert_eq!(yes.sql, "-- trueup: renamed from old.people");
        assert_eq!(yes.flag, "--rename old.people=shop.people");
        let [yes, no] = answers(Kind::Column, &["s", "t", "E mail's"], &["s", "t", "order"]);
        assert_eq!(yes.sql, "-- trueup: renamed from \"E mail's\"");
        assert_eq!(yes.yaml, "renamed_from: \"E mail's\"");
        assert_eq!(yes.flag, r#"--rename 's.t."E mail'\''s"="order"'"#);
        assert_eq!(no.flag, "--no-rename 's.t.\"order\"'");
        let [yes, no] = answers(Kind::EnumType, &["s", "state", "payed"], &["s", "state", "paid"]);
        assert_eq!(yes.sql, "-- trueup: renamed from 'payed'");
        assert_eq!(yes.yaml, "renamed_labels: {paid: payed}");
        assert_eq!(no.flag, "--no-rename s.state");
    }
}
