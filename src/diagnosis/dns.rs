//! Causes of the stage dns: no address, and servers that disagree.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::target::{Lead, Target};
use super::view::{Says, View};
use super::{Finding, text};
use crate::cause::Cause;
use crate::endpoint::NO_NAME;
use crate::outcome::{AddressSource, Disagreement, Resolution, ServerRole};

/// Why the name has no usable address. Resolvers are believed, the zone's own servers only where there is no
/// resolver: what clients get is what counts. A definite answer (bogus, dangling, NXDOMAIN, no records) weighs more
/// than a failure to answer, and that more than silence.
pub(super) fn unresolved(
    resolution: &Resolution,
    views: &[View<'_>],
    target: Option<&Target<'_>>,
) -> Finding {
    let resolvers = views.iter().any(|view| view.role == ServerRole::Resolver);
    let believed = views
        .iter()
        .filter(|view| !resolvers || view.role == ServerRole::Resolver)
        // One that has an answer comes last here: it is not one that can be used.
        .min_by_key(|view| (view.says <= Says::Alias, view.says, view.server));
    let expected = target.map_or_else(|| "an address".to_owned(), Target::expected);
    let Some(view) = believed else {
        let says = if resolution.source == AddressSource::Dns {
            Says::Nothing
        } else {
            Says::NoRecords
        };
        return Finding::new(says.cause(), &expected, phrase(says));
    };
    let actual = match (view.says, view.end(), view.broken) {
        (Says::Dangling, Some(end), _) => format!("CNAME {end}, which does not exist or has no address"),
        (Says::Nothing, _, Some(what)) => format!("no usable answer: {what}"),
        (says, ..) => phrase(says).to_owned(),
    };
    Finding::new(view.says.cause(), &expected, &actual)
}

/// The words for what a server says.
pub(super) fn phrase(says: Says) -> &'static str {
    match says {
        Says::Addresses => "no address of the family that is used",
        Says::Alias => "an alias without an address",
        Says::Bogus => "an answer that fails DNSSEC validation",
        Says::Dangling => "an alias for a name that does not exist or has no address",
        Says::NoName => NO_NAME,
        Says::NxDomain => "NXDOMAIN",
        Says::NoRecords => "no A or AAAA record",
        Says::ServFail => "SERVFAIL",
        Says::Refused => "REFUSED",
        Says::Nothing => "no answer in time",
    }
}

/// What a server's answer amounts to, as far as answers can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    /// It leads to the expected target.
    Target,
    /// It leads elsewhere.
    Elsewhere,
    /// Addresses, of which no more is known.
    Answer,
    /// Addresses that only mean something in a private network, or nowhere.
    Private,
    /// No address, or a failure.
    Without(Says),
}

/// Whether servers differ in a way that only a fault explains.
///
/// Answers may differ for good reasons: pools rotate, and resolvers in different places are steered to different
/// CDNs, aliases included. So differing addresses or aliases alone prove nothing. What does: one server has an answer
/// and another says in so many words that there is none (NXDOMAIN, no records, SERVFAIL, REFUSED, bogus; silence is
/// no answer); where a target is expected, one leads there and another elsewhere; one gives public addresses and
/// another private or null ones, as filters do.
///
/// While caches may still hold what was true before, it is a change that spreads; once they have run out, a fault.
pub(super) fn disagreement(
    views: &[View<'_>],
    target: Option<&Target<'_>>,
    standing: Disagreement,
    now: Timestamp,
) -> Option<Finding> {
    let mut positions: Vec<(Position, &View<'_>)> = views
        .iter()
        .filter_map(|view| position(view, views, target).map(|position| (position, view)))
        .collect();
    let judged = |position: Position| matches!(position, Position::Target | Position::Elsewhere);
    if positions.iter().any(|(position, _)| judged(*position)) {
        positions.retain(|(position, _)| !matches!(position, Position::Answer | Position::Private));
    }
    let distinct: BTreeSet<Position> = positions.iter().map(|(position, _)| *position).collect();
    let answered = distinct
        .iter()
        .any(|position| !matches!(position, Position::Without(_)));
    if distinct.len() < 2 || !answered {
        return None;
    }
    let said = distinct.iter().map(|position| {
        let servers = positions
            .iter()
            .filter(|(other, _)| other == position)
            .map(|(_, view)| view.server.strip_suffix(":53").unwrap_or(view.server));
        format!("{} from {}", position.phrase(), text::list(servers))
    });
    let caches_end = standing.caches_end.strftime("%Y-%m-%dT%H:%M:%SZ");
    let expected = if now > standing.caches_end {
        "the same answer from every server, for every cache has run out".to_owned()
    } else {
        format!("the same answer from every server once caches have run out, at {caches_end}")
    };
    Some(Finding::new(
        Cause::DnsDisagreement,
        &expected,
        &said.collect::<Vec<_>>().join("; "),
    ))
}

fn position(view: &View<'_>, views: &[View<'_>], target: Option<&Target<'_>>) -> Option<Position> {
    match view.says {
        Says::Nothing | Says::NoName => None,
        Says::NoRecords | Says::NxDomain if !view.complete => None,
        Says::Dangling | Says::Bogus | Says::NxDomain | Says::NoRecords | Says::ServFail | Says::Refused => {
            Some(Position::Without(view.says))
        }
        // Of the alias's end it says nothing: no contradiction to one who followed it into the void.
        Says::Alias if views.iter().any(|other| dangles_alike(view, other)) => None,
        Says::Addresses | Says::Alias => Some(match target.map(|target| target.lead(view)) {
            Some(Lead::Target) => Position::Target,
            Some(Lead::Elsewhere) => Position::Elsewhere,
            Some(Lead::Dangling | Lead::Unclear) | None if private(&view.addresses) => Position::Private,
            Some(Lead::Dangling | Lead::Unclear) | None => Position::Answer,
        }),
    }
}

fn dangles_alike(alias: &View<'_>, other: &View<'_>) -> bool {
    other.says == Says::Dangling && other.first_alias() == alias.first_alias()
}

fn private(addresses: &[IpAddr]) -> bool {
    let private = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_unspecified() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_unique_local() || v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local()
        }
    };
    !addresses.is_empty() && addresses.iter().all(private)
}

impl Position {
    fn phrase(self) -> &'static str {
        match self {
            Self::Target => "the expected target",
            Self::Elsewhere => "another target",
            Self::Answer => "an answer",
            Self::Private => "private addresses",
            Self::Without(says) => phrase(says),
        }
    }
}
