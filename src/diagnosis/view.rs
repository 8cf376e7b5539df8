//! What each DNS server says of a name, both families taken together.
//!
//! Families are merged because they fail apart for harmless reasons: a name without AAAA records, a resolver that
//! filters them, one that makes them up (RFC 6147).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cause::Cause;
use crate::outcome::{Alias, Message, Reply, Resolution, ResponseCode, ServerRole};

/// One server's view of a name.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    /// The server, as it was asked.
    pub(super) server: &'a str,
    /// Why it was asked.
    pub(super) role: ServerRole,
    /// The best that it said, over both families.
    pub(super) says: Says,
    /// Whether every question to it was answered, so that what it does not say is not merely lost.
    pub(super) complete: bool,
    /// The CNAME chain, if any.
    pub(super) chain: &'a [Alias],
    /// The addresses of both families, sorted.
    pub(super) addresses: Vec<IpAddr>,
    /// What the transport said, where there was no answer at all.
    pub(super) broken: Option<&'a str>,
}

/// What a server says, the most telling first: of two families the lesser counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// Here are addresses.
    Addresses,
    /// An authoritative server: an alias, whose end is another zone's matter.
    Alias,
    /// The answer fails DNSSEC validation.
    Bogus,
    /// An alias whose end does not exist or has no address.
    Dangling,
    /// DNS can hold no such name.
    NoName,
    /// The name does not exist.
    NxDomain,
    /// It exists, without an address.
    NoRecords,
    /// The server failed.
    ServFail,
    /// The server refuses.
    Refused,
    /// Nothing.
    Nothing,
}

impl Says {
    /// The cause that it is, where no server gives an address.
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::Addresses | Self::Alias | Self::NoRecords => Cause::DnsNoRecords,
            Self::Bogus => Cause::DnsBogus,
            Self::Dangling => Cause::DnsTargetDangling,
            Self::NoName | Self::NxDomain => Cause::DnsNxdomain,
            Self::ServFail => Cause::DnsServfail,
            Self::Refused => Cause::DnsRefused,
            Self::Nothing => Cause::DnsTimeout,
        }
    }
}

impl View<'_> {
    /// The first name that it leads to.
    pub(super) fn first_alias(&self) -> Option<&str> {
        self.chain.first().map(|alias| alias.target.as_str())
    }

    /// The last name that it leads to.
    pub(super) fn end(&self) -> Option<&str> {
        self.chain.last().map(|alias| alias.target.as_str())
    }
}

/// What the servers say; a hosts file or an address in the URL counts as a server that says it.
pub(super) fn resolved(resolution: &Resolution) -> Vec<View<'_>> {
    let mut views = views(resolution);
    if views.is_empty() && !resolution.addresses.is_empty() {
        let mut addresses = resolution.addresses.clone();
        addresses.sort_unstable();
        views.push(View {
            server: "",
            role: ServerRole::Resolver,
            says: Says::Addresses,
            complete: true,
            chain: &[],
            addresses,
            broken: None,
        });
    }
    views
}

/// The views of all servers, in order of role and name: the order of the answers does not matter.
pub(super) fn views(resolution: &Resolution) -> Vec<View<'_>> {
    let mut servers: BTreeMap<(bool, &str), Vec<&Reply>> = BTreeMap::new();
    for answer in &resolution.answers {
        let authoritative = answer.role == ServerRole::Authoritative;
        servers
            .entry((authoritative, &answer.server))
            .or_default()
            .push(&answer.reply);
    }
    servers
        .into_iter()
        .map(|((authoritative, server), replies)| {
            let role = if authoritative {
                ServerRole::Authoritative
            } else {
                ServerRole::Resolver
            };
            merge(server, role, &replies)
        })
        .collect()
}

/// What one reply alone says; used for the names of later hops too.
pub(super) fn of_reply(reply: &Reply) -> Says {
    match reply {
        Reply::Message(message) => says(message, ServerRole::Resolver),
        Reply::Timeout | Reply::Broken(_) => Says::Nothing,
        Reply::NoName => Says::NoName,
    }
}

fn merge<'a>(server: &'a str, role: ServerRole, replies: &[&'a Reply]) -> View<'a> {
    let mut view = View {
        server,
        role,
        says: Says::Nothing,
        complete: true,
        chain: &[],
        addresses: Vec::new(),
        broken: None,
    };
    for reply in replies {
        match reply {
            Reply::Message(message) => {
                view.says = view.says.min(says(message, role));
                view.addresses.extend(&message.addresses);
                view.chain = better(view.chain, &message.chain);
            }
            Reply::Timeout => view.complete = false,
            Reply::NoName => view.says = view.says.min(Says::NoName),
            Reply::Broken(what) => {
                view.complete = false;
                view.broken = Some(view.broken.map_or(what.as_str(), |other| other.min(what)));
            }
        }
    }
    view.addresses.sort_unstable();
    view.addresses.dedup();
    // With one family asked, or lost, an end without addresses may still have some of the other.
    let whole = view.complete && replies.len() > 1;
    let nameless = replies
        .iter()
        .any(|reply| matches!(reply, Reply::Message(message) if message.rcode == ResponseCode::NxDomain));
    if view.says == Says::Dangling && !nameless && !whole {
        view.says = Says::NoRecords;
    }
    view
}

/// The longer chain, of two equally long the lesser: whichever came first.
fn better<'a>(one: &'a [Alias], other: &'a [Alias]) -> &'a [Alias] {
    fn targets(chain: &[Alias]) -> impl Iterator<Item = &str> {
        chain.iter().map(|alias| alias.target.as_str())
    }
    let length = other.len().cmp(&one.len());
    if length.then_with(|| targets(one).cmp(targets(other))).is_le() {
        one
    } else {
        other
    }
}

fn says(message: &Message, role: ServerRole) -> Says {
    let aliased = !message.chain.is_empty();
    match message.rcode {
        _ if !message.addresses.is_empty() => Says::Addresses,
        _ if bogus(message) => Says::Bogus,
        ResponseCode::NxDomain if aliased => Says::Dangling,
        ResponseCode::NxDomain => Says::NxDomain,
        ResponseCode::NoError if aliased && role == ServerRole::Authoritative => Says::Alias,
        ResponseCode::NoError if aliased => Says::Dangling,
        ResponseCode::NoError => Says::NoRecords,
        ResponseCode::Refused => Says::Refused,
        ResponseCode::ServFail | ResponseCode::Other(_) => Says::ServFail,
    }
}

/// Extended errors 6 to 12 are DNSSEC failures (RFC 8914 section 4).
fn bogus(message: &Message) -> bool {
    let dnssec = message
        .extended_error
        .is_some_and(|code| (6..=12).contains(&code));
    message.bogus || message.rcode == ResponseCode::ServFail && dnssec
}
