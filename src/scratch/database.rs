//! Scratch databases on a server that is not ours: made, dropped, and those of killed runs found.
//!
//! A name carries the process number of the session that made it. A leftover is one whose session is gone and that
//! nobody uses: unlike an advisory lock, which is local to one database, every session on the server can see that.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use postgres::Client;

use crate::db::{Server, Url};
use crate::error::{Error, ErrorKind, Result};

const PREFIX: &str = "trueup_scratch_";

/// Databases that are dropped with this value, through one connection that stays open.
pub(super) struct Databases {
    url: Url,
    client: Option<Client>,
    session: i32,
    server: Server,
    made: Vec<String>,
}

impl Databases {
    /// Connects and drops the leftovers that this role may drop.
    pub(super) fn connect(url: &Url) -> Result<Self> {
        let mut client = url.connect()?;
        let server = Server::read(&mut client)?;
        server.check_supported()?;
        let session = client.query_one("select pg_backend_pid()", &[])?.try_get(0)?;
        sweep(&mut client, url)?;
        Ok(Self {
            url: url.clone(),
            client: Some(client),
            session,
            server,
            made: Vec::new(),
        })
    }

    /// Makes an empty database, UTF-8 with the C locale where the server lets us choose.
    pub(super) fn make(&mut self) -> Result<Url> {
        let name = format!(
            "{PREFIX}{:x}_{:016x}",
            self.session,
            RandomState::new().build_hasher().finish()
        );
        let Some(client) = self.client.as_mut() else {
            return Err(Error::new(ErrorKind::Scratch, "the scratch databases are gone")
                .hint("Run the command again: it was interrupted."));
        };
        let plain = format!("create database {name} template template0");
        let wanted = format!(
            "{plain} encoding 'UTF8' lc_collate 'C' lc_ctype 'C'{}",
            options(&self.server)
        );
        self.made.push(name.clone());
        let outcome = client.batch_execute(&wanted).or_else(|error| {
            let denied = error.code().is_some_and(|state| state.code() == "42501");
            if denied {
                Err(error)
            } else {
                client.batch_execute(&plain)
            }
        });
        if let Err(error) = outcome {
            self.made.pop();
            return Err(refused(client, error));
        }
        Ok(self.url.with_database(&name))
    }

    /// Drops all of them; a second call does nothing.
    pub(super) fn drop_all(&mut self) {
        let mut client = self.client.take();
        for name in std::mem::take(&mut self.made) {
            let sql = format!("drop database if exists {name} with (force)");
            if let Some(client) = client.as_mut() {
                unsubscribe(client, &self.url, &name);
            }
            let dropped = client.as_mut().is_some_and(|client| client.batch_execute(&sql).is_ok());
            if !dropped {
                // The connection may have been lost while the scratch database was used for long.
                client = self.url.connect().ok();
                if let Some(client) = client.as_mut() {
                    let _ = client.batch_execute(&sql);
                }
            }
        }
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        self.drop_all();
    }
}

/// Logging the pages of the template is faster than the two checkpoints of a file copy, and harmless to others.
fn options(server: &Server) -> &'static str {
    if server.major() >= 15 {
        " locale_provider libc strategy wal_log"
    } else {
        ""
    }
}

fn refused(client: &mut Client, error: postgres::Error) -> Error {
    let denied = error.code().is_some_and(|state| state.code() == "42501");
    let mut out = Error::from(error).context("create a scratch database");
    out.kind = ErrorKind::Scratch;
    if !denied {
        return out;
    }
    let role = client
        .query_one("select quote_ident(current_user)", &[])
        .and_then(|row| row.try_get::<_, String>(0));
    let role = role.unwrap_or_else(|_| "current_user".to_owned());
    out.hint(format!(
        "A superuser must run `ALTER ROLE {role} CREATEDB;` on that server, or name another one with `--scratch URL`."
    ))
}

/// Drops the subscriptions of a scratch database, with which PostgreSQL refuses to drop it; none of them has connected.
const UNSUBSCRIBE: &str = "\
    do $$
    declare
        name text;
    begin
        for name in
            select s.subname
              from pg_catalog.pg_subscription s
              join pg_catalog.pg_database d on d.oid = s.subdbid
             where d.datname = pg_catalog.current_database()
        loop
            execute pg_catalog.format('alter subscription %I disable', name);
            execute pg_catalog.format('alter subscription %I set (slot_name = none)', name);
            execute pg_catalog.format('drop subscription %I', name);
        end loop;
    end $$";

/// Frees a database of its subscriptions; what fails here shows when the database is dropped.
fn unsubscribe(client: &mut Client, url: &Url, name: &str) {
    let found = client.query(
        "select from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid where d.datname = $1",
        &[&name],
    );
    if found.is_ok_and(|rows| !rows.is_empty())
        && let Ok(mut inside) = url.with_database(name).connect()
    {
        let _ = inside.batch_execute(UNSUBSCRIBE);
    }
}

const LEFTOVERS: &str = "\
    select d.datname::text
      from pg_catalog.pg_database d
     where d.datname like 'trueup\\_scratch\\_%'
       and pg_catalog.pg_has_role(d.datdba, 'member')
       and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
     order by d.datname";

fn sweep(client: &mut Client, url: &Url) -> Result<()> {
    let candidates = client.query(LEFTOVERS, &[])?;
    for row in candidates {
        let name: String = row.try_get(0)?;
        let Some(session) = session_of(&name) else {
            continue;
        };
        let alive = client.query("select from pg_catalog.pg_stat_activity where pid = $1", &[&session])?;
        if alive.is_empty() {
            unsubscribe(client, url, &name);
            // Another run may sweep at the same time, and without FORCE a database in use stays.
            let _ = client.batch_execute(&format!("drop database if exists {name}"));
        }
    }
    Ok(())
}

/// Reads the session out of a name that we made; other names are none of our business.
fn session_of(name: &str) -> Option<i32> {
    let (session, random) = name.strip_prefix(PREFIX)?.split_once('_')?;
    let hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (random.len() == 16 && hexadecimal(random) && hexadecimal(session))
        .then(|| i32::from_str_radix(session, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_leftovers() {
        assert_eq!(session_of("trueup_scratch_1f_0123456789abcdef"), Some(31));
        for name in [
            "trueup_scratch_",
            "trueup_scratch_1f",
            "trueup_scratch_1f_xyz",
            "trueup_scratch_1f_0123456789abcdeF",
            "shop",
        ] {
            assert_eq!(session_of(name), None, "{name}");
        }
    }
}
