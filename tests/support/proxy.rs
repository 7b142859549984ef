//! A proxy that stands between a client and a server and counts round trips.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use trueup::db::{Environment, Host, Url};

/// Listens on a port of its own and passes everything on to a server.
pub(crate) struct Proxy {
    port: u16,
    round_trips: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    pub(crate) fn new(server: &str) -> Self {
        let server = Url::parse(server, &Environment::default()).unwrap().hosts()[0].clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            round_trips: Arc::default(),
            connections: Arc::default(),
        };
        let (round_trips, connections) = (Arc::clone(&proxy.round_trips), Arc::clone(&proxy.connections));
        thread::spawn(move || {
            for client in listener.incoming() {
                connections.fetch_add(1, Ordering::Relaxed);
                pass(client.unwrap(), &server, &round_trips);
            }
        });
        proxy
    }

    /// Returns the URL of a database behind the proxy.
    pub(crate) fn url(&self, database: &str) -> Url {
        let text = format!("{}?sslmode=disable", self.address(database));
        Url::parse(&text, &Environment::default()).unwrap()
    }

    /// Returns the same as text, without parameters.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns how often a client waited for an answer: `Query` and `Sync` messages, since the last call.
    pub(crate) fn round_trips(&self) -> usize {
        self.round_trips.swap(0, Ordering::Relaxed)
    }

    /// Returns the number of connections since the last call.
    pub(crate) fn connections(&self) -> usize {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

/// Passes one connection on, in two threads that end with it.
fn pass(client: TcpStream, server: &(Host, u16), round_trips: &Arc<AtomicUsize>) {
    client.set_nodelay(true).unwrap();
    let back = client.try_clone().unwrap();
    let counter = Arc::clone(round_trips);
    match server {
        (Host::Tcp(host), port) => {
            let server = TcpStream::connect((host.as_str(), *port)).unwrap();
            server.set_nodelay(true).unwrap();
            let answers = server.try_clone().unwrap();
            thread::spawn(move || answer(answers, back));
            thread::spawn(move || {
                forward(client, &server, &counter);
                let _ = server.shutdown(Shutdown::Both);
            });
        }
        (Host::Socket(folder), port) => {
            let server = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).unwrap();
            let answers = server.try_clone().unwrap();
            thread::spawn(move || answer(answers, back));
            thread::spawn(move || {
                forward(client, &server, &counter);
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    }
}

fn answer(mut server: impl Read, mut client: TcpStream) {
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

/// Passes messages on until the client is gone. The first one, of the start, has no type.
fn forward(mut client: TcpStream, mut server: impl Write, round_trips: &AtomicUsize) {
    let mut is_first = true;
    while let Some(message) = read_message(&mut client, is_first) {
        is_first = false;
        if matches!(message[0], b'Q' | b'S') {
            round_trips.fetch_add(1, Ordering::Relaxed);
        }
        if server.write_all(&message).is_err() {
            return;
        }
    }
}

/// Reads one whole message: a type (not in the first one), a length that counts itself, a body.
pub(super) fn read_message(client: &mut (impl Read + ?Sized), is_first: bool) -> Option<Vec<u8>> {
    let head = if is_first { 4 } else { 5 };
    let mut message = vec![0; head];
    client.read_exact(&mut message).ok()?;
    let length = u32::from_be_bytes(message[head - 4..].try_into().ok()?);
    message.resize(head - 4 + usize::try_from(length).ok()?, 0);
    client.read_exact(&mut message[head..]).ok()?;
    Some(message)
}

/// A connection of either sort.
pub(super) trait Wire: Read + Write + Send {}
impl Wire for TcpStream {}
impl Wire for UnixStream {}

/// Connects to a server.
pub(super) fn connected(server: &str) -> Box<dyn Wire> {
    match &Url::parse(server, &Environment::default()).unwrap().hosts()[0] {
        (Host::Tcp(host), port) => Box::new(TcpStream::connect((host.as_str(), *port)).unwrap()),
        (Host::Socket(folder), port) => Box::new(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).unwrap()),
    }
}
