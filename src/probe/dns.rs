//! Name resolution, exchange by exchange: what each server said, not what a resolver made of it.

use std::net::SocketAddr;

use tokio::time::Instant;

use crate::outcome::{Family, Resolution, TargetStanding};

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The servers, in order; the first that answers is believed, all are compared.
    pub servers: Vec<Server>,
    /// The port that authoritative servers are asked on: 53.
    pub authoritative_port: u16,
    /// PEM roots for DNS over TLS and HTTPS, in place of the public ones.
    pub roots: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: vec![Server::System],
            authoritative_port: 53,
            roots: None,
        }
    }
}

/// A server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Those of the system's configuration, with its hosts file.
    System,
    /// Plain DNS over UDP, TCP when truncated.
    Udp(SocketAddr),
    /// Plain DNS over TCP.
    Tcp(SocketAddr),
    /// DNS over TLS (RFC 7858), with the name that its certificate must have.
    Tls(SocketAddr, String),
    /// DNS over HTTPS (RFC 8484): address, certificate name, path.
    Https(SocketAddr, String, String),
}

/// What to find out.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The host: a name in ASCII form, or an address.
    pub host: &'a str,
    /// The family whose addresses come first.
    pub preferred: Family,
    /// Whether the other family is used too (with `AddressChoice::One`: used when the preferred has none).
    pub fallback: bool,
    /// Ask every server, and the zone's own when targets are expected, and compare; else the first that answers.
    pub thorough: bool,
    /// Names that the host should lead to, now or formerly: looked up too.
    pub targets: &'a [(&'a str, TargetStanding)],
}

/// Asks DNS servers.
#[derive(Debug)]
pub struct Resolver {
    settings: Settings,
}

impl Resolver {
    /// Reads the system's configuration where `Server::System` is among the servers.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Asks; whatever happens is in the resolution. Ends by the deadline.
    pub async fn resolve(&self, question: &Question<'_>, deadline: Instant) -> Resolution {
        let _ = (question, deadline, &self.settings);
        unimplemented!("branch dns")
    }
}
