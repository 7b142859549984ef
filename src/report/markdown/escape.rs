//! Text inside Markdown: names are whatever somebody called a table, and must neither become markup nor ping people.

/// Returns text as a code span, on one line; bars are escaped, since tables would split there even within code.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.contains('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns a sentence in which names stand between backticks, as rules write them.
pub(super) fn prose(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    // A name with a backtick in it leaves an odd number of them: then none of them marks code.
    if parts.len().is_multiple_of(2) {
        return plain(&text);
    }
    let mark = |(at, part): (usize, &&str)| if at % 2 == 1 { code(part) } else { plain(part) };
    parts.iter().enumerate().map(mark).collect()
}

/// Returns text in which nothing is markup.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in one_line(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A word joiner keeps hosts from notifying whoever has that name.
            '@' => out.push_str("@\u{2060}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// Returns a block of code.
pub(super) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// Returns text for a comment that nobody sees; such a comment ends at two dashes.
pub(super) fn hidden(text: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    text.bytes()
        .map(|byte| {
            if harmless(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(prose("`t` is <b>, says @you"), "`t` is &lt;b&gt;, says @\u{2060}you");
        assert_eq!(prose("`a`b` is_it"), "\\`a\\`b\\` is\\_it");
        assert_eq!(hidden("a-->b"), "a%2D%2D%3Eb");
        assert_eq!(block("sql", "```\n"), "````sql\n```\n````\n");
    }
}
