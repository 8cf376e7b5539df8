//! Whatever a DNS server sends becomes facts within bounds.
#![no_main]

use std::collections::HashSet;

use hickory_proto::op;
use libfuzzer_sys::fuzz_target;
use linkwatch::outcome::{Family, Message};
use linkwatch::probe::dns::facts;

/// A name in text takes four characters for each of its 255 bytes at most.
const LONGEST_NAME: usize = 4 * 255;

fuzz_target!(|bytes: &[u8]| {
    for family in [Family::Ipv4, Family::Ipv6] {
        if let Some(message) = facts::from_bytes(bytes, "a.test", family) {
            check(&message, family);
        }
    }
    // Read as the answer to its own question, so that most bytes come further than the comparison of names.
    let Ok(message) = op::Message::from_vec(bytes) else { return };
    let names = message.queries.iter().map(op::Query::name);
    let owners = message.answers.iter().map(|record| &record.name);
    for name in names.chain(owners).take(4) {
        for family in [Family::Ipv4, Family::Ipv6] {
            check(&facts::message(&name.to_ascii(), family, &message), family);
        }
    }
});

fn check(message: &Message, family: Family) {
    assert!(message.chain.len() <= facts::MAX_CHAIN);
    assert!(message.addresses.len() <= facts::MAX_ADDRESSES);
    assert!(message.ttl <= i32::MAX.unsigned_abs());
    let distinct: HashSet<_> = message.addresses.iter().collect();
    assert_eq!(distinct.len(), message.addresses.len());
    for address in &message.addresses {
        assert_eq!(address.is_ipv4(), family == Family::Ipv4);
    }
    for alias in &message.chain {
        assert!(alias.target.len() <= LONGEST_NAME, "{}", alias.target.len());
        let shown = |character: char| character.is_ascii_graphic() && !character.is_ascii_uppercase();
        assert!(alias.target.chars().all(shown), "{:?}", alias.target);
    }
}
