//! The few lexical rules of `PostgreSQL` that are needed before its parser can be asked: where quotes and comments
//! end, so that psql's commands and data are found outside of them.

/// Names what a piece of SQL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// White space.
    Space,
    /// A comment of either form.
    Comment,
    /// A string, dollar-quoted string or quoted identifier.
    Quoted,
    /// A quoted thing or comment that never ends.
    Unterminated,
    /// A keyword or identifier.
    Word,
    /// A backslash outside of quotes: psql's.
    Backslash,
    /// Any other single character.
    Other(u8),
}

/// Returns the piece that starts at an offset, and where it ends.
pub(crate) fn next(text: &[u8], at: usize) -> (Piece, usize) {
    let two = text.get(at + 1).copied().unwrap_or_default();
    match text[at] {
        b if b.is_ascii_whitespace() => (Piece::Space, run(text, at, |b| b.is_ascii_whitespace())),
        b'-' if two == b'-' => (Piece::Comment, run(text, at, |b| b != b'\n')),
        b'/' if two == b'*' => block_comment(text, at),
        b'\'' => quoted(text, at, b'\'', false),
        b'"' => quoted(text, at, b'"', false),
        b'$' => dollar_quoted(text, at),
        b'e' | b'E' if two == b'\'' => quoted(text, at + 1, b'\'', true),
        b if is_word_start(b) => (
            Piece::Word,
            run(text, at, |b| is_word_start(b) || b.is_ascii_digit() || b == b'$'),
        ),
        // A number takes its letters with it, so that `1e'` opens no escape string.
        b if b.is_ascii_digit() => (Piece::Other(b), run(text, at, |b| b.is_ascii_alphanumeric())),
        b'\\' => (Piece::Backslash, at + 1),
        b => (Piece::Other(b), at + 1),
    }
}

/// Returns the offset of the first thing at or after an offset that is neither white space nor comment.
pub(super) fn skip_blank(text: &[u8], mut at: usize) -> usize {
    while at < text.len() {
        match next(text, at) {
            (Piece::Space | Piece::Comment, end) => at = end,
            _ => break,
        }
    }
    at
}

fn run(text: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    text[at..]
        .iter()
        .position(|b| !belongs(*b))
        .map_or(text.len(), |length| at + length)
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn quoted(text: &[u8], open: usize, quote: u8, escapes: bool) -> (Piece, usize) {
    let mut at = open + 1;
    while at < text.len() {
        match text[at] {
            b'\\' if escapes => at += 2,
            b if b == quote && text.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return (Piece::Quoted, at + 1),
            _ => at += 1,
        }
    }
    (Piece::Unterminated, text.len())
}

fn block_comment(text: &[u8], open: usize) -> (Piece, usize) {
    let (mut at, mut depth) = (open + 2, 1);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            (b'/', b'*') => (at, depth) = (at + 2, depth + 1),
            (b'*', b'/') if depth == 1 => return (Piece::Comment, at + 2),
            (b'*', b'/') => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    (Piece::Unterminated, text.len())
}

fn dollar_quoted(text: &[u8], open: usize) -> (Piece, usize) {
    let tag_end = run(text, open + 1, |b| is_word_start(b) || b.is_ascii_digit());
    let starts_with_digit = text.get(open + 1).is_some_and(u8::is_ascii_digit);
    if starts_with_digit || text.get(tag_end) != Some(&b'$') {
        return (Piece::Other(b'$'), open + 1);
    }
    let tag = &text[open..=tag_end];
    text[tag_end + 1..]
        .windows(tag.len())
        .position(|part| part == tag)
        .map_or((Piece::Unterminated, text.len()), |found| {
            (Piece::Quoted, tag_end + 1 + found + tag.len())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> (Piece, &str) {
        let (piece, end) = next(text.as_bytes(), 0);
        (piece, &text[..end])
    }

    #[test]
    fn ends_quotes_and_comments_where_the_server_does() {
        assert_eq!(first("'a\\' b"), (Piece::Quoted, "'a\\'"));
        assert_eq!(first("E'a\\' b' c"), (Piece::Quoted, "E'a\\' b'"));
        assert_eq!(first("$x$ ; $$ $x$ b"), (Piece::Quoted, "$x$ ; $$ $x$"));
        assert_eq!(first("$1 + $2"), (Piece::Other(b'$'), "$"));
        assert_eq!(first("/* a /* b */ c */ d"), (Piece::Comment, "/* a /* b */ c */"));
        assert_eq!(first("/* a /* b */"), (Piece::Unterminated, "/* a /* b */"));
        assert_eq!(first("a$b$c d"), (Piece::Word, "a$b$c"));
    }
}
