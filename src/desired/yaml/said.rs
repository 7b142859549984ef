//! What YAML target files say about an object beside declaring it: its former name, that it is new, which findings about
//! it are waived.

use serde_json::Value as Json;

use super::complaint::Complaint;
use super::read::Declared;
use super::want::{Key, Want, own};
use crate::backfill::is_expression;
use crate::catalog::Identity;
use crate::desired::hints::{Says, identifiers};
use crate::risk::Waiver;

/// Shape of `waive`: by the code of the rule.
pub(super) const WAIVE: Want = Want::Named(&Want::Shape(None, WAIVE_KEYS));

const WAIVE_KEYS: &[Key] = &[
    own("until", Want::Text, "Last day on which it counts, as YYYY-MM-DD."),
    own("reason", Want::Text, "Why."),
];

/// Something that is said about an object.
#[derive(Debug)]
pub(super) struct Said {
    /// Sort of the object in words.
    pub words: String,
    /// Name path; the label of an enum stands below its type.
    pub path: Vec<String>,
    /// What is said.
    pub says: Says,
    /// Place.
    pub offset: usize,
}

impl Declared {
    /// Keeps what some keys say about an object.
    pub(super) fn say(&mut self, identity: &Identity, given: &Json, offset: usize) -> Result<(), Complaint> {
        let mut all = Vec::new();
        if let Some(former) = given["renamed_from"].as_str() {
            // A name that is no identifier as it stands is meant letter by letter.
            let former = identifiers(former).unwrap_or_else(|| vec![former.to_owned()]);
            all.push(Says::RenamedFrom(former));
        }
        if given["not_renamed"] == true {
            all.push(Says::NotRenamed);
        }
        if let Some(value) = given["backfill"].as_str() {
            if !is_expression(value) {
                let message = "`backfill` is no expression of SQL".to_owned();
                return Err(Complaint::new(offset, message).hint("Write one expression over the columns of the table."));
            }
            all.push(Says::Backfills {
                column: None,
                value: value.trim().to_owned(),
            });
        }
        for (code, waiver) in given["waive"].as_object().into_iter().flatten() {
            all.push(Says::Waives(read(code, waiver, offset)?));
        }
        self.said.extend(all.into_iter().map(|says| Said {
            words: identity.kind.words().to_owned(),
            path: identity.path.to_strings(),
            says,
            offset,
        }));
        Ok(())
    }
}

fn read(code: &str, given: &Json, offset: usize) -> Result<Waiver, Complaint> {
    let fail = |what: String| {
        Complaint::new(offset, format!("the waiver of {code} {what}"))
            .hint("Write `waive: {CODE: {until: YYYY-MM-DD, reason: WHY}}`.")
    };
    let reason = given["reason"].as_str().map(str::trim).unwrap_or_default();
    if reason.is_empty() {
        return Err(fail("has no reason".to_owned()));
    }
    let Some(until) = given["until"].as_str() else {
        return Err(fail("has no last day".to_owned()));
    };
    Ok(Waiver {
        code: code.to_owned(),
        until: until
            .parse()
            .map_err(|error| fail(format!("has a wrong last day: {error}")))?,
        reason: reason.to_owned(),
    })
}
