//! The TLS handshake with a recording verifier: the presented chain is captured first and judged second.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use crate::outcome::{ConnectFailure, TlsFacts, TlsFailure};

/// A module's `tls_config`, with its files read (blackbox_exporter's keys and defaults).
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// PEM roots in place of the public ones.
    pub roots: Option<Vec<u8>>,
    /// PEM chain and key of a client certificate.
    pub client: Option<ClientCertificate>,
    /// The name to ask and verify in place of the URL's host.
    pub server_name: Option<String>,
    /// Whether the verdict on the chain is recorded but not acted upon.
    pub insecure_skip_verify: bool,
    /// Oldest version offered; rustls knows none before 1.2.
    pub min_version: Option<Version>,
    /// Newest version offered.
    pub max_version: Option<Version>,
}

/// A client certificate in PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The chain, leaf first.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate(<secret>)")
    }
}

/// A protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No certificate could be read from the roots.
    #[error("no certificate authority could be read: {0}")]
    Roots(String),
    /// The client certificate and its key do not work together.
    #[error("the client certificate cannot be used: {0}")]
    Client(String),
    /// No version is left between the least and the greatest.
    #[error("min_version is above max_version")]
    Versions,
}

/// Ready to shake hands: built once per module, shared by all its probes.
#[derive(Debug)]
pub struct Connector {
    settings: Settings,
}

/// Intermediate certificates that other endpoints or a file have shown: they prove a chain incomplete.
#[derive(Debug, Default)]
pub struct Intermediates {}

/// One handshake to be made.
#[derive(Debug, Clone, Copy)]
pub struct Handshake<'a> {
    /// The name for SNI and verification, unless the settings name another.
    pub host: &'a str,
    /// Offer HTTP/2 beside HTTP/1.1 by ALPN.
    pub http2: bool,
    /// The wall-clock time to judge by.
    pub now: Timestamp,
    /// What is known from elsewhere.
    pub intermediates: &'a Intermediates,
    /// When it must have ended.
    pub deadline: Instant,
}

/// How a handshake ended.
#[derive(Debug)]
pub struct Shaken {
    /// What it showed, as far as it came.
    pub facts: TlsFacts,
    /// The stream, or why there is none. A chain with problems gives `Untrusted` unless verification is skipped.
    pub stream: Result<TlsStream<TcpStream>, ShakeFailure>,
}

/// Why there is no stream to send on.
#[derive(Debug)]
pub enum ShakeFailure {
    /// The handshake worked, the chain does not: nothing may be sent.
    Untrusted,
    /// The handshake failed.
    Tls(TlsFailure),
    /// Reset before the peer's first byte.
    Connect(ConnectFailure),
}

impl Connector {
    /// Checks the settings and builds what all probes of the module share.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self { settings })
    }

    /// Shakes hands and judges the recorded chain.
    pub async fn handshake(&self, stream: TcpStream, handshake: Handshake<'_>) -> Shaken {
        let _ = (stream, handshake, &self.settings, Arc::new(()));
        unimplemented!("branch tls")
    }
}
