//! Markup: everything that comes from a plan is escaped here. What is written is HTML and well-formed XML at once, so
//! that a small parser can check it.

use crate::report::highlight::{Sort, pieces};
use crate::risk::Risk;

/// Returns text in which nothing is markup; characters that XML forbids are shown as replaced.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// Returns a sentence in which names stand between backticks, as rules write them.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // A name with a backtick in it leaves an odd number of them: then none of them marks code.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mark = |(at, part): (usize, &&str)| match at % 2 {
        1 => format!("<code>{}</code>", escape(part)),
        _ => escape(part),
    };
    parts.iter().enumerate().map(mark).collect()
}

/// Returns SQL in a block, coloured.
pub(super) fn sql(text: &str) -> String {
    let coloured = pieces(text).into_iter().map(|(sort, piece)| {
        let class = match sort {
            Sort::Plain => return escape(piece),
            Sort::Keyword => "k",
            Sort::Number => "n",
            Sort::Literal => "l",
            Sort::Comment => "c",
        };
        format!("<span class=\"{class}\">{}</span>", escape(piece))
    });
    format!(
        "<pre class=\"sql\"><code>{}</code></pre>\n",
        coloured.collect::<String>()
    )
}

/// Returns the word of a risk as a badge; nothing for none.
pub(super) fn badge(risk: Option<Risk>) -> String {
    risk.map_or_else(String::new, |risk| {
        format!("<span class=\"badge {risk}\">{risk}</span>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(escape("<a href='x'>\u{1}&"), "&lt;a href=&#39;x&#39;&gt;\u{fffd}&amp;");
        assert_eq!(prose("`<t>` is"), "<code>&lt;t&gt;</code> is");
        assert_eq!(prose("`a`b` is"), "`a`b` is");
        assert!(sql("SELECT '<'").contains("<span class=\"l\">&#39;&lt;&#39;</span>"));
    }
}
