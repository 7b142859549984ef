//! A throw-away cluster from the binaries of this machine: it works, and nothing of it is left behind.

#![expect(clippy::print_stdout, reason = "the held cluster tells where it is")]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use trueup::db::{Host, Url};
use trueup::scratch::{self, Choice, Request, Scratch};

use crate::support::machine;

fn open() -> Scratch {
    let request = Request {
        choice: &Choice::Auto,
        live: None,
        major: None,
        machine: &machine(),
    };
    scratch::open(&request).unwrap()
}

/// The work directory is where the socket is.
fn folder(url: &Url) -> PathBuf {
    match &url.hosts()[0].0 {
        Host::Socket(path) => path.clone(),
        Host::Tcp(name) => panic!("a throw-away cluster listens on a socket, not on {name}"),
    }
}

fn server_process(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}

fn is_running(process: u32) -> bool {
    // A shell has it built in; `ps` is a package that containers seldom have.
    let asked = format!("kill -0 {process}");
    let status = Command::new("sh").args(["-c", &asked]).stderr(Stdio::null()).status();
    status.unwrap().success()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen within 30 seconds");
}

#[test]
fn an_empty_database_of_our_own() {
    let mut scratch = open();
    let mut client = scratch.connect().unwrap();
    let row = client
        .query_one("select current_setting('server_encoding'), current_setting('timezone'), count(*) from pg_tables where schemaname = 'public'", &[])
        .unwrap();
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, i64>(2)),
        ("UTF8", "UTC", 0)
    );
    assert!(scratch.own_cluster() && scratch.server().superuser);
    assert_eq!(
        scratch::local_major(&machine(), None).unwrap(),
        scratch.server().major()
    );
    assert!(
        scratch.describe().starts_with("throw-away PostgreSQL "),
        "{}",
        scratch.describe()
    );
    client.batch_execute("create table t (); create role stub").unwrap();

    let other = scratch.new_database().unwrap();
    let found = other
        .connect()
        .unwrap()
        .query("select from pg_tables where tablename = 't'", &[]);
    assert!(found.unwrap().is_empty());
    assert_ne!(other.database(), scratch.new_database().unwrap().database());
}

#[test]
fn nothing_is_left_after_drop() {
    let scratch = open();
    let folder = folder(scratch.url());
    let server = server_process(&folder);
    assert!(is_running(server));
    let _still_connected = scratch.connect().unwrap();
    drop(scratch);
    assert!(!folder.exists());
    assert!(!is_running(server));
}

#[test]
fn two_at_once_do_not_meet() {
    let others: Vec<_> = (0..2).map(|_| thread::spawn(open)).collect();
    let others: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
    assert_ne!(folder(others[0].url()), folder(others[1].url()));
    others[0].connect().unwrap().batch_execute("create table t ()").unwrap();
    others[1].connect().unwrap().batch_execute("create table t ()").unwrap();
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let mut machine = machine();
    machine.cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("damaged");
    let request = Request {
        choice: &Choice::Local,
        live: None,
        major: None,
        machine: &machine,
    };
    drop(scratch::open(&request).unwrap());
    let entry = std::fs::read_dir(machine.cache.join("scratch"))
        .unwrap()
        .next()
        .unwrap();
    std::fs::write(entry.unwrap().path().join("global/pg_control"), "").unwrap();
    scratch::open(&request).unwrap().connect().unwrap();
    std::fs::remove_dir_all(machine.cache).unwrap();
}

/// Starts this program again to hold a cluster, so that its end can be watched from outside.
fn hold() -> (Child, impl Iterator<Item = String>, PathBuf) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "scratch::hold_a_cluster", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let folder = lines.find_map(|line| Some(PathBuf::from(line.split_once("holds ")?.1)));
    (child, lines, folder.unwrap())
}

#[test]
fn nothing_is_left_after_kill() {
    let (mut child, _, folder) = hold();
    let server = server_process(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the end of the server", || !is_running(server));
    wait_until("the removal of the directory", || !folder.exists());
}

#[test]
fn a_signal_handler_can_remove_everything() {
    let (mut child, mut lines, _) = hold();
    drop(child.stdin.take());
    assert_eq!(lines.find(|line| line.starts_with("there: ")).unwrap(), "there: false");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by the tests that watch its end"]
fn hold_a_cluster() {
    let scratch = open();
    println!("holds {}", folder(scratch.url()).display());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    scratch::cleanup_all();
    println!("there: {}", folder(scratch.url()).exists());
    std::process::exit(0);
}

#[test]
fn the_live_server_is_used_only_where_there_is_one() {
    let request = Request {
        choice: &Choice::Live,
        live: None,
        major: None,
        machine: &machine(),
    };
    let error = scratch::open(&request).unwrap_err();
    assert!(error.hint.unwrap().contains("--database URL"));
}

#[test]
fn a_database_on_a_named_server_is_dropped_and_leftovers_are_found() {
    let cluster = open();
    let choice = Choice::Server(cluster.url().clone());
    let request = Request {
        choice: &choice,
        live: None,
        major: None,
        machine: &machine(),
    };
    let mut client = cluster.connect().unwrap();
    // No session has the largest process number, so that this is what a killed run leaves.
    client
        .batch_execute("create database trueup_scratch_7fffffff_0123456789abcdef")
        .unwrap();
    let mut count = || {
        let sql = "select count(*) from pg_database where datname like 'trueup%'";
        client.query_one(sql, &[]).unwrap().get::<_, i64>(0)
    };
    assert_eq!(count(), 1);

    let mut scratch = scratch::open(&request).unwrap();
    assert!(!scratch.own_cluster());
    scratch
        .new_database()
        .unwrap()
        .connect()
        .unwrap()
        .batch_execute("create table t ()")
        .unwrap();
    assert_eq!(count(), 2);
    let beside = scratch::open(&request).unwrap();
    assert_eq!(count(), 3);
    // PostgreSQL refuses to drop a database that has a subscription.
    beside
        .connect()
        .unwrap()
        .batch_execute("create subscription s connection 'dbname=nowhere' publication p with (connect = false)")
        .unwrap();
    drop(beside);
    let _still_connected = scratch.connect().unwrap();
    drop(scratch);
    assert_eq!(count(), 0);
}

#[test]
fn a_role_that_may_not_create_databases_gets_the_grant() {
    let cluster = open();
    cluster
        .connect()
        .unwrap()
        .batch_execute("create role \"Mary Ann\" login")
        .unwrap();
    let Host::Socket(folder) = &cluster.url().hosts()[0].0 else {
        panic!("a throw-away cluster listens on a socket");
    };
    let text = format!("postgres:///postgres?user=Mary%20Ann&host={}", folder.display());
    let choice = Choice::Server(Url::parse(&text, &trueup::db::Environment::default()).unwrap());
    let request = Request {
        choice: &choice,
        live: None,
        major: None,
        machine: &machine(),
    };
    let error = scratch::open(&request).unwrap_err();
    assert!(error.hint.unwrap().contains("`ALTER ROLE \"Mary Ann\" CREATEDB;`"));
}
