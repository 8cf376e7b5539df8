//! A question to a DNS server, and what must be true of its answer: blackbox_exporter's `dns` prober.
//!
//! The question goes out once, as it is written: nothing is sent again, no alias is followed, and an answer that was
//! cut short over UDP is not asked for again over TCP. How a target is resolved is another matter (`probe::dns`).

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use url::Url;

use super::call::Call;
use super::{Addressing, Request, host_of, policy, tls};
use crate::outcome::{AnswerFacts, Attempt, DnsFacts, ExchangeFailure, Failure, Hop, Peer, Rule, Violation};

pub mod names;
pub mod presentation;
pub mod rules;

mod exchange;

use rules::Sections;

/// What stands for the target in a name.
pub const TARGET: &str = "{target}";

/// How many records of an answer are kept to be shown, and how much of each.
const SHOWN: (usize, usize) = (8, 200);

/// A module of the dns prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
pub struct Settings {
    /// Which of the server's addresses are asked.
    pub addressing: Addressing,
    /// The address of ours to ask from; `None`: the system's choice.
    pub source: Option<IpAddr>,
    /// What carries question and answer.
    pub transport: Transport,
    /// What is asked for.
    pub question: Question,
    /// Whether the server is asked to resolve (RD), or only for what it holds.
    pub recursion: bool,
    /// Response codes that are right.
    pub rcodes: Vec<u16>,
    /// What must be true of the records.
    pub rules: Sections,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

/// What carries question and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A connection, each message after its length (RFC 1035 section 4.2.2).
    Tcp,
    /// The same over TLS (RFC 7858).
    Tls,
}

impl Transport {
    /// The port that is meant where none is named.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 53,
            Self::Tls => 853,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// The name.
    pub name: Asked,
    /// The type.
    pub record: RecordType,
    /// The class.
    pub class: DNSClass,
}

/// The name that is asked for, and with it whom the target is.
#[derive(Debug, Clone)]
pub enum Asked {
    /// This one, of the server that is the target.
    Name(Name),
    /// The target itself, of this server.
    Target {
        /// The name, with [`TARGET`] in it.
        template: String,
        /// The server, as a URL.
        server: Url,
    },
}

impl Settings {
    /// What is connected to for a target.
    pub(super) fn place<'a>(&'a self, target: &'a Url) -> &'a Url {
        match &self.question.name {
            Asked::Name(_) => target,
            Asked::Target { server, .. } => server,
        }
    }

    fn name(&self, target: &Url) -> Option<Name> {
        match &self.question.name {
            Asked::Name(name) => Some(name.clone()),
            Asked::Target { template, .. } => names::name(&template.replace(TARGET, &host_of(target))),
        }
    }
}

/// Asks the server at an address.
pub(super) async fn attempt(call: Call<'_>, settings: &Settings, address: IpAddr) -> Attempt {
    // Whoever runs the program chose a server that the module names: what may be probed is said of targets.
    let request = Request {
        policy: match settings.question.name {
            Asked::Name(_) => call.request.policy,
            Asked::Target { .. } => &policy::OPEN,
        },
        ..*call.request
    };
    let call = Call {
        request: &request,
        ..call
    };
    let place = settings.place(call.request.url);
    let port = place.port().unwrap_or_else(|| settings.transport.port());
    let address = SocketAddr::new(address, port);
    let mut hop = call.first_hop(call.request.url.as_str().to_owned());
    let mut violations = Vec::new();
    let answer = match settings.name(call.request.url) {
        Some(name) => asked(call, settings, &name, address, &mut hop).await,
        None => Err(Failure::Exchange(ExchangeFailure::Protocol(
            "the target is no name that can be asked for".to_owned(),
        ))),
    };
    match answer {
        Err(failure) => hop.failure = Some(failure),
        Ok(message) => {
            violations = judged(settings, &message);
            hop.answer = Some(AnswerFacts::Dns(facts(settings, &message)));
        }
    }
    Attempt {
        peer: Peer::Address(address),
        hops: vec![hop],
        violations,
    }
}

/// Asks, where that is permitted. A server that the module names is its author's choice; then the name is the target, and
/// the name alone is looked at.
async fn asked(
    call: Call<'_>,
    settings: &Settings,
    name: &Name,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<Message, Failure> {
    if let Asked::Name(_) = settings.question.name {
        return exchange::ask(&call, settings, name, address, hop).await;
    }
    call.permit_host(&host_of(call.request.url))?;
    let request = Request {
        policy: &policy::OPEN,
        ..*call.request
    };
    let call = Call {
        request: &request,
        ..call
    };
    exchange::ask(&call, settings, name, address, hop).await
}

/// What is wrong with an answer. What comes with a response code that is not right is not looked at.
fn judged(settings: &Settings, message: &Message) -> Vec<Violation> {
    let rcode = u16::from(message.metadata.response_code);
    if settings.rcodes.contains(&rcode) {
        return settings.rules.broken(message);
    }
    let right: Vec<_> = settings.rcodes.iter().map(|code| names::rcode(*code)).collect();
    vec![Violation {
        rule: Rule::AnswerStatus,
        expected: right.join(" or "),
        actual: names::rcode(rcode).into_owned(),
    }]
}

fn facts(settings: &Settings, message: &Message) -> DnsFacts {
    let rcode = u16::from(message.metadata.response_code);
    let serial = |record: &Record| {
        if let RData::SOA(soa) = &record.data {
            Some(soa.serial)
        } else {
            None
        }
    };
    let (most, longest) = SHOWN;
    let records = message.answers.iter().take(most);
    DnsFacts {
        rcode,
        rcode_name: names::rcode(rcode).into_owned(),
        answers: message.answers.len(),
        authorities: message.authorities.len(),
        additionals: message.additionals.len() + usize::from(message.edns.is_some()),
        truncated: message.metadata.truncation,
        // blackbox_exporter's series is there, and zero, where no such record came.
        serial: (settings.question.record == RecordType::SOA)
            .then(|| message.answers.iter().rev().find_map(serial).unwrap_or(0)),
        // Presentation is ASCII: any cut is between characters.
        records: records
            .map(|record| {
                let mut text = presentation::record(record);
                text.truncate(longest);
                text
            })
            .collect(),
    }
}
