//! Where and how a hop failed: known by the stage that failed, never guessed from a text.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{ChainFacts, Reply};

/// Where and how a hop failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The name of a later hop did not resolve (the first hop's look-up is `Outcome::resolution`).
    Dns(Box<Reply>),
    /// No connection.
    Connect(ConnectFailure),
    /// No usable TLS session, for another reason than the certificate's verdict.
    Tls(TlsFailure),
    /// The certificate was recorded and found wanting: nothing was sent. See `TlsFacts::chain`.
    Untrusted,
    /// The proxy in between: nothing can be said of the target.
    Proxy(Box<ProxyFailure>),
    /// No token to ask with: nothing was asked.
    Token(Box<TokenFailure>),
    /// No complete answer.
    Http(HttpFailure),
    /// No complete answer to another protocol than HTTP.
    Exchange(ExchangeFailure),
    /// The address may not be probed from here, by whoever asks for it: why. Nothing was sent.
    Forbidden(String),
    /// This machine could not make the probe: what it lacks. It says nothing of the target.
    Unable(String),
}

/// A proxy that does not let us through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProxyFailure {
    /// The proxy, as `host:port`.
    pub proxy: String,
    /// How it failed.
    pub met: ProxyMet,
}

/// What was met at a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyMet {
    /// It could not be reached itself.
    Unreached {
        /// Why.
        failure: Failure,
        /// What it presented, where it wants TLS.
        chain: Option<Arc<ChainFacts>>,
    },
    /// It did not make the connection: what it says.
    Refused(String),
}

/// An endpoint that gave no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenFailure {
    /// Its URL, without credentials.
    pub endpoint: String,
    /// What it did instead.
    pub what: String,
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectFailure {
    /// RST to our SYN.
    Refused,
    /// Nothing came back in time.
    Timeout,
    /// No route to host or network, or the family is not available here.
    Unreachable,
    /// Reset before the peer's first byte.
    Reset,
    /// The path of a socket of this machine leads to none that may be used: what the system says.
    NoSocket(String),
}

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFailure {
    /// The peer sent this fatal alert (RFC 8446 section 6).
    Alert(String),
    /// The peer does not speak TLS, or not as we can: what was wrong.
    Protocol(String),
    /// The certificate could not be used in the handshake: what was wrong.
    BadCertificate(String),
    /// The peer closed the connection.
    Closed,
    /// It did not finish in time.
    Timeout,
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpFailure {
    /// No complete answer in time.
    Timeout,
    /// The connection ended before the answer was complete.
    Closed,
    /// Not valid HTTP: what was wrong.
    Protocol(String),
    /// Head or body is larger than this many bytes.
    TooLarge(u64),
    /// More redirects than are followed, or one that was met before.
    RedirectLoop,
    /// A redirect that cannot be followed: its `Location`.
    BadRedirect(String),
}

/// Why an exchange in another protocol than HTTP failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeFailure {
    /// No complete answer in time.
    Timeout,
    /// The connection ended before the answer was complete.
    Closed,
    /// What came back is not in the protocol: what was wrong.
    Protocol(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(_) => f.write_str("the redirect leads to a name that does not resolve"),
            Self::Connect(ConnectFailure::Refused) => f.write_str("connection refused"),
            Self::Connect(ConnectFailure::Timeout) => f.write_str("no connection in time"),
            Self::Connect(ConnectFailure::Unreachable) => f.write_str("no route to the address"),
            Self::Connect(ConnectFailure::Reset) => {
                f.write_str("connection reset before the peer's first byte")
            }
            Self::Tls(TlsFailure::Alert(alert)) => write!(f, "the peer sent the alert {alert}"),
            Self::Connect(ConnectFailure::NoSocket(what))
            | Self::Tls(TlsFailure::Protocol(what) | TlsFailure::BadCertificate(what)) => f.write_str(what),
            Self::Tls(TlsFailure::Closed) => {
                f.write_str("the peer closed the connection during the handshake")
            }
            Self::Tls(TlsFailure::Timeout) => f.write_str("the handshake did not finish in time"),
            Self::Untrusted => f.write_str("the certificate is not acceptable: nothing was sent"),
            Self::Http(HttpFailure::Timeout) => f.write_str("no complete answer in time"),
            Self::Http(HttpFailure::Closed) | Self::Exchange(ExchangeFailure::Closed) => {
                f.write_str("the connection ended before the answer was complete")
            }
            Self::Http(HttpFailure::Protocol(what)) => write!(f, "not valid HTTP: {what}"),
            Self::Http(HttpFailure::TooLarge(limit)) => write!(f, "larger than {limit} bytes"),
            Self::Exchange(ExchangeFailure::Timeout) => f.write_str("no answer in time"),
            Self::Exchange(ExchangeFailure::Protocol(what)) => write!(f, "not an answer: {what}"),
            Self::Proxy(failure) => failure.fmt(f),
            Self::Token(failure) => write!(f, "no token from {}: {}", failure.endpoint, failure.what),
            Self::Forbidden(why) => f.write_str(why),
            Self::Unable(what) => write!(f, "this machine could not make the probe: {what}"),
            Self::Http(HttpFailure::RedirectLoop) => f.write_str("the redirects do not end"),
            Self::Http(HttpFailure::BadRedirect(to)) => write!(f, "a redirect that cannot be followed: {to}"),
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.met {
            ProxyMet::Unreached { failure, .. } => write!(f, "the proxy {}: {failure}", self.proxy),
            ProxyMet::Refused(what) => write!(f, "the proxy {} makes no connection: {what}", self.proxy),
        }
    }
}
