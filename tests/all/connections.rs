//! Connections as libpq makes them: encrypted, verified, with a password from where it is kept.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use postgres::{Client, NoTls};

use crate::support::{Folder, OwnServer, newest, servers, trueup_with};

fn fixture(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures/tls", name].iter().collect();
    path.display().to_string()
}

fn content(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).unwrap()
}

/// A server that lets nobody in over the network without encryption and a password, and its port.
fn closed() -> (OwnServer, u16) {
    let (major, _) = servers().pop().unwrap();
    let mut own = OwnServer::new(major, &[]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rules = "local all postgres trust\nhostssl all all all scram-sha-256\n";
    let settings = [
        "listen_addresses=localhost".to_owned(),
        format!("port={port}"),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", own.put("server.pem", &content("server.pem"))),
        format!("ssl_key_file={}", own.put("server.key", &content("server.key"))),
        format!("hba_file={}", own.put("rules", rules)),
    ];
    own.restart_with(&settings);
    let mut client = Client::connect(&own.url(), NoTls).unwrap();
    client
        .batch_execute("SET password_encryption = 'scram-sha-256'; CREATE ROLE ann LOGIN PASSWORD 's3cret'")
        .unwrap();
    (own, port)
}

#[test]
fn certificates_and_passwords_are_checked_as_libpq_checks_them() {
    let (_own, port) = closed();
    let passwords = format!("localhost:{port}:*:ann:s3cret\n127.0.0.1:{port}:*:ann:s3cret\n");
    let folder = Folder::new(&[("schema/a.sql", "CREATE SCHEMA shop;\n"), ("passwords", &passwords)]);
    let (scratch, known) = (newest(), folder.path().join("passwords"));
    // Nobody reads one that others can read.
    std::fs::set_permissions(&known, std::fs::Permissions::from_mode(0o600)).unwrap();
    let known = known.display().to_string();
    let plan = |user: &str, host: &str, more: &str, passwords: &str| {
        let database = format!("postgres://{user}@{host}:{port}/postgres?{more}");
        let variables = [("TRUEUP_SCRATCH", scratch.as_str()), ("PGPASSFILE", passwords)];
        trueup_with(
            folder.path(),
            &variables,
            ["plan", "--schema", "schema", "--database", &database],
        )
    };
    let (roots, others) = (fixture("roots.pem"), fixture("others.pem"));
    for (host, more) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={roots}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={roots}")),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", "sslmode=prefer".to_owned()),
    ] {
        let plan = plan("ann", host, &more, &known).expect(0);
        assert!(plan.contains("CREATE SCHEMA shop"), "{more}\n{plan}");
    }
    for (user, host, more, said) in [
        (
            "ann",
            "localhost",
            format!("sslmode=verify-full&sslrootcert={others}"),
            "certificate",
        ),
        (
            "ann",
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={roots}"),
            "certificate",
        ),
        ("ann", "localhost", "sslmode=disable".to_owned(), "pg_hba.conf"),
        (
            "ann:wr0ng",
            "localhost",
            "sslmode=require".to_owned(),
            "password authentication failed",
        ),
    ] {
        let refused = plan(user, host, &more, &known);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{more}\n{}", refused.err);
        assert!(
            refused.err.contains(said) && refused.err.contains("hint: "),
            "{more}\n{}",
            refused.err
        );
        assert!(
            !refused.err.contains("wr0ng") && !refused.err.contains("s3cret"),
            "{}",
            refused.err
        );
    }
    let unknown = plan("ann", "localhost", "sslmode=require", "/nowhere");
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    assert!(
        unknown.err.contains("password") && unknown.err.contains("hint: "),
        "{}",
        unknown.err
    );
}
