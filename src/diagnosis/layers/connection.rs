//! The layers that every prober with a connection has: the connection itself, and TLS over it.

use super::super::text;
use super::{Fact, Layer};
use crate::cause::Stage;
use crate::endpoint::Endpoint;
use crate::outcome::{ChainFacts, Failure, Hop, Peer, TlsFacts};

/// Where it connected to, or what it met there.
pub(super) fn connected(hop: &Hop, peer: &Peer) -> Layer {
    let place = match (hop.address, &hop.proxy, peer) {
        (Some(address), Some(proxy), _) => format!("{address}, the proxy {proxy}"),
        (Some(address), None, _) => Peer::Address(address).to_string(),
        (None, Some(proxy), _) => format!("the proxy {proxy}"),
        (None, None, Peer::Path(path)) => path.clone(),
        (None, None, Peer::Address(_) | Peer::Name(_)) => return Layer::unreached("connect", Stage::Connect),
    };
    let fact = match &hop.failure {
        Some(failure @ (Failure::Connect(_) | Failure::Proxy(_))) => {
            Fact::bad(format!("{place}; failed: {failure}"))
        }
        Some(_) | None => Fact::plain(place),
    };
    Layer::passed("connect", Stage::Connect, hop.timings.connect, vec![fact])
}

/// What the handshake came to.
pub(super) fn shaken(hop: &Hop) -> Layer {
    if let Some(Failure::Dns(_) | Failure::Connect(_) | Failure::Proxy(_) | Failure::Token(_)) = &hop.failure
    {
        return Layer::unreached("tls", Stage::Tls);
    }
    let session = session(hop.tls.as_ref());
    let fact = match &hop.failure {
        Some(failure @ (Failure::Tls(_) | Failure::Untrusted)) => {
            Fact::bad(format!("{session}; failed: {failure}"))
        }
        Some(_) | None => Fact::plain(session),
    };
    let chain = hop.tls.as_ref().and_then(|facts| facts.chain.as_deref());
    let facts = [Some(fact), chain.and_then(leaf).map(Fact::aside)];
    let facts = facts.into_iter().flatten().collect();
    Layer::passed("tls", Stage::Tls, hop.timings.tls, facts)
}

/// What the handshake agreed on.
fn session(facts: Option<&TlsFacts>) -> String {
    let Some(facts) = facts else {
        return "no session".to_owned();
    };
    let parts = [facts.version, facts.cipher, facts.alpn.as_deref()];
    let agreed: Vec<&str> = parts.into_iter().flatten().collect();
    if agreed.is_empty() {
        "nothing agreed".to_owned()
    } else {
        agreed.join(", ")
    }
}

/// Whose certificate was shown, by whom it was issued, and until when it is valid.
fn leaf(chain: &ChainFacts) -> Option<String> {
    let leaf = chain.leaf()?;
    let name = leaf.names.first().unwrap_or(&leaf.subject);
    let more = match leaf.name_count {
        ..=1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let until = leaf.not_after.strftime("%Y-%m-%d");
    Some(format!(
        "certificate for {name}{more}, by {}, until {until}",
        leaf.issuer_name
    ))
}

/// What should be true of the connection.
pub(super) fn connection(endpoint: &Endpoint) -> Vec<String> {
    if endpoint.url.host().is_none() {
        return vec![format!("a connection to {}", endpoint.host)];
    }
    if endpoint.url.scheme() == "icmp" {
        return vec!["a way to every address".to_owned()];
    }
    let port = text::port(&endpoint.url);
    vec![format!("a connection to port {port} of every address")]
}

/// What should be true of the certificate.
pub(super) fn certificate(endpoint: &Endpoint) -> Vec<String> {
    let expect = &endpoint.group.expect.certificate;
    let mut lines = vec![format!("a trusted certificate for {}", endpoint.host)];
    if !expect.issuer.is_empty() {
        lines.push(format!("by {}", expect.issuer.join(" or ")));
    }
    if let Some(left) = expect.lifetime_left {
        lines.push(format!(
            "with at least {:.0} % of its lifetime left",
            left * 100.0
        ));
    }
    lines
}
