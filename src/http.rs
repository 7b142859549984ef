//! Requests to addresses that the user names: health checks and notifications. Synchronous, with a limit of time, and with
//! the same TLS as connections to databases.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// Longest part of an answer that is read.
const LONGEST: u64 = 1 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: u16,
    /// Text.
    pub(crate) body: String,
}

/// Asks for a page.
pub(crate) fn get(url: &str, limit: Duration) -> Result<Answer, String> {
    answer(agent(url, limit).get(url).call())
}

/// Sends JSON.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &str, limit: Duration) -> Result<Answer, String> {
    let mut request = agent(url, limit).post(url).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.send(body))
}

/// The error's text must not hold the address, which may be a secret.
fn answer(done: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = done.map_err(|error| match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        ureq::Error::Io(error) => error.kind().to_string(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the address is not valid".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        _ => "the request failed".to_owned(),
    })?;
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .with_config()
        .limit(LONGEST)
        .lossy_utf8(true)
        .read_to_string();
    Ok(Answer {
        status,
        body: body.unwrap_or_default(),
    })
}

fn agent(url: &str, limit: Duration) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(3)
        .user_agent(concat!("trueup/", env!("CARGO_PKG_VERSION")));
    if url.starts_with("https:") {
        let found = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> = found.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        config = config.tls_config(tls);
    }
    config.build().into()
}
