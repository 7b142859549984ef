//! Secrets among the options of foreign data and in connection strings: which words name one, and the mark that stands
//! for its value wherever a catalog, a plan or a report would hold it.
//!
//! A mark is a short digest of the value. It tells a changed secret from the same one, and too little to confirm a guess:
//! of a million guesses one fits by chance. A value that is a mark already stays as it is, so that what is built from
//! catalogs (scratch databases) reads back as it was.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::catalog::quote::literal;

/// Words that name an option whose value is a secret.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "access_key",
    "api_key",
    "client_key",
    "server_key",
];

/// Options that have such a word in their name and a plain value: whether a password is needed.
const PLAIN: &[&str] = &["password_required"];

/// How often the hash is hashed, so that guesses cost something.
const ROUNDS: u32 = 1000;

/// Digits of the digest that are kept.
const DIGITS: usize = 5;

/// What marks begin and end with.
const BRACKETS: (&str, &str) = ("<secret:", ">");

/// Tells whether an option's value is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !PLAIN.contains(&name.as_str()) && SECRETS.iter().any(|word| name.contains(word))
}

/// Returns the same as SQL, for an expression.
pub(super) fn is_secret_sql(name: &str) -> String {
    let is_one: Vec<String> = SECRETS
        .iter()
        .map(|word| format!("{name} ILIKE {}", literal(&format!("%{word}%"))))
        .collect();
    let plain: Vec<String> = PLAIN.iter().map(|plain| literal(plain)).collect();
    format!(
        "(({}) AND lower({name}) NOT IN ({}))",
        is_one.join(" OR "),
        plain.join(", ")
    )
}

/// Tells whether a value is a mark.
pub(super) fn is_mark(value: &str) -> bool {
    let digits = value
        .strip_prefix(BRACKETS.0)
        .and_then(|rest| rest.strip_suffix(BRACKETS.1));
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Tells whether a text may hold a mark.
pub(super) fn has_mark(text: &str) -> bool {
    text.contains(BRACKETS.0)
}

/// Returns the mark that stands for an option's value; the same value of the same option has the same mark everywhere.
pub(super) fn mark(name: &str, value: &str) -> String {
    if is_mark(value) {
        return value.to_owned();
    }
    let mut digest = Sha256::digest(format!("{name}:{value}"));
    for _ in 0..ROUNDS {
        digest = Sha256::digest(digest);
    }
    let mut digits = String::new();
    for byte in digest.iter().take(DIGITS.div_ceil(2)) {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.truncate(DIGITS);
    format!("{}{digits}{}", BRACKETS.0, BRACKETS.1)
}

/// Returns the same as SQL, for expressions: the value stays on the server.
pub(super) fn mark_sql(name: &str, value: &str) -> String {
    let (begin, end) = BRACKETS;
    format!(
        "CASE WHEN {value} ~ '^{begin}[0-9a-f]{{{DIGITS}}}{end}$' THEN {value} ELSE '{begin}' || pg_catalog.left(
             (WITH RECURSIVE r (round, hash) AS (
                  SELECT 0, pg_catalog.sha256(pg_catalog.convert_to({name} || ':' || {value}, 'UTF8'))
                  UNION ALL SELECT round + 1, pg_catalog.sha256(hash) FROM r WHERE round < {ROUNDS})
              SELECT pg_catalog.encode(hash, 'hex') FROM r WHERE round = {ROUNDS}), {DIGITS}) || '{end}' END"
    )
}

/// Returns a line of a script for people, without the literals that follow a name of a secret: the statement may have a
/// fault and be understood by nobody.
pub(crate) fn hide_literals(line: &str) -> String {
    let word = line.split(|character: char| !character.is_alphanumeric() && character != '_');
    if !word.into_iter().any(is_secret) {
        return line.to_owned();
    }
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let ends_value = |character: char| character.is_whitespace() || "'\",]})".contains(character);
    let mut out = String::new();
    let (mut rest, mut after_name, mut assigned) = (line, false, false);
    while let Some(first) = rest.chars().next() {
        let is_value = after_name && (first == '\'' || (assigned && !ends_value(first)));
        let length = match first {
            '\'' if is_value => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            _ if is_value => rest.find(ends_value).unwrap_or(rest.len()),
            _ if is_name(first) => rest.find(|character| !is_name(character)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        out.push_str(match first {
            '\'' if is_value => "'…'",
            _ if is_value => "…",
            _ => piece,
        });
        if is_value {
            // A quote inside a literal is written twice.
            after_name = first == '\'' && after.starts_with('\'');
        } else if is_name(first) {
            (after_name, assigned) = (is_secret(piece), false);
        } else {
            assigned |= first == '=' || first == ':';
            after_name &= first.is_whitespace() || first == '=' || first == ':' || first == '"';
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_for_a_value_and_for_itself() {
        let one = mark("password", "hunter2");
        assert!(is_mark(&one) && has_mark(&format!("'{one}'")));
        assert_eq!(mark("password", &one), one);
        assert_ne!(mark("password", "hunter3"), one);
        assert!(!is_mark("<secret:hunter>") && !is_mark("hunter2"));
    }

    #[test]
    fn literals_behind_secret_names_are_hidden() {
        for (line, shown) in [
            (
                "OPTIONS (user 'me', password 'hun''ter2', x 'y')",
                "OPTIONS (user 'me', password '…''…', x 'y')",
            ),
            ("ALTER ROLE r PASSWORD 'hunter2", "ALTER ROLE r PASSWORD '…'"),
            (
                "CONNECTION 'host=h password=hunter2 a=b'",
                "CONNECTION 'host=h password=… a=b'",
            ),
            ("  - {user: me, password: hun-ter2}", "  - {user: me, password: …}"),
            ("SELECT 'a', \"password\" FROM t", "SELECT 'a', \"password\" FROM t"),
        ] {
            assert_eq!(hide_literals(line), shown);
        }
    }

    #[test]
    fn words_name_secrets() {
        assert!(is_secret("password") && is_secret("aws_Secret_key") && is_secret("API_TOKEN"));
        assert!(!is_secret("user") && !is_secret("password_required"));
    }
}
