//! A dialogue over TCP, with TLS from the start, in the middle, or not at all.

use std::net::{IpAddr, SocketAddr};

use super::call::Call;
use super::dialogue::{self, Step};
use super::line::Line;
use super::tls::Alpn;
use super::{Addressing, server_name, tls};
use crate::outcome::{AnswerFacts, Attempt, Failure, Hop, Peer};

/// A module of the tcp prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
pub struct Settings {
    /// Which of the host's addresses are asked.
    pub addressing: Addressing,
    /// The address of ours to connect from; `None`: the system's choice.
    pub source: Option<IpAddr>,
    /// What is said and heard; empty: the connection is all.
    pub steps: Vec<Step>,
    /// When TLS begins, where no step says so.
    pub begins_with_tls: bool,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

/// Connects to an address of the target and goes through the dialogue.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings, address: IpAddr) -> Attempt {
    let url = call.request.url;
    let address = SocketAddr::new(address, url.port().unwrap_or(0));
    let mut hop = call.first_hop(url.as_str().to_owned());
    let mut violations = Vec::new();
    match ready(call, settings, address, &mut hop).await {
        Err(failure) => hop.failure = Some(failure),
        Ok(line) => {
            let talked = dialogue::talk(&call, line, (&settings.steps, &settings.tls), &mut hop).await;
            hop.answer = Some(AnswerFacts::Dialogue(talked.facts));
            hop.failure = talked.failure;
            violations = talked.violations;
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
    let socket = call.dial_target(address, settings.source, hop).await?;
    if !settings.begins_with_tls {
        return Ok(Line::Plain(socket));
    }
    let host = server_name(call.request);
    call.shake(&settings.tls, socket, (&host, Alpn::Nothing), hop)
        .await
}
