//! Words that became keywords only lately (`json` in PostgreSQL 16): older servers, and the dumps of them, use them as
//! names without quotes. What the parser refuses is understood with such a word in quotes; the server gets it as written.

use pg_query::NodeEnum;
use pg_query::protobuf::KeywordKind;

use super::{statement, syntax};

/// Words put into quotes before a statement is given up.
const TRIES: usize = 100;

/// Parses one statement as an older version may: with keywords as names. `None` where that does not help.
pub(super) fn parse(text: &str) -> Option<NodeEnum> {
    let mut text = text.to_owned();
    for _ in 0..TRIES {
        if let Some(node) = statement::parse(&text) {
            return Some(node);
        }
        text = quoted(&text)?;
    }
    None
}

/// Puts the keyword at or before the syntax error into quotes, whichever lets the parser get further.
fn quoted(text: &str) -> Option<String> {
    let wrong = syntax::position(text);
    let tokens = pg_query::scan(text).ok()?.tokens;
    let places = tokens.iter().filter_map(|token| {
        let is_name = matches!(
            token.keyword_kind(),
            KeywordKind::ColNameKeyword | KeywordKind::TypeFuncNameKeyword | KeywordKind::UnreservedKeyword
        );
        Some((
            usize::try_from(token.start).ok()?,
            usize::try_from(token.end).ok()?,
            is_name,
        ))
    });
    let mut before: Vec<_> = places.take_while(|(start, ..)| *start <= wrong).collect();
    let last = before.split_off(before.len().saturating_sub(2));
    let candidates = last.into_iter().filter(|(.., is_name)| *is_name);
    candidates
        .filter_map(|(start, end, _)| {
            let word = text.get(start..end)?.to_lowercase();
            let candidate = format!("{}\"{word}\"{}", text.get(..start)?, text.get(end..)?);
            // Two quotes came in before the error.
            let reached = match pg_query::parse(&candidate, 0) {
                Ok(_) => usize::MAX,
                Err(_) => syntax::position(&candidate).saturating_sub(2),
            };
            (reached > wrong).then_some((reached, candidate))
        })
        .max_by_key(|(reached, _)| *reached)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_new_keywords_as_names() {
        for text in [
            "create function f(json json, json_table int) returns json as $$ select json $$ language sql",
            "create table t (json_value int, json json, c int)",
            "select a as b from json_exists",
        ] {
            assert!(parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn gives_up_what_is_wrong_in_every_version() {
        for text in [
            "selec 1",
            "create table t (a int b)",
            "create table (a int)",
            "select from where",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
