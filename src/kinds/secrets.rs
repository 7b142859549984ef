//! The values behind the marks: collected from target files and from the server for as long as a plan is executed, put
//! into a statement on its way to the server, and held nowhere else.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, Node, Token};
use postgres::Client;

use super::{AnyObject, connection_string, foreign_options, secret};
use crate::catalog::Catalog;
use crate::catalog::quote::literal;
use crate::db::Server;
use crate::error::{Error, Result};

/// Values by their marks; clones share them. Never shown.
#[derive(Clone, Default)]
pub struct Secrets {
    known: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known().len())
    }
}

/// Tells whether a statement holds a mark in the place of a secret.
pub fn needs_secrets(sql: &str) -> bool {
    secret::has_mark(sql) && !marks(sql).is_empty()
}

impl Secrets {
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        // A value is whole whenever the lock is free, whoever panicked.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, name: &str, value: &str) {
        if !secret::is_mark(value) {
            let mark = secret::mark(name, value);
            self.known().entry(mark).or_default().insert(value.to_owned());
        }
    }

    /// Learns the secrets that a statement states.
    pub fn learn_statement(&self, node: &NodeEnum) {
        for (name, value) in options(node) {
            if secret::is_secret(&name) {
                self.learn(&name, &value);
            }
        }
        if let Some(connection) = connection(node) {
            connection_string::with_secrets(connection, &mut |name, value| {
                self.learn(name, value);
                String::new()
            });
        }
    }

    /// Learns the secrets that a database holds, as far as the connected role may read them.
    pub fn learn_live(&self, client: &mut Client, server: &Server) -> Result<()> {
        let sql = format!(
            "SELECT o FROM (SELECT pg_catalog.unnest(srvoptions) FROM pg_catalog.pg_foreign_server
                 UNION ALL SELECT pg_catalog.unnest(umoptions) FROM pg_catalog.pg_user_mappings
                 UNION ALL SELECT pg_catalog.unnest(fdwoptions) FROM pg_catalog.pg_foreign_data_wrapper
                 UNION ALL SELECT pg_catalog.unnest(ftoptions) FROM pg_catalog.pg_foreign_table
                 UNION ALL SELECT pg_catalog.unnest(attfdwoptions) FROM pg_catalog.pg_attribute
                     WHERE attfdwoptions IS NOT NULL) s (o)
             WHERE {}",
            secret::is_secret_sql("pg_catalog.split_part(o, '=', 1)")
        );
        for row in client.query(&sql, &[])? {
            let option: String = row.try_get(0)?;
            let (name, value) = foreign_options::split(&option);
            self.learn(name, value);
        }
        if server.superuser {
            let sql = "SELECT s.subconninfo FROM pg_catalog.pg_subscription s
                 JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()";
            for row in client.query(sql, &[])? {
                let connection: String = row.try_get(0)?;
                connection_string::with_secrets(&connection, &mut |name, value| {
                    self.learn(name, value);
                    String::new()
                });
            }
        }
        Ok(())
    }

    /// Returns the marks of a statement that nothing is known behind.
    pub fn missing(&self, sql: &str) -> Vec<String> {
        if !secret::has_mark(sql) {
            return Vec::new();
        }
        let known = self.known();
        let marks = marks(sql).into_iter();
        marks.filter(|mark| !known.contains_key(mark)).collect()
    }

    /// Returns a statement as the server gets it, with the values in the place of their marks.
    ///
    /// # Errors
    /// Nothing is known behind a mark, or two values are.
    pub fn filled<'a>(&self, sql: &'a str) -> Result<Cow<'a, str>> {
        if !needs_secrets(sql) {
            return Ok(Cow::Borrowed(sql));
        }
        let mut out = String::new();
        let mut done = 0;
        for (start, end, filled) in self.replacements(sql)? {
            out.push_str(sql.get(done..start).unwrap_or_default());
            out.push_str(&filled);
            done = end;
        }
        out.push_str(sql.get(done..).unwrap_or_default());
        Ok(Cow::Owned(out))
    }

    /// Returns where a literal of a statement changes: start, end, and the new literal.
    fn replacements(&self, sql: &str) -> Result<Vec<(usize, usize, String)>> {
        let parsed = parse(sql);
        let connection = parsed.as_ref().and_then(connection);
        let scanned = pg_query::scan(sql).map_err(|error| Error::internal(error.to_string()))?;
        let mut out = Vec::new();
        let mut after_connection = false;
        for token in &scanned.tokens {
            let (Ok(start), Ok(end)) = (usize::try_from(token.start), usize::try_from(token.end)) else {
                continue;
            };
            let text = sql.get(start..end).unwrap_or_default();
            let is_literal = token.token() == Token::Sconst;
            let mark = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            if let Some(connection) = connection.filter(|_| is_literal && after_connection) {
                let mut failed = None;
                let filled = connection_string::with_secrets(connection, &mut |_, value| {
                    self.value(value).unwrap_or_else(|error| {
                        failed = Some(error);
                        String::new()
                    })
                });
                failed.map_or(Ok(()), Err)?;
                out.push((start, end, literal(&filled)));
            } else if let Some(mark) = mark.filter(|mark| is_literal && secret::is_mark(mark)) {
                out.push((start, end, literal(&self.value(mark)?)));
            }
            after_connection = token.token() == Token::Connection;
        }
        Ok(out)
    }

    fn value(&self, mark: &str) -> Result<String> {
        if !secret::is_mark(mark) {
            return Ok(mark.to_owned());
        }
        let known = self.known();
        let mut values = known.get(mark).into_iter().flatten();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value.clone()),
            (None, _) => Err(unknown(&[mark.to_owned()])),
            (Some(_), Some(_)) => Err(Error::usage(format!("two secrets have the mark {mark}"))
                .hint("Change one of them a little, or set it by hand: marks are short on purpose.")),
        }
    }

    /// Returns a text without the values.
    pub fn conceal(&self, text: &str) -> String {
        let known = self.known();
        let mut out = text.to_owned();
        for (mark, values) in known.iter() {
            for value in values.iter().filter(|value| !value.is_empty()) {
                out = out.replace(value.as_str(), mark);
            }
        }
        out
    }
}

/// Returns the error that nothing is known behind marks.
pub fn unknown(marks: &[String]) -> Error {
    Error::usage(format!("nobody knows the secrets {}", marks.join(", "))).hint(
        "No plan and no ledger holds a secret, only a mark of it. Name target files that state these values with --schema.",
    )
}

/// Takes the live secrets over into the desired state where the files name none: they are set by hand.
pub fn keep_secrets(desired: &mut Catalog, live: &Catalog) {
    let kept = |live: &[String], desired: &[String]| {
        let mut options = desired.to_vec();
        foreign_options::keep_secrets(&mut options, live);
        (options.as_slice() != desired).then_some(options)
    };
    for (identity, object) in &mut desired.objects {
        match object {
            AnyObject::ForeignDataWrapper(desired) => {
                if let Some(AnyObject::ForeignDataWrapper(live)) = live.get(identity)
                    && let Some(options) = kept(&live.options, &desired.options)
                {
                    Arc::make_mut(desired).options = options;
                }
            }
            AnyObject::ForeignServer(desired) => {
                if let Some(AnyObject::ForeignServer(live)) = live.get(identity)
                    && let Some(options) = kept(&live.options, &desired.options)
                {
                    Arc::make_mut(desired).options = options;
                }
            }
            AnyObject::UserMapping(desired) => {
                if let Some(AnyObject::UserMapping(live)) = live.get(identity)
                    && let Some(options) = kept(&live.options, &desired.options)
                {
                    Arc::make_mut(desired).options = options;
                }
            }
            AnyObject::Table(desired) if desired.foreign.is_some() => {
                if let Some(AnyObject::Table(live)) = live.get(identity)
                    && let (Some(own), Some(live)) = (&desired.foreign, &live.foreign)
                    && let Some(options) = kept(&live.options, &own.options)
                    && let Some(own) = &mut Arc::make_mut(desired).foreign
                {
                    own.options = options;
                }
            }
            AnyObject::Subscription(desired) => {
                if let Some(AnyObject::Subscription(live)) = live.get(identity) {
                    Arc::make_mut(desired).keep_secrets(live);
                }
            }
            _ => {}
        }
    }
}

fn parse(sql: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    parsed.protobuf.stmts.into_iter().next()?.stmt?.node
}

/// Returns the marks that stand for secrets in a statement.
fn marks(sql: &str) -> Vec<String> {
    let Some(node) = parse(sql) else {
        return Vec::new();
    };
    let options = options(&node).into_iter();
    let mut out: Vec<String> = options
        .map(|(_, value)| value)
        .filter(|value| secret::is_mark(value))
        .collect();
    let of_connection = connection(&node).map(connection_string::marks).unwrap_or_default();
    out.extend(of_connection.into_iter().map(|(_, mark)| mark));
    out
}

/// Returns the connection string of a statement about a subscription.
fn connection(node: &NodeEnum) -> Option<&str> {
    match node {
        NodeEnum::CreateSubscriptionStmt(create) => Some(&create.conninfo),
        NodeEnum::AlterSubscriptionStmt(alter) => Some(&alter.conninfo)
            .filter(|text| !text.is_empty())
            .map(String::as_str),
        _ => None,
    }
}

/// Returns the options that a statement about foreign data states.
fn options(node: &NodeEnum) -> Vec<(String, String)> {
    use NodeEnum as N;
    let mut out = Vec::new();
    let mut take = |options: &[Node]| out.extend(options.iter().filter_map(option));
    match node {
        N::CreateFdwStmt(create) => take(&create.options),
        N::AlterFdwStmt(alter) => take(&alter.options),
        N::CreateForeignServerStmt(create) => take(&create.options),
        N::AlterForeignServerStmt(alter) => take(&alter.options),
        N::CreateUserMappingStmt(create) => take(&create.options),
        N::AlterUserMappingStmt(alter) => take(&alter.options),
        N::CreateForeignTableStmt(create) => {
            take(&create.options);
            let columns = create.base_stmt.iter().flat_map(|base| &base.table_elts);
            for column in columns {
                if let Some(N::ColumnDef(column)) = &column.node {
                    take(&column.fdwoptions);
                }
            }
        }
        N::AlterTableStmt(alter) => {
            for command in &alter.cmds {
                let Some(N::AlterTableCmd(command)) = &command.node else {
                    continue;
                };
                if let Some(N::List(list)) = command.def.as_ref().and_then(|def| def.node.as_ref()) {
                    take(&list.items);
                }
            }
        }
        _ => {}
    }
    out
}

fn option(node: &Node) -> Option<(String, String)> {
    let Some(NodeEnum::DefElem(element)) = &node.node else {
        return None;
    };
    let DefElem { defname, arg, .. } = element.as_ref();
    match arg.as_ref()?.node.as_ref()? {
        NodeEnum::String(text) => Some((defname.clone(), text.sval.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(sql: &str) -> Secrets {
        let out = Secrets::default();
        out.learn_statement(&parse(sql).unwrap());
        out
    }

    #[test]
    fn a_statement_is_filled_with_what_another_one_stated() {
        let secrets = secrets("CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'me', password 'hun''ter\\2')");
        let mark = secret::mark("password", "hun'ter\\2");
        let sql = format!("ALTER USER MAPPING FOR u SERVER s OPTIONS (SET \"user\" 'you', ADD password '{mark}')");
        assert!(needs_secrets(&sql) && secrets.missing(&sql).is_empty());
        assert_eq!(
            secrets.filled(&sql).unwrap(),
            "ALTER USER MAPPING FOR u SERVER s OPTIONS (SET \"user\" 'you', ADD password E'hun''ter\\\\2')"
        );
        assert!(!format!("{secrets:?}").contains("ter"));
        assert_eq!(
            secrets.conceal("invalid value hun'ter\\2"),
            format!("invalid value {mark}")
        );
    }

    #[test]
    fn a_connection_string_is_filled() {
        let secrets = secrets("CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p");
        let mark = secret::mark("password", "hunter2");
        let sql = format!("ALTER SUBSCRIPTION s CONNECTION 'host=g password={mark}'");
        assert_eq!(
            secrets.filled(&sql).unwrap(),
            "ALTER SUBSCRIPTION s CONNECTION 'host=g password=hunter2'"
        );
    }

    #[test]
    fn a_text_that_looks_like_a_mark_elsewhere_is_no_secret() {
        let sql = "COMMENT ON TABLE t IS '<secret:abcde>'";
        assert!(!needs_secrets(sql));
        assert_eq!(Secrets::default().filled(sql).unwrap(), sql);
    }

    #[test]
    fn an_unknown_mark_is_an_error() {
        let sql = "CREATE USER MAPPING FOR u SERVER s OPTIONS (password '<secret:abcde>')";
        assert_eq!(Secrets::default().missing(sql), ["<secret:abcde>"]);
        assert!(Secrets::default().filled(sql).is_err());
    }
}
