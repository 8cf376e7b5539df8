//! A dialogue by messages over a WebSocket (RFC 6455).

use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};

use super::call::{Call, Dial};
use super::dialogue::Step;
use super::line::Line;
use super::tls::Alpn;
use super::{Addressing, host_of, tls};
use crate::outcome::{AnswerFacts, Attempt, Failure, Hop, Peer};

mod talk;
mod upgrade;

/// A module of the websocket prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
pub struct Settings {
    /// Which of the host's addresses are asked.
    pub addressing: Addressing,
    /// Request headers in the order given; `Host` replaces the URL's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Credentials for the `Authorization` header.
    pub authorization: Option<HeaderValue>,
    /// What is said and heard once the connection is upgraded; empty: the upgrade is all.
    pub steps: Vec<Step>,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

/// Upgrades a connection to an address of the target and goes through the dialogue.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings, address: IpAddr) -> Attempt {
    let url = call.request.url;
    let port = url.port_or_known_default().unwrap_or(80);
    let address = SocketAddr::new(address, port);
    let mut hop = call.first_hop(url.as_str().to_owned());
    let mut violations = Vec::new();
    match ready(call, settings, address, &mut hop).await {
        Err(failure) => hop.failure = Some(failure),
        Ok(line) => {
            let talked = talk::talk(&call, settings, line, &mut hop.timings).await;
            hop.answer = talked.facts.map(AnswerFacts::WebSocket);
            hop.failure = talked.failure;
            violations.extend(talked.violation);
        }
    }
    Attempt {
        peer: Peer::Address(address),
        hops: vec![hop],
        violations,
    }
}

/// A line that can be spoken on.
async fn ready(
    call: Call<'_>,
    settings: &Settings,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<Line, Failure> {
    let url = call.request.url;
    let host = host_of(url);
    let dial = Dial {
        host: &host,
        addresses: &[address],
        source: None,
    };
    let socket = call.dial(dial, hop).await?;
    if !matches!(url.scheme(), "wss" | "https") {
        return Ok(Line::Plain(socket));
    }
    call.shake(&settings.tls, socket, (&host, Alpn::Http1), hop).await
}
