//! What a person reads: the verdict in a sentence, and what to do about a finding.

use super::{Finding, Standing, Verdict, text};
use crate::cause::Cause;
use crate::endpoint::{DnsTarget, Endpoint};

/// What to do about a finding: as exact as what is known of the endpoint allows.
#[must_use]
pub fn remedy(finding: &Finding, endpoint: &Endpoint) -> String {
    let general = finding.cause.remedy();
    let record = expected_record(endpoint);
    if let (Cause::DnsTargetDrift, Some(record)) = (finding.cause, &record) {
        let actual = &finding.actual;
        match endpoint.platform() {
            None => format!("Set {record}; it is now {actual}. If that is right, change the expectation."),
            Some(platform) => format!("Set {record}, as {platform} expects; it is now {actual}."),
        }
    } else if let (Cause::PlatformTargetChanged, Some(record)) = (finding.cause, &record) {
        let actual = &finding.actual;
        format!("Set {record}: the platform has changed what it expects. It is still {actual}.")
    } else if let (Cause::DnsTargetDangling, Some(record)) = (finding.cause, &record) {
        format!("Set {record}; if it is set so already, create the target: a dangling one can be taken over.")
    } else if let (Cause::DnsNxdomain | Cause::DnsNoRecords, Some(record)) = (finding.cause, &record) {
        format!("Set {record}. {general}")
    } else if finding.cause == Cause::TlsHostnameMismatch {
        let (host, expected) = (&endpoint.host, &finding.expected);
        format!("Check where {host} points, and have a certificate issued for {expected}.")
    } else {
        general.to_owned()
    }
}

/// The record that leads to the expected target, as one would enter it; `None` where none is expected.
fn expected_record(endpoint: &Endpoint) -> Option<String> {
    let dns = endpoint.dns()?;
    let targets = &dns.targets;
    if targets.is_empty() {
        return None;
    }
    let host = &endpoint.host;
    let names = text::list(targets.iter().filter_map(|target| match target {
        DnsTarget::Name(name) => Some(name),
        DnsTarget::Network(_) => None,
    }));
    if names.is_empty() {
        let networks = text::list(targets.iter().map(ToString::to_string));
        return Some(format!("the A and AAAA records of {host} to {networks}"));
    }
    let one_of = if names.contains(", ") { "one of " } else { "" };
    Some(match host.split('.').count() {
        // A zone's apex cannot be a CNAME (RFC 1034 section 3.6.2).
        ..=2 => format!("an ALIAS (or ANAME, or flattened CNAME) record for {host} to {one_of}{names}"),
        // It may still be an apex, as under co.uk.
        3 => format!("{host} as a CNAME (ALIAS or ANAME at a zone's apex) to {one_of}{names}"),
        _ => format!("{host} as a CNAME to {one_of}{names}"),
    })
}

/// The verdict in one sentence.
#[must_use]
pub fn summary(verdict: &Verdict) -> String {
    match (verdict.standing, &verdict.root, &verdict.symptom) {
        (Standing::Unknown, Some(_), _) => {
            "Not judged: every anchor fails, this vantage point is offline.".to_owned()
        }
        (Standing::Unknown, None, _) => {
            "Not judged: the certificate is out of date by this machine's clock only, which differs from the servers'."
                .to_owned()
        }
        (Standing::Up, None, _) => "Up: it works as expected.".to_owned(),
        (Standing::Up, Some(root), _) if verdict.addresses_up < verdict.addresses => format!(
            "Up at {} of {} addresses: {}.",
            verdict.addresses_up,
            verdict.addresses,
            clause(root)
        ),
        (Standing::Up, Some(root), _) => format!("Up, but {}.", clause(root)),
        (Standing::Down, Some(root), Some(symptom)) if root.cause != symptom.cause => {
            format!("Down: {}; therefore {}.", clause(root), clause(symptom))
        }
        (Standing::Down, Some(finding), _) | (Standing::Down, None, Some(finding)) => {
            format!("Down: {}.", clause(finding))
        }
        (Standing::Down, None, None) => "Down.".to_owned(),
    }
}

/// The meaning of a finding's cause as part of a sentence, with what was expected and what is.
fn clause(finding: &Finding) -> String {
    let meaning = finding.cause.meaning().trim_end_matches('.');
    let mut letters = meaning.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_lowercase).collect();
    let at = finding
        .address
        .map_or_else(String::new, |address| format!(", at {address}"));
    format!(
        "{first}{} (expected: {}; actual: {}{at})",
        letters.as_str(),
        finding.expected,
        finding.actual
    )
}
