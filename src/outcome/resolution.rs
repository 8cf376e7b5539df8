//! What DNS said: answers, server by server, and where they lead.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What DNS said of one name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Resolution {
    /// The name that was asked for, in lower case without the final dot; empty for an address.
    pub name: String,
    /// Where the addresses come from.
    pub source: AddressSource,
    /// How long it took until the addresses were known.
    pub elapsed: Duration,
    /// What each server said, in the order asked.
    pub answers: Vec<Answer>,
    /// The addresses, without repetition, in the order in which they would be tried.
    pub addresses: Vec<IpAddr>,
    /// What the expected targets (and formerly expected ones) resolve to, where a target is expected.
    pub targets: Vec<TargetResolution>,
}

/// Where addresses come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressSource {
    /// The URL holds the address itself.
    Literal,
    /// The system's hosts file.
    HostsFile,
    /// DNS servers.
    #[default]
    Dns,
    /// Nothing was resolved here: the target is a path of this machine, or a proxy resolves it.
    Elsewhere,
}

/// Why a server was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// A recursive resolver.
    Resolver,
    /// A server of the zone itself.
    Authoritative,
}

/// The address family that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
}

/// What one server said to one question.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The server, as `address:port` or URL.
    pub server: Arc<str>,
    /// Why it was asked.
    pub role: ServerRole,
    /// The family asked for.
    pub family: Family,
    /// What came back.
    pub reply: Reply,
}

/// What came back from a DNS server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A well-formed answer to the question, whatever it says.
    Message(Message),
    /// None in time. Wrong ids and answers to other questions are not answers.
    Timeout,
    /// The exchange itself failed (refused, reset, not DNS): what the transport said.
    Broken(String),
    /// Nobody was asked: the host is no name that DNS can hold.
    NoName,
}

/// The facts of a DNS answer (RFC 1035 section 4, RFC 8914 for the extended error).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The response code.
    pub rcode: ResponseCode,
    /// The extended DNS error code, if any (6 to 12 are DNSSEC failures).
    pub extended_error: Option<u16>,
    /// SERVFAIL that vanished when asked again with checking disabled: the answer is bogus.
    pub bogus: bool,
    /// The CNAME chain from the question's name on, in order: each name's target.
    pub chain: Vec<Alias>,
    /// The addresses at the end of the chain, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// The least time to live of the records used, in seconds.
    pub ttl: u32,
}

/// A response code, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseCode {
    /// No error; there may still be no records.
    NoError,
    /// The name (or the last name of the chain) does not exist.
    NxDomain,
    /// The server failed.
    ServFail,
    /// The server refuses.
    Refused,
    /// Anything else.
    Other(u16),
}

/// One CNAME of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// Where it leads, in lower case without the final dot.
    pub target: String,
    /// Time to live in seconds.
    pub ttl: u32,
}

/// What DNSSEC validation of a name came to at a resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dnssec {
    /// The resolver has validated it.
    Validated,
    /// The resolver answers and vouches for nothing: the zone is not signed, or the resolver does not validate.
    Unvalidated,
    /// It answers only with checking disabled.
    Bogus,
    /// It cannot be told.
    Unknown,
}

/// Since when servers disagree, and until when caches may be the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// When it was first seen.
    pub since: Timestamp,
    /// When what was in any cache then has run out.
    pub caches_end: Timestamp,
}

impl Resolution {
    /// Nothing was to be resolved here.
    #[must_use]
    pub fn elsewhere() -> Self {
        Self {
            source: AddressSource::Elsewhere,
            ..Self::default()
        }
    }
}

impl Disagreement {
    /// One that is seen for the first time.
    #[must_use]
    pub fn of(resolution: &Resolution, since: Timestamp) -> Self {
        let lives = resolution
            .answers
            .iter()
            .filter_map(|answer| match &answer.reply {
                Reply::Message(message) => Some(message.ttl),
                Reply::Timeout | Reply::Broken(_) | Reply::NoName => None,
            });
        let longest = SignedDuration::from_secs(lives.max().unwrap_or(0).into());
        Self {
            since,
            caches_end: since.saturating_add(longest).unwrap_or(Timestamp::MAX),
        }
    }
}

/// What an expected target itself resolves to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetResolution {
    /// The target's name.
    pub name: String,
    /// Expected now, or formerly.
    pub standing: TargetStanding,
    /// What its look-up ended in; both families together.
    pub state: TargetLookup,
    /// Every address seen over the samples taken.
    pub addresses: Vec<IpAddr>,
}

/// Whether a target is expected now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetStanding {
    /// The configuration names it; the old ones of a move too.
    Current,
    /// It was, before the configuration changed.
    Former,
}

/// How the look-up of an expected target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetLookup {
    /// It has addresses.
    Resolved,
    /// It does not exist, or has no address.
    Absent,
    /// Nothing can be said of it.
    Failed,
}
