//! The judgement of one address: connection, TLS and HTTP.

use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::certificate::{self, Clocks};
use super::{Context, Finding, dns, text, view};
use crate::cause::Cause;
use crate::endpoint::{Endpoint, Expectation};
use crate::outcome::{
    AnswerFacts, Attempt, ChainFacts, ConnectFailure, ExchangeFailure, Failure, Hop, HttpFailure,
    ProxyFailure, ProxyMet, Reply, ResponseFacts, Rule, TlsFacts, TlsFailure, Violation,
};
use crate::text::LONGEST;

/// What was found at one address.
#[derive(Debug)]
pub(super) struct Judged {
    /// The address, where there is one to know.
    pub(super) address: Option<IpAddr>,
    /// Causes that take it down, the one that is its symptom first.
    pub(super) failing: Vec<Finding>,
    /// Causes that only warn.
    pub(super) warnings: Vec<Finding>,
    /// Status of its last answer.
    pub(super) status: Option<u16>,
    /// It got no further than a certificate that only our clock finds wrong: neither up nor down.
    pub(super) suspended: bool,
    /// There is no way to the address from here.
    pub(super) unreachable: bool,
}

impl Judged {
    /// Whether it answers as expected.
    pub(super) fn up(&self) -> bool {
        self.failing.is_empty() && !self.suspended
    }
}

/// What one attempt came to, whatever others met: the causes that fail it, the first of them first, then warnings.
#[must_use]
pub fn findings_of(attempt: &Attempt, endpoint: &Endpoint, context: &Context<'_>) -> Vec<Finding> {
    let Judged {
        mut failing,
        warnings,
        ..
    } = judge(attempt, endpoint, Clocks::new(context));
    failing.extend(warnings);
    failing
}

/// Judges one attempt.
pub(super) fn judge(attempt: &Attempt, endpoint: &Endpoint, clocks: Clocks) -> Judged {
    let failure = attempt.failure();
    let response = attempt.last().and_then(|hop| hop.response.as_ref());
    let mut failing = match (attempt.last(), failure) {
        (Some(hop), Some(failure)) => failed(hop, failure, attempt.hops.len() > 1, endpoint, clocks),
        _ => Vec::new(),
    };
    let suspended = failing.is_empty() && failure.is_some();
    let limited =
        response.is_some_and(|response| limited(response, &attempt.violations, &endpoint.group.expect));
    let mut broken_rules = broken_rules(&attempt.violations, response, limited);
    let last_url = led_to(attempt);
    for finding in failing.iter_mut().chain(&mut broken_rules) {
        finding.led_to.clone_from(&last_url);
    }
    failing.extend(listed(attempt));
    failing.extend(broken_rules);
    let mut warnings = slow(attempt, &endpoint.group.expect);
    if limited && failing.is_empty() {
        let status = response.map_or(0, |response| response.status);
        warnings.push(Finding::new(
            Cause::HttpRateLimited,
            "an answer that can be judged",
            &format!("{status}, rate limit or challenge"),
        ));
    }
    if let Some(chain) = trusted_chain(attempt) {
        warnings.extend(certificate::warnings(
            chain,
            &endpoint.group.expect.certificate,
            clocks,
        ));
    }
    Judged {
        address: attempt.peer.ip(),
        failing,
        warnings,
        status: response.map(|response| response.status),
        suspended,
        unreachable: matches!(failure, Some(Failure::Connect(ConnectFailure::Unreachable))),
    }
}

/// The last URL of an attempt that was redirected, without what only clutters a sentence or changes from probe to probe.
fn led_to(attempt: &Attempt) -> Option<Box<Url>> {
    let [_, .., last] = attempt.hops.as_slice() else {
        return None;
    };
    let mut url = text::bare(&Url::parse(&last.url).ok()?);
    if url.as_str().len() > LONGEST {
        url.set_path("");
    }
    Some(Box::new(url))
}

/// A certificate that a current list of its issuer revokes.
fn listed(attempt: &Attempt) -> Option<Finding> {
    let lists = attempt.hops.iter().filter_map(|hop| hop.revocation.as_ref());
    let mut lists = lists.flat_map(|facts| &facts.lists);
    let list = lists.find(|list| list.revoked && !list.stale)?;
    let actual = format!("the certificate at position {} is on {}", list.position, list.url);
    Some(Finding::new(
        Cause::TlsRevoked,
        "no certificate that is revoked",
        &actual,
    ))
}

/// The endpoint's own chain, where it was accepted: that of the first hop over TLS that went on to a response.
fn trusted_chain(attempt: &Attempt) -> Option<&ChainFacts> {
    let hop = attempt.hops.iter().find(|hop| hop.tls.is_some())?;
    match &hop.failure {
        Some(Failure::Untrusted | Failure::Tls(_)) => None,
        _ => hop.tls.as_ref()?.chain.as_deref(),
    }
}

/// The findings of an attempt that ended early.
fn failed(
    hop: &Hop,
    failure: &Failure,
    redirected: bool,
    endpoint: &Endpoint,
    clocks: Clocks,
) -> Vec<Finding> {
    let host = Url::parse(&hop.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| endpoint.host.clone());
    let mut found = match failure {
        Failure::Proxy(failure) => proxy(failure, endpoint, clocks),
        Failure::Token(failure) => vec![Finding::new(
            Cause::HttpToken,
            &format!("a token from {}", failure.endpoint),
            &failure.what,
        )],
        Failure::Dns(reply) => vec![unresolved(reply, &host)],
        Failure::Connect(failure) => vec![connect(failure)],
        Failure::Tls(failure) => tls(failure, hop, &host, clocks),
        Failure::Untrusted => untrusted(hop, &host, clocks),
        Failure::Http(failure) => vec![http(failure)],
        Failure::Exchange(failure) => vec![exchange(failure, last_read(hop))],
        // What this machine lacks, or may not do, is no fault of the target's: nothing can be said of it.
        Failure::Forbidden(_) | Failure::Unable(_) => Vec::new(),
    };
    if redirected && host != endpoint.host {
        for finding in &mut found {
            *finding = Finding::new(
                finding.cause,
                &finding.expected,
                &format!("{}, after a redirect to {host}", finding.actual),
            );
        }
    }
    found
}

/// What failed on the way to the proxy is told as any such failure, with the proxy's name.
fn proxy(failure: &ProxyFailure, endpoint: &Endpoint, clocks: Clocks) -> Vec<Finding> {
    let proxy = &failure.proxy;
    match &failure.met {
        ProxyMet::Refused(what) => vec![Finding::new(
            Cause::ConnectProxy,
            &format!("a connection by the proxy {proxy}"),
            what,
        )],
        ProxyMet::Unreached { failure, chain } => {
            let mut hop = Hop::new(format!("http://{proxy}/"));
            hop.tls = chain.clone().map(|chain| TlsFacts {
                version: None,
                cipher: None,
                alpn: None,
                chain: Some(chain),
            });
            let found = failed(&hop, failure, false, endpoint, clocks);
            let at_proxy = |finding: Finding| {
                let actual = format!("{}, at the proxy {proxy}", finding.actual);
                Finding::new(finding.cause, &finding.expected, &actual)
            };
            found.into_iter().map(at_proxy).collect()
        }
    }
}

fn unresolved(reply: &Reply, host: &str) -> Finding {
    let says = view::of_reply(reply);
    Finding::new(says.cause(), &format!("an address for {host}"), dns::phrase(says))
}

fn connect(failure: &ConnectFailure) -> Finding {
    let (cause, actual) = match failure {
        ConnectFailure::Refused => (Cause::ConnectRefused, "connection refused"),
        ConnectFailure::Timeout => (Cause::ConnectTimeout, "no answer in time"),
        ConnectFailure::Unreachable => (Cause::ConnectUnreachable, "no route"),
        ConnectFailure::Reset => (Cause::ConnectReset, "connection reset"),
        ConnectFailure::NoSocket(what) => (Cause::ConnectUnreachable, what.as_str()),
    };
    Finding::new(cause, "a connection", actual)
}

fn tls(failure: &TlsFailure, hop: &Hop, host: &str, clocks: Clocks) -> Vec<Finding> {
    let expected = "a TLS session";
    let finding = match failure {
        TlsFailure::Alert(alert) => Finding::new(Cause::TlsAlert, expected, &format!("alert: {alert}")),
        TlsFailure::Protocol(what) => Finding::new(Cause::TlsProtocol, expected, what),
        TlsFailure::BadCertificate(what) => {
            Finding::new(Cause::TlsBadCertificate, "usable certificate", what)
        }
        TlsFailure::Closed => Finding::new(Cause::TlsClosed, expected, "connection closed"),
        TlsFailure::Timeout => Finding::new(Cause::TlsTimeout, expected, "not finished in time"),
    };
    // A certificate that cannot be used is judged all the same, and may be the wrong one altogether.
    let recorded = recorded_chain(hop).filter(|_| matches!(failure, TlsFailure::BadCertificate(_)));
    recorded
        .map(|chain| certificate::problems(chain, host, clocks))
        .unwrap_or_default()
        .into_iter()
        .chain([finding])
        .collect()
}

fn untrusted(hop: &Hop, host: &str, clocks: Clocks) -> Vec<Finding> {
    match recorded_chain(hop) {
        Some(chain) if !chain.trusted() => certificate::problems(chain, host, clocks),
        _ => vec![Finding::new(
            Cause::TlsBadCertificate,
            "usable certificate",
            "none that could be read",
        )],
    }
}

fn recorded_chain(hop: &Hop) -> Option<&ChainFacts> {
    hop.tls.as_ref().and_then(|tls| tls.chain.as_deref())
}

fn http(failure: &HttpFailure) -> Finding {
    let complete = "a complete response";
    match failure {
        HttpFailure::Timeout => Finding::new(Cause::HttpTimeout, complete, "none in time"),
        HttpFailure::Closed => Finding::new(Cause::HttpClosed, complete, "connection closed before its end"),
        HttpFailure::Protocol(what) => Finding::new(Cause::HttpProtocol, "valid HTTP", what),
        HttpFailure::TooLarge(limit) => Finding::new(
            Cause::HttpTooLarge,
            &format!("at most {limit} bytes"),
            "a larger response",
        ),
        HttpFailure::RedirectLoop => Finding::new(
            Cause::HttpRedirectLoop,
            "redirects that end",
            "redirects that do not end",
        ),
        HttpFailure::BadRedirect(location) => Finding::new(
            Cause::HttpRedirectWrong,
            "a redirect that can be followed",
            location,
        ),
    }
}

/// What the peer said last in a dialogue that came to no end.
fn last_read(hop: &Hop) -> Option<&str> {
    match hop.answer.as_ref()? {
        AnswerFacts::Dialogue(facts) => facts.last_read.as_deref(),
        AnswerFacts::WebSocket(facts) => facts.dialogue.last_read.as_deref(),
        AnswerFacts::Dns(_) | AnswerFacts::Grpc(_) | AnswerFacts::Echo(_) => None,
    }
}

fn exchange(failure: &ExchangeFailure, last_read: Option<&str>) -> Finding {
    let complete = "a complete answer";
    let after = last_read.map_or_else(String::new, |read| format!(", after {read:?}"));
    match failure {
        ExchangeFailure::Timeout => {
            Finding::new(Cause::ExchangeTimeout, complete, &format!("none in time{after}"))
        }
        ExchangeFailure::Closed => Finding::new(
            Cause::ExchangeClosed,
            complete,
            &format!("connection closed before its end{after}"),
        ),
        ExchangeFailure::Protocol(what) => {
            Finding::new(Cause::ExchangeProtocol, "an answer in the protocol", what)
        }
    }
}

/// Whether the answer comes from a rate limit or a bot wall rather than from the endpoint. One that breaks no rule
/// and has a status that is expected by name is the endpoint's own.
fn limited(response: &ResponseFacts, violations: &[Violation], expect: &Expectation) -> bool {
    response.limited && !(violations.is_empty() && expect.status.contains(&response.status))
}

/// The rules broken, in causal order. What a rate limit says is not the endpoint's answer: only how it was
/// reached is judged. A redirect's location is judged only where there is a redirect: without one, the status says
/// what is wrong, above all where it is a 5xx.
fn broken_rules(violations: &[Violation], response: Option<&ResponseFacts>, limited: bool) -> Vec<Finding> {
    let redirect = response.is_some_and(|response| (300..400).contains(&response.status));
    let wrong_status = violations.iter().any(|violation| violation.rule == Rule::Status);
    let mut findings: Vec<Finding> = violations
        .iter()
        .filter(|violation| !limited || violation.rule == Rule::Tls)
        .filter(|violation| violation.rule != Rule::Location || redirect || !wrong_status)
        .map(|violation| Finding::new(cause(violation.rule), &violation.expected, &violation.actual))
        .collect();
    findings.sort_by_key(|finding| finding.cause);
    findings
}

fn cause(rule: Rule) -> Cause {
    match rule {
        Rule::Location => Cause::HttpRedirectWrong,
        Rule::Status => Cause::HttpStatus,
        Rule::Version => Cause::HttpProtocol,
        Rule::Tls => Cause::TlsProtocol,
        Rule::Header => Cause::HttpHeader,
        Rule::Body | Rule::Cel => Cause::HttpBody,
        Rule::AnswerStatus => Cause::ExchangeStatus,
        Rule::Answer => Cause::ExchangeMismatch,
    }
}

/// All hops together against the limit; only of an attempt that came to its end.
fn slow(attempt: &Attempt, expect: &Expectation) -> Vec<Finding> {
    let taken: Duration = attempt
        .hops
        .iter()
        .map(|hop| hop.timings)
        .flat_map(|t| [t.dns, t.connect, t.tls, t.processing, t.transfer])
        .fold(Duration::ZERO, Duration::saturating_add);
    let limit = expect
        .duration
        .filter(|limit| attempt.failure().is_none() && taken > *limit);
    limit
        .map(|limit| Finding::new(Cause::HttpSlow, &format!("at most {limit:?}"), "longer"))
        .into_iter()
        .collect()
}

/// The warnings of all addresses; the address is named where not all give the same.
pub(super) fn warnings(addresses: &[Judged]) -> Vec<Finding> {
    let everywhere = |warning: &Finding| addresses.iter().all(|judged| judged.warnings.contains(warning));
    let named = |judged: &Judged| {
        let address = judged.address;
        let warnings = judged.warnings.clone().into_iter();
        warnings.map(move |warning| Finding {
            address: address.filter(|_| !everywhere(&warning)),
            ..warning
        })
    };
    addresses.iter().flat_map(named).collect()
}

/// The status that the worst address answered with.
pub(super) fn worst_status(addresses: &[Judged]) -> Option<u16> {
    addresses
        .iter()
        .filter(|judged| !judged.failing.is_empty())
        .min_by_key(|judged| (judged.failing[0].cause, judged.address))
        .and_then(|judged| judged.status)
}
