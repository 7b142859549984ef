//! What only psql understands in a script: backslash commands and the data of `COPY … FROM stdin`. They are blanked
//! out, byte for byte, so that positions stay right; what was left out is noted.

use super::lex::{self, Piece};

/// What is left of a psql script for the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// SQL of the same length as the script.
    pub text: String,
    /// Offset and text of what was left out, for people.
    pub notes: Vec<(usize, String)>,
    /// Files that `\i` and `\ir` name, in order.
    pub includes: Vec<Include>,
}

/// File that a script includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Path as written.
    pub path: String,
    /// Whether the path is relative to the including file (`\ir`) rather than to the working directory (`\i`).
    pub relative: bool,
    /// Offset of the command.
    pub offset: usize,
}

/// Separates a psql script into SQL and what only psql understands.
pub fn scan(script: &str) -> Script {
    if !script.contains('\\') && !contains_stdin(script) {
        return Script {
            text: script.to_owned(),
            ..Script::default()
        };
    }
    let mut scanner = Scanner {
        text: script.as_bytes().to_vec(),
        found: Script::default(),
        statement: Words::default(),
    };
    scanner.run();
    // Only whole lines and single ASCII characters were overwritten, so the text is still UTF-8.
    scanner.found.text = String::from_utf8_lossy(&scanner.text).into_owned();
    scanner.found
}

fn contains_stdin(script: &str) -> bool {
    script
        .as_bytes()
        .windows(5)
        .any(|part| part.eq_ignore_ascii_case(b"stdin"))
}

/// What is known of the statement that is being read.
#[derive(Default)]
struct Words {
    any: bool,
    is_copy: bool,
    after_from: bool,
    reads_stdin: bool,
    depth: usize,
}

impl Words {
    fn add(&mut self, word: &[u8]) {
        if !self.any {
            self.is_copy = word.eq_ignore_ascii_case(b"copy");
        }
        self.any = true;
        if self.depth == 0 {
            self.reads_stdin |= self.is_copy && self.after_from && word.eq_ignore_ascii_case(b"stdin");
            self.after_from = word.eq_ignore_ascii_case(b"from");
        }
    }
}

struct Scanner {
    text: Vec<u8>,
    found: Script,
    statement: Words,
}

impl Scanner {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.text.len() {
            let (piece, end) = lex::next(&self.text, at);
            at = match piece {
                Piece::Backslash => self.command(at),
                Piece::Other(b';') if self.statement.depth == 0 => self.end_of_statement(at),
                Piece::Word => {
                    self.statement.add(&self.text[at..end]);
                    end
                }
                Piece::Space | Piece::Comment => end,
                other => {
                    self.statement.any = true;
                    match other {
                        Piece::Other(b'(') => self.statement.depth += 1,
                        Piece::Other(b')') => self.statement.depth = self.statement.depth.saturating_sub(1),
                        _ => {}
                    }
                    end
                }
            };
        }
    }

    fn end_of_statement(&mut self, at: usize) -> usize {
        let reads_stdin = std::mem::take(&mut self.statement).reads_stdin;
        if reads_stdin { self.copy_data(at) } else { at + 1 }
    }

    /// Blanks the lines after a `COPY … FROM stdin;` up to and with `\.`.
    fn copy_data(&mut self, semicolon: usize) -> usize {
        let start = self.line_end(semicolon);
        let mut at = start;
        while at < self.text.len() {
            let end = self.line_end(at + 1);
            let is_last = self.text[at..end].trim_ascii() == b"\\.";
            at = end;
            if is_last {
                break;
            }
        }
        self.blank(start, at);
        at
    }

    fn command(&mut self, at: usize) -> usize {
        if self.text.get(at + 1) == Some(&b';') {
            // `\;` only keeps psql from sending; for the server it is a semicolon.
            self.text[at] = b' ';
            return at + 1;
        }
        let end = self.line_end(at);
        let line = String::from_utf8_lossy(&self.text[at..end]).trim_end().to_owned();
        self.blank(at, end);
        let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        if name.starts_with("\\g") && self.statement.any {
            self.text[at] = b';';
            self.statement = Words::default();
        }
        self.note(at, name, arguments.trim());
        end
    }

    fn note(&mut self, offset: usize, name: &str, arguments: &str) {
        match name {
            "\\." | "\\restrict" | "\\unrestrict" => {}
            "\\i" | "\\ir" | "\\include" | "\\include_relative" => self.found.includes.push(Include {
                path: arguments.trim_matches(['\'', '"']).to_owned(),
                relative: matches!(name, "\\ir" | "\\include_relative"),
                offset,
            }),
            "\\if" | "\\elif" | "\\else" | "\\endif" => self.found.notes.push((
                offset,
                format!("psql's `{name}` is skipped; the statements of every branch are read"),
            )),
            "\\c" | "\\connect" => self.found.notes.push((
                offset,
                format!("psql's `{name}` is skipped; all statements of the file are taken for one database"),
            )),
            _ => self.found.notes.push((offset, format!("psql's `{name}` is skipped"))),
        }
    }

    /// Returns the offset of the line break that ends the line of an offset, or the end of the text.
    fn line_end(&self, at: usize) -> usize {
        let from = at.min(self.text.len());
        self.text[from..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(self.text.len(), |length| from + length)
    }

    fn blank(&mut self, start: usize, end: usize) {
        for b in &mut self.text[start..end] {
            if *b != b'\n' && *b != b'\r' {
                *b = b' ';
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(script: &str) -> String {
        let found = scan(script);
        assert_eq!(found.text.len(), script.len());
        found.text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn commands_and_copy_data_are_blanked() {
        let script = "\\restrict abc\nCOPY public.t (a, b) FROM stdin;\n1\tit's\n\\N\t;\n\\.\n\nCREATE TABLE u ();\n\\echo 'x'\n";
        assert_eq!(
            blanked(script),
            "\nCOPY public.t (a, b) FROM stdin;\n\n\n\n\nCREATE TABLE u ();\n"
        );
        let echo = script.find("\\echo").unwrap();
        assert_eq!(scan(script).notes, [(echo, "psql's `\\echo` is skipped".to_owned())]);
    }

    #[test]
    fn backslashes_in_quotes_are_sql() {
        let script = "SELECT '\\d', E'\\'\\x', $$\n\\i x\n$$; -- \\i y\n/* \\q */";
        assert_eq!(scan(script).text, script);
        assert!(scan(script).includes.is_empty());
    }

    #[test]
    fn copy_without_rows_ends_the_data_at_its_marker() {
        assert_eq!(
            blanked("copy t from STDIN with (format csv);\n\\.\nSELECT 1;"),
            "copy t from STDIN with (format csv);\n\nSELECT 1;"
        );
        assert_eq!(
            blanked("copy (select 1 from stdin) to stdout;\nSELECT 1;"),
            "copy (select 1 from stdin) to stdout;\nSELECT 1;"
        );
    }

    #[test]
    fn includes_and_sending_commands_are_found() {
        let found = scan("SELECT 1 \\gset\nSELECT 2 \\; SELECT 3;\n\\ir 'sub/a.sql'\n");
        assert_eq!(
            found.includes,
            [Include {
                path: "sub/a.sql".into(),
                relative: true,
                offset: 37
            }]
        );
        assert!(found.text.starts_with("SELECT 1 ;"));
        assert!(found.text.contains("SELECT 2  ; SELECT 3;"));
    }
}
