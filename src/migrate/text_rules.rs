//! The rules that look at the text of SQL files only, with their manual pages.

use crate::risk::Risk;

/// A rule over the text of a file.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// Code.
    pub code: &'static str,
    /// Grade.
    pub risk: Risk,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that matters, and the safer way.
    about: &'static str,
}

impl TextRule {
    /// Returns the manual page.
    pub fn page(&self) -> String {
        format!(
            "# {} {}\n\n{}\n\nLevel: {}.\n",
            self.code, self.title, self.about, self.risk
        )
    }
}

/// Every rule over the text of a file.
pub const TEXT_RULES: [TextRule; 7] = [
    TextRule {
        code: "TU801",
        risk: Risk::Caution,
        title: "statement that cannot be run again",
        about: "The statement runs outside a transaction or commits before the file has ended. When a later one fails, the file runs \
                again from there or from its beginning, and this statement fails because its work is done.\n\n\
                Safer: `IF NOT EXISTS` or `IF EXISTS`, or a file of its own.",
    },
    TextRule {
        code: "TU802",
        risk: Risk::Caution,
        title: "migration without a rollback",
        about: "`trueup migrate down` stops at a file without a way back, at the moment when it is needed most.\n\n\
                Safer: write the rollback with the migration; `trueup migrate generate` writes and proves both.",
    },
    TextRule {
        code: "TU803",
        risk: Risk::Safe,
        title: "several changes in one file",
        about: "One transaction holds the locks of all of them until the last is done, and a rollback undoes them together or not \
                at all.\n\nSafer: one change in a file.",
    },
    TextRule {
        code: "TU804",
        risk: Risk::Safe,
        title: "name without a schema",
        about: "Which object is meant depends on the search path of whoever runs the file: another role or another pool setting \
                makes it another one.\n\nSafer: write the schema before the name.",
    },
    TextRule {
        code: "TU805",
        risk: Risk::Caution,
        title: "index work without CONCURRENTLY",
        about: "`CREATE INDEX` holds a SHARE lock on its table until the index is built, so that nobody writes; `DROP INDEX` takes \
                ACCESS EXCLUSIVE and waits for every query on the table.\n\n\
                Safer: `CONCURRENTLY`, in a file of its own outside a transaction.",
    },
    TextRule {
        code: "TU806",
        risk: Risk::Caution,
        title: "work under a strong lock",
        about: "An earlier statement of the transaction took a lock that keeps readers or writers out, and holds it while this one \
                works.\n\nSafer: put what takes time into a file of its own.",
    },
    TextRule {
        code: "TU807",
        risk: Risk::Safe,
        title: "no time-out",
        about: "A statement that waits for a lock makes everybody queue behind it. trueup sets `lock_timeout` itself; other \
                runners, and `psql`, do not.\n\nSafer: `SET lock_timeout = '3s'` at the beginning of the file, or the header \
                `-- Timeout: 3s`.",
    },
];
