//! Tests of connection targets.

use super::*;

fn environment() -> Environment {
    Environment {
        os_user: Some("ann".to_owned()),
        home: Some("/home/ann".to_owned()),
        ..Environment::default()
    }
}

fn parse(text: &str) -> Url {
    Url::parse(text, &environment()).unwrap()
}

fn refuse(text: &str) -> Error {
    let error = Url::parse(text, &environment()).unwrap_err();
    let shown = format!("{error:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    error
}

#[test]
fn a_whole_url() {
    let url =
        parse("postgres://bob:p%40ss@db.example:6543/shop?sslmode=verify-full&application_name=x&connect_timeout=3");
    assert_eq!(url.to_string(), "bob@db.example:6543/shop");
    assert_eq!(url.password.as_deref(), Some("p@ss"));
    assert_eq!(url.sslmode, SslMode::VerifyFull);
    assert_eq!((url.application_name.as_str(), url.connect_timeout), ("x", Some(3)));
    assert_eq!((url.user(), url.database()), ("bob", "shop"));
    assert_eq!(url.with_database("other").to_string(), "bob@db.example:6543/other");
}

#[test]
fn defaults_are_those_of_libpq() {
    let url = parse("postgresql://");
    assert_eq!(url.to_string(), "ann@/var/run/postgresql:5432,/tmp:5432/ann");
    assert_eq!(url.sslmode, SslMode::Prefer);
    assert_eq!(url.application_name, "trueup");
    assert_eq!(url.roots, Roots::Default(Some("/home/ann/.postgresql/root.crt".into())));
    assert_eq!(url.passfile, Some("/home/ann/.pgpass".into()));
    assert_eq!(parse("postgres://bob@h").database(), "bob");
}

#[test]
fn the_environment_fills_gaps_only() {
    let environment = Environment {
        host: Some("pg".to_owned()),
        port: Some("7000".to_owned()),
        user: Some("eve".to_owned()),
        password: Some("s3cret".to_owned()),
        database: Some("d".to_owned()),
        sslmode: Some("require".to_owned()),
        connect_timeout: Some("7".to_owned()),
        ..environment()
    };
    let url = Url::from_environment(&environment).unwrap();
    assert_eq!(url.to_string(), "eve@pg:7000/d");
    assert_eq!((url.sslmode, url.connect_timeout), (SslMode::Require, Some(7)));
    assert!(!format!("{url:?}").contains("s3cret"));
    let url = Url::parse("postgres://u@h:1/e", &environment).unwrap();
    assert_eq!(url.to_string(), "u@h:1/e");
    assert_eq!(url.password.as_deref(), Some("s3cret"));
}

#[test]
fn sockets_addresses_and_lists() {
    let socket = "ann@/run/pg:5432/d";
    assert_eq!(parse("postgres://%2Frun%2Fpg/d").to_string(), socket);
    assert_eq!(parse("postgres:///d?host=/run/pg").to_string(), socket);
    assert_eq!(parse("postgres:///d?user=u&host=/a&port=9").to_string(), "u@/a:9/d");
    assert_eq!(parse("postgres://[::1]:9/d").to_string(), "ann@[::1]:9/d");
    assert_eq!(parse("postgres://a:1,b:2/d").to_string(), "ann@a:1,b:2/d");
    assert_eq!(parse("postgres://a,b:2/d").to_string(), "ann@a:5432,b:2/d");
    assert_eq!(parse("postgres:///d?host=a,b&port=5").to_string(), "ann@a:5,b:5/d");
}

#[test]
fn parameters_of_libpq_are_passed_on_or_ignored() {
    let url = parse("postgres://h/d?channel_binding=require&keepalives_count=3&gssencmode=disable&options=-c%20a%3Db");
    let passed: Vec<_> = url
        .passed_on
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(passed, [("channel_binding", "require"), ("keepalives_retries", "3")]);
    assert_eq!(url.options.as_deref(), Some("-c a=b"));
    assert_eq!(
        refuse("postgres://h/d?pgbouncer=true").message,
        "the database URL has an unknown parameter `pgbouncer`"
    );
}

#[test]
fn root_certificates() {
    assert_eq!(
        parse("postgres://h?sslrootcert=/ca.pem").roots,
        Roots::File("/ca.pem".into())
    );
    let url = parse("postgres://h?sslrootcert=system");
    assert_eq!((url.roots, url.sslmode), (Roots::System, SslMode::VerifyFull));
    refuse("postgres://h?sslrootcert=system&sslmode=require");
    refuse("postgres://h?sslmode=strict");
}

#[test]
fn no_error_shows_a_password() {
    for text in [
        "mysql://u:s3cret@h/d",
        "u:s3cret@h/d",
        "postgres://u:s3cret/x@h/d",
        "postgres://u:1/s3cret@h/d",
        "postgres://u:1?s3cret@h/d",
        "postgres://u:1?s3cret=x@h/d",
        "postgres://u:s3cret%zz@h/d",
        "postgres://u:s3cret@h:port/d",
        "postgres://u:s3cret@h/d?connect_timeout=soon",
        "postgres://u:s3cret@[::1/d",
        "postgres://u:s3cret@h:1,h:2,h:3/d?port=1,2",
    ] {
        assert!(refuse(text).hint.is_some(), "{text}");
    }
}

#[test]
fn a_missing_user_is_named() {
    let error = Url::parse("postgres://h", &Environment::default()).unwrap_err();
    assert_eq!(error.message, "the database URL names no user");
}
