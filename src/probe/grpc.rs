//! The health check of gRPC (`grpc.health.v1.Health/Check`) over HTTP/2, with TLS or without.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};
use url::Url;

use self::answer::violations;
use self::exchange::{Asked, Checked};
use super::call::Call;
use super::line::Line;
use super::tls::Alpn;
use super::{Addressing, host_of, tls};
use crate::outcome::{AnswerFacts, Attempt, Failure, Hop, Peer, TlsFailure};

mod answer;
mod exchange;
mod health;

/// A module of the grpc prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
pub struct Settings {
    /// Which of the host's addresses are asked.
    pub addressing: Addressing,
    /// The service whose health is asked for; empty: the server's own.
    pub service: String,
    /// What is sent along, in the order given.
    pub metadata: Vec<(HeaderName, HeaderValue)>,
    /// The name to ask for in place of the URL's host and port.
    pub authority: Option<String>,
    /// Whether TLS is spoken.
    pub over_tls: bool,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

impl Settings {
    fn port(&self, url: &Url) -> u16 {
        url.port().unwrap_or(if self.over_tls { 443 } else { 80 })
    }
}

/// Asks the service at an address of the target for its health.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings, address: IpAddr) -> Attempt {
    let url = call.request.url;
    let address = SocketAddr::new(address, settings.port(url));
    let mut hop = call.first_hop(url.as_str().to_owned());
    let mut broken = Vec::new();
    match ready(call, settings, address, &mut hop).await {
        Err(failure) => hop.failure = Some(failure),
        Ok(line) => {
            let asked = Asked {
                settings,
                url,
                marked: call.request.marked,
                deadline: call.request.deadline,
            };
            let Checked { facts, failure } = exchange::check(line, &asked, &mut hop.timings).await;
            if failure.is_none() {
                broken.extend(facts.as_ref().and_then(violations));
            }
            hop.answer = facts.map(AnswerFacts::Grpc);
            hop.failure = failure;
        }
    }
    Attempt {
        peer: Peer::Address(address),
        hops: vec![hop],
        violations: broken,
    }
}

/// A line that can be spoken on. Clients of gRPC refuse a session for which HTTP/2 was not agreed, and so do we.
async fn ready(
    call: Call<'_>,
    settings: &Settings,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<Line, Failure> {
    let socket = call.dial_target(address, None, hop).await?;
    if !settings.over_tls {
        return Ok(Line::Plain(socket));
    }
    let host = host_of(call.request.url);
    let line = call
        .shake(&settings.tls, socket, (&host, Alpn::Http2), hop)
        .await?;
    if hop.tls.as_ref().is_some_and(|tls| tls.alpn.is_none()) {
        let what = "the server does not agree to HTTP/2 by ALPN, as clients of gRPC require".to_owned();
        return Err(Failure::Tls(TlsFailure::Protocol(what)));
    }
    Ok(line)
}
