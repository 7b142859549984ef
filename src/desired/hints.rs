//! Hints that target files give in comments, directly above a declaration: `-- trueup: renamed from X`,
//! `-- trueup: not renamed`, `-- trueup: waive TU101 until 2027-01-31: reason`, and `-- trueup: backfill column using
//! expression`.

use pg_query::NodeEnum;
use serde::{Deserialize, Serialize};

use super::declare::Declared;
use super::lex::{self, Piece};
use super::place::{Place, SourceText};
use super::statement;
use crate::backfill::is_expression;
use crate::error::{Error, Result};
use crate::risk::Waiver;

/// What a hint says about an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// It had another name before, with as many parts as were written.
    RenamedFrom(Vec<String>),
    /// It is new, whatever else goes.
    NotRenamed,
    /// A finding about it is waived.
    Waives(Waiver),
    /// A column gets values in rows that are there when it is made, or made `NOT NULL`.
    Backfills {
        /// Column of the table; none where the object is the column.
        column: Option<String>,
        /// Expression.
        value: String,
    },
}

/// Something that target files say about an object beside declaring it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Where the comment stands.
    pub place: Place,
    /// Sort of the object in the words of SQL, lower case, for example `column`.
    pub word: String,
    /// Its name path as declared, for example schema, table, column.
    pub path: Vec<String>,
    /// What is said about it.
    pub says: Says,
}

const MARK: &str = "trueup:";

/// Collects the hints of a file.
pub(super) fn collect(
    source: &SourceText,
    pieces: &[statement::Piece<'_>],
    declared: &[Declared],
) -> Result<Vec<Hint>> {
    if !source.text.contains(MARK) {
        return Ok(Vec::new());
    }
    let text = source.text.as_bytes();
    let (mut at, mut hints) = (0, Vec::new());
    while at < text.len() {
        let (piece, end) = lex::next(text, at);
        if piece == Piece::Comment
            && let Some(directive) = source.text[at..end]
                .strip_prefix("--")
                .and_then(|c| c.trim().strip_prefix(MARK))
        {
            hints.push(hint(source, pieces, declared, (at, directive.trim()))?);
        }
        at = end;
    }
    Ok(hints)
}

fn hint(
    source: &SourceText,
    pieces: &[statement::Piece<'_>],
    declared: &[Declared],
    (at, directive): (usize, &str),
) -> Result<Hint> {
    let fail = |message: &str, hint: &str| {
        let mut error = Error::target(format!("{}: {message}", source.place(at))).hint(hint);
        error.detail = source.show(at);
        error
    };
    let says = said(directive).ok_or_else(|| {
        fail(
            &format!("unknown hint `{directive}`"),
            "Write `-- trueup: renamed from NAME` above the declaration, `-- trueup: not renamed`, `-- trueup: waive CODE \
             until YYYY-MM-DD: REASON`, or `-- trueup: backfill COLUMN using EXPRESSION`; no other hint is known.",
        )
    })?;
    let line_start = source.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if !source.text[line_start..at].trim().is_empty() {
        return Err(fail(
            "a hint stands behind something else",
            "Put the comment on a line of its own, directly above the declaration that it is about.",
        ));
    }
    let below = lex::skip_blank(source.text.as_bytes(), at);
    let (word, path) = object(pieces, declared, below).ok_or_else(|| {
        fail(
            "a hint stands above nothing that has a name",
            "Put the comment directly above a CREATE or ALTER statement, a column, a named constraint or an enum value.",
        )
    })?;
    Ok(Hint {
        place: source.place(at),
        word: word.to_owned(),
        path,
        says,
    })
}

/// Understands a directive.
fn said(directive: &str) -> Option<Says> {
    let words: Vec<String> = directive.split_whitespace().map(str::to_lowercase).collect();
    if words == ["not", "renamed"] {
        return Some(Says::NotRenamed);
    }
    let waives = waiver(directive).map(Says::Waives);
    let renames = || renamed_from(directive).map(Says::RenamedFrom);
    waives.or_else(renames).or_else(|| backfill(directive))
}

/// Reads `waive CODE until DAY: REASON`.
fn waiver(directive: &str) -> Option<Waiver> {
    let (head, reason) = directive.split_once(':')?;
    let [word, code, until, day] = head.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
    let is_waiver = word.eq_ignore_ascii_case("waive") && until.eq_ignore_ascii_case("until");
    let reason = reason.trim();
    (is_waiver && !reason.is_empty()).then_some(())?;
    Some(Waiver {
        code: code.to_owned(),
        until: day.parse().ok()?,
        reason: reason.to_owned(),
    })
}

/// Reads `backfill COLUMN using EXPRESSION`; above a column, its name can be left out.
fn backfill(directive: &str) -> Option<Says> {
    let word = |text: &str| -> Option<(usize, usize)> {
        let start = text.find(|c: char| !c.is_whitespace())?;
        let (_, end) = lex::next(text.as_bytes(), start);
        Some((start, end))
    };
    let rest = directive
        .get(..8)
        .filter(|word| word.eq_ignore_ascii_case("backfill"))
        .and(directive.get(8..))?;
    let (start, end) = word(rest).filter(|(start, _)| *start > 0)?;
    let (column, rest) = if rest[start..end].eq_ignore_ascii_case("using") {
        (None, &rest[end..])
    } else {
        let [column] = identifiers(&rest[start..end])?.try_into().ok()?;
        let (using, after) = word(&rest[end..])?;
        rest[end..][using..after].eq_ignore_ascii_case("using").then_some(())?;
        (Some(column), &rest[end..][after..])
    };
    let value = rest.trim();
    is_expression(value).then(|| Says::Backfills {
        column,
        value: value.to_owned(),
    })
}

/// Returns the name that a `renamed from` directive gives.
fn renamed_from(directive: &str) -> Option<Vec<String>> {
    let mut words = directive.splitn(3, char::is_whitespace);
    let is_rename = words.next()?.eq_ignore_ascii_case("renamed") && words.next()?.eq_ignore_ascii_case("from");
    if is_rename {
        identifiers(words.next()?.trim())
    } else {
        None
    }
}

/// Splits a possibly quoted, possibly qualified name; a string stands for the label of an enum value.
pub(crate) fn identifiers(name: &str) -> Option<Vec<String>> {
    let (mut at, mut parts) = (0, Vec::new());
    loop {
        let (piece, end) = (at < name.len()).then(|| lex::next(name.as_bytes(), at))?;
        let part = &name[at..end];
        match (piece, part.as_bytes()[0]) {
            (Piece::Word, _) => parts.push(part.to_lowercase()),
            (Piece::Quoted, b'"') => parts.push(part[1..part.len() - 1].replace("\"\"", "\"")),
            (Piece::Quoted, b'\'') => parts.push(part[1..part.len() - 1].replace("''", "'")),
            _ => return None,
        }
        if end == name.len() {
            return Some(parts);
        }
        if name.as_bytes()[end] != b'.' {
            return None;
        }
        at = end + 1;
    }
}

fn object(
    pieces: &[statement::Piece<'_>],
    declared: &[Declared],
    offset: usize,
) -> Option<(&'static str, Vec<String>)> {
    let after = pieces.partition_point(|piece| piece.offset <= offset);
    let unit = pieces[..after].last()?.parse();
    if let Some(found) = declared.iter().find(|found| found.offset == offset) {
        return Some((found.word, found.path.clone()));
    }
    let node = unit.node.as_ref()?;
    match node {
        NodeEnum::AlterTableStmt(alter) if unit.offset == offset => {
            let table = alter.relation.as_ref()?;
            let schema = Some(table.schemaname.clone()).filter(|schema| !schema.is_empty());
            Some(("table", schema.into_iter().chain([table.relname.clone()]).collect()))
        }
        NodeEnum::CreateEnumStmt(_) => {
            let (piece, length) = lex::next(unit.text.as_bytes(), offset - unit.offset);
            let label = unit
                .text
                .get(offset - unit.offset..length)
                .filter(|_| piece == Piece::Quoted)?;
            let of_type = declared.iter().find(|found| found.offset == unit.offset)?;
            let label = label[1..label.len() - 1].replace("''", "'");
            Some(("enum value", of_type.path.iter().cloned().chain([label]).collect()))
        }
        _ => None,
    }
}
