//! A server of one test's own: it can be stopped in the middle of things, and be set up as no shared one may be.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

/// PostgreSQL runs under no root; any other account does.
const NOBODY: u32 = 65534;

/// A server that is stopped and removed with this value.
pub(crate) struct OwnServer {
    folder: PathBuf,
    binaries: PathBuf,
    settings: Vec<String>,
    is_root: bool,
    child: Mutex<Option<Child>>,
}

impl OwnServer {
    /// Starts one of a major version with settings such as `autovacuum=on`. What is committed lasts when it is stopped.
    pub(crate) fn new(major: i32, settings: &[&str]) -> Self {
        let found = || {
            trueup::scratch::find_binaries(&super::machine(), Some(major))
                .unwrap()
                .folder
        };
        let binaries = super::binaries(major).unwrap_or_else(found);
        let folder = std::env::temp_dir().join(format!("trueup-own-{}-{major}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let id = Command::new("id").arg("-u").output().unwrap().stdout;
        let server = Self {
            is_root: id.starts_with(b"0"),
            folder,
            binaries,
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            child: Mutex::new(None),
        };
        if server.is_root {
            chown(&server.folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = server
            .program("initdb")
            .args([
                "-D",
                &server.data(),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start();
        server
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(&self.folder).stdin(Stdio::null());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn start(&self) {
        let mut command = self.program("postgres");
        command.args(["-D", &self.data(), "-k", &self.folder.display().to_string()]);
        command.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = fs::File::create(self.folder.join("log")).unwrap();
        *self.child.lock().unwrap() = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(120);
        while Client::connect(&self.url(), NoTls).is_err() {
            assert!(
                Instant::now() < until,
                "{}",
                fs::read_to_string(self.folder.join("log")).unwrap()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the URL of its first database.
    pub(crate) fn url(&self) -> String {
        let port = self.settings.iter().find_map(|setting| setting.strip_prefix("port="));
        let folder = self.folder.display();
        format!(
            "postgres:///postgres?user=postgres&host={folder}&port={}",
            port.unwrap_or("5432")
        )
    }

    /// Writes a file that only the server reads, and returns its path.
    pub(crate) fn put(&self, name: &str, content: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if self.is_root {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        path.display().to_string()
    }

    /// Stops it and starts it again with more settings.
    pub(crate) fn restart_with(&mut self, settings: &[String]) {
        self.stop("fast");
        self.settings.extend_from_slice(settings);
        self.start();
    }

    /// Stops it (`fast`, or `immediate` as a crash would) and starts it again.
    pub(crate) fn restart(&self, mode: &str) {
        self.stop(mode);
        self.start();
    }

    /// Stops it and starts it again as a standby that waits for more to repeat, or as a primary again.
    pub(crate) fn restart_as_standby(&self, standby: bool) {
        self.stop("fast");
        if standby {
            self.put("data/standby.signal", "");
        } else {
            fs::remove_file(self.folder.join("data/standby.signal")).unwrap();
        }
        self.start();
    }

    fn stop(&self, mode: &str) {
        let stopped = self
            .program("pg_ctl")
            .args(["stop", "-w", "-m", mode, "-D", &self.data()])
            .output();
        assert!(stopped.unwrap().status.success());
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.wait();
        }
    }

    /// Returns a connection that looks like a replica which has replayed nothing since a position of the log.
    pub(crate) fn replica_at(&self, position: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.join(".s.PGSQL.5432")).unwrap();
        let mut startup = 196_608_i32.to_be_bytes().to_vec();
        startup.extend(b"user\0postgres\0replication\0true\0\0");
        send(&mut stream, None, &startup);
        expect(&mut stream, b'Z');
        send(
            &mut stream,
            Some(b'Q'),
            format!("START_REPLICATION PHYSICAL {position}\0").as_bytes(),
        );
        expect(&mut stream, b'W');
        let (high, low) = position.split_once('/').unwrap();
        let half = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let position = (half(high) << 32 | half(low)).to_be_bytes();
        let mut status = vec![b'r'];
        for _ in 0..3 {
            status.extend(position);
        }
        status.extend([0; 9]);
        send(&mut stream, Some(b'd'), &status);
        stream
    }
}

fn send(stream: &mut UnixStream, kind: Option<u8>, body: &[u8]) {
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(i32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    stream.write_all(&message).unwrap();
}

/// Reads messages up to one of a kind.
fn expect(stream: &mut UnixStream, wanted: u8) {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).unwrap();
        assert_ne!(head[0], b'E', "{}", String::from_utf8_lossy(&body));
        if head[0] == wanted {
            return;
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self
            .program("pg_ctl")
            .args(["stop", "-m", "immediate", "-D", &self.data()])
            .output();
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
