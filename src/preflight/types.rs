//! Questions about values that must fit another type: a domain with more rules, an enum with fewer labels, another type of a
//! column.

use std::collections::BTreeSet;

use super::parts::{bits, checked, limit, range};
use super::rows::row_wise;
use super::trial::{Asking, Count, Trial};
use crate::catalog::Identity;
use crate::catalog::quote::{ident, literal, qualified};
use crate::kinds::replaced_type::below_domains;
use crate::kinds::{
    AnyObject, Column, Context, DomainCheck, EnumType, Kind, number_as_uuid, replaced_type, type_change,
};
use crate::risk::Finding;
use crate::staged::is_stage;

/// First major version with `pg_input_is_valid`.
const INPUT_IS_VALID: i32 = 16;

impl Asking<'_> {
    /// Asks for values that a column which changes in stages cannot carry over.
    pub(super) fn staged(&self, finding: &Finding) -> Option<Trial> {
        is_stage(self.plan.forward.get(finding.step)?).then_some(())?;
        let (AnyObject::Column(before), AnyObject::Column(after)) =
            (self.from.get(&finding.object)?, self.to.get(&finding.object)?)
        else {
            return None;
        };
        type_change::loses(&before.data_type, &after.data_type)?;
        let trial = self.column_type(finding, after)?;
        Some(Trial {
            keeps_values: false,
            ..trial
        })
    }

    pub(super) fn domain_check(&self, finding: &Finding, check: &DomainCheck) -> Vec<Trial> {
        let domain = Identity::new(Kind::Domain, [&check.schema, &check.domain]);
        let Some(expression) = checked(&check.definition).filter(|_| check.valid) else {
            return Vec::new();
        };
        let condition = |column: &Column| {
            let name = ident(&column.name);
            format!("(SELECT ({expression}) FROM (SELECT t.{name}) AS q (value)) IS FALSE")
        };
        self.domain_users(finding, &domain, condition, "breaks it")
    }

    /// Asks each standing column whose type is a domain, or one over it. What a parent table shows is not asked again.
    pub(super) fn domain_users(
        &self,
        finding: &Finding,
        domain: &Identity,
        condition: impl Fn(&Column) -> String,
        wrong: &str,
    ) -> Vec<Trial> {
        let uses = |kind: Kind, domains: &BTreeSet<Identity>| -> Vec<Identity> {
            let users = self.from.dependencies.iter();
            let users =
                users.filter(|(user, on)| user.kind == kind && domains.iter().any(|domain| on.contains(domain)));
            users.map(|(user, _)| user.clone()).collect()
        };
        let mut domains = BTreeSet::from([domain.clone()]);
        loop {
            let before = domains.len();
            domains.extend(uses(Kind::Domain, &domains));
            if domains.len() == before {
                break;
            }
        }
        let users = uses(Kind::Column, &domains);
        let columns = users.iter().filter_map(|user| match self.from.get(user)? {
            AnyObject::Column(column) => Some((user, column)),
            _ => None,
        });
        let asked = columns.filter(|(user, column)| {
            column.parents.is_empty() && !column.data_type.ends_with("[]") && self.stands(std::slice::from_ref(*user))
        });
        let trials = asked.map(|(_, column)| {
            let wrong = format!("{wrong} in `{}`", column.name);
            self.counting(
                finding,
                row_wise(&column.schema, &column.table, condition(column), &wrong),
            )
        });
        trials.collect()
    }

    pub(super) fn column_type(&self, finding: &Finding, column: &Column) -> Option<Trial> {
        let AnyObject::Column(before) = self.from.get(&finding.object)? else {
            return None;
        };
        let (mut from, mut to) = (before.data_type.clone(), column.data_type.clone());
        if from == to {
            // A type that is replaced keeps its name, by which the server knows the old one still. A domain is over another type.
            from = below_domains(&finding.object, &from, self.from);
            to = below_domains(&finding.object, &to, self.to);
            (from != to).then_some(())?;
        }
        let (from, to) = (from.as_str(), to.as_str());
        let name = format!("t.{}", ident(&column.name));
        let is_array = |data_type: &str| data_type.ends_with("[]");
        let is_string =
            |data_type: &str| !is_array(data_type) && (data_type == "text" || data_type.starts_with("character"));
        let bad = |condition: String, wrong: &str| row_wise(&column.schema, &column.table, condition, wrong);
        let server = self.plan.database.version_num / 10_000;
        if let (true, Some(limit)) = (is_string(from), limit(to)) {
            let long = |value: &str| format!("pg_catalog.char_length({value}) > {limit}");
            let condition = if from.starts_with("character(") {
                // Blanks that fill it up are none of its characters.
                long(&name)
            } else {
                // Bytes are known without a look at the value, and there are never fewer of them than characters. Blanks at
                // the end are cut off.
                let trimmed = long(&format!("pg_catalog.rtrim({name}::text)"));
                format!(
                    "pg_catalog.octet_length({name}) > {limit} AND {} AND {trimmed}",
                    long(&name)
                )
            };
            return Some(self.counting(finding, bad(condition, "is too long")));
        }
        // An assignment refuses what a cast would cut.
        if let Some(limit) = limit(to) {
            let condition = format!("pg_catalog.char_length(pg_catalog.rtrim({name}::text)) > {limit}");
            return Some(self.counting(finding, bad(condition, "is too long")));
        }
        if let (Some((is_exact, limit)), true) = (bits(to), from.starts_with("bit")) {
            let comparison = if is_exact { "<>" } else { ">" };
            let condition = format!("pg_catalog.length({name}) {comparison} {limit}");
            return Some(self.counting(finding, bad(condition, "has another length")));
        }
        if let (Some(_), Some((least, most))) = (range(from), range(to)) {
            return Some(self.counting(
                finding,
                bad(format!("{name} NOT BETWEEN {least} AND {most}"), "is out of range"),
            ));
        }
        // The plan may be what makes the enum, so that the server cannot say yet what it takes.
        if let (true, Some(labels)) = (is_string(from), self.labels_of(column).and_then(array)) {
            let mut trial = self.counting(finding, bad(format!("{name}::text <> ALL ({labels})"), "is no label"));
            trial.keeps_values = false;
            return Some(trial);
        }
        let below = below_domains(&finding.object, to, self.to);
        let is_read = if is_array(to) {
            is_array(from)
        } else {
            is_string(from) || is_string(&below)
        };
        if is_read && server >= INPUT_IS_VALID {
            let to = literal(to);
            let mut trial = self.counting(
                finding,
                bad(
                    format!("NOT pg_catalog.pg_input_is_valid({name}::text, {to})"),
                    "cannot be read",
                ),
            );
            trial.keeps_values = false;
            return Some(trial);
        }
        if let Some(number) = number_as_uuid::convert(&name, from, to) {
            let condition = format!("{name} IS NOT NULL AND {number} IS NULL");
            return Some(self.counting(finding, bad(condition, "is no number as a UUID")));
        }
        // A cast would cut them, and an assignment refuses them.
        let is_cut = |data_type: &str| bits(data_type).is_some() || limit(data_type).is_some();
        if is_cut(&below) || is_cut(to.trim_end_matches("[]")) {
            return None;
        }
        // As the statement will do it.
        let context = Context::new(self.from, self.to, self.plan.database.version_num);
        let made = replaced_type::using(&name, before, column, &context).unwrap_or_else(|| name.clone());
        let cast = format!("({made})::{to}");
        Some(Trial {
            count: Count::Rows {
                table: self.live.source(&column.schema, &column.table, "t"),
                wrong: format!("pg_catalog.count({cast})"),
            },
            attempt: true,
            keys: None,
            keeps_values: false,
            ..self.counting(finding, bad("false".to_owned(), "cannot be converted"))
        })
    }

    /// Asks each standing column of an enum whose labels become fewer for those that go.
    pub(super) fn labels(&self, finding: &Finding, after: &EnumType) -> Vec<Trial> {
        let Some(AnyObject::EnumType(before)) = self.from.get(&finding.object) else {
            return Vec::new();
        };
        let Some(gone) = array(before.labels.iter().filter(|label| !after.labels.contains(label))) else {
            return Vec::new();
        };
        let kept = |of: &EnumType, other: &EnumType| -> Vec<String> {
            let kept = of.labels.iter().filter(|label| other.labels.contains(label));
            kept.cloned().collect()
        };
        let keeps_order = kept(before, after) == kept(after, before);
        let name = qualified([&before.schema, &before.name]);
        let mut out = Vec::new();
        for object in self.from.objects.values() {
            let AnyObject::Column(column) = object else { continue };
            let value = format!("t.{}", ident(&column.name));
            let condition = if column.data_type == name {
                format!("{value}::text = ANY ({gone})")
            } else if column.data_type.strip_suffix("[]") == Some(name.as_str()) {
                format!("{value}::text[] && {gone}")
            } else {
                continue;
            };
            let identity = Identity::new(Kind::Column, [&column.schema, &column.table, &column.name]);
            // What a parent table shows is not asked again.
            if column.parents.is_empty() && self.stands(&[identity]) {
                let wrong = format!("holds a removed label in `{}`", column.name);
                let mut bad = row_wise(&column.schema, &column.table, condition, &wrong);
                bad.keeps_values = keeps_order;
                out.push(self.counting(finding, bad));
            }
        }
        out
    }

    /// Returns the labels of the enum that a type is, in the state after the plan.
    fn labels_of(&self, column: &Column) -> Option<&[String]> {
        let identity = Identity::new(Kind::Column, [&column.schema, &column.table, &column.name]);
        let mut types = self.to.dependencies_of(&identity);
        types.find_map(|on| match self.to.get(on)? {
            AnyObject::EnumType(own) if qualified(&on.path) == column.data_type => Some(own.labels.as_slice()),
            _ => None,
        })
    }
}

/// Returns the array of some texts, if there are any.
fn array<'a>(texts: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().map(|text| literal(text)).collect();
    (!texts.is_empty()).then(|| format!("ARRAY[{}]", texts.join(", ")))
}
