//! Whether a name leads where it should: by its CNAME chain, or by its addresses where the chain is flattened away.
//!
//! A chain that can be seen decides: platforms put many targets on the same addresses. Addresses decide only where no
//! chain shows (an apex, or an alias within the name's own domain), and only as far as they prove something:
//!
//! | the answer's addresses | state |
//! |---|---|
//! | all among those of the expected targets, none of which a former target shares | match |
//! | one belongs to a former target and to no expected one | drift |
//! | none belongs to an expected target | drift, or unverifiable behind a proxy |
//! | some do, some do not | unverifiable: a pool that rotates looks the same |
//! | the expected target has none, or shares some with a former one | unverifiable |
//!
//! Networks hold all addresses of an answer, or it drifts.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::view::{Says, View};
use super::{Finding, TargetState, Verdict, proxy, text};
use crate::cause::Cause;
use crate::endpoint::{DnsExpectation, DnsTarget};
use crate::outcome::{Resolution, ServerRole, TargetLookup, TargetResolution, TargetStanding};

/// The expected targets of a name, with what they resolve to.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// Those that are right now, the old ones of a move too.
    targets: Vec<&'a DnsTarget>,
    /// When the move ends that is under way.
    moving_until: Option<Timestamp>,
    /// What may stand in front and hides where the name leads.
    proxies: &'a [DnsTarget],
    resolution: &'a Resolution,
    /// Addresses of the targets expected now.
    current: BTreeSet<IpAddr>,
    /// Addresses of those expected formerly.
    former: BTreeSet<IpAddr>,
}

/// Where one server's answer leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// To an expected target.
    Target,
    /// Elsewhere.
    Elsewhere,
    /// To a name that does not exist, or has no address.
    Dangling,
    /// It proves nothing.
    Unclear,
}

impl<'a> Target<'a> {
    pub(super) fn new(expectation: &'a DnsExpectation, resolution: &'a Resolution, now: Timestamp) -> Self {
        let targets: Vec<_> = expectation.targets_at(now).collect();
        let right = |target: &TargetResolution| {
            targets
                .iter()
                .any(|right| right.name() == Some(target.name.as_str()))
        };
        let proxies = &*expectation.proxies;
        let hides =
            |target: &TargetResolution| proxies.iter().any(|proxy| proxy.name() == Some(&target.name));
        let pool = |wanted: bool| -> BTreeSet<IpAddr> {
            resolution
                .targets
                .iter()
                .filter(|target| right(target) == wanted && (wanted || !hides(target)))
                .filter(|target| target.state == TargetLookup::Resolved)
                .flat_map(|target| target.addresses.iter().copied())
                .collect()
        };
        let (current, former) = (pool(true), pool(false));
        let moving = expectation.moving.as_ref().map(|moving| moving.until);
        Self {
            targets,
            moving_until: moving.filter(|until| now < *until),
            proxies,
            resolution,
            current,
            former,
        }
    }

    /// The expected targets as text.
    pub(super) fn expected(&self) -> String {
        let targets = text::list(self.targets.iter().map(ToString::to_string));
        match self.moving_until {
            Some(until) => format!("{targets} (a move that ends {until})"),
            None => targets,
        }
    }

    /// The state over all servers.
    pub(super) fn state(&self, views: &[View<'_>]) -> TargetState {
        self.believed(views)
            .map_or(TargetState::Unverifiable, |(_, state)| state)
    }

    /// Whose word counts, and what it comes to. The zone's own servers are asked first: caches lag behind them.
    fn believed(&self, views: &[View<'_>]) -> Option<(ServerRole, TargetState)> {
        [ServerRole::Authoritative, ServerRole::Resolver]
            .into_iter()
            .find_map(|role| self.worst(views, role).map(|state| (role, state)))
    }

    fn worst(&self, views: &[View<'_>], role: ServerRole) -> Option<TargetState> {
        let leads: Vec<Lead> = views
            .iter()
            .filter(|view| view.role == role)
            .map(|view| self.lead_among(view, views))
            .collect();
        [
            (Lead::Dangling, TargetState::Dangling),
            (Lead::Elsewhere, TargetState::Drift),
            (Lead::Target, TargetState::Match),
        ]
        .into_iter()
        .find_map(|(lead, state)| leads.contains(&lead).then_some(state))
    }

    /// Where a view leads, with the end of a bare alias taken from one who followed it.
    fn lead_among(&self, view: &View<'_>, views: &[View<'_>]) -> Lead {
        let followed = views
            .iter()
            .any(|other| other.says == Says::Dangling && other.first_alias() == view.first_alias());
        if view.says == Says::Alias && followed {
            return Lead::Dangling;
        }
        self.lead(view)
    }

    /// Where one server's answer leads.
    pub(super) fn lead(&self, view: &View<'_>) -> Lead {
        match view.says {
            Says::Dangling => Lead::Dangling,
            // The platform that is to say where has not spoken yet.
            Says::Addresses | Says::Alias if self.targets.is_empty() || self.hidden(view) => Lead::Unclear,
            Says::Addresses | Says::Alias => match self.reached(view) {
                Some(name) if self.lookup(name) == Some(TargetLookup::Absent) => Lead::Dangling,
                Some(_) => Lead::Target,
                None if view.addresses.is_empty() => self.lead_of_alias(view),
                None => self.lead_of_addresses(view),
            },
            Says::Bogus
            | Says::NxDomain
            | Says::NoName
            | Says::NoRecords
            | Says::ServFail
            | Says::Refused
            | Says::Nothing => Lead::Unclear,
        }
    }

    /// The expected name that the view's chain reaches, if any.
    fn reached(&self, view: &View<'_>) -> Option<&'a str> {
        self.names().find(|name| {
            *name == self.resolution.name || view.chain.iter().any(|alias| alias.target == *name)
        })
    }

    fn lookup(&self, name: &str) -> Option<TargetLookup> {
        self.resolution
            .targets
            .iter()
            .find(|target| target.standing == TargetStanding::Current && target.name == name)
            .map(|target| target.state)
    }

    fn lead_of_alias(&self, view: &View<'_>) -> Lead {
        if self.foreign(view) && self.networks().next().is_none() {
            Lead::Elsewhere
        } else {
            Lead::Unclear
        }
    }

    fn lead_of_addresses(&self, view: &View<'_>) -> Lead {
        let addresses = &view.addresses;
        let inside = |address: &IpAddr| self.networks().any(|net| net.contains(address));
        if addresses.iter().all(inside) {
            return Lead::Target;
        }
        if self.foreign(view) || self.names().next().is_none() {
            return Lead::Elsewhere;
        }
        let allowed = |address: &IpAddr| inside(address) || self.current.contains(address);
        if addresses.iter().all(allowed) {
            return if self.current.is_disjoint(&self.former) {
                Lead::Target
            } else {
                Lead::Unclear
            };
        }
        if addresses
            .iter()
            .any(|address| self.former.contains(address) && !allowed(address))
        {
            return Lead::Elsewhere;
        }
        let known = self
            .names()
            .all(|name| self.lookup(name) == Some(TargetLookup::Resolved));
        let proves = known && !addresses.iter().any(allowed) && !proxy::hides(addresses);
        if proves { Lead::Elsewhere } else { Lead::Unclear }
    }

    /// Whether the view leads to a proxy: by its name, or by addresses that are all the proxy's.
    fn hidden(&self, view: &View<'_>) -> bool {
        let names = || self.proxies.iter().filter_map(DnsTarget::name);
        if names().any(|name| view.chain.iter().any(|alias| alias.target == *name)) {
            return true;
        }
        let looked_up = self.resolution.targets.iter();
        let resolved: BTreeSet<IpAddr> = looked_up
            .filter(|target| names().any(|name| name == target.name))
            .flat_map(|target| target.addresses.iter().copied())
            .collect();
        let is_proxy = |address: &IpAddr| {
            let mut networks = self.proxies.iter().filter_map(|proxy| match proxy {
                DnsTarget::Network(net) => Some(net),
                DnsTarget::Name(_) => None,
            });
            resolved.contains(address) || networks.any(|net| net.contains(address))
        };
        !view.addresses.is_empty() && view.addresses.iter().all(is_proxy)
    }

    fn networks(&self) -> impl Iterator<Item = &'a IpNet> {
        self.targets.iter().filter_map(|target| match target {
            DnsTarget::Network(net) => Some(net),
            DnsTarget::Name(_) => None,
        })
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.targets.iter().filter_map(|target| target.name())
    }

    /// Whether the chain leaves the name's own domain, so that it shows where the name leads.
    fn foreign(&self, view: &View<'_>) -> bool {
        view.end()
            .is_some_and(|end| !same_domain(end, &self.resolution.name))
    }

    /// The drift as a finding; `None` where no answer leads to a wrong place.
    pub(super) fn drift(&self, views: &[View<'_>], previous: Option<&Verdict>) -> Option<Finding> {
        let (role, _) = self.believed(views).filter(|_| !self.targets.is_empty())?;
        let strays: Vec<&View<'_>> = views
            .iter()
            .filter(|view| view.role == role)
            .filter(|view| match self.lead(view) {
                Lead::Elsewhere => true,
                // It leads into the void; also to the wrong place?
                Lead::Dangling => self.reached(view).is_none() && self.foreign(view),
                Lead::Target | Lead::Unclear => false,
            })
            .collect();
        if strays.is_empty() {
            return None;
        }
        let expected = self.expected();
        let actual = self.whereto(&strays);
        let kept = previous.and_then(|verdict| rotated(verdict, &expected, &actual));
        Some(Finding::new(
            Cause::DnsTargetDrift,
            &expected,
            kept.unwrap_or(&actual),
        ))
    }

    /// The target that does not exist, as a finding.
    pub(super) fn dangling(&self, views: &[View<'_>]) -> Finding {
        let ends = views
            .iter()
            .filter(|view| self.lead_among(view, views) == Lead::Dangling)
            .filter_map(|view| self.reached(view).or_else(|| view.end()))
            .map(|end| format!("CNAME {end}"));
        let actual = format!("{}, which does not exist or has no address", text::list(ends));
        Finding::new(Cause::DnsTargetDangling, &self.expected(), &actual)
    }

    /// Where the answers lead instead: aliases, a former target by its name, or addresses.
    fn whereto(&self, strays: &[&View<'_>]) -> String {
        let aliases: BTreeSet<String> = strays
            .iter()
            .filter_map(|view| {
                let mut chain = view.chain.iter();
                chain.find(|alias| !same_domain(&alias.target, &self.resolution.name))
            })
            .map(|alias| format!("CNAME {}", alias.target))
            .collect();
        if !aliases.is_empty() {
            return text::list(aliases);
        }
        let addresses: BTreeSet<IpAddr> = strays.iter().flat_map(|view| view.addresses.clone()).collect();
        let former = self.resolution.targets.iter().find(|target| {
            !self.names().any(|name| name == target.name)
                && addresses.iter().all(|address| target.addresses.contains(address))
        });
        match former {
            Some(target) => format!("addresses of {}", target.name),
            None => text::addresses(addresses),
        }
    }
}

/// Whether two names share their last two labels. Under a public suffix of two labels strangers do too; then their
/// addresses are compared in place of their names, which errs on the side of silence.
fn same_domain(one: &str, other: &str) -> bool {
    fn tail(name: &str) -> Vec<&str> {
        name.rsplit('.').take(2).collect()
    }
    tail(one) == tail(other)
}

/// The former text, where the addresses have merely rotated: both are lists of addresses and share one.
fn rotated<'v>(previous: &'v Verdict, expected: &str, actual: &str) -> Option<&'v str> {
    fn parse(list: &str) -> Option<BTreeSet<IpAddr>> {
        list.split(", ").map(|address| address.parse().ok()).collect()
    }
    let finding = previous
        .findings()
        .find(|finding| finding.cause == Cause::DnsTargetDrift && finding.expected == expected)?;
    let (before, now) = (parse(&finding.actual)?, parse(actual)?);
    (!before.is_disjoint(&now)).then_some(finding.actual.as_str())
}
