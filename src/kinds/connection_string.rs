//! Connection strings as libpq reads them, for one purpose: putting something else in the place of their secrets.

use super::secret;

/// Returns a connection string, URI or `name=value` list, with other values for its secrets; one that libpq would not
/// understand becomes empty. `value` gets name and value of each.
pub(super) fn with_secrets(text: &str, value: &mut dyn FnMut(&str, &str) -> String) -> String {
    let is_uri = ["postgresql://", "postgres://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if is_uri {
        uri(text, value)
    } else {
        list(text, value).unwrap_or_default()
    }
}

/// Returns a connection string with marks in the place of its secrets.
pub(super) fn marked(text: &str) -> String {
    with_secrets(text, &mut secret::mark)
}

/// Returns the names of its secrets that are marked, with their marks.
pub(super) fn marks(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    with_secrets(text, &mut |name, value| {
        if secret::is_mark(value) {
            out.push((name.to_owned(), value.to_owned()));
        }
        value.to_owned()
    });
    out
}

/// Adds a secret to a connection string.
pub(super) fn add(text: &str, name: &str, value: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return format!("{text} {name}={}", quoted(value)).trim_start().to_owned();
    };
    let has_user = rest.split(['/', '?']).next().unwrap_or_default().rsplit_once('@');
    match has_user {
        Some((user, _)) if name == "password" => {
            let place = &rest[user.len()..];
            format!("{scheme}://{user}:{}{place}", encoded(value))
        }
        _ => {
            let between = if rest.contains('?') { '&' } else { '?' };
            format!("{text}{between}{name}={}", encoded(value))
        }
    }
}

fn uri(text: &str, value: &mut dyn FnMut(&str, &str) -> String) -> String {
    let (rest, query) = text
        .split_once('?')
        .map_or((text, None), |(rest, query)| (rest, Some(query)));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    // A raw @ in a password: the last one ends it.
    let rest = match rest.rsplit_once('@') {
        Some((login, place)) => match login.split_once(':') {
            Some((user, password)) => {
                let password = encoded(&value("password", &decoded(password)));
                format!("{user}:{password}@{place}")
            }
            None => format!("{login}@{place}"),
        },
        None => rest.to_owned(),
    };
    let parameter = |parameter: &str, value: &mut dyn FnMut(&str, &str) -> String| {
        let (name, found) = parameter.split_once('=').unwrap_or((parameter, ""));
        let name = decoded(name);
        if secret::is_secret(&name) {
            format!("{name}={}", encoded(&value(&name, &decoded(found))))
        } else {
            parameter.to_owned()
        }
    };
    let mut out = format!("{scheme}://{rest}");
    for (at, found) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        out.push_str(&parameter(found, value));
    }
    out
}

/// Decodes `%XX`.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%');
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes what means something in a URI; marks stay readable.
fn encoded(text: &str) -> String {
    if secret::is_mark(text) {
        return text.to_owned();
    }
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Returns the list with other secrets, its parts as they were written (manual: libpq, Keyword/Value Connection Strings).
fn list(text: &str, value: &mut dyn FnMut(&str, &str) -> String) -> Option<String> {
    let mut kept = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (name, after) = (name.trim(), after.trim_start());
        let end = value_end(after)?;
        let found = &after[..end];
        kept.push(if secret::is_secret(name) {
            format!("{name}={}", quoted(&value(name, &unquoted(found))))
        } else {
            format!("{name}={found}")
        });
        rest = after[end..].trim_start();
    }
    Some(kept.join(" "))
}

/// Returns where a value ends: at its closing quote, or at white space; `\` escapes.
fn value_end(text: &str) -> Option<usize> {
    let quoted = text.starts_with('\'');
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '\'' if quoted => return Some(at + 1),
            _ if !quoted && character.is_whitespace() => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(text.len())
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let mut characters = inner.unwrap_or(value).chars();
    let mut out = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

fn quoted(value: &str) -> String {
    let is_plain = |character: char| !character.is_whitespace() && character != '\'' && character != '\\';
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_something_else_in_the_place_of_secrets() {
        for (text, expected, secrets) in [
            (
                "host=a password=hunter2 dbname=b",
                "host=a password=X dbname=b",
                "hunter2",
            ),
            ("host = a  PASSWORD = 'hun\\'ter 2'", "host=a PASSWORD=X", "hun'ter 2"),
            ("password=h\\ unter dbname='x y'", "password=X dbname='x y'", "h unter"),
            ("dbname=doesnotexist", "dbname=doesnotexist", ""),
            ("host=a password='open", "", ""),
            (
                "postgresql://u:hunter2@h:5/d?sslmode=require",
                "postgresql://u:X@h:5/d?sslmode=require",
                "hunter2",
            ),
            ("postgres://u:hun@ter%202@h/d", "postgres://u:X@h/d", "hun@ter 2"),
            (
                "postgres://u@h/d?password=hunter2&a=%20b",
                "postgres://u@h/d?password=X&a=%20b",
                "hunter2",
            ),
            (
                "postgres://u@h/d?pass%77ord=hunter2",
                "postgres://u@h/d?password=X",
                "hunter2",
            ),
        ] {
            let mut found = String::new();
            let changed = with_secrets(text, &mut |_, value| {
                found.push_str(value);
                "X".to_owned()
            });
            assert_eq!((changed.as_str(), found.as_str()), (expected, secrets));
        }
    }

    #[test]
    fn marks_are_filled_as_they_were_made() {
        for text in ["host=a password='hun\\'ter 2'", "postgres://u:hun%40ter%202@h/d"] {
            let marked = marked(text);
            assert!(!marked.contains("hun"), "{marked}");
            assert_eq!(super::marked(&marked), marked);
            let filled = with_secrets(&marked, &mut |_, mark| {
                let value = if text.contains("://") { "hun@ter 2" } else { "hun'ter 2" };
                assert_eq!(secret::mark("password", value), mark);
                value.to_owned()
            });
            assert_eq!(filled, text);
        }
    }

    #[test]
    fn a_secret_is_added() {
        let mark = secret::mark("password", "x");
        for (text, expected) in [
            ("host=a", format!("host=a password={mark}")),
            ("postgres://u@h/d", format!("postgres://u:{mark}@h/d")),
            ("postgres://h/d?a=b", format!("postgres://h/d?a=b&password={mark}")),
        ] {
            let added = add(text, "password", &mark);
            assert_eq!(added, expected);
            assert_eq!(marks(&added), [("password".to_owned(), mark.clone())]);
        }
    }
}
