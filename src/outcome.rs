//! What one probe saw: facts only, no judgement of whether they are right.
//!
//! A failure of the target is a value here (`Failure`), never an error: the stage that failed is known by
//! construction, and everything learnt before it stays. `diagnosis` judges these facts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::endpoint::ProberName;

mod answer;
mod failure;
mod resolution;
mod size;
mod tls;

pub use answer::{
    AnswerFacts, Awaited, DialogueFacts, DnsFacts, EchoFacts, EchoSocket, GrpcFacts, ServingStatus,
    WebSocketFacts,
};
pub use failure::{
    ConnectFailure, ExchangeFailure, Failure, HttpFailure, ProxyFailure, ProxyMet, TlsFailure, TokenFailure,
};
pub use resolution::{
    AddressSource, Alias, Answer, Disagreement, Dnssec, Family, Message, Reply, Resolution, ResponseCode,
    ServerRole, TargetLookup, TargetResolution, TargetStanding,
};
pub use tls::{CertificateFacts, ChainFacts, ChainProblem, ListFacts, RevocationFacts, Staple, TlsFacts};

/// Everything that one probe of an endpoint saw.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What was spoken.
    pub prober: ProberName,
    /// Whether the module has a rule in CEL, whether or not the probe came so far.
    pub judges_json: bool,
    /// When the probe began.
    pub started: Timestamp,
    /// How long it took, all stages and addresses.
    pub elapsed: Duration,
    /// What DNS said of the endpoint's host.
    pub resolution: Resolution,
    /// One attempt per address that was tried; empty when there was none to try.
    pub attempts: Vec<Attempt>,
}

impl Outcome {
    /// Whether something was not asked because it may not be.
    #[must_use]
    pub fn forbidden(&self) -> bool {
        self.hops()
            .any(|hop| matches!(hop.failure, Some(Failure::Forbidden(_))))
    }

    /// Whether this machine could not make the probe, or a part of it.
    #[must_use]
    pub fn unable(&self) -> bool {
        self.hops()
            .any(|hop| matches!(hop.failure, Some(Failure::Unable(_))))
    }

    /// When the probe had ended.
    #[must_use]
    pub fn ended(&self) -> Timestamp {
        self.started.checked_add(self.elapsed).unwrap_or(self.started)
    }

    /// Whether any answer came back, whatever it said.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.hops()
            .any(|hop| hop.response.is_some() || hop.answer.is_some())
    }

    /// The status of the judged answer at the first address that gave one; 0 without one.
    #[must_use]
    pub fn status(&self) -> u16 {
        let judged = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.last()?.response.as_ref());
        judged.map(|response| response.status).next().unwrap_or(0)
    }

    /// The first chain that was presented.
    #[must_use]
    pub fn chain(&self) -> Option<&Arc<ChainFacts>> {
        self.hops().find_map(|hop| hop.tls.as_ref()?.chain.as_ref())
    }

    /// The last chain that was presented by the peer; without one there, the first by any.
    #[must_use]
    pub fn chain_of(&self, peer: Option<&Peer>) -> Option<&Arc<ChainFacts>> {
        let attempt = self.attempts.iter().find(|attempt| Some(&attempt.peer) == peer);
        let mut hops = attempt.into_iter().flat_map(|attempt| attempt.hops.iter().rev());
        hops.find_map(|hop| hop.tls.as_ref()?.chain.as_ref())
            .or_else(|| self.chain())
    }

    /// The phases at the slowest address, summed over redirects, so that a slow replica is not hidden by a fast one.
    #[must_use]
    pub fn slowest_timings(&self) -> Timings {
        let slowest = self
            .attempts
            .iter()
            .map(Attempt::timings)
            .max_by_key(Timings::total);
        let mut timings = slowest.unwrap_or_default();
        timings.dns = timings.dns.max(self.resolution.elapsed);
        timings
    }

    fn hops(&self) -> impl Iterator<Item = &Hop> {
        self.attempts.iter().flat_map(|attempt| &attempt.hops)
    }
}

/// One address tried: a connection and the exchange over it, with the redirects it led to.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// Whom it was made to.
    pub peer: Peer,
    /// The requests made, in order; at least one. Only the last can hold a failure.
    pub hops: Vec<Hop>,
    /// Rules of the module or the expectation that the judged answer broke, in the order of the rules.
    pub violations: Vec<Violation>,
}

impl Attempt {
    /// The hop whose answer is judged: the last.
    #[must_use]
    pub fn last(&self) -> Option<&Hop> {
        self.hops.last()
    }

    /// The phases, summed over the hops.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.hops.iter().fold(Timings::default(), |sum, hop| Timings {
            dns: sum.dns + hop.timings.dns,
            connect: sum.connect + hop.timings.connect,
            tls: sum.tls + hop.timings.tls,
            processing: sum.processing + hop.timings.processing,
            transfer: sum.transfer + hop.timings.transfer,
        })
    }

    /// Why the attempt ended early, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.last().and_then(|hop| hop.failure.as_ref())
    }
}

/// Whom an attempt is made to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Peer {
    /// One of the target's addresses, with its port (0 where the protocol has none).
    Address(SocketAddr),
    /// A socket of this machine, by its path.
    Path(String),
    /// The target by its name, which a proxy resolves.
    Name(String),
}

impl Peer {
    /// The target's address, where it is known.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.ip()),
            Self::Path(_) | Self::Name(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // ICMP: there is no port to show.
            Self::Address(address) if address.port() == 0 => write!(f, "{}", address.ip()),
            Self::Address(address) => write!(f, "{address}"),
            Self::Path(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

/// One request and what it met.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// What was asked for.
    pub url: String,
    /// Where it connected to: the proxy, where there is one. `None` when the name of a later hop did not resolve.
    pub address: Option<SocketAddr>,
    /// The proxy that it went through, as `host:port`.
    pub proxy: Option<String>,
    /// How long each phase took.
    pub timings: Timings,
    /// What the handshake showed, as far as it came; a recorded chain stays when verification fails.
    pub tls: Option<TlsFacts>,
    /// What the lists of revoked certificates say, where the module asks for them.
    pub revocation: Option<RevocationFacts>,
    /// The HTTP response, once its head has arrived.
    pub response: Option<ResponseFacts>,
    /// What came back in another protocol.
    pub answer: Option<AnswerFacts>,
    /// Why it ended early.
    pub failure: Option<Failure>,
}

impl Hop {
    /// One that has not been begun.
    #[must_use]
    pub const fn new(url: String) -> Self {
        Self {
            url,
            address: None,
            proxy: None,
            timings: Timings {
                dns: Duration::ZERO,
                connect: Duration::ZERO,
                tls: Duration::ZERO,
                processing: Duration::ZERO,
                transfer: Duration::ZERO,
            },
            tls: None,
            revocation: None,
            response: None,
            answer: None,
            failure: None,
        }
    }
}

/// The time spent in each phase of a hop; zero for a phase that was not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Name resolution.
    pub dns: Duration,
    /// TCP connection.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From the request's first byte to the response's first byte.
    pub processing: Duration,
    /// From the response's first byte to its last.
    pub transfer: Duration,
}

impl Timings {
    /// All phases together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.dns + self.connect + self.tls + self.processing + self.transfer
    }
}

/// What a response was like.
#[derive(Debug, Clone, Serialize)]
pub struct ResponseFacts {
    /// Status code.
    pub status: u16,
    /// HTTP version as blackbox_exporter counts it: 1.0, 1.1 or 2.0.
    pub version: f64,
    /// `Location`, if any; at most 2,048 bytes kept.
    pub location: Option<String>,
    /// `Content-Length`, or 0 where the framing says that there is no content; `None` unknown.
    pub content_length: Option<u64>,
    /// Bytes of body read, after decompression.
    pub body_length: u64,
    /// `Last-Modified`, if it could be read.
    pub last_modified: Option<Timestamp>,
    /// The server's clock minus ours, from `Date`; to the second.
    pub clock_offset: Option<SignedDuration>,
    /// A rate limit or a bot wall: 429, or a challenge that names itself.
    pub limited: bool,
}

/// A rule that the judged answer broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What the rule is about.
    pub rule: Rule,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub actual: String,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The redirect's location.
    Location,
    /// The status.
    Status,
    /// The HTTP version.
    Version,
    /// TLS where there should be none, or none where it should be.
    Tls,
    /// A header.
    Header,
    /// The body.
    Body,
    /// The body in JSON, by an expression.
    Cel,
    /// What the answer in another protocol says of itself: a response code, a health status.
    AnswerStatus,
    /// The answer in another protocol than HTTP.
    Answer,
}
