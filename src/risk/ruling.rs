//! Rulings: what a project says about the rules, in its configuration file or above a declaration. A ruling raises or lowers
//! a finding, or waives it, with a reason and until a day.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::finding::{Finding, Risk};
use super::registry::RULES;
use crate::catalog::{Catalog, Identity};
use crate::diff::Pattern;
use crate::error::{Error, Result};

/// One entry of `rules` in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Code of the rule.
    pub code: String,
    /// Pattern of the objects that it is about; all of them where there is none.
    pub object: Option<String>,
    /// Level that the findings get, or `waived`.
    pub level: Level,
    /// Why.
    pub reason: String,
    /// Last day on which it counts.
    pub until: Option<Day>,
}

/// What a ruling makes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Needs no approval.
    Safe,
    /// Worth a look; needs no approval.
    Caution,
    /// Needs approval.
    Dangerous,
    /// Needs approval by name of the level.
    Critical,
    /// Stays as it is, and needs no approval.
    Waived,
}

/// A waiver above a declaration, as the target files hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Code of the rule.
    pub code: String,
    /// Last day on which it counts.
    pub until: Day,
    /// Why.
    pub reason: String,
}

/// What a finding carries of the ruling that was applied to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Grade that the rule gave.
    pub was: Risk,
    /// Whether the finding is waived: it is shown, and does not block.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
    /// Why.
    pub reason: String,
    /// Last day on which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Where it stands: the configuration file, or `file:line`.
    pub place: String,
}

impl Applied {
    /// Says it in a sentence, with its place.
    pub fn words(&self) -> String {
        let what = if self.waived {
            "Waived".to_owned()
        } else {
            format!("The rule says {}", self.was)
        };
        let until = self.until.map(|day| format!(" until {day}")).unwrap_or_default();
        format!("{what}{until}: {} ({})", self.reason, self.place)
    }
}

/// A ruling that was checked.
#[derive(Debug, Clone)]
pub struct Ruling {
    code: String,
    scope: Scope,
    /// `None` waives.
    level: Option<Risk>,
    reason: String,
    until: Option<Day>,
    place: String,
}

#[derive(Debug, Clone)]
enum Scope {
    Everything,
    Pattern(String, Pattern),
    /// What is declared under a name path, whose schema may be missing, and everything below it.
    Declared(Vec<String>),
}

impl Entry {
    /// Checks an entry that stands in a file of this name.
    pub fn ruling(&self, place: &str) -> Result<Ruling> {
        let fail = |what: String| Error::usage(format!("{place}: the rule `{}` {what}", self.code));
        let code = known_code(&self.code).map_err(|error| error.context(place.to_owned()))?;
        if self.reason.trim().is_empty() {
            return Err(fail("has no reason".to_owned()).hint("Say in `reason` why this project judges otherwise."));
        }
        let level = match self.level {
            Level::Safe => Some(Risk::Safe),
            Level::Caution => Some(Risk::Caution),
            Level::Dangerous => Some(Risk::Dangerous),
            Level::Critical => Some(Risk::Critical),
            Level::Waived => None,
        };
        if level.is_none() && self.until.is_none() {
            return Err(fail("is waived for ever".to_owned())
                .hint("Add `until: YYYY-MM-DD`, the last day on which the waiver counts."));
        }
        let scope = match &self.object {
            None => Scope::Everything,
            Some(text) => Scope::Pattern(text.clone(), Pattern::parse(text)?),
        };
        Ok(Ruling {
            code,
            scope,
            level,
            reason: self.reason.trim().to_owned(),
            until: self.until,
            place: place.to_owned(),
        })
    }
}

impl Waiver {
    /// Makes the ruling of a waiver above the declaration of a name path, at `place`.
    pub fn ruling(&self, path: &[String], place: String) -> Result<Ruling> {
        Ok(Ruling {
            code: known_code(&self.code).map_err(|error| error.context(place.clone()))?,
            scope: Scope::Declared(path.to_vec()),
            level: None,
            reason: self.reason.clone(),
            until: Some(self.until),
            place,
        })
    }
}

/// Returns a code as it is written; an unknown one is an error that names the nearest.
fn known_code(code: &str) -> Result<String> {
    let known = code.to_ascii_uppercase();
    match RULES.iter().find(|rule| rule.code == known) {
        Some(_) => Ok(known),
        None => Err(super::manual::explain(code)
            .err()
            .unwrap_or_else(|| Error::internal("a known rule"))),
    }
}

impl Ruling {
    fn is_expired(&self, today: Day) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    fn fits(&self, finding: &Finding, sides: [&Catalog; 2]) -> bool {
        finding.code == self.code
            && match &self.scope {
                Scope::Everything => true,
                Scope::Pattern(_, pattern) => sides.iter().any(|side| pattern.fits(&finding.object, side)),
                Scope::Declared(path) => sides.iter().any(|side| is_below(&finding.object, path, side)),
            }
    }

    fn expired(&self) -> String {
        let about = match &self.scope {
            Scope::Everything => String::new(),
            Scope::Pattern(text, _) => format!(" for `{text}`"),
            Scope::Declared(path) => format!(" for `{}`", path.join(".")),
        };
        let what = if self.level.is_none() { "waiver" } else { "level" };
        let until = self.until.map_or_else(String::new, |day| day.to_string());
        format!(
            "{}: the {what} of {}{about} expired on {until} and no longer counts ({}).",
            self.place, self.code, self.reason
        )
    }

    fn apply(&self, finding: &mut Finding) {
        let was = finding.ruling.as_ref().map_or(finding.risk, |earlier| earlier.was);
        finding.risk = self.level.unwrap_or(finding.risk);
        finding.ruling = Some(Applied {
            was,
            waived: self.level.is_none(),
            reason: self.reason.clone(),
            until: self.until,
            place: self.place.clone(),
        });
    }
}

/// Tells whether an object, or what it belongs to, stands under a name path whose schema may be missing.
fn is_below(object: &Identity, path: &[String], catalog: &Catalog) -> bool {
    let parent = || catalog.get(object).and_then(crate::kinds::AnyObject::parent);
    object.path.is_below(path)
        || (object.path.len() > 1 && object.path.is_below_at(1, path))
        || parent().is_some_and(|parent| is_below(&parent, path, catalog))
}

/// Applies rulings to findings, later ones over earlier ones; returns a note for each that is expired and was ignored.
pub fn apply_rulings(findings: &mut [Finding], rulings: &[Ruling], sides: [&Catalog; 2], today: Day) -> Vec<String> {
    let (expired, valid): (Vec<_>, Vec<_>) = rulings.iter().partition(|ruling| ruling.is_expired(today));
    for finding in findings {
        for ruling in &valid {
            if ruling.fits(finding, sides) {
                ruling.apply(finding);
            }
        }
    }
    expired.into_iter().map(Ruling::expired).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    fn finding(code: &str, path: &[&str]) -> Finding {
        Finding {
            code: code.to_owned(),
            risk: Risk::Dangerous,
            object: Identity::new(Kind::Column, path.iter().copied()),
            step: 0,
            message: String::new(),
            hint: String::new(),
            evidence: Vec::new(),
            ruling: None,
        }
    }

    fn entry(code: &str, object: Option<&str>, level: Level, until: Option<&str>) -> Entry {
        Entry {
            code: code.to_owned(),
            object: object.map(str::to_owned),
            level,
            reason: "nobody reads it".to_owned(),
            until: until.map(|day| day.parse().unwrap()),
        }
    }

    fn judged(entries: &[Entry], today: &str) -> (Vec<Finding>, Vec<String>) {
        let rulings: Vec<Ruling> = entries
            .iter()
            .map(|entry| entry.ruling("trueup.yaml").unwrap())
            .collect();
        let mut findings = vec![
            finding("TU103", &["shop", "orders", "note"]),
            finding("TU103", &["shop", "items", "note"]),
            finding("TU105", &["shop", "orders", "note"]),
        ];
        let catalog = Catalog::default();
        let notes = apply_rulings(&mut findings, &rulings, [&catalog, &catalog], today.parse().unwrap());
        (findings, notes)
    }

    #[test]
    fn a_waiver_counts_up_to_its_last_day() {
        let waiver = entry("tu103", Some("shop.orders"), Level::Waived, Some("2027-01-31"));
        let (findings, notes) = judged(std::slice::from_ref(&waiver), "2027-01-31");
        let waived: Vec<bool> = findings.iter().map(|finding| finding.ruling.is_some()).collect();
        assert_eq!((waived, notes.len()), (vec![true, false, false], 0));
        assert_eq!(findings[0].risk, Risk::Dangerous);
        let (findings, notes) = judged(&[waiver], "2027-02-01");
        assert!(findings.iter().all(|finding| finding.ruling.is_none()));
        assert_eq!(
            notes,
            [
                "trueup.yaml: the waiver of TU103 for `shop.orders` expired on 2027-01-31 and no longer counts (nobody \
              reads it)."
            ]
        );
    }

    #[test]
    fn later_entries_win_and_the_first_level_is_kept() {
        let entries = [
            entry("TU103", None, Level::Caution, None),
            entry("TU103", Some("column:shop.orders.*"), Level::Critical, None),
        ];
        let (findings, _) = judged(&entries, "2027-01-01");
        let levels: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(levels, [Risk::Critical, Risk::Caution, Risk::Dangerous]);
        assert_eq!(findings[0].ruling.as_ref().unwrap().was, Risk::Dangerous);
    }

    #[test]
    fn what_is_no_ruling() {
        let mut silent = entry("TU103", None, Level::Safe, None);
        silent.reason = " ".to_owned();
        for (entry, expected) in [
            (entry("TU199", None, Level::Safe, None), "no rule `TU199`"),
            (entry("TU103", None, Level::Waived, None), "for ever"),
            (entry("TU103", Some("thing:x"), Level::Safe, None), "no kind"),
            (silent, "no reason"),
        ] {
            let error = entry.ruling("trueup.yaml").unwrap_err();
            assert!(error.message.contains(expected) && error.hint.is_some(), "{error:?}");
        }
    }

    #[test]
    fn a_declared_name_may_lack_its_schema() {
        let waiver = Waiver {
            code: "TU103".to_owned(),
            until: "2999-01-01".parse().unwrap(),
            reason: "gone".to_owned(),
        };
        let fits = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            let ruling = waiver.ruling(&path, "a.sql:1".to_owned()).unwrap();
            let catalog = Catalog::default();
            ruling.fits(&finding("TU103", &["shop", "orders", "note"]), [&catalog, &catalog])
        };
        assert!(fits(&["shop", "orders"]) && fits(&["orders"]) && fits(&["orders", "note"]));
        assert!(!fits(&["note"]) && !fits(&["shop", "items"]));
    }
}
