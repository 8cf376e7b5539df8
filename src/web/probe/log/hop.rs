//! The way to the peer: redirect, connection, handshake.

use std::fmt;

use super::super::logfmt::{Line, Lines};
use super::shown;
use crate::endpoint::ProberName;
use crate::outcome::{ChainFacts, Failure, Hop, Peer, RevocationFacts, TlsFacts};
use crate::text::bounded;

/// Where a redirect leads, and the look-up of it where it leads to another name.
pub(super) fn redirected(lines: &mut Lines<'_, '_>, hop: &Hop) -> fmt::Result {
    lines.say(&Line::info("Following redirect").with("url", shown(&hop.url)))?;
    let unresolved = matches!(hop.failure, Some(Failure::Dns(_)));
    if hop.timings.dns.is_zero() && !unresolved {
        return Ok(());
    }
    lines.say(&Line::info("Resolving address of redirect"))?;
    lines.pass(hop.timings.dns);
    if unresolved {
        return Ok(());
    }
    let line = Line::info("Resolved address of redirect").maybe(
        "ip",
        hop.address.filter(|_| hop.proxy.is_none()).map(|at| at.ip()),
    );
    lines.say(&line.seconds("duration_seconds", hop.timings.dns))
}

/// The connection, and what the handshake over it showed.
pub(super) fn reached(lines: &mut Lines<'_, '_>, to: (ProberName, &Peer), hop: &Hop) -> fmt::Result {
    connected(lines, to, hop)?;
    let Some(tls) = &hop.tls else {
        return Ok(());
    };
    shaken(lines, hop, tls)?;
    hop.revocation
        .as_ref()
        .map_or(Ok(()), |facts| listed(lines, facts))
}

fn connected(lines: &mut Lines<'_, '_>, (prober, peer): (ProberName, &Peer), hop: &Hop) -> fmt::Result {
    // Nothing was dialled: there was no name, no token, or no permission for it.
    let undialled = matches!(
        hop.failure,
        Some(Failure::Dns(_) | Failure::Token(_) | Failure::Forbidden(_) | Failure::Unable(_))
    );
    if undialled {
        return Ok(());
    }
    if prober == ProberName::Icmp {
        // There is a socket to open, and no connection to make.
        lines.pass(hop.timings.connect);
        return Ok(());
    }
    let path = match peer {
        Peer::Path(path) => Some(path),
        Peer::Address(_) | Peer::Name(_) => None,
    };
    let connecting = Line::info("Connecting")
        .maybe("address", hop.address)
        .maybe("path", path)
        .maybe("proxy", hop.proxy.as_ref());
    lines.say(&connecting)?;
    lines.pass(hop.timings.connect);
    let failed = matches!(hop.failure, Some(Failure::Connect(_) | Failure::Proxy(_))) && hop.tls.is_none();
    // Over QUIC the handshake is the connection.
    if failed || hop.timings.connect.is_zero() {
        return Ok(());
    }
    lines.say(&Line::info("Connected").seconds("duration_seconds", hop.timings.connect))
}

fn shaken(lines: &mut Lines<'_, '_>, hop: &Hop, tls: &TlsFacts) -> fmt::Result {
    lines.say(&Line::info("Beginning TLS handshake"))?;
    lines.pass(hop.timings.tls);
    if let Some(chain) = tls.chain.as_deref() {
        certificate(lines, chain)?;
    }
    if matches!(
        hop.failure,
        Some(Failure::Tls(_) | Failure::Untrusted | Failure::Connect(_))
    ) {
        return Ok(());
    }
    let line = Line::info("Finished TLS handshake")
        .maybe("version", tls.version)
        .maybe("cipher", tls.cipher)
        .maybe("alpn", tls.alpn.as_ref());
    lines.say(&line.seconds("duration_seconds", hop.timings.tls))
}

fn certificate(lines: &mut Lines<'_, '_>, chain: &ChainFacts) -> fmt::Result {
    let line = Line::info("Received certificate");
    let line = match chain.leaf() {
        Some(leaf) => line
            .with("subject", bounded(&leaf.subject))
            .with("names", bounded(&leaf.names.join(",")))
            .with("issuer", bounded(&leaf.issuer))
            .with("not_before", leaf.not_before)
            .with("not_after", leaf.not_after),
        None => line,
    };
    let line = line.with("certificates", chain.certificates.len());
    lines.say(&line.with("trusted", chain.trusted()))
}

/// What the lists of revoked certificates say.
fn listed(lines: &mut Lines<'_, '_>, facts: &RevocationFacts) -> fmt::Result {
    lines.pass(facts.took);
    for list in &facts.lists {
        let line = Line::info("Looked at list of revoked certificates")
            .with("url", shown(&list.url))
            .with("position", list.position)
            .with("available", list.available)
            .with("stale", list.stale)
            .with("revoked", list.revoked);
        lines.say(&line)?;
    }
    Ok(())
}
