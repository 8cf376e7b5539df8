//! A dialogue by messages over a WebSocket (RFC 6455).

use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};

use super::call::Call;
use super::dialogue::Step;
use super::http::proxy::{Proxies, Proxy};
use super::http::token::Tokens;
use super::http::tunnel::Tunnels;
use super::line::{Line, Socket};
use super::tls::Alpn;
use super::{Addressing, host_of, tls};
use crate::outcome::{AnswerFacts, Attempt, Failure, Hop, Peer, WebSocketFacts};

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
    /// Where the tokens come from that stand in place of credentials.
    pub tokens: Option<Box<Tokens>>,
    /// What stands between. Through a proxy goes a connection, never the request itself (RFC 6455 section 4.1).
    pub proxies: Proxies,
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
        Ok((line, authorization)) => {
            let authorization = authorization.as_ref();
            let talked = talk::talk(&call, (settings, authorization), line, &mut hop.timings).await;
            forget_refused(settings, authorization, talked.facts.as_ref()).await;
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

/// A line that can be spoken on, and who asks. Without a token there is nothing to go there for.
async fn ready(
    call: Call<'_>,
    settings: &Settings,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<(Line, Option<HeaderValue>), Failure> {
    let url = call.request.url;
    let authorization = match &settings.tokens {
        // On the heap, as all that most probes do without.
        Some(tokens) => Some(Box::pin(tokens.header(call)).await?),
        None => settings.authorization.clone(),
    };
    let socket = match settings.proxies.of(url, Some(address.ip())) {
        Some(proxy) => Box::pin(tunnel(call, (settings, proxy), address.ip(), hop)).await?,
        None => call.dial_target(address, None, hop).await?,
    };
    if !matches!(url.scheme(), "wss" | "https") {
        return Ok((Line::Plain(socket), authorization));
    }
    let peer = (&*host_of(url), Alpn::Http1);
    let line = call.shake(&settings.tls, socket, peer, hop).await?;
    Ok((line, authorization))
}

async fn tunnel(
    call: Call<'_>,
    (settings, proxy): (&Settings, &Proxy),
    address: IpAddr,
    hop: &mut Hop,
) -> Result<Socket, Failure> {
    let url = call.request.url;
    let tunnels = Tunnels {
        call,
        proxies: &settings.proxies,
        preferred: settings.addressing.preferred,
    };
    tunnels.permit(url, Some(address), hop).await?;
    let line = tunnels.reach(proxy, hop).await?;
    tunnels.open((proxy, line), url, Some(address), hop).await
}

/// A token that the target refuses may have been withdrawn.
async fn forget_refused(
    settings: &Settings,
    authorization: Option<&HeaderValue>,
    facts: Option<&WebSocketFacts>,
) {
    let refused = facts.is_some_and(|facts| facts.status == 401);
    if let (Some(tokens), Some(authorization), true) = (&settings.tokens, authorization, refused) {
        tokens.forget(authorization).await;
    }
}
