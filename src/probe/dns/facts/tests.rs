use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Edns, Message as Wire, OpCode, Query};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use proptest::prelude::*;

use super::*;

fn wire(question: &str, kind: RecordType, answers: Vec<Record>) -> Wire {
    let mut message = Wire::response(7, OpCode::Query);
    message.add_query(Query::query(name(question).unwrap(), kind));
    message.insert_answers(answers);
    message
}

fn cname(owner: &str, target: &str, ttl: u32) -> Record {
    Record::from_rdata(
        name(owner).unwrap(),
        ttl,
        RData::CNAME(CNAME(name(target).unwrap())),
    )
}

fn a(owner: &str, last: u8, ttl: u32) -> Record {
    Record::from_rdata(
        name(owner).unwrap(),
        ttl,
        RData::A(A(Ipv4Addr::new(192, 0, 2, last))),
    )
}

fn soa(zone: &str, ttl: u32, minimum: u32) -> Record {
    let zone = name(zone).unwrap();
    let soa = SOA::new(zone.clone(), zone.clone(), 1, 3600, 600, 86400, minimum);
    Record::from_rdata(zone, ttl, RData::SOA(soa))
}

fn failed(extended_error: Option<&[u8]>) -> Wire {
    let mut message = wire("a.test", RecordType::A, vec![]);
    message.metadata.response_code = op::ResponseCode::ServFail;
    if let Some(data) = extended_error {
        let mut edns = Edns::new();
        edns.options_mut()
            .insert(EdnsOption::Unknown(EXTENDED_ERROR, data.to_vec()));
        message.set_edns(edns);
    }
    message
}

#[test]
fn a_chain_is_walked_in_whatever_order_its_records_come() {
    let records = vec![
        a("c.test", 1, 30),
        cname("b.test", "c.test", 60),
        a("elsewhere.test", 9, 1),
        cname("A.test", "B.Test", 300),
        a("c.test", 2, 40),
    ];
    let facts = message("a.TEST.", Family::Ipv4, &wire("a.test", RecordType::A, records));
    let chain: Vec<_> = facts
        .chain
        .iter()
        .map(|alias| (alias.target.as_str(), alias.ttl))
        .collect();
    assert_eq!(chain, [("b.test", 300), ("c.test", 60)]);
    assert_eq!(
        facts.addresses,
        ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap())
    );
    assert_eq!(facts.ttl, 30);
    assert_eq!(facts.rcode, ResponseCode::NoError);
}

#[test]
fn addresses_of_the_other_family_are_left_out() {
    let six = RData::AAAA(AAAA(Ipv6Addr::LOCALHOST));
    let records = vec![
        a("a.test", 1, 30),
        Record::from_rdata(name("a.test").unwrap(), 5, six),
    ];
    let facts = message("a.test", Family::Ipv6, &wire("a.test", RecordType::AAAA, records));
    assert_eq!(facts.addresses, [IpAddr::from(Ipv6Addr::LOCALHOST)]);
    assert_eq!(facts.ttl, 5);
}

#[test]
fn a_loop_is_an_answer_without_addresses() {
    let records = vec![
        cname("a.test", "b.test", 60),
        cname("b.test", "a.test", 60),
        a("a.test", 1, 60),
    ];
    let wire = wire("a.test", RecordType::A, records);
    let facts = message("a.test", Family::Ipv4, &wire);
    assert_eq!(facts.chain.len(), 2);
    assert!(facts.addresses.is_empty());
    assert_eq!(unfollowed(&facts, &name("a.test").unwrap(), &wire), None);
}

#[test]
fn a_chain_longer_than_sixteen_links_ends_there() {
    let mut records: Vec<_> = (0..40)
        .map(|link| cname(&format!("n{link}.test"), &format!("n{}.test", link + 1), 60))
        .collect();
    records.push(a("n40.test", 1, 60));
    let wire = wire("n0.test", RecordType::A, records);
    let facts = message("n0.test", Family::Ipv4, &wire);
    assert_eq!(facts.chain.len(), MAX_CHAIN);
    assert!(facts.addresses.is_empty());
    assert_eq!(unfollowed(&facts, &name("n0.test").unwrap(), &wire), None);
}

#[test]
fn repeated_addresses_count_once_and_many_are_bounded() {
    let records = (0..200_u8)
        .flat_map(|last| [a("a.test", last, 60), a("a.test", last, 60)])
        .collect();
    let facts = message("a.test", Family::Ipv4, &wire("a.test", RecordType::A, records));
    assert_eq!(facts.addresses.len(), MAX_ADDRESSES);
    assert_eq!(facts.addresses[1], IpAddr::from([192, 0, 2, 1]));
}

#[test]
fn a_denial_lives_as_long_as_its_soa_says() {
    let mut wire = wire("a.test", RecordType::A, vec![cname("a.test", "gone.test", 500)]);
    wire.metadata.response_code = op::ResponseCode::NXDomain;
    wire.add_authority(soa("test", 900, 60));
    let facts = message("a.test", Family::Ipv4, &wire);
    assert_eq!((facts.rcode, facts.ttl), (ResponseCode::NxDomain, 500));
    wire.answers.clear();
    assert_eq!(message("a.test", Family::Ipv4, &wire).ttl, 60);
}

#[test]
fn a_time_to_live_beyond_31_bits_is_zero() {
    let wire = wire("a.test", RecordType::A, vec![a("a.test", 1, u32::MAX)]);
    assert_eq!(message("a.test", Family::Ipv4, &wire).ttl, 0);
}

#[test]
fn only_a_dnssec_error_makes_a_failure_bogus() {
    for (data, code, bogus) in [
        (&[0, 6][..], Some(6), true),
        (&[0, 12, b'w', b'h', b'y'], Some(12), true),
        (&[0, 5], Some(5), false),
        (&[0, 13], Some(13), false),
        (&[9], None, false),
    ] {
        let facts = message("a.test", Family::Ipv4, &failed(Some(data)));
        assert_eq!((facts.extended_error, facts.bogus), (code, bogus));
    }
    assert!(!message("a.test", Family::Ipv4, &failed(None)).bogus);
    let mut fine = failed(Some(&[0, 6]));
    fine.metadata.response_code = op::ResponseCode::NoError;
    assert!(!message("a.test", Family::Ipv4, &fine).bogus);
}

#[test]
fn a_chain_is_unfollowed_unless_the_server_says_where_it_ends() {
    let question = name("a.test").unwrap();
    let mut wire = wire("a.test", RecordType::A, vec![cname("a.test", "b.test", 60)]);
    let facts = of(&question, Family::Ipv4, &wire);
    assert_eq!(unfollowed(&facts, &question, &wire), name("b.test"));
    wire.add_authority(soa("test", 60, 60));
    assert_eq!(unfollowed(&facts, &question, &wire), None);
}

#[test]
fn what_is_said_of_the_last_name_continues_the_chain() {
    let question = name("a.test").unwrap();
    let first = wire("a.test", RecordType::A, vec![cname("a.test", "b.test", 60)]);
    let second = wire(
        "b.test",
        RecordType::A,
        vec![cname("b.test", "c.test", 20), a("c.test", 3, 90)],
    );
    let mut facts = of(&question, Family::Ipv4, &first);
    extend(
        &mut facts,
        &question,
        of(&name("b.test").unwrap(), Family::Ipv4, &second),
    );
    assert_eq!(facts.chain.len(), 2);
    assert_eq!(facts.addresses, [IpAddr::from([192, 0, 2, 3])]);
    assert_eq!(facts.ttl, 20);

    let back = wire(
        "b.test",
        RecordType::A,
        vec![cname("b.test", "a.test", 20), a("a.test", 3, 90)],
    );
    let mut facts = of(&question, Family::Ipv4, &first);
    extend(
        &mut facts,
        &question,
        of(&name("b.test").unwrap(), Family::Ipv4, &back),
    );
    assert!(facts.addresses.is_empty());
}

#[test]
fn strange_labels_are_kept_apart_and_escaped() {
    let strange = Name::from_labels([&b"a.b"[..], b"\n\xff", b"test"]).unwrap();
    let text = text(&strange);
    assert!(text.chars().all(|c| c.is_ascii_graphic()), "{text}");
    assert_eq!(
        name("-a.test").map(|name| super::text(&name)).as_deref(),
        Some("\\-a.test")
    );
    assert_eq!(name("a..test"), None);
    assert_eq!(name(""), None);
}

#[test]
fn bytes_that_answer_another_question_are_no_answer() {
    let bytes = wire("a.test", RecordType::A, vec![a("a.test", 1, 60)])
        .to_vec()
        .unwrap();
    assert!(from_bytes(&bytes, "a.test", Family::Ipv4).is_some());
    assert!(from_bytes(&bytes, "b.test", Family::Ipv4).is_none());
    assert!(from_bytes(&bytes, "a.test", Family::Ipv6).is_none());
    let query = Wire::query()
        .add_query(Query::query(name("a.test").unwrap(), RecordType::A))
        .to_vec();
    assert!(from_bytes(&query.unwrap(), "a.test", Family::Ipv4).is_none());
}

#[test]
fn name_servers_are_those_of_the_zone_asked_for() {
    let ns = |zone: &str, server: &str| {
        Record::from_rdata(name(zone).unwrap(), 60, RData::NS(NS(name(server).unwrap())))
    };
    let records = vec![
        ns("a.test", "ns2.test"),
        ns("other.test", "ns9.test"),
        ns("a.test", "ns1.test"),
    ];
    let mut wire = wire("a.test", RecordType::NS, records);
    let servers: Vec<_> = name_servers(&name("a.test").unwrap(), &wire)
        .iter()
        .map(|(server, _)| text(server))
        .collect();
    assert_eq!(servers, ["ns1.test", "ns2.test"]);
    wire.add_authority(soa("evil.example", 60, 60));
    assert_eq!(denying_zone(&name("a.test").unwrap(), &wire), None);
    wire.authorities = vec![soa("test", 60, 60)];
    assert_eq!(denying_zone(&name("a.test").unwrap(), &wire), name("test"));
}

proptest! {
    #[test]
    fn whatever_the_bytes_facts_are_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Some(facts) = from_bytes(&bytes, "a.test", Family::Ipv4) {
            prop_assert!(facts.chain.len() <= MAX_CHAIN && facts.addresses.len() <= MAX_ADDRESSES);
        }
    }

    #[test]
    fn whatever_the_links_facts_are_bounded(links in proptest::collection::vec((0_u8..30, 0_u8..30), 0..60)) {
        let records = links.iter().map(|(from, to)| cname(&format!("n{from}.test"), &format!("n{to}.test"), 60));
        let wire = wire("n0.test", RecordType::A, records.chain([a("n29.test", 1, 60)]).collect());
        let facts = message("n0.test", Family::Ipv4, &wire);
        prop_assert!(facts.chain.len() <= MAX_CHAIN);
        prop_assert!(facts.addresses.len() <= 1);
    }
}
