//! Causes in a recorded chain, judged by a clock that may be wrong.

use jiff::{SignedDuration, Timestamp};

use super::{Context, Finding, text};
use crate::cause::Cause;
use crate::endpoint::CertificateExpectation;
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem};

/// A clock that is off by no more than this is taken as right: `Date` headers are coarse and answers take time.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Our clock, and what it would show if it were set by the servers'.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// What ours shows.
    now: Timestamp,
    /// What the servers' show, where that is something else.
    corrected: Option<Timestamp>,
}

impl Clocks {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let skewed = context.clock_skew.filter(|skew| skew.abs() > TOLERANCE);
        Self {
            now: context.now,
            corrected: skewed.and_then(|skew| context.now.checked_sub(skew).ok()),
        }
    }

    /// Whether what is wrong by our clock is wrong by the servers' too. Anything but a date always is.
    fn confirm(&self, problem: &ChainProblem) -> bool {
        match (problem, self.corrected) {
            (ChainProblem::Expired { not_after, .. }, Some(corrected)) => *not_after < corrected,
            (ChainProblem::NotYetValid { not_before, .. }, Some(corrected)) => *not_before > corrected,
            _ => true,
        }
    }
}

/// What is wrong with a chain, most telling first; empty where only our clock says so.
pub(super) fn problems(chain: &ChainFacts, host: &str, clocks: Clocks) -> Vec<Finding> {
    chain
        .problems
        .iter()
        .filter(|problem| clocks.confirm(problem))
        .map(|problem| finding(problem, chain, host))
        .collect()
}

fn finding(problem: &ChainProblem, chain: &ChainFacts, host: &str) -> Finding {
    let leaf = chain.leaf();
    let issuer = |certificate: Option<&CertificateFacts>| {
        certificate
            .map_or("", |certificate| certificate.issuer_name.as_str())
            .to_owned()
    };
    let (cause, expected, actual) = match problem {
        ChainProblem::HostnameMismatch => (Cause::TlsHostnameMismatch, host, names(leaf)),
        ChainProblem::Expired { position, not_after } => (
            Cause::TlsExpired,
            "valid certificate",
            dated("ended", *not_after, *position, chain),
        ),
        ChainProblem::NotYetValid { position, not_before } => (
            Cause::TlsNotYetValid,
            "valid certificate",
            dated("begins", *not_before, *position, chain),
        ),
        ChainProblem::SelfSigned => (
            Cause::TlsSelfSigned,
            "certificate of a trusted authority",
            format!("signed by itself: {}", leaf.map_or("", |leaf| &leaf.subject)),
        ),
        ChainProblem::UnknownIssuer => (
            Cause::TlsUnknownIssuer,
            "certificate of a trusted authority",
            format!("issued by {}", issuer(chain.certificates.last())),
        ),
        ChainProblem::IncompleteChain { .. } => (
            Cause::TlsIncompleteChain,
            "full chain",
            format!("intermediate {} is missing", issuer(chain.certificates.last())),
        ),
        ChainProblem::Bad(what) => (Cause::TlsBadCertificate, "usable certificate", what.clone()),
        ChainProblem::Revoked { at } => (
            Cause::TlsRevoked,
            "valid certificate",
            format!("revoked {at} by {}", issuer(leaf)),
        ),
    };
    Finding::new(cause, expected, &actual)
}

fn names(leaf: Option<&CertificateFacts>) -> String {
    match leaf {
        Some(leaf) if leaf.names.is_empty() => format!("no names, subject {}", leaf.subject),
        Some(leaf) => text::list(&leaf.names),
        None => "no certificate".to_owned(),
    }
}

fn dated(verb: &str, date: Timestamp, position: usize, chain: &ChainFacts) -> String {
    let certificate = chain.certificates.get(position);
    let issuer = certificate.map_or("unknown", |certificate| &certificate.issuer_name);
    if position == 0 {
        format!("{verb} {date} ({issuer})")
    } else {
        let subject = certificate.map_or("unknown", |certificate| &certificate.subject);
        format!("{verb} {date} (intermediate {subject})")
    }
}

/// The warnings about a chain that is trusted.
pub(super) fn warnings(
    chain: &ChainFacts,
    expect: &CertificateExpectation,
    clocks: Clocks,
) -> impl Iterator<Item = Finding> {
    let leaf = chain.leaf();
    let foreign = leaf.and_then(|leaf| unexpected_issuer(leaf, &expect.issuer));
    let ending = leaf.and_then(|leaf| expiring(leaf, chain.verified_until, expect.lifetime_left, clocks));
    foreign.into_iter().chain(ending)
}

fn unexpected_issuer(leaf: &CertificateFacts, issuers: &[String]) -> Option<Finding> {
    let known = |issuer: &String| leaf.issuer_name.contains(issuer) || leaf.issuer.contains(issuer);
    let wrong = !issuers.is_empty() && !issuers.iter().any(known);
    wrong.then(|| {
        Finding::new(
            Cause::TlsUnexpectedIssuer,
            &text::list(issuers),
            &leaf.issuer_name,
        )
    })
}

/// Less of the leaf's lifetime is left than should be. A path that ends before the leaf ends it; that of an
/// intermediate alone does not count, as it lasts years and is not the user's to renew.
///
/// A certificate that is in order by our clock and over by the servers' is said here too: a warning, because a single
/// server with a wrong clock must not take down an endpoint that answers.
fn expiring(
    leaf: &CertificateFacts,
    verified_until: Option<Timestamp>,
    lifetime_left: Option<f64>,
    clocks: Clocks,
) -> Option<Finding> {
    let end = verified_until.map_or(leaf.not_after, |until| until.min(leaf.not_after));
    if let Some(corrected) = clocks.corrected
        && end < corrected
    {
        let actual = format!("ended {end} by the servers' clocks ({})", leaf.issuer_name);
        return Some(Finding::new(
            Cause::CertificateExpiring,
            "valid certificate",
            &actual,
        ));
    }
    let least = lifetime_left?;
    let now = clocks.corrected.unwrap_or(clocks.now);
    let lifetime = leaf.not_after.duration_since(leaf.not_before).as_secs_f64();
    let left = end.duration_since(now).as_secs_f64();
    // Not `left / lifetime < least`: a lifetime of nothing must not divide.
    (left < least * lifetime).then(|| {
        let percent = (least * 100.0).round();
        Finding::new(
            Cause::CertificateExpiring,
            &format!("at least {percent} % of its lifetime left"),
            &format!("ends {end} ({})", leaf.issuer_name),
        )
    })
}
