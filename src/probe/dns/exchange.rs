//! One question, one server, one answer: the transports, with retries and connections of our own.
//!
//! What counts as no answer: nothing in time, a datagram with a wrong id or from elsewhere, an answer to another
//! question. A datagram with the right id that is not DNS, and an error of the transport, break the exchange.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_net::runtime::{RuntimeProvider, Spawn, TokioRuntimeProvider};
use hickory_net::tcp::TcpClientStream;
use hickory_net::tls::tls_client_connect;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::{DnsExchange, DnsHandle, DnsMultiplexer, DnsRequestSender};
use hickory_net::{NetError, h2::HttpsClientStream};
use hickory_proto::op::{self, DnsRequest, DnsRequestOptions, Query};
use hickory_proto::rr::{Name, RecordType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::{Server, facts};
use crate::outcome::Reply;

/// How often a question goes out over UDP at most.
const SENDS: u32 = 3;

/// The pause before the second datagram, at most; it doubles before the third. Well below the time that a second
/// family or server is waited for, so that one lost datagram is no timeout.
const RESEND: Duration = Duration::from_millis(400);

/// What hickory's own clocks are set to: longer than any probe, because the deadline is kept here.
const BACKSTOP: Duration = Duration::from_secs(120);

/// Questions in flight over one kept connection.
const MAX_IN_FLIGHT: usize = 4_096;

/// A question as it goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) name: &'a Name,
    pub(super) record: RecordType,
    /// RD: resolvers are asked to resolve, authoritative servers only for what they hold.
    pub(super) recursion: bool,
    /// CD: take the answer even if DNSSEC validation fails.
    pub(super) checking_disabled: bool,
    /// AD: be told whether the answer was validated (RFC 6840 section 5.7).
    pub(super) authenticity: bool,
}

impl Asking<'_> {
    fn request(self) -> DnsRequest {
        let mut options = DnsRequestOptions::default();
        options.recursion_desired = self.recursion;
        let mut request = DnsRequest::from_query(Query::query(self.name.clone(), self.record), options);
        request.metadata.checking_disabled = self.checking_disabled;
        request.metadata.authentic_data = self.authenticity;
        request
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    Timeout,
    Broken(String),
}

impl Unanswered {
    fn broken(error: &NetError) -> Self {
        let late = matches!(error, NetError::Timeout)
            || matches!(error, NetError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut);
        if late {
            Self::Timeout
        } else {
            Self::Broken(error.to_string())
        }
    }
}

impl From<Unanswered> for Reply {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Timeout => Self::Timeout,
            Unanswered::Broken(reason) => Self::Broken(reason),
        }
    }
}

/// A server with what it takes to ask it.
pub(super) struct Link {
    pub(super) label: Arc<str>,
    transport: Transport,
    runtime: TokioRuntimeProvider,
}

enum Transport {
    Udp(SocketAddr),
    Kept(Connector, Mutex<Option<DnsExchange<TokioRuntimeProvider>>>),
    Unusable(String),
}

/// How to connect where the connection is kept for the next question.
enum Connector {
    Tcp(SocketAddr),
    Tls(SocketAddr, ServerName<'static>, Arc<ClientConfig>),
    Https(SocketAddr, Arc<str>, Arc<str>, Arc<ClientConfig>),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.label).finish()
    }
}

impl Link {
    /// Plain DNS; `runtime` owns the tasks of kept connections.
    pub(super) fn udp(address: SocketAddr, runtime: &TokioRuntimeProvider) -> Self {
        Self {
            label: address.to_string().into(),
            transport: Transport::Udp(address),
            runtime: runtime.clone(),
        }
    }

    /// A server by its settings; `Server::System` stands for several and is none.
    pub(super) fn to(
        server: &Server,
        tls: &Result<Arc<ClientConfig>, String>,
        runtime: &TokioRuntimeProvider,
    ) -> Option<Self> {
        let (label, connector) = match server {
            Server::System => return None,
            Server::Udp(address) => return Some(Self::udp(*address, runtime)),
            Server::Tcp(address) => (format!("tcp://{address}"), Ok(Connector::Tcp(*address))),
            Server::Tls(address, name) => (format!("tls://{address}"), secure(*address, name, tls)),
            Server::Https(address, name, path) => {
                let connector = tls.clone().map(|config| {
                    Connector::Https(*address, name.as_str().into(), path.as_str().into(), config)
                });
                (format!("https://{name}{path}"), connector)
            }
        };
        Some(Self {
            label: label.into(),
            transport: connector.map_or_else(Transport::Unusable, |connector| {
                Transport::Kept(connector, Mutex::new(None))
            }),
            runtime: runtime.clone(),
        })
    }

    /// Asks once, as the transport goes about it.
    pub(super) async fn ask(&self, asking: Asking<'_>, deadline: Instant) -> Result<op::Message, Unanswered> {
        let message = match &self.transport {
            Transport::Udp(address) => self.datagrams(*address, asking, deadline).await?,
            Transport::Kept(connector, kept) => self.kept(connector, kept, asking, deadline).await?,
            Transport::Unusable(reason) => return Err(Unanswered::Broken(reason.clone())),
        };
        if facts::answers(&message, asking.name, asking.record) {
            Ok(message)
        } else {
            Err(Unanswered::Timeout)
        }
    }

    /// UDP; earlier datagrams are still listened for when a later one has gone out. TCP if the answer is truncated.
    async fn datagrams(
        &self,
        address: SocketAddr,
        asking: Asking<'_>,
        deadline: Instant,
    ) -> Result<op::Message, Unanswered> {
        let started = Instant::now();
        let pause = RESEND.min(deadline.saturating_duration_since(started) / 5);
        let mut stream = UdpClientStream::builder(address, self.runtime.clone())
            .with_timeout(Some(BACKSTOP))
            .with_max_retries(0)
            .with_os_port_selection(true)
            .build();
        let mut sent = FuturesUnordered::new();
        for send in 1..=SENDS {
            sent.push(stream.send_message(asking.request()).into_future());
            let until = if send == SENDS {
                deadline
            } else {
                deadline.min(started + pause * (2_u32.pow(send) - 1))
            };
            match timeout_at(until, sent.next()).await {
                Ok(Some((Some(Ok(response)), _))) if response.metadata.truncation => {
                    return self.stream(address, asking, deadline).await;
                }
                Ok(Some((Some(Ok(response)), _))) => return Ok(response.into_message()),
                Ok(Some((Some(Err(error)), _))) => return Err(Unanswered::broken(&error)),
                Ok(Some((None, _)) | None) => return Err(Unanswered::Timeout),
                Err(_) => {}
            }
        }
        Err(Unanswered::Timeout)
    }

    /// TCP for one question (RFC 7766).
    async fn stream(
        &self,
        address: SocketAddr,
        asking: Asking<'_>,
        deadline: Instant,
    ) -> Result<op::Message, Unanswered> {
        let exchange = async {
            let exchange = self.connect(&Connector::Tcp(address)).await?;
            exchange
                .send(asking.request())
                .next()
                .await
                .unwrap_or(Err(NetError::Timeout))
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(response)) => Ok(response.into_message()),
            Ok(Err(error)) => Err(Unanswered::broken(&error)),
            Err(_) => Err(Unanswered::Timeout),
        }
    }

    /// A connection that stays open. One from an earlier question may have died meanwhile: then a new one is tried.
    async fn kept(
        &self,
        connector: &Connector,
        kept: &Mutex<Option<DnsExchange<TokioRuntimeProvider>>>,
        asking: Asking<'_>,
        deadline: Instant,
    ) -> Result<op::Message, Unanswered> {
        loop {
            let connecting = self.kept_exchange(connector, kept);
            let (exchange, fresh) = match timeout_at(deadline, connecting).await {
                Ok(Ok(connected)) => connected,
                Ok(Err(error)) => return Err(Unanswered::broken(&error)),
                Err(_) => return Err(Unanswered::Timeout),
            };
            let now = Instant::now();
            let until = if fresh {
                deadline
            } else {
                now + deadline.saturating_duration_since(now) / 2
            };
            let failure = match timeout_at(until, exchange.send(asking.request()).next()).await {
                Ok(Some(Ok(response))) => return Ok(response.into_message()),
                Ok(Some(Err(error))) => Unanswered::broken(&error),
                Ok(None) | Err(_) => Unanswered::Timeout,
            };
            // Nobody waits long for this lock: whoever connects under it does so until the deadline at most.
            if let Ok(mut kept) = timeout_at(deadline, kept.lock()).await {
                *kept = None;
            }
            if fresh {
                return Err(failure);
            }
        }
    }

    async fn kept_exchange(
        &self,
        connector: &Connector,
        kept: &Mutex<Option<DnsExchange<TokioRuntimeProvider>>>,
    ) -> Result<(DnsExchange<TokioRuntimeProvider>, bool), NetError> {
        let mut kept = kept.lock().await;
        if let Some(exchange) = kept.as_ref() {
            return Ok((exchange.clone(), false));
        }
        let exchange = self.connect(connector).await?;
        *kept = Some(exchange.clone());
        Ok((exchange, true))
    }

    async fn connect(&self, connector: &Connector) -> Result<DnsExchange<TokioRuntimeProvider>, NetError> {
        let runtime = self.runtime.clone();
        match connector {
            Connector::Tcp(address) => {
                TcpClientStream::exchange(*address, None, BACKSTOP, Some(MAX_IN_FLIGHT), runtime).await
            }
            Connector::Tls(address, name, config) => {
                // hickory's `tls_exchange` switches the server name indication off; some servers need it.
                let (stream, sender) =
                    tls_client_connect(*address, name.clone(), Arc::clone(config), runtime);
                let multiplexer = DnsMultiplexer::new(stream.await?, sender)
                    .with_timeout(BACKSTOP)
                    .with_max_active_requests(MAX_IN_FLIGHT);
                let (exchange, background) = DnsExchange::from_stream(multiplexer);
                self.runtime.create_handle().spawn_bg(background);
                Ok(exchange)
            }
            Connector::Https(address, name, path, config) => {
                HttpsClientStream::builder(Arc::clone(config), runtime)
                    .exchange(*address, Arc::clone(name), Arc::clone(path))
                    .await
            }
        }
    }
}

fn secure(
    address: SocketAddr,
    name: &str,
    tls: &Result<Arc<ClientConfig>, String>,
) -> Result<Connector, String> {
    let config = tls.clone()?;
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| format!("server name {name:?} cannot be used for dns over tls: {error}"))?;
    Ok(Connector::Tls(address, name, config))
}

/// The client side of DNS over TLS and HTTPS: trusts these PEM roots, else the public ones.
pub(super) fn client_config(roots: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut store = RootCertStore::empty();
    match roots {
        None => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                certificate
                    .map_err(|error| error.to_string())
                    .and_then(|certificate| store.add(certificate).map_err(|error| error.to_string()))
                    .map_err(|error| format!("roots for dns over tls and https cannot be used: {error}"))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
        .map_err(|error| format!("tls for dns cannot be set up: {error}"))
}
