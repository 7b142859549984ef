//! Databases of one test each.

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use postgres::{Client, NoTls, Row};
use trueup::catalog::Catalog;
use trueup::db::{Environment, Url};
use trueup::introspect::{Options, introspect};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// An empty database that is dropped with this value.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes a database with a name of its own on a server.
    pub(crate) fn new(server: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            server: server.to_owned(),
            name: format!("test_{}_{number}", process::id()),
        };
        database.on_server(&format!("CREATE DATABASE {} TEMPLATE template0", database.name));
        database
    }

    /// Makes a database and executes SQL in it.
    pub(crate) fn with(server: &str, sql: &str) -> Self {
        let database = Self::new(server);
        database.execute(sql);
        database
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the URL of the server that it is on.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Returns the URL, as a user would pass it.
    pub(crate) fn url(&self) -> String {
        let (target, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let target = &target[..target.rfind('/').expect("a URL with a database")];
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{target}/{}{separator}{query}", self.name)
    }

    /// Returns the URL, as the library wants it.
    pub(crate) fn target(&self) -> Url {
        Url::parse(&self.url(), &Environment::default()).unwrap()
    }

    /// Gives its sessions the time zone UTC, whatever that of the machine is.
    pub(crate) fn in_utc(self) -> Self {
        self.set("timezone = 'UTC'");
        self
    }

    /// Gives the sessions that begin from now on a setting.
    pub(crate) fn set(&self, setting: &str) {
        self.execute(&format!("ALTER DATABASE \"{}\" SET {setting}", self.name));
    }

    /// Returns a number that the server counts, once sessions that are still there have told it theirs.
    pub(crate) fn counted(&self, sql: &str) -> i64 {
        thread::sleep(Duration::from_millis(1100));
        self.rows(sql)[0].get(0)
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.url(), NoTls).unwrap()
    }

    /// Executes statements.
    pub(crate) fn execute(&self, sql: &str) {
        let done = self.connect().batch_execute(sql);
        done.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    }

    /// Returns the rows of a query.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Row> {
        let rows = self.connect().query(sql, &[]);
        rows.unwrap_or_else(|error| panic!("{error:?}\n{sql}"))
    }

    /// Returns the one text that a query gives.
    pub(crate) fn text(&self, sql: &str) -> String {
        self.rows(sql)[0].get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// Reads the catalog.
    pub(crate) fn catalog(&self) -> Catalog {
        introspect(&self.target(), Options::default()).unwrap().1
    }

    fn on_server(&self, sql: &str) {
        let mut client = Client::connect(&self.server, NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }
}

impl Database {
    /// PostgreSQL drops no database that subscribes to something.
    fn drop_subscriptions(&self) {
        let names = "SELECT pg_catalog.quote_ident(subname) FROM pg_catalog.pg_subscription
                     WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
        let Ok(mut client) = Client::connect(&self.url(), NoTls) else {
            return;
        };
        for row in client.query(names, &[]).into_iter().flatten() {
            let name: String = row.get(0);
            let _ = client.batch_execute(&format!("DROP SUBSCRIPTION {name}"));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that has failed already must not hide its reason behind a second panic.
        if let Ok(mut client) = Client::connect(&self.server, NoTls) {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            if client.batch_execute(&drop).is_err() {
                self.drop_subscriptions();
                let _ = client.batch_execute(&drop);
            }
        }
    }
}
