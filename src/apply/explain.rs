//! What an error of PostgreSQL means for the statement that met it, and what to do, by SQLSTATE (manual: Appendix A).

/// What a state means, and what to do about it; both full sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explained {
    /// What it means for the statement.
    pub(super) meaning: &'static str,
    /// What to do before going on.
    pub(super) advice: &'static str,
}

type Entry = (&'static str, &'static str, &'static str);

/// States by code, then classes by their first two letters; the first entry that fits counts.
const STATES: &[Entry] = &[
    (
        "08",
        "The connection broke, so that nobody saw how the statement ended; the ledger knows what lasted.",
        "Check that the server is up and the network holds.",
    ),
    (
        "22001",
        "A value is longer than the new type allows.",
        "Shorten the values, or declare a wider type.",
    ),
    (
        "22003",
        "A value is out of the range of the new type.",
        "Correct the values, or declare a wider type.",
    ),
    (
        "22P02",
        "A value cannot be read as the new type.",
        "Correct the values, or write a conversion of your own into a new column.",
    ),
    (
        "22",
        "A value of a row cannot be converted as the statement asks.",
        "Correct the rows that stand in the way.",
    ),
    (
        "23502",
        "A row holds a null where the statement allows none.",
        "Correct the rows that stand in the way: fill the nulls, or declare the column nullable.",
    ),
    (
        "23503",
        "A row refers to one that is not there, or is referred to by others.",
        "Correct the rows that stand in the way: add those that are missing, or remove those that refer to nothing.",
    ),
    (
        "23505",
        "A value stands in two rows where the statement allows one.",
        "Correct the rows that stand in the way: merge or change those that repeat a value.",
    ),
    (
        "23514",
        "A row breaks the check that the statement adds.",
        "Correct the rows that stand in the way.",
    ),
    (
        "23P01",
        "Two rows overlap where the statement excludes it.",
        "Correct the rows that stand in the way.",
    ),
    (
        "23",
        "A row breaks a constraint.",
        "Correct the rows that stand in the way.",
    ),
    (
        "25006",
        "The server takes no writes: it is a standby, or was made read-only.",
        "Name the primary server.",
    ),
    (
        "2BP01",
        "Other objects still depend on what the statement drops.",
        "Declare those objects, or drop them, and plan again.",
    ),
    (
        "40001",
        "Another transaction changed the same rows at the same time, also after all retries.",
        "Come back when less is going on.",
    ),
    (
        "40P01",
        "Two transactions waited for each other, also after all retries.",
        "Come back when less is going on.",
    ),
    (
        "42501",
        "The role lacks a privilege that the statement needs.",
        "Run as the owner of the object, or as a member of the owning role; where a policy hides rows, as a role with BYPASSRLS.",
    ),
    (
        "42P07",
        "Something of that name is there already: it was made since the plan.",
        "Remove it, or plan again.",
    ),
    (
        "42710",
        "Something of that name is there already: it was made since the plan.",
        "Remove it, or plan again.",
    ),
    (
        "42P01",
        "A table that the statement names is gone since the plan.",
        "Bring it back, or plan again.",
    ),
    (
        "42703",
        "A column that the statement names is gone since the plan.",
        "Bring it back, or plan again.",
    ),
    (
        "53100",
        "The disk of the server is full; the server has undone the statement.",
        "Make room: a rewrite needs the size of the table and its indexes once more.",
    ),
    (
        "53200",
        "The server is out of memory.",
        "Lower maintenance_work_mem, or come back when less is going on.",
    ),
    (
        "53300",
        "The server takes no more connections.",
        "Close some, or raise max_connections.",
    ),
    ("53", "The server is short of something.", "See the server's log."),
    (
        "54",
        "A limit of PostgreSQL is reached: too many columns, or a row or an index entry too large.",
        "Declare it smaller.",
    ),
    (
        "55006",
        "Another session uses the object.",
        "End the session, or come back when it is done.",
    ),
    (
        "55P03",
        "The lock was not granted within lock_timeout, also after all retries; nobody had to wait behind it for longer.",
        "End the session that holds the lock, or come back when it is done.",
    ),
    (
        "57014",
        "The statement was cancelled: it took longer than statement_timeout, or somebody cancelled it.",
        "Allow more time with --statement-timeout.",
    ),
    (
        "57P",
        "The server ended the connection: it restarts, or somebody terminated the session.",
        "Check that the server is up.",
    ),
    (
        "58",
        "The server met an error of its system, mostly of its disk.",
        "See the server's log before anything else.",
    ),
    (
        "P0",
        "A function or an event trigger refused the statement.",
        "See what it asks for.",
    ),
    (
        "XX001",
        "The server found damaged data.",
        "Stop, take a backup of the files, and see the manual on corruption.",
    ),
    ("XX", "The server met an error of its own.", "See the server's log."),
];

/// Returns what a state means; nothing for one that says all by itself.
pub(super) fn explain(state: &str) -> Option<Explained> {
    let entry = STATES.iter().find(|(prefix, ..)| state.starts_with(prefix));
    entry.map(|(_, meaning, advice)| Explained { meaning, advice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_entry_counts() {
        assert!(explain("23502").unwrap().meaning.contains("null"));
        assert!(explain("23999").unwrap().meaning.contains("constraint"));
        assert!(explain("57P01").unwrap().meaning.contains("ended the connection"));
        assert_eq!(explain("00000"), None);
    }

    #[test]
    fn no_entry_hides_another() {
        for (at, (prefix, ..)) in STATES.iter().enumerate() {
            let first = STATES.iter().position(|(earlier, ..)| prefix.starts_with(earlier));
            assert_eq!(first, Some(at), "{prefix}");
        }
    }
}
