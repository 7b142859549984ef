//! A small HTTP server that keeps what it is told and answers as a test says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Headers, in lower case.
    pub(crate) headers: String,
    /// Body.
    pub(crate) body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status and body.
    Says(u16, &'static str),
    /// Nothing before the receiver is released.
    Holds,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    replies: Mutex<VecDeque<Reply>>,
    released: Mutex<bool>,
    release: Condvar,
}

/// The server. Its thread ends with the process.
pub(crate) struct Receiver {
    address: String,
    state: Arc<State>,
}

impl Receiver {
    /// Starts one that gives these answers in order, then 200.
    pub(crate) fn new(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        state.replies.lock().unwrap().extend(replies.iter().cloned());
        let own = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&own);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// Returns host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns what came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Lets every answer go that is held.
    pub(crate) fn release(&self) {
        *self.state.released.lock().unwrap() = true;
        self.state.release.notify_all();
    }
}

fn serve(stream: TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = String::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? == 0 || header.trim().is_empty() {
            break;
        }
        let header = header.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers += &header;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    state.requests.lock().unwrap().push(Request {
        line: line.trim().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let reply = state.replies.lock().unwrap().pop_front();
    let (status, body) = match reply.unwrap_or(Reply::Says(200, "ok")) {
        Reply::Says(status, body) => (status, body),
        Reply::Holds => {
            let mut released = state.released.lock().unwrap();
            while !*released {
                released = state.release.wait(released).unwrap();
            }
            (200, "late")
        }
    };
    let mut stream = stream;
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).ok()
}
