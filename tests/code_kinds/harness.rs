//! Databases of a test, and the way from one state to another.

use std::sync::atomic::{AtomicUsize, Ordering};

use postgres::{Client, NoTls};
use trueup::catalog::Catalog;
use trueup::db::Server;
use trueup::introspect::{self, Options};
use trueup::kinds::{AnyObject, Context};
use trueup::plan::route;

/// Empty database on one server, dropped at the end.
pub(super) struct Scratch {
    server: String,
    name: String,
}

impl Scratch {
    pub(super) fn new(server: &str, sql: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("k3_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(server, NoTls).unwrap();
        client
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .unwrap();
        let out = Self {
            server: server.to_owned(),
            name,
        };
        out.connect()
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
        out
    }

    pub(super) fn connect(&self) -> Client {
        let mut config: postgres::Config = self.server.parse().unwrap();
        config.dbname(&self.name).connect(NoTls).unwrap()
    }

    pub(super) fn catalog(&self) -> Catalog {
        let (base, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let start = base.rfind('/').unwrap();
        let url = trueup::db::Url::parse(
            &format!("{}/{}?{query}", &base[..start], self.name),
            &trueup::db::Environment::default(),
        )
        .unwrap();
        let mut client = self.connect();
        let server = Server::read(&mut client).unwrap();
        introspect::read(&url, &mut client, &server, Options { connections: 1 }).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut client = Client::connect(&self.server, NoTls).unwrap();
        let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

pub(super) fn servers() -> Vec<String> {
    let urls = std::env::var("TRUEUP_TEST_URLS")
        .expect("set TRUEUP_TEST_URLS to the URLs of PostgreSQL servers on which databases may be created");
    urls.split_whitespace().map(str::to_owned).collect()
}

/// Plans and runs the way from the database's state to another; returns the SQL.
pub(super) fn walk(scratch: &Scratch, to: &Catalog) -> String {
    let from = scratch.catalog();
    let context = Context {
        from: &from,
        to,
        version_num: from.version_num,
    };
    let steps = route(&context).steps;
    let mut client = scratch.connect();
    client.batch_execute("SET check_function_bodies = off").unwrap();
    let sentences = steps.iter().flat_map(|step| &step.statements);
    let script: Vec<String> = sentences.map(|sentence| format!("{};\n", sentence.sql)).collect();
    for sql in &script {
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{}", script.concat()));
    }
    assert_same(&scratch.catalog(), to, &script.concat());
    script.concat()
}

pub(super) fn assert_same(found: &Catalog, aimed: &Catalog, script: &str) {
    for (identity, object) in &aimed.objects {
        let found = found.get(identity).cloned().map(AnyObject::significant);
        assert_eq!(found, Some(object.clone().significant()), "{identity} after\n{script}");
    }
    for identity in found.objects.keys() {
        assert!(aimed.contains(identity), "{identity} is left after\n{script}");
    }
}

/// Runs a pair of states in both directions and from nothing; returns the SQL of the way forward.
fn both_ways(server: &str, before: &str, after: &str) -> String {
    let (live, other) = (Scratch::new(server, before), Scratch::new(server, after));
    let (from, to) = (live.catalog(), other.catalog());
    assert_ne!(from.objects, to.objects, "nothing differs:\n{before}\n{after}");
    let forward = walk(&live, &to);
    walk(&live, &from);
    let fresh = Scratch::new(server, "");
    walk(&fresh, &to);
    let again = Scratch::new(server, "");
    walk(&again, &from);
    forward
}

/// Runs a pair on every server; each server's script holds, or does not hold, these words.
pub(super) fn case(before: &str, after: &str, holds: &[&str], holds_not: &[&str]) {
    for server in servers() {
        let script = both_ways(&server, before, after);
        for words in holds {
            assert!(script.contains(words), "no `{words}` in\n{script}");
        }
        for words in holds_not {
            assert!(!script.contains(words), "`{words}` in\n{script}");
        }
    }
}
