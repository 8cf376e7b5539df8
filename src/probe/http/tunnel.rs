//! The way through a proxy: reach it, and have it make the connection.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout_at;
use tokio_socks::tcp::Socks5Stream;
use url::Url;

use super::exchange::HEAD_LIMIT;
use super::hop::port_of;
use super::proxy::{Proxies, Proxy, ProxyKind};
use crate::build_info;
use crate::outcome::{Failure, Family, Hop, ProxyFailure, ProxyMet};
use crate::probe::budget::{self, Stage};
use crate::probe::call::{Call, Dial};
use crate::probe::line::{Line, Socket};
use crate::probe::tls::Alpn;
use crate::probe::{Request as Asked, host_of, policy};

/// What the ways through the proxies of one probe share.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct Tunnels<'a> {
    /// What is probed, and with what.
    pub(in crate::probe) call: Call<'a>,
    /// The proxies of the module.
    pub(in crate::probe) proxies: &'a Proxies,
    /// Which of a proxy's addresses come first.
    pub(in crate::probe) preferred: Family,
}

impl Tunnels<'_> {
    /// Whether a target may be asked by a proxy, and at which address: to be asked before the proxy is. Where anything is
    /// forbidden, a name that a redirect leads to is looked up for that alone. Where the module leaves names to the proxy,
    /// only the name can be looked at: where it leads is for the proxy to permit.
    pub(in crate::probe) async fn permit(
        &self,
        url: &Url,
        address: Option<IpAddr>,
        hop: &mut Hop,
    ) -> Result<Option<IpAddr>, Failure> {
        let host = host_of(url);
        if let Some(known) = address.or_else(|| host.parse().ok()) {
            return self.call.permit(&host, known).map(|()| address);
        }
        self.call.permit_host(&host)?;
        if self.call.request.policy.is_open() || self.proxies.resolve(url) {
            return Ok(None);
        }
        let addresses = self
            .call
            .look_up(&host, port_of(url), self.preferred, hop)
            .await?;
        for found in &addresses {
            self.call.permit(&host, found.ip())?;
        }
        Ok(addresses.first().map(SocketAddr::ip))
    }

    /// Has a proxy that was reached make the connection; to the target at its address, where that is known.
    pub(in crate::probe) async fn open(
        &self,
        (proxy, line): (&Proxy, Line),
        url: &Url,
        address: Option<IpAddr>,
        hop: &mut Hop,
    ) -> Result<Socket, Failure> {
        let socket = match line {
            Line::Plain(socket) => socket,
            Line::Tls(stream) => Socket::Tunnel(stream),
        };
        let begun = tokio::time::Instant::now();
        let until = budget::until(Stage::Connect, self.call.request.deadline);
        let opened = async {
            match proxy.kind {
                ProxyKind::Socks5 => by_socks(proxy, socket, url, address).await,
                ProxyKind::Http | ProxyKind::Https => self.by_connect(proxy, socket, url, address).await,
            }
        };
        let opened = timeout_at(until, opened).await;
        hop.timings.connect += begun.elapsed();
        let opened = opened.unwrap_or_else(|_elapsed| Err("no answer in time".to_owned()));
        opened.map_err(|why| failed(proxy, ProxyMet::Refused(why)))
    }

    /// A line to the proxy itself; what fails here is its failure, not the target's.
    pub(in crate::probe) async fn reach(&self, proxy: &Proxy, hop: &mut Hop) -> Result<Line, Failure> {
        hop.proxy = Some(proxy.to_string());
        let mut way = Hop::new(String::new());
        let reached = self.reach_itself(proxy, &mut way).await;
        hop.address = way.address;
        hop.timings.dns += way.timings.dns;
        hop.timings.connect += way.timings.connect;
        hop.timings.tls += way.timings.tls;
        reached.map_err(|failure| {
            let chain = way.tls.and_then(|tls| tls.chain);
            failed(proxy, ProxyMet::Unreached { failure, chain })
        })
    }

    async fn reach_itself(&self, proxy: &Proxy, way: &mut Hop) -> Result<Line, Failure> {
        let addresses = self
            .call
            .look_up(&proxy.host, proxy.port, self.preferred, way)
            .await?;
        // Whoever runs the program chose the proxy: what may be probed is said of targets.
        let request = Asked {
            policy: &policy::OPEN,
            ..*self.call.request
        };
        let call = Call {
            request: &request,
            ..self.call
        };
        let dial = Dial {
            host: &proxy.host,
            addresses: &addresses,
            source: None,
        };
        let socket = call.dial(dial, way).await?;
        match &self.proxies.tls {
            Some(tls) if proxy.kind == ProxyKind::Https => {
                self.call
                    .shake(tls, socket, (&proxy.host, Alpn::Http1), way)
                    .await
            }
            Some(_) | None => Ok(Line::Plain(socket)),
        }
    }

    /// Has the proxy make the connection by CONNECT (RFC 9110 section 9.3.6).
    async fn by_connect(
        &self,
        proxy: &Proxy,
        socket: Socket,
        url: &Url,
        address: Option<IpAddr>,
    ) -> Result<Socket, String> {
        let target =
            authority(url, address).ok_or_else(|| "no request can be written for the target".to_owned())?;
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.headers_mut() = self.connect_headers(proxy, &target);
        *request.uri_mut() = Uri::from(target);
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_LIMIT as usize)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| said(&error))?;
        let mut connection = std::pin::pin!(connection.without_shutdown());
        let mut asked = std::pin::pin!(sender.send_request(request));
        let mut parts = None;
        let response = tokio::select! {
            biased;
            response = &mut asked => response,
            ended = &mut connection => {
                parts = ended.ok();
                asked.await
            }
        };
        let status = response.map_err(|error| said(&error))?.status();
        if !status.is_success() {
            return Err(refusal(status));
        }
        let parts = match parts {
            Some(parts) => parts,
            None => connection.await.map_err(|error| said(&error))?,
        };
        if parts.read_buf.is_empty() {
            Ok(parts.io.into_inner())
        } else {
            Err("it spoke before the connection was used".to_owned())
        }
    }

    fn connect_headers(&self, proxy: &Proxy, target: &Authority) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.extend(
            HeaderValue::from_str(target.as_str())
                .ok()
                .map(|host| (HOST, host)),
        );
        headers.insert(USER_AGENT, HeaderValue::from_static(build_info::USER_AGENT));
        for (name, value) in &self.proxies.connect_headers {
            headers.append(name, value.clone());
        }
        if let Some(credentials) = proxy.authorization() {
            headers.insert(PROXY_AUTHORIZATION, credentials);
        }
        headers
    }
}

/// Host and port of a URL, by the address where it is known.
pub(super) fn authority(url: &Url, address: Option<IpAddr>) -> Option<Authority> {
    let port = port_of(url);
    let text = match address {
        Some(address) => SocketAddr::new(address, port).to_string(),
        None => format!("{}:{port}", url.host_str()?),
    };
    Authority::try_from(text).ok()
}

async fn by_socks(
    proxy: &Proxy,
    socket: Socket,
    url: &Url,
    address: Option<IpAddr>,
) -> Result<Socket, String> {
    let host = match address {
        Some(address) => address.to_string(),
        None => host_of(url).into_owned(),
    };
    let target = (host.as_str(), port_of(url));
    let opened = match &proxy.credentials {
        Some(credentials) => {
            let (user, password) = (credentials.user.as_str(), credentials.password.as_str());
            Socks5Stream::connect_with_password_and_socket(socket, target, user, password).await
        }
        None => Socks5Stream::connect_with_socket(socket, target).await,
    };
    opened.map(Socks5Stream::into_inner).map_err(|error| {
        let text = error.to_string();
        format!("socks: {}", text.to_lowercase())
    })
}

fn failed(proxy: &Proxy, met: ProxyMet) -> Failure {
    Failure::Proxy(Box::new(ProxyFailure {
        proxy: proxy.to_string(),
        met,
    }))
}

fn refusal(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("it answers {} {reason}", status.as_str()),
        None => format!("it answers {}", status.as_str()),
    }
}

fn said(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        format!("its answer has a head of more than {HEAD_LIMIT} bytes")
    } else if error.is_parse() {
        "its answer is not http".to_owned()
    } else {
        "it closed the connection".to_owned()
    }
}
