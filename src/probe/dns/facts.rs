//! From a DNS answer to facts: pure, bounded, and safe on whatever the network sends.

use std::net::IpAddr;

use hickory_proto::op::{self, MessageType};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::outcome::{Alias, Family, Message, ResponseCode};

/// The most links of a CNAME chain that are followed; a longer chain ends here, without addresses.
pub const MAX_CHAIN: usize = 16;

/// The most addresses that are kept of one answer.
pub const MAX_ADDRESSES: usize = 32;

/// The extended errors that say DNSSEC validation failed (RFC 8914 sections 4.7 to 4.13).
const DNSSEC_ERRORS: std::ops::RangeInclusive<u16> = 6..=12;

/// The option code of an extended DNS error (RFC 8914 section 2).
const EXTENDED_ERROR: u16 = 15;

/// The facts of an answer to the question for a family's addresses of a name.
///
/// A chain that leads back to itself, or on for more than `MAX_CHAIN` links, has no addresses; the link that
/// closes the loop is the last of the chain. A name that is none has neither chain nor addresses.
#[must_use]
pub fn message(question_name: &str, family: Family, message: &op::Message) -> Message {
    match name(question_name) {
        Some(name) => of(&name, family, message),
        None => Message {
            chain: Vec::new(),
            addresses: Vec::new(),
            ..of(&Name::root(), family, message)
        },
    }
}

/// The same from the bytes of a message; `None` when they are not an answer to this question.
#[must_use]
pub fn from_bytes(bytes: &[u8], question_name: &str, family: Family) -> Option<Message> {
    let message = op::Message::from_vec(bytes).ok()?;
    let name = name(question_name)?;
    answers(&message, &name, record_type(family)).then(|| of(&name, family, &message))
}

/// The record type that holds a family's addresses.
pub(super) const fn record_type(family: Family) -> RecordType {
    match family {
        Family::Ipv4 => RecordType::A,
        Family::Ipv6 => RecordType::AAAA,
    }
}

/// A host or the text of an alias as a DNS name; `None` when it cannot be one.
pub(super) fn name(text: &str) -> Option<Name> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut name = if text.contains('\\') {
        Name::from_ascii(text).ok()?
    } else {
        // Label by label: the parser of names refuses some labels that the DNS carries.
        Name::from_labels(text.split('.').map(str::as_bytes)).ok()?
    };
    name.set_fqdn(true);
    Some(name)
}

/// A name as text: lower case, without the final dot, what is not printable escaped.
pub(super) fn text(name: &Name) -> String {
    let mut text = name.to_ascii();
    text.make_ascii_lowercase();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

/// Whether a message answers the question; a failure may leave the question out.
pub(super) fn answers(message: &op::Message, name: &Name, record: RecordType) -> bool {
    message.metadata.message_type == MessageType::Response
        && match message.queries.as_slice() {
            [] => message.answers.is_empty() && message.metadata.response_code != op::ResponseCode::NoError,
            [question] => question.query_type() == record && question.name() == name,
            [_, _, ..] => false,
        }
}

pub(super) fn of(question: &Name, family: Family, message: &op::Message) -> Message {
    let rcode = response_code(message.metadata.response_code);
    let extended_error = extended_error(message);
    let walk = Walk::through(question, family, &message.answers);
    let ttl = walk.ttl.or_else(|| negative_ttl(message)).unwrap_or(0);
    Message {
        rcode,
        extended_error,
        bogus: rcode == ResponseCode::ServFail
            && extended_error.is_some_and(|code| DNSSEC_ERRORS.contains(&code)),
        chain: walk.chain,
        addresses: walk.addresses,
        ttl,
    }
}

/// The name that must still be asked for: where the chain ends, when the server followed it no further.
///
/// A server that followed it says so by the zone's SOA record (RFC 2308 section 2.2) or by its response code.
pub(super) fn unfollowed(facts: &Message, question: &Name, message: &op::Message) -> Option<Name> {
    let answered = !facts.addresses.is_empty()
        || facts.rcode != ResponseCode::NoError
        || message
            .authorities
            .iter()
            .any(|record| record.record_type() == RecordType::SOA);
    if answered || facts.chain.len() >= MAX_CHAIN {
        return None;
    }
    let last = facts.chain.last()?;
    (!looped(facts, question)).then(|| name(&last.target)).flatten()
}

/// Continues a chain with what was said of its last name.
pub(super) fn extend(facts: &mut Message, question: &Name, more: Message) {
    facts.rcode = more.rcode;
    facts.extended_error = more.extended_error;
    facts.bogus = more.bogus;
    facts.ttl = facts.ttl.min(more.ttl);
    for alias in more.chain {
        if facts.chain.len() >= MAX_CHAIN || looped(facts, question) {
            return;
        }
        facts.chain.push(alias);
    }
    if !looped(facts, question) {
        facts.addresses = more.addresses;
    }
}

/// The names of a zone's servers, when the answer holds them.
pub(super) fn name_servers(zone: &Name, message: &op::Message) -> Vec<(Name, u32)> {
    let mut servers: Vec<_> = message
        .answers
        .iter()
        .filter(|record| record.name == *zone)
        .filter_map(|record| {
            let RData::NS(server) = &record.data else {
                return None;
            };
            Some((server.0.clone(), seconds(record.ttl)))
        })
        .collect();
    servers.sort();
    servers.dedup_by(|one, other| one.0 == other.0);
    servers
}

/// The zone that denies a record of the name, by the SOA record of the denial.
pub(super) fn denying_zone(name: &Name, message: &op::Message) -> Option<Name> {
    message
        .authorities
        .iter()
        .find(|record| record.record_type() == RecordType::SOA)
        .map(|record| &record.name)
        .filter(|zone| !zone.is_root() && zone.zone_of(name))
        .cloned()
}

/// Whether the last name of the chain was met before.
fn looped(facts: &Message, question: &Name) -> bool {
    facts.chain.split_last().is_some_and(|(last, before)| {
        before.iter().any(|alias| alias.target == last.target) || text(question) == last.target
    })
}

/// A walk along the records of an answer.
struct Walk {
    chain: Vec<Alias>,
    addresses: Vec<IpAddr>,
    ttl: Option<u32>,
}

impl Walk {
    fn through(question: &Name, family: Family, records: &[Record]) -> Self {
        let mut walk = Self {
            chain: Vec::new(),
            addresses: Vec::new(),
            ttl: None,
        };
        let mut met = vec![question];
        let mut at = question;
        while let Some((target, ttl)) = alias(at, records) {
            if walk.chain.len() == MAX_CHAIN {
                return walk;
            }
            walk.use_record(ttl);
            walk.chain.push(Alias {
                target: text(target),
                ttl,
            });
            if met.contains(&target) {
                return walk;
            }
            met.push(target);
            at = target;
        }
        walk.collect(at, family, records);
        walk
    }

    fn collect(&mut self, owner: &Name, family: Family, records: &[Record]) {
        let wanted = record_type(family);
        for record in records {
            if record.record_type() != wanted || record.name != *owner {
                continue;
            }
            let Some(address) = record.data.ip_addr() else {
                continue;
            };
            if self.addresses.contains(&address) {
                continue;
            }
            self.use_record(seconds(record.ttl));
            self.addresses.push(address);
            if self.addresses.len() == MAX_ADDRESSES {
                return;
            }
        }
    }

    fn use_record(&mut self, ttl: u32) {
        self.ttl = Some(self.ttl.map_or(ttl, |least| least.min(ttl)));
    }
}

fn alias<'a>(owner: &Name, records: &'a [Record]) -> Option<(&'a Name, u32)> {
    records
        .iter()
        .filter(|record| record.name == *owner)
        .find_map(|record| {
            let RData::CNAME(target) = &record.data else {
                return None;
            };
            Some((&target.0, seconds(record.ttl)))
        })
}

/// How long the absence of records may be remembered (RFC 2308 section 5).
fn negative_ttl(message: &op::Message) -> Option<u32> {
    message.authorities.iter().find_map(|record| {
        let RData::SOA(soa) = &record.data else {
            return None;
        };
        Some(seconds(record.ttl).min(seconds(soa.minimum)))
    })
}

/// A time to live with the highest bit set is zero (RFC 2181 section 8).
fn seconds(ttl: u32) -> u32 {
    if ttl > i32::MAX.unsigned_abs() { 0 } else { ttl }
}

fn extended_error(message: &op::Message) -> Option<u16> {
    let option = message.edns.as_ref()?.option(EdnsCode::Unknown(EXTENDED_ERROR))?;
    let EdnsOption::Unknown(_, data) = option else {
        return None;
    };
    data.first_chunk().copied().map(u16::from_be_bytes)
}

fn response_code(code: op::ResponseCode) -> ResponseCode {
    match u16::from(code) {
        0 => ResponseCode::NoError,
        2 => ResponseCode::ServFail,
        3 => ResponseCode::NxDomain,
        5 => ResponseCode::Refused,
        other => ResponseCode::Other(other),
    }
}

#[cfg(test)]
mod tests;
