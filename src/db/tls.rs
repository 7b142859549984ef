//! TLS as libpq's `sslmode` means it, on rustls.
//!
//! `require` encrypts without verifying, `verify-ca` verifies the chain but not the name, `verify-full` verifies both.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::url::{Roots, SslMode, Url};
use crate::error::{Error, ErrorKind, Result};

/// Builds the TLS configuration for a target.
pub(super) fn configuration(url: &Url) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        trust: trust(url, &provider)?,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if url
        .passed_on
        .get("sslnegotiation")
        .is_some_and(|value| value == "direct")
    {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(config)
}

/// What a server certificate is checked against; none for modes that only encrypt.
fn trust(url: &Url, provider: &Arc<CryptoProvider>) -> Result<Option<Trust>> {
    let check_name = url.sslmode == SslMode::VerifyFull;
    let must_verify = matches!(url.sslmode, SslMode::VerifyCa | SslMode::VerifyFull);
    let roots = match &url.roots {
        _ if !must_verify && url.sslmode != SslMode::Require => return Ok(None),
        Roots::System => system_roots()?,
        Roots::File(path) => roots_of(path)?,
        Roots::Default(Some(path)) if path.exists() => roots_of(path)?,
        Roots::Default(_) if must_verify => return Err(no_roots()),
        Roots::Default(_) => return Ok(None),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| certificates(format!("no usable root certificate: {error}")))?;
    Ok(Some(Trust {
        inner,
        roots,
        check_name,
    }))
}

fn roots_of(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let doing = || format!("read root certificates from `{}`", path.display());
    let failed = |error: &dyn std::fmt::Display| certificates(format!("{}: {error}", doing()));
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| failed(&error))?;
    if found.is_empty() {
        return Err(failed(&"there is no certificate in it"));
    }
    Ok(found)
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Err(certificates("the operating system has no root certificates".to_owned()));
    }
    Ok(found)
}

fn no_roots() -> Error {
    certificates("there is no root certificate to verify the server with".to_owned())
}

fn certificates(message: String) -> Error {
    Error::new(ErrorKind::Connection, message).hint(
        "Pass sslrootcert=FILE with the certificate authority in PEM form, or sslrootcert=system for the operating system's.",
    )
}

#[derive(Debug)]
struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    check_name: bool,
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trust: Option<Trust>,
}

impl Trust {
    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> std::result::Result<(), rustls::Error> {
        let chain = self
            .inner
            .verify_server_cert(certificate, intermediates, name, &[], now);
        let Err(error) = chain else { return Ok(()) };
        match &error {
            // The name is verified after the chain, so that a wrong name alone means a good chain.
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) if !self.check_name => Ok(()),
            // A self-signed certificate that is its own root is refused by webpki and accepted by libpq.
            rustls::Error::InvalidCertificate(CertificateError::Other(cause))
                if cause.to_string().contains("CaUsedAsEndEntity") && self.roots.contains(certificate) =>
            {
                if self.check_name {
                    let parsed = ParsedCertificate::try_from(certificate)?;
                    rustls::client::verify_server_name(&parsed, name)?;
                }
                Ok(())
            }
            _ => Err(error),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if let Some(trust) = &self.trust {
            trust.verify(end_entity, intermediates, server_name, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
