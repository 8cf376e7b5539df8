//! What a hosting platform says of the domains that it serves.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::endpoint::DnsTarget;
use crate::text::bounded;

/// Characters of a status at most; a longer one is [`UNKNOWN`].
pub const LONGEST_STATUS: usize = 64;

/// The status of a domain whose platform says something that no label can hold.
pub const UNKNOWN: &str = "unknown";

/// Domains that have gone from a platform's list, and whose last targets are kept.
const MOST_FORMER: usize = 10_000;

/// The shortest time that an answer is believed for, however often the platform is asked.
const BELIEVED: SignedDuration = SignedDuration::from_mins(15);

/// One domain, as the platform speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name, in lower case without the final dot; `*.example.com` stands for every name directly below.
    pub host: String,
    /// Where the platform expects DNS to lead, sorted: any of the names (flattened at a zone's apex), or the addresses.
    /// None while it has not said.
    pub targets: Vec<DnsTarget>,
    /// Whether the platform itself finds DNS as it should be.
    pub dns_ok: Option<bool>,
    /// How it stands with the certificate.
    pub certificate: CertificateState,
    /// The platform's own word for it.
    pub status: String,
    /// Whether that word is one that is documented.
    pub recognised: bool,
    /// What the platform gives as the reason, at most 200 bytes; empty where it gives none.
    pub reason: String,
}

/// How it stands with a certificate that a platform looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// It is issued and in place.
    Issued,
    /// The platform is at work on it.
    Pending,
    /// The platform has failed to get it, or to renew it.
    Failing,
    /// The platform does not look after one, or says nothing of it that is understood.
    Unknown,
}

impl Domain {
    /// A domain with its texts bounded and its targets sorted.
    #[must_use]
    pub fn new(host: &str, mut targets: Vec<DnsTarget>) -> Self {
        targets.sort();
        targets.dedup();
        Self {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            targets,
            dns_ok: None,
            certificate: CertificateState::Unknown,
            status: String::new(),
            recognised: true,
            reason: String::new(),
        }
    }

    /// With the platform's own words; a state that it does not know leaves the certificate unknown and is counted.
    #[must_use]
    pub fn saying(mut self, status: &str, certificate: Option<CertificateState>, reason: &str) -> Self {
        let short = status.chars().count() <= LONGEST_STATUS && !status.chars().any(char::is_control);
        if short { status } else { UNKNOWN }.clone_into(&mut self.status);
        self.recognised = certificate.is_some();
        self.certificate = certificate.unwrap_or(CertificateState::Unknown);
        self.reason = bounded(reason);
        self
    }
}

/// All that a platform has said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// When it said so.
    pub observed: Timestamp,
    /// Every domain, by its name.
    pub domains: BTreeMap<String, Domain>,
    /// The last targets of domains that it no longer speaks of.
    pub former: BTreeMap<String, Vec<DnsTarget>>,
}

impl Known {
    /// What is known once the platform has answered again: all of the new, and where the vanished should have led.
    #[must_use]
    pub fn succeed(&self, domains: Vec<Domain>, observed: Timestamp) -> Self {
        let mut domains: BTreeMap<_, _> = domains
            .into_iter()
            .map(|domain| (domain.host.clone(), domain))
            .collect();
        // A platform that is changing a domain may be silent about its target for a moment.
        for (host, domain) in domains.iter_mut().filter(|(_, domain)| domain.targets.is_empty()) {
            if let Some(before) = self.domains.get(host) {
                domain.targets.clone_from(&before.targets);
            }
        }
        let gone = self
            .domains
            .values()
            .map(|domain| (&domain.host, &domain.targets));
        let former = gone
            .chain(&self.former)
            .filter(|(host, _)| !domains.contains_key(*host))
            .take(MOST_FORMER)
            .map(|(host, targets)| (host.clone(), targets.clone()))
            .collect();
        Self {
            observed,
            domains,
            former,
        }
    }

    /// What the platform says of a host: of the name itself, else of the wildcard above it.
    #[must_use]
    pub fn find(&self, host: &str) -> Option<&Domain> {
        let above = || {
            let (_, parent) = host.split_once('.')?;
            self.domains.get(&format!("*.{parent}"))
        };
        self.domains.get(host).or_else(above)
    }

    /// Where the platform expects a host to lead, or did when it last spoke of it; `None` where it never has.
    #[must_use]
    pub fn targets(&self, host: &str) -> Option<&[DnsTarget]> {
        let known = self.find(host).map(|domain| &domain.targets);
        let targets = known.or_else(|| self.former.get(host))?;
        (!targets.is_empty()).then_some(targets.as_slice())
    }

    /// Whether both name the same domains and expect the same of each.
    #[must_use]
    pub fn expects_the_same(&self, other: &Self) -> bool {
        let expected = |known: &Self| {
            let domains = known.domains.values();
            let pairs: Vec<_> = domains
                .map(|domain| (domain.host.clone(), domain.targets.clone()))
                .collect();
            pairs
        };
        expected(self) == expected(other)
    }

    /// Whether what was said is recent enough to be held against a domain; expected targets hold for ever.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, interval: Duration) -> bool {
        let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
        let believed = interval
            .checked_mul(3)
            .unwrap_or(SignedDuration::MAX)
            .max(BELIEVED);
        now.duration_since(self.observed) <= believed
    }
}

/// A change of what a platform expects, that DNS has not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetChange {
    /// Where the name should have led before.
    pub from: Vec<DnsTarget>,
    /// When the change was noticed.
    pub at: Timestamp,
}

/// What an endpoint's platform says, as far as it concerns that endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Its name.
    pub platform: &'a str,
    /// The domain; `None`: it is not in the platform's list.
    pub domain: Option<&'a Domain>,
    /// Whether that is recent enough to be held against the domain.
    pub fresh: bool,
    /// A change of the expected target that DNS has not followed yet.
    pub change: Option<&'a TargetChange>,
}

/// Whether a change has come about, from the targets that were told before and those that are told now.
#[must_use]
pub fn change(
    standing: Option<&TargetChange>,
    before: &[DnsTarget],
    after: &[DnsTarget],
    now: Timestamp,
) -> Option<TargetChange> {
    if before.is_empty() || after.is_empty() || before == after {
        return standing.cloned();
    }
    match standing {
        // It has gone back to where DNS leads.
        Some(change) if change.from == after => None,
        // DNS has not followed the first change when the second comes.
        Some(change) => Some(TargetChange {
            from: change.from.clone(),
            at: now,
        }),
        None => Some(TargetChange {
            from: before.to_vec(),
            at: now,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Vec<DnsTarget> {
        vec![DnsTarget::Name(name.to_owned())]
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_change_stands_until_the_platform_returns_and_names_where_dns_still_leads() {
        let (one, two, three) = (named("one.test"), named("two.test"), named("three.test"));
        assert_eq!(change(None, &[], &one, at(1)), None);
        assert_eq!(change(None, &one, &one, at(1)), None);
        let first = change(None, &one, &two, at(2)).unwrap();
        assert_eq!(first.from, one);
        let second = change(Some(&first), &two, &three, at(3)).unwrap();
        assert_eq!(second.from, one);
        assert_eq!(change(Some(&second), &three, &one, at(4)), None);
        assert_eq!(change(Some(&first), &two, &[], at(4)), Some(first));
    }

    #[test]
    fn the_targets_of_a_domain_that_has_vanished_or_says_nothing_are_kept() {
        let known = Known::default().succeed(
            vec![
                Domain::new("A.example.com.", named("one.test")),
                Domain::new("*.example.org", named("two.test")),
            ],
            at(1),
        );
        let after = known.succeed(vec![Domain::new("*.example.org", Vec::new())], at(2));
        assert!(after.find("a.example.com").is_none());
        assert_eq!(after.targets("a.example.com").unwrap(), named("one.test"));
        assert_eq!(after.targets("x.example.org").unwrap(), named("two.test"));
        assert_eq!(after.targets("y.x.example.org"), None);
        let back = after.succeed(vec![Domain::new("a.example.com", named("one.test"))], at(3));
        assert!(back.former.keys().eq(["*.example.org"]));
    }

    #[test]
    fn a_status_that_no_label_can_hold_is_unknown() {
        let domain = Domain::new("a.test", Vec::new());
        let long = domain.clone().saying(&"x".repeat(65), None, "");
        assert_eq!((long.status.as_str(), long.recognised), (UNKNOWN, false));
        let short = domain.saying("ok", Some(CertificateState::Issued), "");
        assert_eq!((short.status.as_str(), short.recognised), ("ok", true));
    }
}
