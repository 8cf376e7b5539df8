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
    let came = hop
        .answer
        .as_ref()
        .and_then(|answer| said(answer, failure.is_some()));
    let facts = came.map(Fact::plain).into_iter().chain(failure).collect();
    let took = hop.timings.processing + hop.timings.transfer;
    Layer::passed("exchange", Stage::Exchange, took, facts)
}

/// What came back, in one line; `None` of a call that failed: its status is our own name for the failure.
fn said(answer: &AnswerFacts, failed: bool) -> Option<String> {
    Some(match answer {
        AnswerFacts::Dialogue(dialogue) => dialogue_said(dialogue),
        AnswerFacts::Dns(dns) => dns_said(dns),
        AnswerFacts::Grpc(GrpcFacts {
            serving: Some(serving),
            ..
        }) => serving.as_str().to_owned(),
        AnswerFacts::Grpc(_) if failed => return None,
        AnswerFacts::Grpc(facts) => facts.status_and_message(),
        AnswerFacts::WebSocket(facts) if facts.upgraded => {
            format!("upgraded; {}", dialogue_said(&facts.dialogue))
        }
        AnswerFacts::WebSocket(facts) => format!("not upgraded: status {}", facts.status),
        AnswerFacts::Echo(echo) => echo_said(echo),
    })
}

fn dialogue_said(dialogue: &DialogueFacts) -> String {
    let steps = match (dialogue.steps, dialogue.all) {
        (_, 0) => return "the connection is enough: nothing is said over it".to_owned(),
        (1, 1) => "the one step was done".to_owned(),
        (steps, all) => format!("{steps} of {} done", count(all, "step")),
    };
    match &dialogue.last_read {
        Some(read) => format!("{steps}; last read: {read:?}"),
        None => format!("{steps}; nothing was read"),
    }
}

fn dns_said(dns: &DnsFacts) -> String {
    let sections = [
        (dns.answers, "answer record"),
        (dns.authorities, "authority record"),
        (dns.additionals, "additional record"),
    ];
    let sections = sections.into_iter().filter(|(length, _)| *length > 0);
    let counted: Vec<String> = sections.map(|(length, what)| count(length, what)).collect();
    let records = if counted.is_empty() {
        "no records".to_owned()
    } else {
        counted.join(", ")
    };
    let cut = if dns.truncated { ", cut short" } else { "" };
    match dns.records.first() {
        Some(first) => format!(
            "{}{cut}: {records}; the first: {}",
            dns.rcode_name,
            first.replace('\t', " ")
        ),
        None => format!("{}{cut}: {records}", dns.rcode_name),
    }
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
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
