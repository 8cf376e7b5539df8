//! The layers of the probers other than HTTP: connection, handshake where there was one, and one exchange.

use super::connection::{certificate, connected, connection, shaken};
use super::http::broken;
use super::{Fact, Layer, Verdict};
use crate::cause::Stage;
use crate::endpoint::Endpoint;
use crate::outcome::{
    AnswerFacts, Attempt, DialogueFacts, DnsFacts, EchoFacts, EchoSocket, Failure, GrpcFacts, Hop,
};

/// The layers behind DNS, in order; unreached ones where there was no address to try.
pub(super) fn layers(endpoint: &Endpoint, attempt: Option<&Attempt>, verdict: &Verdict) -> Vec<Layer> {
    let expected = vec![format!("what module {} takes as right", endpoint.group.module)];
    let Some((attempt, hop)) = attempt.and_then(|attempt| Some((attempt, attempt.last()?))) else {
        return vec![
            Layer::unreached("connect", Stage::Connect).expecting(connection(endpoint)),
            Layer::unreached("exchange", Stage::Exchange).expecting(expected),
        ];
    };
    let connect = connected(hop, &attempt.peer).expecting(connection(endpoint));
    let tls = hop
        .tls
        .is_some()
        .then(|| shaken(hop).expecting(certificate(endpoint)));
    let mut exchange = exchanged(hop).expecting(expected);
    exchange.facts.extend(broken(attempt, verdict));
    [Some(connect), tls, Some(exchange)]
        .into_iter()
        .flatten()
        .collect()
}

fn exchanged(hop: &Hop) -> Layer {
    let failure = match &hop.failure {
        Some(Failure::Dns(_) | Failure::Connect(_) | Failure::Tls(_) | Failure::Untrusted)
            if hop.answer.is_none() =>
        {
            return Layer::unreached("exchange", Stage::Exchange);
        }
        Some(failure) => Some(Fact::bad(format!("failed: {failure}"))),
        None => None,
    };
    let came = hop.answer.as_ref().map(|answer| Fact::plain(said(answer)));
    let facts = came.into_iter().chain(failure).collect();
    let took = hop.timings.processing + hop.timings.transfer;
    Layer::passed("exchange", Stage::Exchange, took, facts)
}

/// What came back, in one line.
fn said(answer: &AnswerFacts) -> String {
    match answer {
        AnswerFacts::Dialogue(dialogue) => dialogue_said(dialogue),
        AnswerFacts::Dns(dns) => dns_said(dns),
        AnswerFacts::Grpc(GrpcFacts {
            serving: Some(serving),
            ..
        }) => serving.as_str().to_owned(),
        AnswerFacts::Grpc(facts) => format!("status {}: {}", facts.status, facts.message),
        AnswerFacts::WebSocket(facts) if facts.upgraded => {
            format!("upgraded; {}", dialogue_said(&facts.dialogue))
        }
        AnswerFacts::WebSocket(facts) => format!("status {}", facts.status),
        AnswerFacts::Echo(echo) => echo_said(echo),
    }
}

fn dialogue_said(dialogue: &DialogueFacts) -> String {
    let steps = match dialogue.steps {
        0 => "no step was done".to_owned(),
        1 => "1 step was done".to_owned(),
        count => format!("{count} steps were done"),
    };
    match &dialogue.last_read {
        Some(read) => format!("{steps}; last read: {read:?}"),
        None => steps,
    }
}

fn dns_said(dns: &DnsFacts) -> String {
    let cut = if dns.truncated { ", cut short" } else { "" };
    let counts = format!(
        "{}{cut}; records: {} answer, {} authority, {} additional",
        dns.rcode_name, dns.answers, dns.authorities, dns.additionals
    );
    match dns.records.first() {
        Some(first) => format!("{counts}; the first: {}", first.replace('\t', " ")),
        None => counts,
    }
}

fn echo_said(echo: &EchoFacts) -> String {
    let socket = match echo.socket {
        EchoSocket::Datagram => "a datagram socket",
        EchoSocket::Raw => "a raw socket",
        EchoSocket::RawWithHeader => "a raw socket with a header of our own",
    };
    match echo.hop_limit {
        Some(limit) => format!("a reply with a hop limit of {limit}, to {socket}"),
        None => format!("a reply, to {socket}"),
    }
}
