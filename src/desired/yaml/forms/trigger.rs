//! Triggers and rules of all relations.

use serde_json::{Value as Json, json};

use super::FIRING;
use crate::catalog::quote::{ident, qualified};
use crate::desired::yaml::form::{Attached, Form, Layout, Spot, flag, no_parts, text};
use crate::desired::yaml::pieces;
use crate::desired::yaml::want::{Fields, Want, key, own};
use crate::desired::yaml::write::Writer;
use crate::kinds::{AnyObject, Kind};

/// Rules.
pub(super) static RULES: Form = Form {
    section: "rules",
    doc: "Rewrite rules by name; a text is what stands behind `AS`, such as `on delete to shop.orders do instead nothing`.",
    kind: Kind::Rule,
    layout: Layout::Named,
    short: Some("definition"),
    keys: &[
        own("definition", Want::Text, "What stands behind `AS`."),
        key("state", Want::Word(FIRING), "firing", "\"origin\"", "When it fires."),
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: |spot, values, fields| {
        let definition = text(values, "definition").ok_or("a rule needs a `definition`")?;
        part_of_relation(spot, fields);
        let definition = definition.trim().trim_end_matches(';');
        fields.insert(
            "definition".to_owned(),
            json!(format!("RULE {} AS\n    {definition}", ident(spot.name))),
        );
        Ok(Vec::new())
    },
    write: |_, object, out| {
        let AnyObject::Rule(rule) = object else { return None };
        let definition = rule
            .definition
            .strip_prefix(&format!("RULE {} AS", ident(&rule.name)))?;
        out.insert("definition".to_owned(), json!(definition.trim()));
        Some(())
    },
};

fn part_of_relation(spot: &Spot, fields: &mut Fields) {
    fields.insert("schema".to_owned(), json!(spot.home()));
    fields.insert("table".to_owned(), json!(spot.table()));
    fields.insert("name".to_owned(), json!(spot.name));
    fields.insert("on".to_owned(), json!(spot.parent));
}

/// Triggers.
pub(super) static TRIGGERS: Form = Form {
    section: "triggers",
    doc: "Triggers by name.",
    kind: Kind::Trigger,
    layout: Layout::Named,
    short: None,
    keys: &[
        own("fires", Want::Text, "When, such as `before insert or update of email`."),
        own(
            "for_each",
            Want::Word(&[("row", "row"), ("statement", "statement")]),
            "`row` or `statement` (the default).",
        ),
        own("when", Want::Text, "Condition."),
        own(
            "execute",
            Want::Text,
            "Function with its arguments, such as `shop.touch()`.",
        ),
        own(
            "referencing",
            Want::Text,
            "Transition tables, such as `old table as gone`.",
        ),
        key(
            "constraint",
            Want::Bool,
            "constraint",
            "false",
            "Whether it is a constraint trigger.",
        ),
        own(
            "deferrable",
            Want::Bool,
            "Whether a constraint trigger can wait until the transaction ends.",
        ),
        own(
            "initially_deferred",
            Want::Bool,
            "Whether it waits unless told otherwise.",
        ),
        own("from", Want::Text, "Referenced table of a constraint trigger."),
        key(
            "state",
            Want::Word(FIRING),
            "firing",
            "\"origin\"",
            "When it fires: origin, disabled, replica, always.",
        ),
        key(
            "extensions",
            Want::Names,
            "extensions",
            "[]",
            "Extensions that take it along when they are dropped.",
        ),
    ],
    parts: no_parts,
    attached: Attached::PART,
    read: read_trigger,
    write: write_trigger,
};

fn read_trigger(spot: &Spot, values: &Fields, fields: &mut Fields) -> Result<Vec<AnyObject>, String> {
    let fires = text(values, "fires").ok_or("a trigger needs `fires`")?;
    let execute = text(values, "execute").ok_or("a trigger needs `execute`")?;
    let word = if flag(values, "constraint") {
        "CONSTRAINT TRIGGER"
    } else {
        "TRIGGER"
    };
    let each = if text(values, "for_each") == Some("row") {
        "ROW"
    } else {
        "STATEMENT"
    };
    let mut definition = format!(
        "{word} {} {} ON {}",
        ident(spot.name),
        fires.trim(),
        qualified([spot.home(), spot.table()])
    );
    if let Some(from) = text(values, "from") {
        definition.push_str(&format!(" FROM {from}"));
    }
    if flag(values, "constraint") {
        let deferred = flag(values, "initially_deferred");
        let deferrable = if deferred || flag(values, "deferrable") {
            ""
        } else {
            "NOT "
        };
        let when = if deferred { "DEFERRED" } else { "IMMEDIATE" };
        definition.push_str(&format!(" {deferrable}DEFERRABLE INITIALLY {when}"));
    }
    if let Some(referencing) = text(values, "referencing") {
        definition.push_str(&format!(" REFERENCING {referencing}"));
    }
    definition.push_str(&format!(" FOR EACH {each}"));
    if let Some(when) = text(values, "when") {
        let when = when.trim();
        let when = if pieces::is_loose(when) {
            format!("({when})")
        } else {
            when.to_owned()
        };
        definition.push_str(&format!(" WHEN ({when})"));
    }
    definition.push_str(&format!(" EXECUTE FUNCTION {}", execute.trim()));
    part_of_relation(spot, fields);
    fields.insert("definition".to_owned(), json!(definition));
    fields.insert("clone_of".to_owned(), Json::Null);
    Ok(Vec::new())
}

/// Takes a deparsed definition apart at its fixed words; what comes out wrong is seen when it is read back.
fn write_trigger(_: &Writer, object: &AnyObject, out: &mut Fields) -> Option<()> {
    let AnyObject::Trigger(trigger) = object else {
        return None;
    };
    if trigger.clone_of.is_some() {
        return None;
    }
    let word = if trigger.constraint {
        "CONSTRAINT TRIGGER"
    } else {
        "TRIGGER"
    };
    let rest = trigger
        .definition
        .strip_prefix(&format!("{word} {} ", ident(&trigger.name)))?;
    let relation = qualified([&trigger.schema, &trigger.table]);
    let (fires, rest) = rest.split_once(&format!(" ON {relation} "))?;
    let (middle, rest) = rest.split_once("FOR EACH ")?;
    let (each, mut rest) = rest.split_once(' ')?;
    let mut first = Fields::new();
    first.insert("fires".to_owned(), json!(fires.to_lowercase()));
    if fires.contains('"') {
        first.insert("fires".to_owned(), json!(fires));
    }
    first.insert("for_each".to_owned(), json!(each.to_lowercase()));
    if let Some(conditional) = rest.strip_prefix("WHEN ") {
        let (condition, behind) = pieces::group(conditional)?;
        let bare = match pieces::group(condition) {
            Some((inner, "")) if pieces::is_loose(inner) => inner,
            _ => condition,
        };
        first.insert("when".to_owned(), json!(bare));
        rest = behind.trim_start();
    }
    first.insert("execute".to_owned(), json!(rest.strip_prefix("EXECUTE FUNCTION ")?));
    write_middle(middle, &mut first);
    first.append(out);
    *out = first;
    Some(())
}

/// Says what stands between the table and `FOR EACH`.
fn write_middle(middle: &str, out: &mut Fields) {
    let mut rest = middle.trim();
    if let Some((before, referencing)) = rest.split_once("REFERENCING ") {
        out.insert("referencing".to_owned(), json!(referencing.to_lowercase()));
        if referencing.contains('"') {
            out.insert("referencing".to_owned(), json!(referencing));
        }
        rest = before.trim();
    }
    if let Some(before) = rest.strip_suffix("DEFERRABLE INITIALLY DEFERRED") {
        out.insert("initially_deferred".to_owned(), json!(true));
        rest = before.trim();
    } else if let Some(before) = rest.strip_suffix("NOT DEFERRABLE INITIALLY IMMEDIATE") {
        rest = before.trim();
    } else if let Some(before) = rest.strip_suffix("DEFERRABLE INITIALLY IMMEDIATE") {
        out.insert("deferrable".to_owned(), json!(true));
        rest = before.trim();
    }
    if let Some(from) = rest.strip_prefix("FROM ") {
        out.insert("from".to_owned(), json!(from));
    }
}
