//! What was asked of the peer, and what came back, in each protocol.

use std::fmt;

use super::super::logfmt::{Line, Lines};
use super::shown;
use crate::endpoint::ProberName;
use crate::outcome::{
    AnswerFacts, Awaited, DialogueFacts, DnsFacts, EchoFacts, EchoSocket, Failure, GrpcFacts, Hop,
    ResponseFacts, ServingStatus, WebSocketFacts,
};

/// The exchange of one hop, as far as it came.
pub(super) fn answered(lines: &mut Lines<'_, '_>, prober: ProberName, hop: &Hop) -> fmt::Result {
    if !began(prober, hop) {
        return Ok(());
    }
    if let Some(line) = asking(prober, hop) {
        lines.say(&line)?;
    }
    lines.pass(hop.timings.processing + hop.timings.transfer);
    if let Some(response) = &hop.response {
        lines.say(&responded(response))?;
    }
    match &hop.answer {
        Some(AnswerFacts::Dialogue(facts)) => dialogue(lines, facts, hop)?,
        Some(AnswerFacts::Dns(facts)) => dns(lines, facts)?,
        Some(AnswerFacts::Grpc(facts)) => lines.say(&grpc(facts))?,
        Some(AnswerFacts::WebSocket(facts)) => websocket(lines, facts, hop)?,
        Some(AnswerFacts::Echo(facts)) => lines.say(&echo(facts))?,
        None => {}
    }
    timed(lines, hop)
}

/// Whether anything was sent to the peer.
fn began(prober: ProberName, hop: &Hop) -> bool {
    if hop.response.is_some() || hop.answer.is_some() {
        return true;
    }
    match &hop.failure {
        Some(
            Failure::Dns(_)
            | Failure::Tls(_)
            | Failure::Untrusted
            | Failure::Proxy(_)
            | Failure::Token(_)
            | Failure::Forbidden(_)
            | Failure::Unable(_),
        ) => false,
        // What is said of a datagram comes back once it is sent.
        Some(Failure::Connect(_)) => prober == ProberName::Icmp || !hop.timings.processing.is_zero(),
        Some(Failure::Http(_) | Failure::Exchange(_)) | None => true,
    }
}

/// What is asked; a dialogue is told by how far it went.
fn asking(prober: ProberName, hop: &Hop) -> Option<Line> {
    Some(match prober {
        ProberName::Http => Line::info("Making HTTP request").with("url", shown(&hop.url)),
        ProberName::Dns => Line::info("Sending DNS query").maybe("server", hop.address),
        ProberName::Icmp => {
            Line::info("Sending echo request").maybe("address", hop.address.map(|address| address.ip()))
        }
        ProberName::Grpc => Line::info("Asking for health"),
        ProberName::WebSocket => Line::info("Asking for WebSocket").with("url", shown(&hop.url)),
        ProberName::Tcp | ProberName::Unix => return None,
    })
}

fn responded(response: &ResponseFacts) -> Line {
    Line::info("Received HTTP response")
        .with("status_code", response.status)
        .with("http_version", format_args!("{:.1}", response.version))
        .maybe("location", response.location.as_deref().map(shown))
        .maybe("content_length", response.content_length)
        .with("body_bytes", response.body_length)
}

fn dialogue(lines: &mut Lines<'_, '_>, facts: &DialogueFacts, hop: &Hop) -> fmt::Result {
    if facts.steps == 0 && facts.awaited.is_none() {
        return Ok(());
    }
    let awaited = facts.awaited.map(|awaited| match awaited {
        Awaited::Line => "a line that matches",
        Awaited::Bytes => "bytes",
    });
    let how = match hop.failure {
        Some(_) => "Stopped in the dialogue",
        None => "Went through the dialogue",
    };
    let line = Line::info(how)
        .with("steps", facts.steps)
        .maybe("awaited", awaited)
        .maybe("last_read", facts.last_read.as_ref());
    lines.say(&line)?;
    for (name, value) in facts.labels.iter().flatten() {
        lines.say(
            &Line::info("Captured label")
                .with("name", name)
                .with("value", value),
        )?;
    }
    Ok(())
}

fn dns(lines: &mut Lines<'_, '_>, facts: &DnsFacts) -> fmt::Result {
    let line = Line::info("Received DNS response")
        .with("rcode", &facts.rcode_name)
        .with("answers", facts.answers)
        .with("authorities", facts.authorities)
        .with("additionals", facts.additionals)
        .with("truncated", facts.truncated);
    lines.say(&line.maybe("serial", facts.serial))?;
    for record in &facts.records {
        lines.say(&Line::info("Received record").with("record", record.replace('\t', " ")))?;
    }
    Ok(())
}

fn grpc(facts: &GrpcFacts) -> Line {
    let message = Some(&facts.message).filter(|message| !message.is_empty());
    Line::info("Received gRPC response")
        .with("grpc_status", facts.status)
        .maybe("message", message)
        .maybe("serving_status", facts.serving.map(ServingStatus::as_str))
}

fn websocket(lines: &mut Lines<'_, '_>, facts: &WebSocketFacts, hop: &Hop) -> fmt::Result {
    let line = Line::info("Received answer to upgrade").with("status_code", facts.status);
    lines.say(&line.with("upgraded", facts.upgraded))?;
    dialogue(lines, &facts.dialogue, hop)
}

fn echo(facts: &EchoFacts) -> Line {
    let socket = match facts.socket {
        EchoSocket::Datagram => "datagram",
        EchoSocket::Raw => "raw",
        EchoSocket::RawWithHeader => "raw with a header of our own",
    };
    Line::info("Received echo reply")
        .with("from", facts.from)
        .maybe("hop_limit", facts.hop_limit)
        .with("socket", socket)
}

/// Where the time went; without phases that took none.
fn timed(lines: &mut Lines<'_, '_>, hop: &Hop) -> fmt::Result {
    let timings = hop.timings;
    let phases = [
        ("dns_seconds", timings.dns),
        ("connect_seconds", timings.connect),
        ("tls_seconds", timings.tls),
        ("processing_seconds", timings.processing),
        ("transfer_seconds", timings.transfer),
    ];
    let line = Line::info("Response timings for roundtrip");
    let spent = phases.into_iter().filter(|(_, took)| !took.is_zero());
    lines.say(&spent.fold(line, |line, (phase, took)| line.seconds(phase, took)))
}
