//! The password file `.pgpass`: lines of `host:port:database:user:password`.
//!
//! Format and matching follow the manual of `PostgreSQL` 18, "The Password File".

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a line must match.
pub(super) struct Wanted<'a> {
    /// Host name, or `localhost` for a default socket directory, or the socket directory.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Finds the password for a connection; a file that others can read counts as no file, as in libpq.
pub(super) fn find(path: &Path, wanted: &Wanted<'_>) -> Option<String> {
    let facts = fs::metadata(path).ok()?;
    if !facts.is_file() || facts.permissions().mode() & 0o077 != 0 {
        return None;
    }
    search(&fs::read_to_string(path).ok()?, wanted)
}

fn search(text: &str, wanted: &Wanted<'_>) -> Option<String> {
    let port = wanted.port.to_string();
    let expected = [wanted.host, &port, wanted.database, wanted.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (fields, password) = split(line)?;
        let matches = fields.iter().zip(expected).all(|(field, value)| field.matches(value));
        (matches && !password.is_empty()).then_some(password)
    })
}

/// One field of a line; an unescaped star alone matches everything.
enum Field {
    Any,
    Is(String),
}

impl Field {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(text) => text == value,
        }
    }
}

fn split(line: &str) -> Option<([Field; 4], String)> {
    let mut rest = line;
    let mut fields = Vec::with_capacity(4);
    for _ in 0..4 {
        let end = colon(rest)?;
        let raw = &rest[..end];
        fields.push(if raw == "*" {
            Field::Any
        } else {
            Field::Is(unescape(raw))
        });
        rest = &rest[end + 1..];
    }
    // What stands after a further unescaped colon is not part of the password.
    let password = &rest[..colon(rest).unwrap_or(rest.len())];
    Some((fields.try_into().ok()?, unescape(password)))
}

/// Finds the first colon that is not escaped.
fn colon(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b':' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted<'_> = Wanted {
        host: "db.example",
        port: 5432,
        database: "shop",
        user: "ann",
    };

    #[test]
    fn first_matching_line_wins() {
        let text = "# comment\nother:5432:shop:ann:no\n*:5432:shop:ann:first\n*:*:*:*:last\n";
        assert_eq!(search(text, &WANTED).as_deref(), Some("first"));
    }

    #[test]
    fn escapes_are_read_and_an_escaped_star_is_a_star() {
        assert_eq!(search(r"*:*:*:*:a\:b\\c", &WANTED).as_deref(), Some(r"a:b\c"));
        assert_eq!(search(r"*:*:\*:*:x", &WANTED), None);
        let socket = Wanted {
            host: "/run/a:b",
            ..WANTED
        };
        assert_eq!(search(r"/run/a\:b:*:*:*:x", &socket).as_deref(), Some("x"));
    }

    #[test]
    fn short_and_foreign_lines_do_not_match() {
        assert_eq!(search("db.example:5432:shop\n\nx", &WANTED), None);
        assert_eq!(search("db.example:5433:shop:ann:x", &WANTED), None);
        assert_eq!(search("*:*:*:*:", &WANTED), None);
    }

    #[test]
    fn a_file_that_others_can_read_is_ignored() {
        let path = std::env::temp_dir().join(format!("trueup-test-pgpass-{}", std::process::id()));
        fs::write(&path, "*:*:*:*:x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(find(&path, &WANTED), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(find(&path, &WANTED).as_deref(), Some("x"));
        fs::remove_file(&path).unwrap();
    }
}
