//! A pooler that lends its only server session for one transaction at a time, as pgbouncer does in transaction mode.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;

use super::proxy::{Wire, connected, read_message};

/// Listens on a port of its own and passes transactions on to one session of a server.
pub(crate) struct Pooler {
    port: u16,
}

/// What all clients share: the session, and how the server greeted it.
struct Pool {
    session: Mutex<Box<dyn Wire>>,
    greeting: OnceLock<Vec<u8>>,
}

impl Pooler {
    /// Starts a pooler in front of a server that trusts everybody.
    pub(crate) fn new(server: &str) -> Self {
        let pool = Arc::new(Pool {
            session: Mutex::new(connected(server)),
            greeting: OnceLock::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, pool) = (client.unwrap(), Arc::clone(&pool));
                thread::spawn(move || pool.serve(client));
            }
        });
        Self { port }
    }

    /// Returns the URL of a database behind the pooler: that of the first client is everybody's.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Pool {
    /// Serves a client until it leaves.
    fn serve(&self, mut client: TcpStream) -> Option<()> {
        let start = read_message(&mut client, true)?;
        let greeting = self.greeting.get_or_init(|| {
            let mut session = self.session.lock().unwrap();
            session.write_all(&start).unwrap();
            answer(&mut **session).unwrap().0
        });
        client.write_all(greeting).ok()?;
        let mut held: Option<MutexGuard<Box<dyn Wire>>> = None;
        loop {
            let message = read_message(&mut client, false)?;
            if message[0] == b'X' {
                return None;
            }
            let session = held.get_or_insert_with(|| self.session.lock().unwrap());
            session.write_all(&message).ok()?;
            if matches!(message[0], b'Q' | b'S') {
                let (answer, state) = answer(&mut ***session)?;
                client.write_all(&answer).ok()?;
                if state == b'I' {
                    held = None;
                }
            }
        }
    }
}

/// Reads what the server says until it is ready for more, and the state of its transaction.
fn answer(session: &mut dyn Wire) -> Option<(Vec<u8>, u8)> {
    let mut out = Vec::new();
    loop {
        let message = read_message(session, false)?;
        out.extend_from_slice(&message);
        if message[0] == b'Z' {
            return Some((out, message[5]));
        }
    }
}
