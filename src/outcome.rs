//! What one probe saw: facts only, no judgement of whether they are right.
//!
//! A failure of the target is a value here (`Failure`), never an error: the stage that failed is known by
//! construction, and everything learnt before it stays. `diagnosis` judges these facts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

mod failure;
mod resolution;
mod tls;

pub use failure::{ConnectFailure, Failure, HttpFailure, TlsFailure};
pub use resolution::{
    AddressSource, Alias, Answer, Disagreement, Dnssec, Family, Message, Reply, Resolution, ResponseCode,
    ServerRole, TargetLookup, TargetResolution, TargetStanding,
};
pub use tls::{CertificateFacts, ChainFacts, ChainProblem, Staple, TlsFacts};

/// Everything that one probe of an endpoint saw.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
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
    /// Whether any HTTP answer came back, whatever it said.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.hops().any(|hop| hop.response.is_some())
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
    /// Where the first hop connected to.
    pub address: SocketAddr,
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

/// One request and what it met.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// What was asked for.
    pub url: String,
    /// Where it connected to; `None` when the name of a later hop did not resolve.
    pub address: Option<SocketAddr>,
    /// How long each phase took.
    pub timings: Timings,
    /// What the handshake showed, as far as it came; a recorded chain stays when verification fails.
    pub tls: Option<TlsFacts>,
    /// The response, once its head has arrived.
    pub response: Option<ResponseFacts>,
    /// Why it ended early.
    pub failure: Option<Failure>,
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
}
