//! The pure judgement: facts and expectations in, root, symptom and consequences out.
//!
//! Each layer turns its facts into findings (`dns`, `target`, `certificate`, `attempt`); here they are put together
//! into a verdict. Nothing depends on the order in which servers or addresses answered.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::cause::{Cause, Effect};
use crate::endpoint::{Accepted, Endpoint, Group};
use crate::outcome::{Disagreement, Outcome, Resolution};
use crate::outlook::{Foreseen, platform::Statement};

mod advice;
mod attempt;
pub mod catalogue;
mod certificate;
mod dns;
pub mod explain;
mod foresight;
pub mod layers;
pub mod name;
mod platform;
mod proxy;
mod target;
mod text;
pub mod traffic;
mod view;

pub use advice::{remedy, summary};
use attempt::Judged;
pub use attempt::findings_of;
use certificate::Clocks;
use target::Target;
use view::View;

/// The judgement of one probe of one endpoint, not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What can be said.
    pub standing: Standing,
    /// The first failing stage's cause; only of an endpoint that is down.
    pub symptom: Option<Finding>,
    /// What explains it: the verdict that is shown first.
    pub root: Option<Finding>,
    /// Every further cause that holds, in causal order.
    pub others: Vec<Finding>,
    /// Addresses behind the name.
    pub addresses: usize,
    /// How many of them answer as expected.
    pub addresses_up: usize,
    /// Where the name leads, if a target is expected.
    pub target: Option<TargetState>,
}

/// What can be said of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does its job, perhaps with warnings.
    Up,
    /// It does not.
    Down,
    /// Nothing: this vantage point is offline (`Cause::VantageOffline` is the root), or its clock is wrong and only by
    /// that clock the certificate is too (there is no root).
    Unknown,
}

/// A cause that holds, with what should be and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// What should be, at most 200 bytes; lists are sorted, so that it changes only when the facts do.
    pub expected: String,
    /// What is, likewise.
    pub actual: String,
    /// The address it was seen at, where not all behave alike.
    pub address: Option<IpAddr>,
    /// The URL that it was seen at, where redirects led to another; without credentials, query and fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub led_to: Option<Box<Url>>,
}

/// Where a name leads, compared with where it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// It reaches the target, as a CNAME or flattened.
    Match,
    /// It resolves, but elsewhere.
    Drift,
    /// Its CNAME leads to a name that does not exist.
    Dangling,
    /// The comparison proves nothing.
    Unverifiable,
}

impl TargetState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Match, Self::Drift, Self::Dangling, Self::Unverifiable];

    /// The name in metrics and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Drift => "drift",
            Self::Dangling => "dangling",
            Self::Unverifiable => "unverifiable",
        }
    }
}

impl Verdict {
    /// Every cause that holds: symptom, root, others; the first two may be the same.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.symptom.iter().chain(&self.root).chain(&self.others)
    }

    /// Adds a warning that comes from outside a single probe; it becomes the root where nothing else is wrong.
    pub(crate) fn warn(&mut self, warning: Finding) {
        if self.findings().any(|finding| finding.cause == warning.cause) {
            return;
        }
        let root = &mut self.root;
        let first = root
            .as_ref()
            .is_none_or(|root| root.cause.effect() == Effect::Warns && warning.cause < root.cause);
        if self.standing == Standing::Up && first {
            self.others.extend(root.replace(warning));
        } else {
            self.others.push(warning);
        }
        self.others.sort_by_key(|finding| finding.cause);
    }

    /// Takes away what `warn` added.
    pub(crate) fn unwarn(&mut self, cause: Cause) {
        self.others.retain(|finding| finding.cause != cause);
        let root = self.root.take_if(|root| root.cause == cause);
        if root.is_some() && !self.others.is_empty() {
            self.root = Some(self.others.remove(0));
        }
    }
}

impl Finding {
    /// A finding with its texts cleaned and cut to 200 bytes.
    #[must_use]
    pub fn new(cause: Cause, expected: &str, actual: &str) -> Self {
        Self {
            cause,
            expected: text::bounded(expected),
            actual: text::bounded(actual),
            address: None,
            led_to: None,
        }
    }
}

/// What must be known beside the facts to judge them.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The wall-clock time.
    pub now: Timestamp,
    /// Whether any anchor answers; `None` without anchors.
    pub vantage_up: Option<bool>,
    /// Our clock minus the servers'; `None` unknown. Beyond five minutes, ours alone is not believed.
    pub clock_skew: Option<SignedDuration>,
    /// The verdict that stands: texts of addresses that have merely rotated are taken over from it.
    pub previous: Option<&'a Verdict>,
    /// The alarm about quiet traffic that concerns the endpoint.
    pub traffic: Option<&'a Finding>,
    /// What its platform says of it; `None` where it has none, or none that has spoken.
    pub platform: Option<Statement<'a>>,
    /// The disagreement of servers that stands, if one does.
    pub disagreement: Option<Disagreement>,
    /// What is foreseen of it.
    pub foreseen: Foreseen<'a>,
}

impl Context<'_> {
    /// The time, and nothing else known.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            vantage_up: None,
            clock_skew: None,
            previous: None,
            traffic: None,
            platform: None,
            disagreement: None,
            foreseen: Foreseen::NONE,
        }
    }
}

/// Judges one probe.
///
/// An endpoint is down when its name has no usable address or every address fails. Then the symptom is that of the
/// worst address: the one whose first cause stands first in the causal order. While only some addresses fail, that
/// cause is the root and there is no symptom. A warning that explains it takes its place as the root.
///
/// Addresses of a family in which nothing can be reached from here, while the other family can, are not judged: a
/// vantage point without IPv6 says nothing about an endpoint's.
#[must_use]
pub fn diagnose(outcome: &Outcome, endpoint: &Endpoint, context: &Context<'_>) -> Verdict {
    if context.vantage_up == Some(false) {
        return offline();
    }
    let resolution = &outcome.resolution;
    let views = view::resolved(resolution);
    let expectation = endpoint.dns();
    let target = |dns| Target::new(dns, resolution, context.now);
    let target = expectation.as_deref().map(target);
    let clocks = Clocks::new(context);
    let addresses = judged(outcome, endpoint, clocks);

    let state = target.as_ref().map(|target| target.state(&views));
    let mut warnings = attempt::warnings(&addresses);
    warnings.extend(warnings_beside(
        outcome,
        endpoint,
        (target.as_ref(), &views),
        context,
    ));
    warnings.retain(|warning| !accepted(&endpoint.group, warning.cause, context.now));

    let up = addresses.iter().filter(|judged| judged.up()).count();
    let mut failures = failures(&addresses);
    if addresses.is_empty() {
        failures.push(no_attempt(resolution, &views, target.as_ref()));
    } else if state == Some(TargetState::Dangling) {
        // Servers still hold addresses: it fails when their caches run out.
        warnings.extend(target.as_ref().map(|target| target.dangling(&views)));
    }
    let standing = if up > 0 {
        Standing::Up
    } else if addresses.iter().any(|judged| judged.suspended) {
        Standing::Unknown
    } else {
        Standing::Down
    };
    warnings.sort_by(causal_order);
    let (root, symptom) = headline(standing, &failures, &warnings, attempt::worst_status(&addresses));
    Verdict {
        standing,
        others: others(warnings, failures, [root.as_ref(), symptom.as_ref()]),
        symptom,
        root,
        addresses: addresses.len(),
        addresses_up: up,
        target: state,
    }
}

/// What gives reason to warn beside the answers of the addresses: platform, name, foresight, clicks.
fn warnings_beside(
    outcome: &Outcome,
    endpoint: &Endpoint,
    (target, views): (Option<&Target<'_>>, &[View<'_>]),
    context: &Context<'_>,
) -> Vec<Finding> {
    let mut warnings = Vec::new();
    let drift = target.and_then(|target| target.drift(views, context.previous));
    warnings.extend(context.platform.iter().flat_map(|says| {
        let seen = platform::Seen {
            host: &endpoint.host,
            expected: target.map(Target::expected).unwrap_or_default(),
            state: target.map(|target| target.state(views)),
            drift: drift.as_ref(),
        };
        platform::findings(says, &seen)
    }));
    warnings.extend(drift);
    let chain = outcome.chain().map(AsRef::as_ref);
    warnings.extend(foresight::findings(&context.foreseen, chain, context.now));
    let standing = context.disagreement;
    let standing = standing.unwrap_or_else(|| Disagreement::of(&outcome.resolution, context.now));
    warnings.extend(dns::disagreement(views, target, standing, context.now));
    warnings.extend(context.traffic.cloned());
    warnings
}

/// Judgement is suspended.
fn offline() -> Verdict {
    Verdict {
        standing: Standing::Unknown,
        symptom: None,
        root: Some(Finding::new(
            Cause::VantageOffline,
            "an answer from an anchor",
            "every anchor fails",
        )),
        others: Vec::new(),
        addresses: 0,
        addresses_up: 0,
        target: None,
    }
}

/// Every address that can be judged, in order.
fn judged(outcome: &Outcome, endpoint: &Endpoint, clocks: Clocks) -> Vec<Judged> {
    let mut addresses: Vec<Judged> = outcome
        .attempts
        .iter()
        .map(|attempt| attempt::judge(attempt, endpoint, clocks))
        .collect();
    addresses.sort_by_key(|judged| judged.address);
    let of_family =
        |judged: &Judged, ipv6: bool| judged.address.is_some_and(|address| address.is_ipv6() == ipv6);
    let hopeless = |ipv6: bool| {
        let mut family = addresses.iter().filter(|judged| of_family(judged, ipv6));
        family.all(|judged| judged.unreachable)
    };
    // With one family alone, the other is without hope for want of addresses.
    let both = [false, true]
        .into_iter()
        .all(|ipv6| addresses.iter().any(|judged| of_family(judged, ipv6)));
    if both && hopeless(false) != hopeless(true) {
        let ipv6 = hopeless(true);
        addresses.retain(|judged| !of_family(judged, ipv6));
    }
    addresses
}

/// Why nothing was tried: the name has no address, or had it too late.
fn no_attempt(resolution: &Resolution, views: &[View<'_>], target: Option<&Target<'_>>) -> Finding {
    if resolution.addresses.is_empty() {
        dns::unresolved(resolution, views, target)
    } else {
        Finding::new(Cause::DnsTimeout, "an address", "no answer in time")
    }
}

/// What takes down each address, the worst address first. The address is named where not all fail alike.
fn failures(addresses: &[Judged]) -> Vec<Finding> {
    let alike = addresses
        .windows(2)
        .all(|pair| pair[0].failing.first() == pair[1].failing.first());
    let mut failing: Vec<&Judged> = addresses
        .iter()
        .filter(|judged| !judged.failing.is_empty())
        .collect();
    failing.sort_by_key(|judged| (judged.failing[0].cause, judged.address));
    let named = |judged: &Judged| {
        let address = judged.address.filter(|_| !alike);
        let findings = judged.failing.clone().into_iter();
        findings.map(move |finding| Finding { address, ..finding })
    };
    failing.into_iter().flat_map(named).collect()
}

fn accepted(group: &Group, cause: Cause, now: Timestamp) -> bool {
    let holds = |accepted: &Accepted| accepted.cause == cause && accepted.until > now;
    cause.effect() == Effect::Warns && group.accepted.iter().any(holds)
}

/// Root and symptom: what is seen first, and the earliest warning that explains it.
fn headline(
    standing: Standing,
    failures: &[Finding],
    warnings: &[Finding],
    status: Option<u16>,
) -> (Option<Finding>, Option<Finding>) {
    let seen = match standing {
        Standing::Unknown => None,
        Standing::Up | Standing::Down => failures.first().or_else(|| warnings.first()),
    };
    let explaining = seen.and_then(|seen| {
        warnings
            .iter()
            .find(|warning| explain::explains(warning.cause, seen.cause, status))
    });
    let symptom = seen.filter(|_| standing == Standing::Down).cloned();
    (explaining.or(seen).cloned(), symptom)
}

/// Everything else that holds, one finding per cause, in causal order.
fn others(warnings: Vec<Finding>, failures: Vec<Finding>, shown: [Option<&Finding>; 2]) -> Vec<Finding> {
    let mut others: Vec<Finding> = warnings.into_iter().chain(failures).collect();
    others.sort_by(causal_order);
    others.dedup_by_key(|finding| finding.cause);
    others.retain(|finding| shown.iter().flatten().all(|shown| shown.cause != finding.cause));
    others
}

fn causal_order(one: &Finding, other: &Finding) -> Ordering {
    let key = |finding: &Finding| (finding.cause, finding.address);
    key(one)
        .cmp(&key(other))
        .then_with(|| (&one.expected, &one.actual).cmp(&(&other.expected, &other.actual)))
}
