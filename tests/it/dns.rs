//! The resolve stage against servers that answer well, badly or not at all.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what is shared by tests fails the test, too"
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{RData, RecordType};
use linkwatch::outcome::{
    AddressSource, Family, Message, Reply, Resolution, ResponseCode, ServerRole, TargetLookup, TargetStanding,
};
use linkwatch::probe::dns::{Question, Resolver, Server, Settings, facts};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::lab::dns::name;
use crate::lab::{Authority, DnsLab, RawAnswer, RawDns, Says};

/// Longer than any answer of the lab takes, for questions that are answered.
const AMPLE: Duration = Duration::from_secs(10);

/// For questions that are not: what the test then waits.
const SHORT: Duration = Duration::from_millis(600);

fn resolver(servers: Vec<Server>) -> Resolver {
    Resolver::new(Settings {
        servers,
        ..Settings::default()
    })
}

fn of(dns: &DnsLab) -> Resolver {
    resolver(vec![Server::Udp(dns.addr())])
}

fn question(host: &str) -> Question<'_> {
    Question {
        host,
        preferred: Family::Ipv4,
        fallback: true,
        thorough: false,
        targets: &[],
    }
}

fn thorough<'a>(host: &'a str, targets: &'a [(&'a str, TargetStanding)]) -> Question<'a> {
    Question {
        thorough: true,
        targets,
        ..question(host)
    }
}

async fn resolve(resolver: &Resolver, question: &Question<'_>, within: Duration) -> Resolution {
    let deadline = Instant::now() + within;
    let resolution = resolver.resolve(question, deadline).await;
    let late = Instant::now().saturating_duration_since(deadline);
    assert!(late < Duration::from_millis(500), "{late:?} after the deadline");
    resolution
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn replies(resolution: &Resolution, role: ServerRole, family: Family) -> Vec<&Reply> {
    let answers = resolution.answers.iter();
    answers
        .filter(|answer| answer.role == role && answer.family == family)
        .map(|answer| &answer.reply)
        .collect()
}

/// What the only resolver said of IPv4.
fn message(resolution: &Resolution) -> &Message {
    match replies(resolution, ServerRole::Resolver, Family::Ipv4)[..] {
        [Reply::Message(message)] => message,
        ref other => panic!("not one message: {other:?}"),
    }
}

fn chain(message: &Message) -> Vec<&str> {
    message.chain.iter().map(|alias| alias.target.as_str()).collect()
}

/// 192.0.2.1 for a minute, as a record of the name asked for.
const ADDRESS: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";

/// The bytes of an answer with one record.
fn answer_to(query: &[u8], record: &[u8]) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let header = [query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    [&header[..], &query[12..end], record].concat()
}

#[tokio::test]
async fn a_name_has_addresses_of_both_families_the_preferred_first() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1", "192.0.2.2"]);
    dns.aaaa("a.test", &["2001:db8::1"]);
    let resolver = of(&dns);
    let four = resolve(&resolver, &question("A.Test."), AMPLE).await;
    assert_eq!(four.name, "a.test");
    assert_eq!(four.source, AddressSource::Dns);
    assert_eq!(
        four.addresses,
        addresses(&["192.0.2.1", "192.0.2.2", "2001:db8::1"])
    );
    assert_eq!(four.answers.len(), 2);
    assert_eq!(*four.answers[0].server, *dns.addr().to_string());
    assert_eq!(dns.all_queries(), 2, "one exchange for each family");

    let six = Question {
        preferred: Family::Ipv6,
        ..question("a.test")
    };
    let six = resolve(&resolver, &six, AMPLE).await;
    assert_eq!(
        six.addresses,
        addresses(&["2001:db8::1", "192.0.2.1", "192.0.2.2"])
    );
}

#[tokio::test]
async fn without_fallback_only_the_preferred_family_counts() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.aaaa("a.test", &["2001:db8::1"]);
    let only_six = Question {
        preferred: Family::Ipv6,
        fallback: false,
        ..question("a.test")
    };
    let resolution = resolve(&of(&dns), &only_six, AMPLE).await;
    assert_eq!(resolution.addresses, addresses(&["2001:db8::1"]));
    assert_eq!(dns.all_queries(), 1);
}

#[tokio::test]
async fn the_whole_chain_comes_with_its_times_to_live() {
    let dns = DnsLab::start().await;
    let alias = |target: &str| vec![RData::CNAME(CNAME(name(target)))];
    dns.set("a.test", RecordType::CNAME, 300, alias("b.example"));
    dns.set("b.example", RecordType::CNAME, 60, alias("c.example"));
    dns.set(
        "c.example",
        RecordType::A,
        20,
        vec![RData::A(A("192.0.2.1".parse().unwrap()))],
    );
    let resolution = resolve(&of(&dns), &question("a.test"), AMPLE).await;
    let message = message(&resolution);
    assert_eq!(chain(message), ["b.example", "c.example"]);
    assert_eq!(
        message.chain.iter().map(|alias| alias.ttl).collect::<Vec<_>>(),
        [300, 60]
    );
    assert_eq!(message.ttl, 20);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
}

#[tokio::test]
async fn a_chain_that_the_server_leaves_unfollowed_is_asked_on() {
    // Answers with exactly one link, whatever the question: n.test is an alias of n+1.test, 3.test has an address.
    let raw = RawDns::start(RawAnswer::Custom(Arc::new(|query| {
        let link = query[13];
        let record: &[u8] = if link == b'3' {
            ADDRESS
        } else {
            &[
                b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01",
                &[link + 1][..],
                b"\xc0\x0e",
            ]
            .concat()
        };
        vec![answer_to(query, record)]
    })))
    .await;
    let only_four = Question {
        fallback: false,
        ..question("1.test")
    };
    let resolution = resolve(&resolver(vec![Server::Udp(raw.addr())]), &only_four, AMPLE).await;
    assert_eq!(chain(message(&resolution)), ["2.test", "3.test"]);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert_eq!(raw.queries(), 3);
}

#[tokio::test]
async fn a_chain_that_nobody_follows_to_an_end_is_bounded() {
    // Every name is an alias of a longer one.
    let raw = RawDns::start(RawAnswer::Custom(Arc::new(|query| {
        let record = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01x\xc0\x0c";
        vec![answer_to(query, record)]
    })))
    .await;
    let resolution = resolve(
        &resolver(vec![Server::Udp(raw.addr())]),
        &question("a.test"),
        AMPLE,
    )
    .await;
    assert_eq!(message(&resolution).chain.len(), facts::MAX_CHAIN);
    assert!(resolution.addresses.is_empty());
    assert!(raw.queries() <= 2 * 17, "{} questions", raw.queries());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_one_without_addresses() {
    let dns = DnsLab::start().await;
    dns.says("none.test", Says::NxDomain);
    dns.says("empty.test", Says::NoData);
    let resolver = of(&dns);
    let none = resolve(&resolver, &question("none.test"), AMPLE).await;
    assert_eq!(message(&none).rcode, ResponseCode::NxDomain);
    let empty = resolve(&resolver, &question("empty.test"), AMPLE).await;
    assert_eq!(message(&empty).rcode, ResponseCode::NoError);
    assert!(none.addresses.is_empty() && empty.addresses.is_empty());
}

#[tokio::test]
async fn a_dangling_chain_is_nxdomain_with_its_links() {
    let dns = DnsLab::start().await;
    dns.cname("a.test", "gone.example");
    let resolution = resolve(&of(&dns), &question("a.test"), AMPLE).await;
    assert_eq!(message(&resolution).rcode, ResponseCode::NxDomain);
    assert_eq!(chain(message(&resolution)), ["gone.example"]);
}

#[tokio::test]
async fn a_loop_of_aliases_is_an_answer_without_addresses() {
    // 1.test is an alias of 2.test, which is an alias of 1.test.
    let raw = RawDns::start(RawAnswer::Custom(Arc::new(|query| {
        let other = if query[13] == b'1' { b'2' } else { b'1' };
        vec![answer_to(
            query,
            &[
                b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01",
                &[other][..],
                b"\xc0\x0e",
            ]
            .concat(),
        )]
    })))
    .await;
    let resolution = resolve(
        &resolver(vec![Server::Udp(raw.addr())]),
        &question("1.test"),
        AMPLE,
    )
    .await;
    assert!(resolution.addresses.is_empty());
    assert_eq!(chain(message(&resolution)), ["2.test", "1.test"]);
    assert_eq!(message(&resolution).rcode, ResponseCode::NoError);
}

#[tokio::test]
async fn failure_and_refusal_are_facts() {
    let dns = DnsLab::start().await;
    dns.says("fails.test", Says::ServFail(Some(22)));
    dns.says("refused.test", Says::Refused);
    let resolver = of(&dns);
    let fails = resolve(&resolver, &question("fails.test"), AMPLE).await;
    let fails = message(&fails);
    assert_eq!(
        (fails.rcode, fails.extended_error, fails.bogus),
        (ResponseCode::ServFail, Some(22), false)
    );
    let refused = resolve(&resolver, &question("refused.test"), AMPLE).await;
    assert_eq!(message(&refused).rcode, ResponseCode::Refused);
}

#[tokio::test]
async fn a_failed_validation_is_bogus_with_and_without_an_extended_error() {
    let dns = DnsLab::start().await;
    dns.a("loud.test", &["192.0.2.1"]);
    dns.a("silent.test", &["192.0.2.1"]);
    dns.says("loud.test", Says::Bogus);
    dns.says("silent.test", Says::SilentlyBogus);
    let resolver = of(&dns);
    for (host, extended_error) in [("loud.test", Some(6)), ("silent.test", None)] {
        let resolution = resolve(&resolver, &question(host), AMPLE).await;
        let said = message(&resolution);
        assert_eq!(
            (said.rcode, said.extended_error),
            (ResponseCode::ServFail, extended_error)
        );
        assert!(said.bogus, "{host}");
        assert!(resolution.addresses.is_empty(), "an unchecked answer is not used");
    }
}

#[tokio::test]
async fn silence_is_a_timeout_at_the_deadline() {
    let dns = DnsLab::start().await;
    dns.says_to_all(Says::Silent);
    let resolution = resolve(&of(&dns), &question("a.test"), SHORT).await;
    assert!(
        resolution
            .answers
            .iter()
            .all(|answer| answer.reply == Reply::Timeout)
    );
    assert_eq!(resolution.answers.len(), 2);
    assert!(resolution.elapsed >= SHORT / 2);
    assert!(
        (3..=6).contains(&dns.queries("a.test")),
        "at most three datagrams for each family"
    );
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.says("a.test", Says::Silent);
    let resolver = of(&dns);
    let only_four = Question {
        fallback: false,
        ..question("a.test")
    };
    let heal = async {
        while dns.queries("a.test") == 0 {
            tokio::task::yield_now().await;
        }
        dns.heal();
    };
    let (resolution, ()) = tokio::join!(resolve(&resolver, &only_four, AMPLE), heal);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert_eq!(dns.queries("a.test"), 2);
}

#[tokio::test]
async fn a_late_answer_to_the_first_datagram_still_counts() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    let late = Duration::from_millis(500);
    dns.says("a.test", Says::After(late, Box::new(Says::Records)));
    let resolver = of(&dns);
    let only_four = Question {
        fallback: false,
        ..question("a.test")
    };
    let fall_silent = async {
        while dns.queries("a.test") == 0 {
            tokio::task::yield_now().await;
        }
        dns.says("a.test", Says::Silent);
    };
    let (resolution, ()) = tokio::join!(resolve(&resolver, &only_four, AMPLE), fall_silent);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert!(dns.queries("a.test") > 1, "a second datagram was on its way");
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.says("a.test", Says::Truncated);
    let resolution = resolve(&of(&dns), &question("a.test"), AMPLE).await;
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert_eq!(dns.queries("a.test"), 4);
}

#[tokio::test]
async fn many_addresses_are_bounded() {
    let dns = DnsLab::start().await;
    let many: Vec<_> = (1..=200).map(|last| format!("192.0.2.{last}")).collect();
    dns.a("a.test", &many.iter().map(String::as_str).collect::<Vec<_>>());
    let resolution = resolve(&of(&dns), &question("a.test"), AMPLE).await;
    assert_eq!(resolution.addresses.len(), facts::MAX_ADDRESSES);
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_a_timeout() {
    for answer in [
        RawAnswer::WrongId,
        RawAnswer::ForgedQuestion,
        RawAnswer::Empty,
        RawAnswer::Silence,
    ] {
        let raw = RawDns::start(answer).await;
        let resolver = resolver(vec![Server::Udp(raw.addr())]);
        let resolution = resolve(&resolver, &question("a.test"), SHORT).await;
        assert!(
            resolution
                .answers
                .iter()
                .all(|answer| answer.reply == Reply::Timeout)
        );
        assert!(resolution.addresses.is_empty());
    }
}

#[tokio::test]
async fn the_right_answer_is_taken_after_a_forged_one() {
    let raw = RawDns::start(RawAnswer::WrongIdThenRight).await;
    let only_four = Question {
        fallback: false,
        ..question("a.test")
    };
    let resolution = resolve(&resolver(vec![Server::Udp(raw.addr())]), &only_four, AMPLE).await;
    assert_eq!(resolution.addresses, addresses(&["127.0.0.1"]));
}

#[tokio::test]
async fn what_is_not_dns_breaks_the_exchange_at_once() {
    for answer in [
        RawAnswer::Garbage,
        RawAnswer::HeaderOnly,
        RawAnswer::CompressionLoop,
        RawAnswer::Echo,
    ] {
        let raw = RawDns::start(answer).await;
        let resolver = resolver(vec![Server::Udp(raw.addr())]);
        let resolution = resolve(&resolver, &question("a.test"), AMPLE).await;
        assert!(resolution.elapsed < AMPLE / 2);
        for answer in &resolution.answers {
            assert!(matches!(answer.reply, Reply::Broken(_)), "{:?}", answer.reply);
        }
    }
}

#[tokio::test]
async fn a_dead_server_leaves_time_for_the_next() {
    let dead = DnsLab::start().await;
    dead.says_to_all(Says::Silent);
    let alive = DnsLab::start().await;
    alive.a("a.test", &["192.0.2.1"]);
    let both = resolver(vec![Server::Udp(dead.addr()), Server::Udp(alive.addr())]);
    let resolution = resolve(&both, &question("a.test"), Duration::from_secs(2)).await;
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert!(resolution.elapsed >= Duration::from_millis(900));
    let replies = replies(&resolution, ServerRole::Resolver, Family::Ipv4);
    assert!(
        matches!(replies[..], [Reply::Timeout, Reply::Message(_)]),
        "{replies:?}"
    );
}

#[tokio::test]
async fn a_plain_question_ends_at_the_first_server_that_answers() {
    let (first, second) = (DnsLab::start().await, DnsLab::start().await);
    first.a("a.test", &["192.0.2.1"]);
    let both = resolver(vec![Server::Udp(first.addr()), Server::Udp(second.addr())]);
    assert_eq!(resolve(&both, &question("a.test"), AMPLE).await.answers.len(), 2);
    assert_eq!(second.all_queries(), 0);
}

#[tokio::test]
async fn a_server_that_fails_hands_over_to_the_next_at_once() {
    let (first, second) = (DnsLab::start().await, DnsLab::start().await);
    first.says_to_all(Says::ServFail(None));
    second.a("a.test", &["192.0.2.1"]);
    let both = resolver(vec![Server::Udp(first.addr()), Server::Udp(second.addr())]);
    let resolution = resolve(&both, &question("a.test"), AMPLE).await;
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
    assert!(resolution.elapsed < AMPLE / 4);
}

#[tokio::test]
async fn resolvers_that_disagree_are_both_heard_and_the_first_is_believed() {
    let (first, second) = (DnsLab::start().await, DnsLab::start().await);
    first.a("a.test", &["192.0.2.1"]);
    first.says(
        "a.test",
        Says::After(Duration::from_millis(100), Box::new(Says::Records)),
    );
    second.a("a.test", &["192.0.2.9"]);
    let both = resolver(vec![Server::Udp(first.addr()), Server::Udp(second.addr())]);
    let resolution = resolve(&both, &thorough("a.test", &[]), AMPLE).await;
    let heard: Vec<_> = replies(&resolution, ServerRole::Resolver, Family::Ipv4)
        .into_iter()
        .map(|reply| match reply {
            Reply::Message(message) => message.addresses.clone(),
            Reply::Timeout | Reply::Broken(_) | Reply::NoName => panic!("{reply:?}"),
        })
        .collect();
    assert_eq!(heard, [addresses(&["192.0.2.1"]), addresses(&["192.0.2.9"])]);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]));
}

#[tokio::test]
async fn a_silent_comparison_delays_the_verdict_by_a_third_of_the_time_at_most() {
    let (first, second) = (DnsLab::start().await, DnsLab::start().await);
    first.a("a.test", &["192.0.2.1"]);
    second.says_to_all(Says::Silent);
    let both = resolver(vec![Server::Udp(first.addr()), Server::Udp(second.addr())]);
    let started = Instant::now();
    let resolution = resolve(&both, &thorough("a.test", &[]), Duration::from_millis(2_400)).await;
    assert!(started.elapsed() < Duration::from_millis(1_600));
    assert!(
        resolution.elapsed < Duration::from_millis(700),
        "the addresses were known at once"
    );
    let replies = replies(&resolution, ServerRole::Resolver, Family::Ipv4);
    assert!(
        matches!(replies[..], [Reply::Message(_), Reply::Timeout]),
        "{replies:?}"
    );
}

#[tokio::test]
async fn the_zones_own_servers_are_asked_where_a_target_is_expected() {
    let resolver_lab = DnsLab::start().await;
    let zone = DnsLab::nameservers(2).await;
    resolver_lab.a("www.a.test", &["192.0.2.1"]);
    resolver_lab.soa("a.test");
    resolver_lab.ns("a.test", &["ns1.a.test", "ns2.a.test"]);
    for (server, ns) in zone.iter().zip(["ns1.a.test", "ns2.a.test"]) {
        let IpAddr::V4(address) = server.addr().ip() else {
            panic!("an IPv4 lab")
        };
        resolver_lab.a(ns, &[&address.to_string()]);
        server.soa("a.test");
        server.cname("www.a.test", "new.platform.test");
    }
    resolver_lab.a("new.platform.test", &["192.0.2.7"]);
    let resolver = Resolver::new(Settings {
        servers: vec![Server::Udp(resolver_lab.addr())],
        authoritative_port: zone[0].addr().port(),
        roots: None,
    });
    let targets = [("new.platform.test", TargetStanding::Current)];
    let question = thorough("www.a.test", &targets);
    let resolution = resolve(&resolver, &question, AMPLE).await;
    let said = replies(&resolution, ServerRole::Authoritative, Family::Ipv4);
    assert_eq!(said.len(), 2);
    for reply in said {
        let Reply::Message(message) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(
            chain(message),
            ["new.platform.test"],
            "the caches know nothing of it yet"
        );
    }
    assert_eq!(
        resolution.addresses,
        addresses(&["192.0.2.1"]),
        "resolvers are believed"
    );

    let asked = resolver_lab.queries("ns1.a.test");
    resolve(&resolver, &question, AMPLE).await;
    assert_eq!(
        resolver_lab.queries("ns1.a.test"),
        asked,
        "the zone's servers are remembered"
    );
    assert_eq!(zone[0].queries("www.a.test"), 4);
}

#[tokio::test]
async fn a_server_that_refers_to_others_has_not_denied_the_addresses() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.ns("a.test", &["ns.a.test"]);
    dns.a("ns.a.test", &["127.0.0.1"]);
    let refers = RawDns::start(RawAnswer::Custom(Arc::new(|query| {
        let mut message = answer_to(query, &[]);
        message[2..8].copy_from_slice(&[0x80, 0, 0, 1, 0, 0]);
        vec![message]
    })))
    .await;
    let resolver = Resolver::new(Settings {
        servers: vec![Server::Udp(dns.addr())],
        authoritative_port: refers.addr().port(),
        roots: None,
    });
    let targets = [("a.test", TargetStanding::Current)];
    let resolution = resolve(&resolver, &thorough("a.test", &targets), AMPLE).await;
    let said = replies(&resolution, ServerRole::Authoritative, Family::Ipv4);
    assert!(matches!(said[..], [Reply::Broken(_)]), "{said:?}");
}

#[tokio::test]
async fn targets_are_looked_up_from_the_same_resolvers() {
    let dns = DnsLab::start().await;
    dns.a("target.platform.test", &["192.0.2.1"]);
    dns.aaaa("target.platform.test", &["2001:db8::1"]);
    dns.flatten("a.test", "target.platform.test");
    dns.says("sick.platform.test", Says::ServFail(None));
    let targets = [
        ("target.platform.test", TargetStanding::Current),
        ("gone.platform.test", TargetStanding::Former),
        ("sick.platform.test", TargetStanding::Former),
    ];
    let resolver = of(&dns);
    let plain = Question {
        targets: &targets,
        ..question("a.test")
    };
    let resolution = resolve(&resolver, &plain, AMPLE).await;
    let states: Vec<_> = resolution
        .targets
        .iter()
        .map(|target| (target.standing, target.state))
        .collect();
    assert_eq!(
        states,
        [
            (TargetStanding::Current, TargetLookup::Resolved),
            (TargetStanding::Former, TargetLookup::Absent),
            (TargetStanding::Former, TargetLookup::Failed),
        ]
    );
    assert_eq!(resolution.targets[0].addresses, resolution.addresses);
    assert_eq!(resolution.addresses, addresses(&["192.0.2.1", "2001:db8::1"]));

    let asked = dns.queries("target.platform.test");
    resolve(&resolver, &plain, AMPLE).await;
    assert_eq!(
        dns.queries("target.platform.test"),
        asked,
        "not once for each endpoint"
    );
}

#[tokio::test]
async fn endpoints_that_want_a_target_together_ask_for_it_once() {
    let dns = DnsLab::start().await;
    dns.a("target.platform.test", &["192.0.2.1"]);
    dns.a("a.test", &["192.0.2.1"]);
    let targets = [("target.platform.test", TargetStanding::Current)];
    let resolver = of(&dns);
    let plain = Question {
        targets: &targets,
        ..question("a.test")
    };
    let resolutions =
        futures_util::future::join_all((0..10).map(|_| resolve(&resolver, &plain, AMPLE))).await;
    assert!(
        resolutions
            .iter()
            .all(|one| one.targets[0].state == TargetLookup::Resolved)
    );
    assert_eq!(
        dns.queries("target.platform.test"),
        4,
        "two samples of each family"
    );
}

#[tokio::test]
async fn an_address_is_its_own_answer() {
    let dns = DnsLab::start().await;
    for (host, address) in [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[::1]", "::1"),
    ] {
        let resolution = resolve(&of(&dns), &thorough(host, &[]), AMPLE).await;
        assert_eq!(resolution.source, AddressSource::Literal);
        assert_eq!(resolution.addresses, addresses(&[address]));
        assert!(resolution.name.is_empty() && resolution.answers.is_empty());
    }
    assert_eq!(dns.all_queries(), 0);
}

#[tokio::test]
async fn names_of_the_hosts_file_are_not_asked_for() {
    let dns = DnsLab::start().await;
    let resolver = of(&dns).with_hosts("192.0.2.5 inside.test # here\n2001:db8::5\tInside.test other.test\n");
    let inside = resolve(&resolver, &question("inside.test"), AMPLE).await;
    assert_eq!(inside.source, AddressSource::HostsFile);
    assert_eq!(inside.addresses, addresses(&["192.0.2.5", "2001:db8::5"]));
    for host in ["localhost", "app.localhost"] {
        let local = resolve(&resolver, &question(host), AMPLE).await;
        assert_eq!(local.source, AddressSource::HostsFile);
        assert_eq!(local.addresses, addresses(&["127.0.0.1", "::1"]));
    }
    assert_eq!(dns.all_queries(), 0);
    let system = resolve(&resolver_of_system(), &question("localhost"), AMPLE).await;
    assert!(system.addresses.iter().all(IpAddr::is_loopback) && !system.addresses.is_empty());
}

fn resolver_of_system() -> Resolver {
    Resolver::new(Settings::default())
}

#[tokio::test]
async fn a_name_that_cannot_be_asked_for_is_said_to_be_none() {
    let dns = DnsLab::start().await;
    for host in ["", "a..test", &"a".repeat(64)] {
        let resolution = resolve(&of(&dns), &question(host), AMPLE).await;
        assert!(matches!(resolution.answers[0].reply, Reply::NoName));
    }
    assert_eq!(dns.all_queries(), 0);
    let nobody = resolve(&resolver(vec![]), &thorough("a.test", &[]), AMPLE).await;
    assert!(matches!(nobody.answers[0].reply, Reply::Broken(_)));
}

#[tokio::test]
async fn tcp_tls_and_https_answer_and_insist_on_the_name_of_the_certificate() {
    let authority = Authority::new();
    let dns = DnsLab::spec()
        .tls(authority.good("dns.test"))
        .https(authority.good("dns.test"))
        .start()
        .await;
    dns.a("a.test", &["192.0.2.1"]);
    let secure = |name: &str| {
        [
            Server::Tcp(dns.addr()),
            Server::Tls(dns.tls_addr(), name.to_owned()),
            Server::Https(dns.https_addr(), name.to_owned(), "/dns-query".to_owned()),
        ]
    };
    let roots = Some(authority.root_pem().into_bytes());
    for server in secure("dns.test") {
        let resolver = Resolver::new(Settings {
            servers: vec![server.clone()],
            roots: roots.clone(),
            ..Settings::default()
        });
        for _ in 0..2 {
            let resolution = resolve(&resolver, &question("a.test"), AMPLE).await;
            assert_eq!(
                resolution.addresses,
                addresses(&["192.0.2.1"]),
                "{server:?}: {resolution:?}"
            );
        }
    }
    for (server, roots) in secure("other.test").into_iter().skip(1).zip([roots, None]) {
        let resolver = Resolver::new(Settings {
            servers: vec![server],
            roots,
            ..Settings::default()
        });
        let resolution = resolve(&resolver, &question("a.test"), AMPLE).await;
        assert!(
            matches!(resolution.answers[0].reply, Reply::Broken(_)),
            "{resolution:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_made_anew() {
    // A server that answers one question for each connection, then closes it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer_once(&mut stream).await;
        }
    };
    let resolver = resolver(vec![Server::Tcp(address)]);
    let only_four = Question {
        fallback: false,
        ..question("a.test")
    };
    let ask = async {
        for _ in 0..3 {
            let resolution = resolve(&resolver, &only_four, AMPLE).await;
            assert_eq!(resolution.addresses, addresses(&["192.0.2.1"]), "{resolution:?}");
        }
    };
    tokio::select! {
        () = ask => {}
        () = serve => {}
    }
}

async fn answer_once(stream: &mut tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let length = stream.read_u16().await.unwrap();
    let mut query = vec![0; length.into()];
    stream.read_exact(&mut query).await.unwrap();
    let answer = answer_to(&query, ADDRESS);
    stream
        .write_u16(u16::try_from(answer.len()).unwrap())
        .await
        .unwrap();
    stream.write_all(&answer).await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_is_broken_not_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed: SocketAddr = listener.local_addr().unwrap();
    drop(listener);
    let resolution = resolve(&resolver(vec![Server::Tcp(closed)]), &question("a.test"), AMPLE).await;
    assert!(
        matches!(resolution.answers[0].reply, Reply::Broken(_)),
        "{resolution:?}"
    );
}
