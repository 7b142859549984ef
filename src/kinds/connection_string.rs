//! Connection strings as libpq reads them, for one purpose: taking the secrets out.

/// Parameters whose value is a secret.
const SECRETS: &[&str] = &[
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
];

/// Returns a connection string, URI or `name=value` list, without its secrets; one that libpq would not understand
/// becomes empty.
pub(super) fn without_secrets(text: &str) -> String {
    let is_uri = ["postgresql://", "postgres://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if is_uri {
        uri(text)
    } else {
        list(text).unwrap_or_default()
    }
}

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name.to_ascii_lowercase().as_str())
}

fn uri(text: &str) -> String {
    let (rest, query) = text
        .split_once('?')
        .map_or((text, None), |(rest, query)| (rest, Some(query)));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    // A raw @ in a password: the last one ends it.
    let rest = match rest.rsplit_once('@') {
        Some((login, place)) => format!("{}@{place}", login.split(':').next().unwrap_or_default()),
        None => rest.to_owned(),
    };
    let kept: Vec<&str> = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|parameter| !is_secret(parameter.split('=').next().unwrap_or_default()) && !parameter.contains('%'))
        .collect();
    let query = if kept.is_empty() {
        String::new()
    } else {
        format!("?{}", kept.join("&"))
    };
    format!("{scheme}://{rest}{query}")
}

/// Returns the list without secrets, its parts as they were written (manual: libpq, Keyword/Value Connection Strings).
fn list(text: &str) -> Option<String> {
    let mut kept = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let end = value_end(after)?;
        if !is_secret(name.trim()) {
            kept.push(format!("{}={}", name.trim(), &after[..end]));
        }
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

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn takes_secrets_out() {
        for (text, expected) in [
            ("host=a password=hunter2 dbname=b", "host=a dbname=b"),
            ("host = a  PASSWORD = 'hun\\'ter 2'", "host=a"),
            ("password=h\\ unter dbname='x y'", "dbname='x y'"),
            ("dbname=doesnotexist", "dbname=doesnotexist"),
            ("host=a password='open", ""),
            (
                "postgresql://u:hunter2@h:5/d?sslmode=require",
                "postgresql://u@h:5/d?sslmode=require",
            ),
            ("postgres://u:hun@ter2@h/d", "postgres://u@h/d"),
            ("postgres://u@h/d?password=hunter2&a=b", "postgres://u@h/d?a=b"),
            ("postgres://u@h/d?pass%77ord=hunter2", "postgres://u@h/d"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
