//! QUIC (RFC 9000, RFC 9001), where connection and handshake are one: with the same recording verifier.
//!
//! What quinn would leave running in the background belongs to the session and ends with it.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig};
use quinn::{AsyncTimer, AsyncUdpSocket, ConnectionError, Endpoint, EndpointConfig, Runtime, TokioRuntime};
use rustls::AlertDescription;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::recorder::Recorder;
use super::{Connector, Handshake, ShakeFailure, facts, failure};
use crate::outcome::{ConnectFailure, TlsFacts, TlsFailure};

/// The protocol of HTTP/3 in ALPN.
const H3: &[u8] = b"h3";

/// Codes of errors that are alerts of TLS (RFC 9001 section 4.8).
const ALERTS: std::ops::Range<u64> = 0x100..0x200;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(5);

/// How a handshake ended.
#[derive(Debug)]
pub(in crate::probe) struct Shaken {
    /// What it showed, as far as it came.
    pub(in crate::probe) facts: TlsFacts,
    /// The session, or why there is none.
    pub(in crate::probe) session: Result<Session, ShakeFailure>,
}

/// A connection that streams can be opened on, with all that drives it.
#[derive(Debug)]
pub(in crate::probe) struct Session {
    /// The connection.
    pub(in crate::probe) connection: quinn::Connection,
    endpoint: Endpoint,
    _tasks: Arc<Owned>,
}

impl Session {
    /// Says farewell, so that the peer need not wait for us.
    pub(in crate::probe) async fn close(self) {
        self.connection.close(0_u32.into(), b"");
        // A peer that does not hear it forgets us by itself.
        let _ = tokio::time::timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }
}

impl Connector {
    /// Connects and shakes hands with an address, for HTTP/3, and judges the recorded chain.
    pub(in crate::probe) async fn over_quic(&self, address: SocketAddr, handshake: Handshake<'_>) -> Shaken {
        let Some(name) = self.name(handshake.host) else {
            let nameless = super::Shaken::nameless();
            return Shaken {
                facts: nameless.facts,
                session: Err(ShakeFailure::Tls(TlsFailure::Protocol(NAMELESS.to_owned()))),
            };
        };
        let recorder = Arc::new(Recorder::new(self.provider.signature_verification_algorithms));
        let begun = self.begin(address, &recorder, &name.to_str());
        let ended = match begun {
            Err(failure) => Err(failure),
            Ok((endpoint, tasks, connecting)) => match timeout_at(handshake.deadline, connecting).await {
                Err(_elapsed) => Err(ShakeFailure::Connect(ConnectFailure::Timeout)),
                Ok(Err(error)) => Err(classify(&error)),
                Ok(Ok(connection)) => Ok(Session {
                    connection,
                    endpoint,
                    _tasks: tasks,
                }),
            },
        };
        let chain = recorder
            .presented()
            .map(|presented| self.judge(presented, &name, &handshake));
        let trusted = self.insecure_skip_verify || chain.as_ref().is_some_and(|chain| chain.trusted());
        let mut facts = facts(chain);
        let session = match ended {
            // The chain is a proof of having been heard.
            Err(ShakeFailure::Connect(ConnectFailure::Timeout)) if facts.chain.is_some() => {
                Err(ShakeFailure::Tls(TlsFailure::Timeout))
            }
            Err(failure) => Err(failure),
            Ok(session) => {
                facts.version = Some("TLS 1.3");
                facts.alpn = agreed(&session.connection);
                if trusted {
                    Ok(session)
                } else {
                    session.close().await;
                    Err(ShakeFailure::Untrusted)
                }
            }
        };
        Shaken { facts, session }
    }

    fn begin(
        &self,
        address: SocketAddr,
        recorder: &Arc<Recorder>,
        name: &str,
    ) -> Result<(Endpoint, Arc<Owned>, quinn::Connecting), ShakeFailure> {
        let mut config = self.base.clone();
        config.alpn_protocols = vec![H3.to_vec()];
        let verifier = Arc::clone(recorder);
        config.dangerous().set_certificate_verifier(verifier);
        let config = QuicClientConfig::try_from(config).map_err(|_| {
            let what = "HTTP/3 needs TLS 1.3, which the module does not offer".to_owned();
            ShakeFailure::Tls(TlsFailure::Protocol(what))
        })?;
        let config = quinn::ClientConfig::new(Arc::new(config));
        let tasks = Arc::new(Owned::default());
        let ours: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let unreachable = || ShakeFailure::Connect(ConnectFailure::Unreachable);
        let socket = std::net::UdpSocket::bind(ours).map_err(|_| unreachable())?;
        let runtime: Arc<dyn Runtime> = Arc::<Owned>::clone(&tasks);
        let endpoint =
            Endpoint::new(EndpointConfig::default(), None, socket, runtime).map_err(|_| unreachable())?;
        let connecting = endpoint
            .connect_with(config, address, name)
            .map_err(|error| ShakeFailure::Tls(TlsFailure::Protocol(error.to_string())))?;
        Ok((endpoint, tasks, connecting))
    }
}

const NAMELESS: &str = "the host is neither a DNS name nor an address";

/// What a broken connection says of TLS; `None` where TLS had no part in it.
pub(in crate::probe) fn tls_failure(error: &ConnectionError) -> Option<TlsFailure> {
    match error {
        ConnectionError::ConnectionClosed(close) => alert(close.error_code.into()).map(TlsFailure::Alert),
        ConnectionError::TransportError(error) if alert(error.code.into()).is_some() => {
            Some(TlsFailure::Protocol(error.reason.clone()))
        }
        ConnectionError::TransportError(_)
        | ConnectionError::VersionMismatch
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => None,
    }
}

fn alert(code: u64) -> Option<String> {
    let code = ALERTS.contains(&code).then(|| u8::try_from(code & 0xff).ok())??;
    Some(failure::alert_name(AlertDescription::from(code)))
}

fn classify(error: &ConnectionError) -> ShakeFailure {
    if let Some(failure) = tls_failure(error) {
        return ShakeFailure::Tls(failure);
    }
    match error {
        ConnectionError::TimedOut => ShakeFailure::Connect(ConnectFailure::Timeout),
        ConnectionError::VersionMismatch | ConnectionError::TransportError(_) => {
            ShakeFailure::Tls(TlsFailure::Protocol(error.to_string()))
        }
        ConnectionError::ConnectionClosed(_)
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => ShakeFailure::Tls(TlsFailure::Closed),
    }
}

fn agreed(connection: &quinn::Connection) -> Option<String> {
    let data = connection.handshake_data()?.downcast::<HandshakeData>().ok()?;
    Some(String::from_utf8_lossy(&data.protocol?).into_owned())
}

/// Tokio for quinn, with its tasks in a set that ends with the session.
#[derive(Debug, Default)]
struct Owned(Mutex<JoinSet<()>>);

impl Runtime for Owned {
    fn new_timer(&self, at: std::time::Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }

    fn now(&self) -> std::time::Instant {
        TokioRuntime.now()
    }
}
