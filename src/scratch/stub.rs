//! What a statement names that belongs to the cluster, and what stands in for it on a cluster of our own.

use postgres::Client;

use crate::catalog::quote::ident;

/// Something of a cluster that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stub {
    /// A role.
    Role(String),
    /// A tablespace.
    Tablespace(String),
}

impl Stub {
    /// Reads what is missing out of a message of the server, whose language is English on scratch.
    pub(crate) fn missing(message: &str) -> Option<Self> {
        let name_of = |word: &str| {
            let name = message.strip_prefix(word)?.strip_prefix(" \"")?;
            Some(name.strip_suffix("\" does not exist")?.to_owned())
        };
        name_of("role")
            .map(Self::Role)
            .or_else(|| name_of("tablespace").map(Self::Tablespace))
    }

    /// Returns the statements that make it, none of which may stand in a transaction with another. A tablespace has its
    /// folder among the cluster's own, so that it goes with the cluster.
    pub(crate) fn sql(&self) -> Vec<String> {
        match self {
            Self::Role(role) => vec![format!("CREATE ROLE {}", ident(role))],
            Self::Tablespace(tablespace) => vec![
                "SET allow_in_place_tablespaces = on".to_owned(),
                format!("CREATE TABLESPACE {} LOCATION ''", ident(tablespace)),
                "RESET allow_in_place_tablespaces".to_owned(),
            ],
        }
    }

    /// Makes it.
    pub(crate) fn make(&self, client: &mut Client) -> Result<(), postgres::Error> {
        self.sql().iter().try_for_each(|sql| client.batch_execute(sql))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_is_missing() {
        let missing = |message: &str| Stub::missing(message);
        assert_eq!(
            missing("role \"a b\" does not exist"),
            Some(Stub::Role("a b".to_owned()))
        );
        assert_eq!(
            missing("tablespace \"fast\" does not exist"),
            Some(Stub::Tablespace("fast".to_owned()))
        );
        assert_eq!(missing("relation \"fast\" does not exist"), None);
    }
}
