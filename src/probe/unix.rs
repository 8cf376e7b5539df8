//! A dialogue over a socket of this machine, with TLS from the start, in the middle, or not at all.

use super::call::Call;
use super::dialogue::{self, Step};
use super::line::Line;
use super::tls::Alpn;
use super::{host_of, tls};
use crate::endpoint::socket_path;
use crate::outcome::{AnswerFacts, Attempt, Failure, Hop, Peer};

/// A module of the unix prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
pub struct Settings {
    /// What is said and heard; empty: the connection is all.
    pub steps: Vec<Step>,
    /// When TLS begins, where no step says so.
    pub begins_with_tls: bool,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

/// Connects to the socket and goes through the dialogue.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings) -> Attempt {
    let url = call.request.url;
    let mut hop = call.first_hop(url.as_str().to_owned());
    let mut violations = Vec::new();
    match ready(call, settings, &mut hop).await {
        Err(failure) => hop.failure = Some(failure),
        Ok(line) => {
            let talked = dialogue::talk(&call, line, (&settings.steps, &settings.tls), &mut hop).await;
            hop.answer = Some(AnswerFacts::Dialogue(talked.facts));
            hop.failure = talked.failure;
            violations = talked.violations;
        }
    }
    Attempt {
        peer: Peer::Path(socket_path(url).to_string_lossy().into_owned()),
        hops: vec![hop],
        violations,
    }
}

/// A line that can be spoken on.
async fn ready(call: Call<'_>, settings: &Settings, hop: &mut Hop) -> Result<Line, Failure> {
    let url = call.request.url;
    let socket = call.dial_socket(&socket_path(url), hop).await?;
    if !settings.begins_with_tls {
        return Ok(Line::Plain(socket));
    }
    call.shake(&settings.tls, socket, (&host_of(url), Alpn::Nothing), hop)
        .await
}
