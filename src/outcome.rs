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
    /// It is expected now.
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

/// Where and how a hop failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The name of a later hop did not resolve (the first hop's look-up is `Outcome::resolution`).
    Dns(Box<Reply>),
    /// No connection.
    Connect(ConnectFailure),
    /// No usable TLS session, for another reason than the certificate's verdict.
    Tls(TlsFailure),
    /// The certificate was recorded and found wanting: nothing was sent. See `TlsFacts::chain`.
    Untrusted,
    /// No complete answer.
    Http(HttpFailure),
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectFailure {
    /// RST to our SYN.
    Refused,
    /// Nothing came back in time.
    Timeout,
    /// No route to host or network, or the family is not available here.
    Unreachable,
    /// Reset before the peer's first byte.
    Reset,
}

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFailure {
    /// The peer sent this fatal alert (RFC 8446 section 6).
    Alert(String),
    /// The peer does not speak TLS, or not as we can: what was wrong.
    Protocol(String),
    /// The certificate could not be used in the handshake: what was wrong.
    BadCertificate(String),
    /// The peer closed the connection.
    Closed,
    /// It did not finish in time.
    Timeout,
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpFailure {
    /// No complete answer in time.
    Timeout,
    /// The connection ended before the answer was complete.
    Closed,
    /// Not valid HTTP: what was wrong.
    Protocol(String),
    /// Head or body is larger than this many bytes.
    TooLarge(u64),
    /// More redirects than are followed, or one that was met before.
    RedirectLoop,
    /// A redirect that cannot be followed: its `Location`.
    BadRedirect(String),
}

/// What a handshake showed.
#[derive(Debug, Clone, Serialize)]
pub struct TlsFacts {
    /// Protocol version, as in `TLS 1.3`; `None` until it is agreed.
    pub version: Option<&'static str>,
    /// Cipher suite by its standard name.
    pub cipher: Option<&'static str>,
    /// The protocol agreed by ALPN.
    pub alpn: Option<String>,
    /// The chain as presented and its verdict; `None` when no certificate arrived.
    pub chain: Option<Arc<ChainFacts>>,
}

/// A presented certificate chain and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFacts {
    /// Leaf first, in the presented order; at most 16.
    pub certificates: Vec<CertificateFacts>,
    /// Everything wrong with it, most telling first; empty: trusted.
    pub problems: Vec<ChainProblem>,
    /// What the stapled OCSP response says (RFC 6960).
    pub staple: Staple,
    /// The earliest end of validity on the path that was verified; `None` when none was.
    pub verified_until: Option<Timestamp>,
}

impl ChainFacts {
    /// Whether a browser would accept it.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.problems.is_empty()
    }

    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateFacts> {
        self.certificates.first()
    }
}

/// What a certificate says (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Subject, as an RFC 4514 style text.
    pub subject: String,
    /// Issuer, likewise.
    pub issuer: String,
    /// The issuer's organisation, else its common name, else empty: what a person calls it.
    pub issuer_name: String,
    /// Serial number in lower-case hexadecimal, leading zeros kept.
    pub serial: String,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// First instant of validity.
    pub not_before: Timestamp,
    /// Last instant of validity.
    pub not_after: Timestamp,
    /// DNS names and addresses of the subject alternative name extension, at most 100 kept.
    pub names: Vec<String>,
    /// How many names it holds in all.
    pub name_count: usize,
    /// Whether issuer and subject are the same and its own key signed it.
    pub self_signed: bool,
    /// Whether it says where its issuer's certificate can be fetched (caIssuers).
    pub has_ca_issuers: bool,
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainProblem {
    /// The leaf is not for this name.
    HostnameMismatch,
    /// The certificate at this position ended before now.
    Expired {
        /// 0 is the leaf.
        position: usize,
        /// When it ended.
        not_after: Timestamp,
    },
    /// The certificate at this position begins after now.
    NotYetValid {
        /// 0 is the leaf.
        position: usize,
        /// When it begins.
        not_before: Timestamp,
    },
    /// The leaf signed itself.
    SelfSigned,
    /// Nobody trusted vouches for it.
    UnknownIssuer,
    /// An intermediate certificate is missing; `proven` when it validates with a known one.
    IncompleteChain {
        /// Whether it was shown with a known intermediate, or only made likely by a caIssuers URL.
        proven: bool,
    },
    /// Signature, constraint, algorithm or encoding: what.
    Bad(String),
    /// Its issuer has revoked it (by the verified staple).
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

/// What a stapled OCSP response was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staple {
    /// None was sent.
    Absent,
    /// Signed, current, good.
    Good,
    /// Signed, current, revoked.
    Revoked,
    /// It proves nothing: wrongly signed, out of date, for another certificate, or unreadable.
    Invalid,
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
    /// `Content-Length`, or the length of the body when it was read to the end; `None` unknown.
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(_) => f.write_str("the redirect leads to a name that does not resolve"),
            Self::Connect(ConnectFailure::Refused) => f.write_str("connection refused"),
            Self::Connect(ConnectFailure::Timeout) => f.write_str("no connection in time"),
            Self::Connect(ConnectFailure::Unreachable) => f.write_str("no route to the address"),
            Self::Connect(ConnectFailure::Reset) => {
                f.write_str("connection reset before the peer's first byte")
            }
            Self::Tls(TlsFailure::Alert(alert)) => write!(f, "the peer sent the alert {alert}"),
            Self::Tls(TlsFailure::Protocol(what) | TlsFailure::BadCertificate(what)) => f.write_str(what),
            Self::Tls(TlsFailure::Closed) => {
                f.write_str("the peer closed the connection during the handshake")
            }
            Self::Tls(TlsFailure::Timeout) => f.write_str("the handshake did not finish in time"),
            Self::Untrusted => f.write_str("the certificate is not acceptable: nothing was sent"),
            Self::Http(HttpFailure::Timeout) => f.write_str("no complete answer in time"),
            Self::Http(HttpFailure::Closed) => {
                f.write_str("the connection ended before the answer was complete")
            }
            Self::Http(HttpFailure::Protocol(what)) => write!(f, "not valid HTTP: {what}"),
            Self::Http(HttpFailure::TooLarge(limit)) => write!(f, "larger than {limit} bytes"),
            Self::Http(HttpFailure::RedirectLoop) => f.write_str("the redirects do not end"),
            Self::Http(HttpFailure::BadRedirect(to)) => write!(f, "a redirect that cannot be followed: {to}"),
        }
    }
}
