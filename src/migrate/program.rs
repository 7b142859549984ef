//! A script as it will run: its statements with their places, in the blocks that commit together.

use pg_query::NodeEnum;
use pg_query::protobuf::TransactionStmtKind;

use super::directory::Script;
use super::outside;
use crate::desired::place::{Place, SourceText};
use crate::desired::psql;
use crate::desired::statement::{Piece, split};
use crate::error::{Error, Result};

/// One statement of a script.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// SQL without its semicolon.
    pub(crate) sql: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// What the parser made of it; `None` where its tree is too deep to be handed over.
    pub(crate) node: Option<NodeEnum>,
}

/// Statements that commit together.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Whether they run in a transaction; a block outside of one has one statement.
    pub(crate) in_transaction: bool,
    /// Index of the first one in the script.
    pub(crate) first: usize,
    /// Number of statements.
    pub(crate) count: usize,
}

/// A script, understood.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Statements in order.
    pub(crate) lines: Vec<Line>,
    /// How they commit.
    pub(crate) blocks: Vec<Block>,
    text: SourceText,
}

impl Program {
    /// Understands a script.
    ///
    /// # Errors
    /// A syntax error, what only psql understands, or a transaction that cannot be as it is written, each at file, line
    /// and column.
    pub(crate) fn read(script: &Script, no_transaction: bool) -> Result<Self> {
        let scanned = psql::scan(&script.text);
        let source = SourceText::new(script.path.clone(), script.text.clone(), scanned.text.clone());
        refuse_psql(&source, &scanned)?;
        let mut reader = Reader {
            lines: Vec::new(),
            blocks: Vec::new(),
            began: None,
            is_closed: true,
            no_transaction,
        };
        for unit in split(&source)?.iter().map(Piece::parse) {
            let line = Line {
                sql: unit.text.trim_end().to_owned(),
                place: source.place(unit.offset),
                node: unit.node,
            };
            reader.take(line).map_err(|error| shown(error, &source, unit.offset))?;
        }
        if let Some(place) = reader.began {
            return Err(Error::target(format!("{place}: this `BEGIN` has no `COMMIT`"))
                .hint("End the transaction with `COMMIT`, or leave `BEGIN` out: each file runs in a transaction."));
        }
        Ok(Self {
            lines: reader.lines,
            blocks: reader.blocks,
            text: source,
        })
    }

    /// Tells whether the whole script commits at once.
    pub(crate) fn is_atomic(&self) -> bool {
        self.blocks.len() <= 1 && self.blocks.iter().all(|block| block.in_transaction)
    }

    /// Returns the text with its places.
    pub(crate) fn text(&self) -> &SourceText {
        &self.text
    }
}

fn shown(mut error: Error, source: &SourceText, offset: usize) -> Error {
    error.message = format!("{}: {}", source.place(offset), error.message);
    error.detail.extend(source.show(offset));
    error
}

fn refuse_psql(source: &SourceText, scanned: &psql::Script) -> Result<()> {
    let include = scanned
        .includes
        .first()
        .map(|include| (include.offset, "\\i".to_owned()));
    let other = scanned.notes.first().map(|(offset, text)| (*offset, command(text)));
    let first = include.into_iter().chain(other).min();
    let Some((offset, command)) = first else { return Ok(()) };
    let hint = match command.as_str() {
        "\\i" => "Put the other file's statements here, or make it a migration of its own.",
        "\\copy" => "Load rows outside of migrations, or write them as `INSERT`.",
        "\\c" | "\\connect" => {
            "A migration runs on one database: take the line out, and run it with another --database."
        }
        "\\if" | "\\elif" | "\\else" | "\\endif" => "Write the condition as a `DO` block.",
        "\\set" => "Write the value itself where it is used.",
        _ => "Take the line out: migrations are run by the server, not by psql.",
    };
    let error = Error::target(format!("only psql understands `{command}`")).hint(hint);
    Err(shown(error, source, offset))
}

/// Returns the command that a note of the scanner is about.
fn command(note: &str) -> String {
    note.split('`').nth(1).unwrap_or(note).to_owned()
}

struct Reader {
    lines: Vec<Line>,
    blocks: Vec<Block>,
    /// Where an explicit transaction began.
    began: Option<Place>,
    /// Whether the next statement begins a block.
    is_closed: bool,
    no_transaction: bool,
}

impl Reader {
    fn take(&mut self, line: Line) -> Result<()> {
        match &line.node {
            Some(NodeEnum::TransactionStmt(transaction)) => {
                let (kind, chain) = (transaction.kind(), transaction.chain);
                self.transaction(kind, chain, line)
            }
            Some(NodeEnum::CopyStmt(copy)) if copy.filename.is_empty() && copy.is_from => {
                Err(Error::target("`COPY … FROM stdin` takes its rows from psql")
                    .hint("Write the rows as `INSERT`, or load them outside of migrations."))
            }
            _ => self.statement(line),
        }
    }

    fn transaction(&mut self, kind: TransactionStmtKind, chain: bool, line: Line) -> Result<()> {
        use TransactionStmtKind as K;
        match kind {
            K::TransStmtBegin | K::TransStmtStart if self.began.is_some() => {
                Err(Error::target("a transaction is open already").hint("End the first one with `COMMIT`."))
            }
            K::TransStmtBegin | K::TransStmtStart => {
                self.began = Some(line.place);
                self.is_closed = true;
                Ok(())
            }
            K::TransStmtCommit if chain => {
                Err(Error::target("`COMMIT AND CHAIN` has no place in a migration").hint("Write `COMMIT` and `BEGIN`."))
            }
            K::TransStmtCommit if self.began.take().is_none() => {
                Err(Error::target("there is no transaction to commit")
                    .hint("Write `BEGIN` before it, or leave it out: each file runs in a transaction."))
            }
            K::TransStmtCommit => {
                self.is_closed = true;
                Ok(())
            }
            K::TransStmtRollback | K::TransStmtPrepare | K::TransStmtCommitPrepared | K::TransStmtRollbackPrepared => {
                Err(Error::target("a migration does not end its transaction like this")
                    .hint("Leave it out: when a statement fails, the file's transaction is rolled back."))
            }
            _ => self.statement(line),
        }
    }

    fn statement(&mut self, line: Line) -> Result<()> {
        let stand = line.node.as_ref().map_or(outside::Stand::Inside, outside::stand);
        let is_outside = stand == outside::Stand::Outside;
        if is_outside && self.began.is_some() {
            return Err(Error::target("this statement cannot run inside a transaction")
                .hint("Put it before `BEGIN` or after `COMMIT`, or leave both out: it then runs by itself."));
        }
        // Alone, a statement still shares a transaction with what is recorded of it, so that a kill between the two does
        // not have it run twice; what may commit by itself cannot.
        let alone = self.no_transaction && self.began.is_none();
        let in_transaction = !(is_outside || alone && outside::may_commit(&line));
        match self.blocks.last_mut() {
            Some(open) if in_transaction && open.in_transaction && !self.is_closed => open.count += 1,
            _ => self.blocks.push(Block {
                in_transaction,
                first: self.lines.len(),
                count: 1,
            }),
        }
        self.is_closed = alone || !in_transaction || stand == outside::Stand::Last;
        self.lines.push(line);
        Ok(())
    }
}

/// Returns statements that stand nowhere, for tests.
#[cfg(test)]
pub(super) fn lines(texts: &[&str]) -> Vec<Line> {
    let line = |sql: &&str| Line {
        sql: (*sql).to_owned(),
        place: Place {
            file: String::new(),
            line: 1,
            column: 1,
        },
        node: crate::desired::statement::parse(sql),
    };
    texts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::checksum::Checksum;

    fn read(text: &str) -> Result<Program> {
        let script = Script {
            path: "001_a.sql".to_owned(),
            text: text.to_owned(),
            checksum: Checksum::of(text),
        };
        Program::read(&script, text.contains("Transaction: none"))
    }

    /// Blocks as text: statements of one transaction in parentheses.
    fn blocks(text: &str) -> Vec<(bool, usize)> {
        let program = read(text).unwrap();
        program
            .blocks
            .iter()
            .map(|block| (block.in_transaction, block.count))
            .collect()
    }

    #[test]
    fn a_file_is_one_transaction() {
        assert_eq!(
            blocks("CREATE TABLE a (); SELECT $$;$$; /* /* ; */ */ SELECT 1"),
            [(true, 3)]
        );
        assert_eq!(blocks("BEGIN; CREATE TABLE a (); COMMIT;"), [(true, 1)]);
        assert_eq!(blocks("-- nothing\n"), []);
    }

    #[test]
    fn what_cannot_run_in_a_transaction_runs_by_itself() {
        let text = "CREATE TABLE a (b int); CREATE INDEX CONCURRENTLY ON a (b); COMMENT ON TABLE a IS ''; VACUUM a;";
        assert_eq!(blocks(text), [(true, 1), (false, 1), (true, 1), (false, 1)]);
        assert_eq!(
            blocks("-- Transaction: none\nSELECT 1; SELECT 2; CALL a(); DO ''; VACUUM;"),
            [(true, 1), (true, 1), (false, 1), (false, 1), (false, 1)]
        );
        assert_eq!(
            blocks("ALTER TYPE a ADD VALUE 'b'; SELECT 1; SELECT 2;"),
            [(true, 1), (true, 2)]
        );
        assert_eq!(
            blocks("BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 1; SELECT 2; COMMIT; SELECT 3;"),
            [(true, 1), (true, 2), (true, 1)]
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            (
                "SELECT 1;\nCREATE TABL a ();",
                "001_a.sql:2:8: syntax error at or near \"TABL\"",
            ),
            (
                "SELECT 1;\n  \\i other.sql\n",
                "001_a.sql:2:3: only psql understands `\\i`",
            ),
            ("\\set a 1\nSELECT 1;", "001_a.sql:1:1: only psql understands `\\set`"),
            (
                "COPY a FROM stdin;\n1\n\\.\n",
                "001_a.sql:1:1: `COPY … FROM stdin` takes its rows from psql",
            ),
            (
                "BEGIN;\nVACUUM;\nCOMMIT;",
                "001_a.sql:2:1: this statement cannot run inside a transaction",
            ),
            ("BEGIN;\nSELECT 1;", "001_a.sql:1:1: this `BEGIN` has no `COMMIT`"),
            (
                "SELECT 1;\nROLLBACK;",
                "001_a.sql:2:1: a migration does not end its transaction like this",
            ),
            ("SELECT 1; COMMIT;", "001_a.sql:1:11: there is no transaction to commit"),
        ];
        for (text, message) in cases {
            let error = read(text).unwrap_err();
            assert_eq!(error.message, message, "{text}");
            assert!(error.hint.is_some(), "{text}");
        }
    }
}
