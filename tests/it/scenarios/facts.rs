//! Facts in the short form of the scenario files.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::cause::Cause;
use linkwatch::diagnosis::{Context, Finding, Verdict, diagnose};
use linkwatch::endpoint::{
    Accepted, AddressChoice, CertificateExpectation, Confirm, DnsExpectation, DnsTarget, Endpoint,
    Expectation, Group, Labels, Moving,
};
use linkwatch::outcome::{
    AddressSource, Alias, Answer, Attempt, CertificateFacts, ChainFacts, ChainProblem, ConnectFailure,
    Disagreement, ExchangeFailure, Failure, Family, Hop, HttpFailure, Message, Outcome, Peer, ProxyFailure,
    ProxyMet, Reply, Resolution, ResponseCode, ResponseFacts, Rule, ServerRole, Staple, TargetLookup,
    TargetResolution, TargetStanding, Timings, TlsFacts, TlsFailure, TokenFailure, Violation,
};
use linkwatch::outlook::caa::Caa;
use linkwatch::outlook::platform::{CertificateState, Domain, Statement, TargetChange};
use linkwatch::outlook::registration::Registration;
use linkwatch::outlook::renewal::Window;
use linkwatch::outlook::{Foreseen, Issuer};
use serde::Deserialize;

/// The time of every scenario.
pub(super) fn now() -> Timestamp {
    "2026-05-08T21:00:00Z".parse().unwrap()
}

/// An endpoint, what is expected of it, and what a probe saw.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Facts {
    host: Option<String>,
    expect: Expect,
    /// Cause to its end.
    accepted: BTreeMap<String, Timestamp>,
    vantage_up: Option<bool>,
    /// Our clock minus the servers'.
    skew_minutes: i64,
    /// Text of a drift that is shown already, for the same expectation.
    drift_shown: Option<String>,
    /// Quiet traffic: what was expected, what came.
    quiet: Option<(String, String)>,
    /// Server to what it says; a server whose name begins with `ns` is authoritative.
    dns: Option<BTreeMap<String, String>>,
    /// In place of the addresses that the resolvers give.
    addresses: Option<Vec<IpAddr>>,
    /// Anything: the hosts file.
    source: Option<String>,
    /// No address was tried.
    untried: bool,
    /// Since when servers disagree, and when caches run out.
    disagreeing: Option<(Timestamp, Timestamp)>,
    /// What is known of the certificate's issuer and of the domain.
    foreseen: Option<Foretold>,
    /// What the endpoint's platform says.
    platform: Option<PlatformSays>,
    /// Expected targets to their addresses; none: absent; `failed` in place of one: failed.
    targets: BTreeMap<String, Vec<String>>,
    former: BTreeMap<String, Vec<String>>,
    /// Address to what happened there; addresses that are left out answer as they should.
    at: BTreeMap<IpAddr, At>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expect {
    dns: Vec<String>,
    /// What may stand in front.
    proxy: Vec<String>,
    /// During a move: the old target, and the end of the move.
    moving: Option<(String, Timestamp)>,
    status: Vec<u16>,
    issuer: Vec<String>,
    lifetime_left: Option<f64>,
    duration_ms: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PlatformSays {
    /// It does not list the domain.
    missing: bool,
    /// The last answer is old.
    stale: bool,
    /// The target before the last change.
    before: Option<String>,
    dns_ok: Option<bool>,
    status: String,
    failing: bool,
    reason: String,
}

impl PlatformSays {
    fn domain(&self, host: &str) -> Domain {
        let state = if self.failing {
            CertificateState::Failing
        } else {
            CertificateState::Issued
        };
        Domain {
            dns_ok: self.dns_ok,
            ..Domain::new(host, Vec::new()).saying(&self.status, Some(state), &self.reason)
        }
    }

    fn change(&self) -> Option<TargetChange> {
        Some(TargetChange {
            from: vec![self.before.clone()?.into()],
            at: now(),
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Foretold {
    /// The issuer's name; without it the issuer is not watched.
    issuer: Option<String>,
    issuer_down: bool,
    /// The window in which the authority wants the certificate renewed.
    window: Option<(Timestamp, Timestamp)>,
    caa: Option<String>,
    /// The end of the domain's registration.
    registered_until: Option<Timestamp>,
    domain_status: Option<String>,
}

/// What a `Foreseen` borrows from.
struct Told {
    window: Option<Window>,
    caa: Option<Caa>,
    registration: Registration,
}

impl Foretold {
    fn told(&self) -> Told {
        Told {
            window: self.window.map(|(start, end)| Window {
                certificate: String::new(),
                start,
                end,
                explanation: None,
            }),
            caa: self.caa.clone().map(Caa::Forbids),
            registration: Registration {
                domain: "example.com".to_owned(),
                expiry: self.registered_until,
                statuses: self.domain_status.iter().cloned().collect(),
                observed: now(),
            },
        }
    }

    fn foreseen<'a>(&'a self, told: &'a Told) -> Foreseen<'a> {
        Foreseen {
            issuer: self.issuer.as_ref().map(|name| Issuer {
                name,
                up: Some(!self.issuer_down),
            }),
            window: told.window.as_ref(),
            caa: told.caa.as_ref(),
            registration: Some(&told.registration),
            ..Foreseen::NONE
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct At {
    /// As in `connect refused`.
    fails: Option<String>,
    status: Option<u16>,
    limited: bool,
    /// Rule, expected, actual.
    breaks: Vec<(String, String, String)>,
    took_ms: u64,
    chain: Option<Chain>,
    /// The host that a first hop redirected to.
    redirected_to: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Chain {
    names: Vec<String>,
    issuer: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    verified_until: Option<Timestamp>,
    problems: Vec<String>,
}

impl Facts {
    pub(super) fn verdict(&self) -> Verdict {
        let shown = self.drift_shown.as_ref().map(|text| {
            let mut shown = diagnose(&self.outcome(), &self.endpoint(), &Context::at(now()));
            if let Some(root) = &mut shown.root {
                text.clone_into(&mut root.actual);
            }
            shown
        });
        let quiet = self.quiet.as_ref();
        let quiet = quiet.map(|(expected, actual)| Finding::new(Cause::TrafficLow, expected, actual));
        let platform = self.platform.as_ref();
        let domain = platform
            .filter(|says| !says.missing)
            .map(|says| says.domain(self.host()));
        let change = platform.and_then(PlatformSays::change);
        let foretold = self.foreseen.clone().unwrap_or_default();
        let told = foretold.told();
        let context = Context {
            disagreement: self
                .disagreeing
                .map(|(since, caches_end)| Disagreement { since, caches_end }),
            foreseen: foretold.foreseen(&told),
            platform: platform.map(|says| Statement {
                platform: "heroku-main",
                domain: domain.as_ref(),
                fresh: !says.stale,
                change: change.as_ref(),
            }),
            traffic: quiet.as_ref(),
            vantage_up: self.vantage_up,
            clock_skew: Some(SignedDuration::from_mins(self.skew_minutes)),
            previous: shown.as_ref(),
            ..Context::at(now())
        };
        diagnose(&self.outcome(), &self.endpoint(), &context)
    }

    fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("c.example.com")
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        let target = |text: &String| match (text.parse(), text.parse()) {
            (Ok(net), _) => DnsTarget::Network(net),
            (_, Ok(address)) => DnsTarget::address(address),
            _ => DnsTarget::Name(text.clone()),
        };
        let expected = !self.expect.dns.is_empty() || self.platform.is_some();
        let dns = expected.then(|| DnsExpectation {
            platform: self.platform.as_ref().map(|_| "heroku-main".into()),
            targets: self.expect.dns.iter().map(target).collect(),
            proxies: self.expect.proxy.iter().map(target).collect(),
            moving: self.expect.moving.as_ref().map(|(from, until)| Moving {
                from: vec![target(from)],
                until: *until,
            }),
        });
        let expect = Expectation {
            status: self.expect.status.clone(),
            dns,
            certificate: CertificateExpectation {
                issuer: self.expect.issuer.clone(),
                lifetime_left: self.expect.lifetime_left,
            },
            duration: self.expect.duration_ms.map(Duration::from_millis),
            ..Expectation::default()
        };
        let accepted = self.accepted.iter().map(|(cause, until)| Accepted {
            cause: *Cause::ALL.iter().find(|other| other.as_str() == cause).unwrap(),
            reason: "known".to_owned(),
            until: *until,
        });
        endpoint(self.host(), group(expect, accepted.collect()))
    }

    pub(super) fn outcome(&self) -> Outcome {
        let resolution = self.resolution();
        let attempts = resolution
            .addresses
            .iter()
            .filter(|_| !self.untried)
            .map(|address| {
                attempt(
                    *address,
                    self.host(),
                    &self.at.get(address).cloned().unwrap_or_default(),
                )
            })
            .collect();
        Outcome {
            prober: linkwatch::endpoint::ProberName::Http,
            judges_json: false,
            started: now(),
            elapsed: Duration::from_millis(50),
            resolution,
            attempts,
        }
    }

    fn resolution(&self) -> Resolution {
        let answers: Vec<Answer> = match &self.dns {
            Some(servers) => servers
                .iter()
                .flat_map(|(server, says)| answers(server, says))
                .collect(),
            None if self.at.is_empty() => answers("127.0.0.1:53", "203.0.113.1"),
            None => answers("127.0.0.1:53", &texts(self.at.keys())),
        };
        let mut addresses: Vec<IpAddr> = Vec::new();
        for answer in answers
            .iter()
            .filter(|answer| answer.role == ServerRole::Resolver)
        {
            if let Reply::Message(message) = &answer.reply {
                addresses.extend(&message.addresses);
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        let dns = AddressSource::Dns;
        Resolution {
            name: self.host().to_owned(),
            source: self.source.as_ref().map_or(dns, |_| AddressSource::HostsFile),
            elapsed: Duration::from_millis(5),
            answers,
            addresses: self.addresses.clone().unwrap_or(addresses),
            targets: targets(&self.targets, TargetStanding::Current)
                .chain(targets(&self.former, TargetStanding::Former))
                .collect(),
        }
    }
}

pub(super) fn group(expect: Expectation, accepted: Vec<Accepted>) -> Group {
    Group {
        name: "tracking".into(),
        module: "http_2xx".into(),
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(5),
        confirm: Confirm {
            attempts: 2,
            pause: Duration::from_secs(2),
        },
        addresses: AddressChoice::All,
        page: true,
        maintenance: Vec::new(),
        accepted,
        expect,
    }
}

pub(super) fn endpoint(host: &str, group: Group) -> Endpoint {
    Endpoint {
        name: host.into(),
        group: Arc::new(group),
        host: host.to_owned(),
        url: format!("https://{host}/c/canary").parse().unwrap(),
        labels: Labels::default(),
        told: None,
    }
}

fn texts<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> String {
    addresses.map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
}

fn targets(
    targets: &BTreeMap<String, Vec<String>>,
    standing: TargetStanding,
) -> impl Iterator<Item = TargetResolution> {
    targets.iter().map(move |(name, addresses)| TargetResolution {
        name: name.clone(),
        standing,
        state: match addresses.first().map(String::as_str) {
            None => TargetLookup::Absent,
            Some("failed") => TargetLookup::Failed,
            Some(_) => TargetLookup::Resolved,
        },
        addresses: addresses
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect(),
    })
}

/// Both families' answers: a response code or failure, `>` before each alias, and addresses. `A:` before them asks
/// for IPv4 alone.
fn answers(server: &str, says: &str) -> Vec<Answer> {
    let role = if server.starts_with("ns") {
        ServerRole::Authoritative
    } else {
        ServerRole::Resolver
    };
    let (families, says) = match says.strip_prefix("A:") {
        Some(rest) => (&[Family::Ipv4][..], rest),
        None => (&[Family::Ipv4, Family::Ipv6][..], says),
    };
    let answer = |family: &Family| Answer {
        server: server.into(),
        role,
        family: *family,
        reply: reply(says, *family),
    };
    families.iter().map(answer).collect()
}

fn reply(says: &str, family: Family) -> Reply {
    if says == "TIMEOUT" {
        return Reply::Timeout;
    }
    if let Some(what) = says.strip_prefix("BROKEN ") {
        return Reply::Broken(what.to_owned());
    }
    let mut message = Message {
        rcode: ResponseCode::NoError,
        extended_error: None,
        bogus: false,
        chain: Vec::new(),
        addresses: Vec::new(),
        ttl: 60,
    };
    for word in says.split_whitespace() {
        match word {
            "NOERROR" | ">" => {}
            "NXDOMAIN" => message.rcode = ResponseCode::NxDomain,
            "SERVFAIL" => message.rcode = ResponseCode::ServFail,
            "REFUSED" => message.rcode = ResponseCode::Refused,
            "NOTIMP" => message.rcode = ResponseCode::Other(4),
            "BOGUS" => (message.rcode, message.bogus) = (ResponseCode::ServFail, true),
            "EDE9" => message.extended_error = Some(9),
            other => match other.parse::<IpAddr>() {
                Ok(address) if address.is_ipv4() == (family == Family::Ipv4) => {
                    message.addresses.push(address);
                }
                Ok(_) => {}
                Err(_) => message.chain.push(Alias {
                    target: other.to_owned(),
                    ttl: 60,
                }),
            },
        }
    }
    Reply::Message(message)
}

fn attempt(address: IpAddr, host: &str, at: &At) -> Attempt {
    let address = SocketAddr::new(address, 443);
    let failure = at.fails.as_ref().map(|fails| failure(fails));
    let chain = chain(host, at.chain.clone().unwrap_or_default());
    let connected = !matches!(failure, Some(Failure::Connect(_) | Failure::Dns(_)));
    let hop = |host: &str, status: Option<u16>, failure: Option<Failure>| Hop {
        answer: None,
        url: format!("https://{host}/c/canary"),
        address: Some(address),
        proxy: None,
        revocation: None,
        timings: Timings {
            processing: Duration::from_millis(at.took_ms),
            ..Timings::default()
        },
        tls: connected.then(|| TlsFacts {
            version: Some("TLS 1.3"),
            cipher: None,
            alpn: None,
            chain: Some(Arc::new(chain.clone())),
        }),
        response: status.map(|status| response(status, at.limited)),
        failure,
    };
    let status = at.status.or_else(|| failure.is_none().then_some(200));
    let hops = match &at.redirected_to {
        Some(next) => vec![hop(host, Some(302), None), hop(next, status, failure)],
        None => vec![hop(host, status, failure)],
    };
    let violation = |(rule, expected, actual): &(String, String, String)| Violation {
        rule: rule_named(rule),
        expected: expected.clone(),
        actual: actual.clone(),
    };
    Attempt {
        peer: Peer::Address(address),
        hops,
        violations: at.breaks.iter().map(violation).collect(),
    }
}

fn response(status: u16, limited: bool) -> ResponseFacts {
    ResponseFacts {
        status,
        version: 1.1,
        location: None,
        content_length: None,
        body_length: 0,
        last_modified: None,
        clock_offset: None,
        limited,
    }
}

fn rule_named(name: &str) -> Rule {
    match name {
        "location" => Rule::Location,
        "status" => Rule::Status,
        "version" => Rule::Version,
        "tls" => Rule::Tls,
        "header" => Rule::Header,
        "body" => Rule::Body,
        "answer" => Rule::Answer,
        "answer status" => Rule::AnswerStatus,
        other => panic!("no rule {other}"),
    }
}

fn failure(text: &str) -> Failure {
    match text {
        "connect refused" => Failure::Connect(ConnectFailure::Refused),
        "connect timeout" => Failure::Connect(ConnectFailure::Timeout),
        "connect unreachable" => Failure::Connect(ConnectFailure::Unreachable),
        "connect reset" => Failure::Connect(ConnectFailure::Reset),
        "untrusted" => Failure::Untrusted,
        "tls alert" => Failure::Tls(TlsFailure::Alert("handshake_failure".to_owned())),
        "tls protocol" => Failure::Tls(TlsFailure::Protocol("not TLS: HTTP/1.1 400".to_owned())),
        "tls bad certificate" => Failure::Tls(TlsFailure::BadCertificate("key does not fit".to_owned())),
        "tls closed" => Failure::Tls(TlsFailure::Closed),
        "tls timeout" => Failure::Tls(TlsFailure::Timeout),
        "exchange timeout" => Failure::Exchange(ExchangeFailure::Timeout),
        "exchange closed" => Failure::Exchange(ExchangeFailure::Closed),
        "exchange protocol" => Failure::Exchange(ExchangeFailure::Protocol("a page of HTML".to_owned())),
        "no token" => Failure::Token(Box::new(TokenFailure {
            endpoint: "https://login.example/token".to_owned(),
            what: "401 Unauthorized".to_owned(),
        })),
        "proxy refuses" => Failure::Proxy(Box::new(ProxyFailure {
            proxy: "proxy.example:3128".to_owned(),
            met: ProxyMet::Refused("403 Forbidden".to_owned()),
        })),
        "unable" => Failure::Unable("no socket may be opened".to_owned()),
        "http timeout" => Failure::Http(HttpFailure::Timeout),
        "http closed" => Failure::Http(HttpFailure::Closed),
        "http protocol" => Failure::Http(HttpFailure::Protocol("invalid status line".to_owned())),
        "http too large" => Failure::Http(HttpFailure::TooLarge(1024)),
        "http redirect loop" => Failure::Http(HttpFailure::RedirectLoop),
        "http bad redirect" => Failure::Http(HttpFailure::BadRedirect("gopher://x/".to_owned())),
        other => match other.strip_prefix("dns ") {
            Some(says) => Failure::Dns(Box::new(reply(says, Family::Ipv4))),
            None => panic!("no failure {other}"),
        },
    }
}

fn chain(host: &str, chain: Chain) -> ChainFacts {
    let date = |text: &str| text.parse::<Timestamp>().unwrap();
    let names = if chain.names.is_empty() {
        vec![host.to_owned()]
    } else {
        chain.names
    };
    let leaf = CertificateFacts {
        subject: format!("CN={}", names[0]),
        issuer: "C=US,O=Let's Encrypt,CN=R11".to_owned(),
        issuer_name: chain.issuer.unwrap_or_else(|| "R11".to_owned()),
        serial: "01".to_owned(),
        fingerprint_sha256: "00".to_owned(),
        not_before: chain.from.unwrap_or_else(|| date("2026-03-01T00:00:00Z")),
        not_after: chain.until.unwrap_or_else(|| date("2026-08-01T00:00:00Z")),
        name_count: names.len(),
        names,
        self_signed: false,
        has_ca_issuers: true,
        renewal_id: None,
    };
    let intermediate = CertificateFacts {
        subject: "CN=R11".to_owned(),
        issuer_name: "ISRG Root X1".to_owned(),
        names: Vec::new(),
        ..leaf.clone()
    };
    let problem = |text: &String| problem(text, leaf.not_before, leaf.not_after);
    ChainFacts {
        problems: chain.problems.iter().map(problem).collect(),
        certificates: vec![leaf.clone(), intermediate],
        staple: Staple::Absent,
        verified_until: chain.verified_until,
    }
}

fn problem(text: &str, not_before: Timestamp, not_after: Timestamp) -> ChainProblem {
    match text {
        "hostname mismatch" => ChainProblem::HostnameMismatch,
        "expired" => ChainProblem::Expired {
            position: 0,
            not_after,
        },
        "intermediate expired" => ChainProblem::Expired {
            position: 1,
            not_after,
        },
        "not yet valid" => ChainProblem::NotYetValid {
            position: 0,
            not_before,
        },
        "self-signed" => ChainProblem::SelfSigned,
        "unknown issuer" => ChainProblem::UnknownIssuer,
        "incomplete" => ChainProblem::IncompleteChain { proven: true },
        "bad" => ChainProblem::Bad("signature does not verify".to_owned()),
        "revoked" => ChainProblem::Revoked { at: not_before },
        other => panic!("no problem {other}"),
    }
}
