//! The TLS handshake with a recording verifier: the presented chain is captured first and judged second.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, ClientConfig, ClientConnection, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::{Connect, TlsStream};

use super::connect;
use super::line::Socket;
use crate::certificate::{Presented, Question, Roots, judge};
use crate::outcome::{ChainFacts, ConnectFailure, TlsFacts, TlsFailure};

mod config;
mod failure;
mod intermediates;
mod memory;
pub(in crate::probe) mod quic;
mod recorder;

pub use failure::classify;
pub use intermediates::Intermediates;
use memory::Memory;
pub(in crate::probe) use recorder::Recorder;

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
    /// The server name is neither a DNS name nor an address.
    #[error("server_name is neither a DNS name nor an address: {0}")]
    ServerName(String),
}

/// Ready to shake hands: built once per module, shared by all its probes.
#[derive(Debug)]
pub struct Connector {
    provider: Arc<CryptoProvider>,
    /// Offers no protocol; each handshake adds those that it is made for.
    base: ClientConfig,
    roots: Roots,
    server_name: Option<ServerName<'static>>,
    insecure_skip_verify: bool,
    memory: Memory,
}

/// The protocols that are offered by ALPN (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// None: the extension is left out.
    Nothing,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, then HTTP/1.1.
    Http2OrHttp1,
    /// HTTP/2 alone, as gRPC has it.
    Http2,
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        let offered: &[&[u8]] = match self {
            Self::Nothing => &[],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2OrHttp1 => &[b"h2", b"http/1.1"],
            Self::Http2 => &[b"h2"],
        };
        offered.iter().map(|protocol| protocol.to_vec()).collect()
    }
}

/// One handshake to be made.
#[derive(Debug, Clone, Copy)]
pub struct Handshake<'a> {
    /// The name for SNI and verification, unless the settings name another.
    pub host: &'a str,
    /// The protocols to offer.
    pub alpn: Alpn,
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
    pub stream: Result<TlsStream<Socket>, ShakeFailure>,
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
        let provider = Arc::new(config::provider());
        Ok(Self {
            base: config::base(&settings, &provider)?,
            roots: config::roots(settings.roots.as_deref())?,
            server_name: config::server_name(settings.server_name)?,
            insecure_skip_verify: settings.insecure_skip_verify,
            memory: Memory::default(),
            provider,
        })
    }

    /// Shakes hands and judges the recorded chain.
    pub async fn handshake(&self, socket: Socket, handshake: Handshake<'_>) -> Shaken {
        self.record(socket, handshake).await.0
    }

    /// Shakes hands, and gives what was presented itself beside the judgement.
    pub async fn present(&self, socket: Socket, handshake: Handshake<'_>) -> (Shaken, Option<Presented>) {
        let (shaken, recorder) = self.record(socket, handshake).await;
        let presented = recorder.and_then(|recorder| recorder.presented().cloned());
        (shaken, presented)
    }

    /// Whom it trusts.
    #[must_use]
    pub const fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Shakes hands, and gives the record of what was presented beside the judgement.
    pub(in crate::probe) async fn record(
        &self,
        socket: Socket,
        handshake: Handshake<'_>,
    ) -> (Shaken, Option<Arc<Recorder>>) {
        let Some(name) = self.name(handshake.host) else {
            return (Shaken::nameless(), None);
        };
        let recorder = Arc::new(Recorder::new(self.provider.signature_verification_algorithms));
        let connect = self
            .connector(&recorder, handshake.alpn)
            .connect(name.clone(), socket);
        let shaken = timeout_at(handshake.deadline, shake(connect)).await;

        let chain = recorder
            .presented()
            .map(|presented| self.judge(presented, &name, &handshake));
        let trusted = self.insecure_skip_verify || chain.as_ref().is_some_and(|chain| chain.trusted());
        let mut facts = facts(chain);
        let stream = match shaken {
            Err(_elapsed) => Err(ShakeFailure::Tls(TlsFailure::Timeout)),
            // The chain is a proof of having been heard, should it have come in while nobody looked.
            Ok(Err(ShakeFailure::Connect(_))) if facts.chain.is_some() => {
                Err(ShakeFailure::Tls(TlsFailure::Closed))
            }
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(stream)) => {
                describe(&mut facts, stream.get_ref().1);
                if trusted {
                    Ok(stream)
                } else {
                    Err(ShakeFailure::Untrusted)
                }
            }
        };
        (Shaken { facts, stream }, Some(recorder))
    }

    /// The name to ask and to verify; `None` where TLS has no such names.
    fn name(&self, host: &str) -> Option<ServerName<'static>> {
        match &self.server_name {
            Some(name) => Some(name.clone()),
            None => ServerName::try_from(host).ok().map(|name| name.to_owned()),
        }
    }

    fn connector(&self, recorder: &Arc<Recorder>, alpn: Alpn) -> TlsConnector {
        let mut config = self.base.clone();
        config.alpn_protocols = alpn.protocols();
        let verifier = Arc::clone(recorder);
        config.dangerous().set_certificate_verifier(verifier);
        TlsConnector::from(Arc::new(config))
    }

    fn judge(
        &self,
        presented: &Presented,
        name: &ServerName<'_>,
        handshake: &Handshake<'_>,
    ) -> Arc<ChainFacts> {
        let key = memory::key(&name.to_str(), presented);
        let earlier = self.memory.recall(&key);
        let known = handshake.intermediates.known();
        let judged = judge(
            presented,
            earlier.as_ref(),
            &Question {
                name,
                roots: &self.roots,
                known: &known,
                now: handshake.now,
            },
        );
        let facts = Arc::clone(&judged.facts);
        if earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.facts, &facts)) {
            let used = judged
                .used
                .iter()
                .filter_map(|position| presented.chain.get(*position));
            handshake.intermediates.learn(used);
            self.memory.keep(key, judged);
        }
        facts
    }
}

impl Shaken {
    /// The host is no name that TLS could ask for or verify.
    fn nameless() -> Self {
        let failure = TlsFailure::Protocol("the host is neither a DNS name nor an address".to_owned());
        Self {
            facts: facts(None),
            stream: Err(ShakeFailure::Tls(failure)),
        }
    }
}

/// Drives the handshake and looks whether the peer ever said anything: a reset before its first byte belongs to the
/// connection, one after it to TLS.
async fn shake(mut connect: Connect<Socket>) -> Result<TlsStream<Socket>, ShakeFailure> {
    let mut heard = false;
    let ended = std::future::poll_fn(|context| {
        if !heard {
            match poll_heard(&connect, context) {
                // The error is gone from the socket once it was read: it must be kept here.
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(some)) => heard = some,
                Poll::Pending => {}
            }
        }
        Pin::new(&mut connect).poll(context)
    })
    .await;
    ended.map_err(|error| {
        if !heard && connect::is_reset(&error) {
            ShakeFailure::Connect(ConnectFailure::Reset)
        } else {
            ShakeFailure::Tls(failure::during_handshake(&error))
        }
    })
}

/// Whether there is a byte from the peer, without taking it.
fn poll_heard(connect: &Connect<Socket>, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
    match connect.get_ref() {
        Some(socket) => socket.poll_heard(context),
        None => Poll::Pending,
    }
}

const fn facts(chain: Option<Arc<ChainFacts>>) -> TlsFacts {
    TlsFacts {
        version: None,
        cipher: None,
        alpn: None,
        chain,
    }
}

/// What was agreed.
fn describe(facts: &mut TlsFacts, session: &ClientConnection) {
    facts.version = session.protocol_version().and_then(version_name);
    facts.cipher = session
        .negotiated_cipher_suite()
        .and_then(|suite| cipher_name(suite.suite()));
    facts.alpn = session
        .alpn_protocol()
        .map(|protocol| String::from_utf8_lossy(protocol).into_owned());
}

/// The version as blackbox_exporter writes it.
fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    let known = [
        (ProtocolVersion::TLSv1_3, "TLS 1.3"),
        (ProtocolVersion::TLSv1_2, "TLS 1.2"),
    ];
    known
        .iter()
        .find(|(known, _)| *known == version)
        .map(|(_, name)| *name)
}

/// The name in IANA's registry; rustls marks those of TLS 1.3 in its own way.
fn cipher_name(suite: CipherSuite) -> Option<&'static str> {
    match suite.as_str()? {
        "TLS13_AES_128_GCM_SHA256" => Some("TLS_AES_128_GCM_SHA256"),
        "TLS13_AES_256_GCM_SHA384" => Some("TLS_AES_256_GCM_SHA384"),
        "TLS13_CHACHA20_POLY1305_SHA256" => Some("TLS_CHACHA20_POLY1305_SHA256"),
        name => Some(name),
    }
}
