use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use hickory_net::{
    h2::HttpsClientStream,
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    tls::tls_exchange,
    udp::UdpClientStream,
    xfer::{DnsExchange, DnsHandle as _},
};
use hickory_proto::{
    op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, Query, ResponseCode},
    rr::{
        RData, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};
use tokio::net::UdpSocket;

use super::transport::trusting;
use crate::lab::{Authority, DnsLab, DnsSpec, RawAnswer, RawDns, Says, dns::name};

/// A connection to a server. It ends with the provider that its task lives in.
struct Exchange {
    inner: DnsExchange<TokioRuntimeProvider>,
    _provider: TokioRuntimeProvider,
}

#[tokio::test]
async fn records_are_answered_over_udp_and_tcp() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1", "192.0.2.2"]);
    dns.aaaa("a.test", &["2001:db8::1"]);
    for exchange in [udp(dns.addr()), tcp(dns.addr()).await] {
        assert_eq!(
            texts(&ask(&exchange, "A.test", RecordType::A, false).await),
            ["192.0.2.1", "192.0.2.2"]
        );
        assert_eq!(
            texts(&ask(&exchange, "a.test", RecordType::AAAA, false).await),
            ["2001:db8::1"]
        );
    }
    assert_eq!(dns.queries("a.test"), 4);
}

#[tokio::test]
async fn an_alias_comes_with_its_chain_and_a_dangling_one_with_nxdomain() {
    let dns = DnsLab::start().await;
    dns.soa("test");
    dns.cname("a.test", "b.test");
    dns.cname("b.test", "c.test");
    dns.a("c.test", &["192.0.2.1"]);
    let exchange = udp(dns.addr());
    assert_eq!(
        texts(&ask(&exchange, "a.test", RecordType::A, false).await),
        ["b.test.", "c.test.", "192.0.2.1"]
    );
    dns.remove("c.test");
    let dangling = ask(&exchange, "a.test", RecordType::A, false).await;
    assert_eq!(dangling.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(texts(&dangling), ["b.test.", "c.test."]);
    assert_eq!(dangling.authorities.len(), 1);
}

#[tokio::test]
async fn an_alias_loop_is_a_server_failure() {
    let dns = DnsLab::start().await;
    dns.cname("a.test", "b.test");
    dns.cname("b.test", "a.test");
    assert_eq!(code(&dns, "a.test", false).await, ResponseCode::ServFail);
}

#[tokio::test]
async fn every_failure_has_its_code_and_healing_ends_it() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    let cases = [
        (Says::NxDomain, ResponseCode::NXDomain),
        (Says::NoData, ResponseCode::NoError),
        (Says::ServFail(None), ResponseCode::ServFail),
        (Says::Refused, ResponseCode::Refused),
        (Says::Bogus, ResponseCode::ServFail),
    ];
    for (says, expected) in cases {
        dns.says("a.test", says);
        let answer = ask(&udp(dns.addr()), "a.test", RecordType::A, false).await;
        assert_eq!(
            (answer.metadata.response_code, answer.answers.len()),
            (expected, 0)
        );
    }
    dns.heal();
    assert_eq!(code(&dns, "a.test", false).await, ResponseCode::NoError);
}

#[tokio::test]
async fn a_bogus_name_carries_its_extended_error_and_resolves_unchecked() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.says("a.test", Says::Bogus);
    let checked = ask(&udp(dns.addr()), "a.test", RecordType::A, false).await;
    let edns = checked.edns.as_ref().expect("an answer with EDNS");
    assert_eq!(
        edns.option(EdnsCode::Unknown(15)),
        Some(&EdnsOption::Unknown(15, vec![0, 6]))
    );
    assert_eq!(code(&dns, "a.test", true).await, ResponseCode::NoError);
}

#[tokio::test]
async fn silence_is_no_answer_and_a_delay_is_a_late_one() {
    let dns = DnsLab::start().await;
    dns.a("a.test", &["192.0.2.1"]);
    dns.says("a.test", Says::Silent);
    assert!(
        try_ask(&udp(dns.addr()), "a.test", RecordType::A, false)
            .await
            .is_none()
    );
    assert_eq!(dns.queries("a.test"), 1);
    let delay = Duration::from_millis(50);
    dns.says("a.test", Says::After(delay, Box::new(Says::Refused)));
    let begin = tokio::time::Instant::now();
    assert_eq!(code(&dns, "a.test", false).await, ResponseCode::Refused);
    assert!(begin.elapsed() >= delay);
}

#[tokio::test]
async fn a_truncated_answer_is_whole_over_tcp() {
    let dns = DnsLab::start().await;
    dns.a("told.test", &["192.0.2.1"]);
    dns.says("told.test", Says::Truncated);
    let many: Vec<String> = (0..2000)
        .map(|n| format!("10.0.{}.{}", n / 256, n % 256))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    dns.a("large.test", &many);
    for (owner, count) in [("told.test", 1), ("large.test", 2000)] {
        assert!(
            ask(&udp(dns.addr()), owner, RecordType::A, false)
                .await
                .metadata
                .truncation
        );
        let whole = ask(&tcp(dns.addr()).await, owner, RecordType::A, false).await;
        assert_eq!((whole.metadata.truncation, whole.answers.len()), (false, count));
    }
}

#[tokio::test]
async fn a_flattened_name_shows_the_addresses_of_its_target_and_no_alias() {
    let dns = DnsLab::start().await;
    dns.soa("a.test");
    dns.flatten("a.test", "old.platform.test");
    dns.cname("old.platform.test", "edge.platform.test");
    dns.a("edge.platform.test", &["192.0.2.1"]);
    let exchange = udp(dns.addr());
    let flat = ask(&exchange, "a.test", RecordType::A, false).await;
    assert_eq!(
        (texts(&flat), &flat.answers[0].name),
        (vec!["192.0.2.1".to_owned()], &name("a.test"))
    );
    dns.a("edge.platform.test", &["192.0.2.9"]);
    assert_eq!(
        texts(&ask(&exchange, "a.test", RecordType::A, false).await),
        ["192.0.2.9"]
    );
    assert_eq!(
        ask(&exchange, "a.test", RecordType::SOA, false)
            .await
            .answers
            .len(),
        1
    );
}

#[tokio::test]
async fn name_servers_share_a_port_and_speak_for_their_zone_only() {
    let servers = DnsLab::nameservers(2).await;
    assert_eq!(servers[0].addr().port(), servers[1].addr().port());
    assert_ne!(servers[0].addr().ip(), servers[1].addr().ip());
    servers[0].soa("a.test");
    servers[0].a("a.test", &["192.0.2.1"]);
    servers[0].cname("www.a.test", "elsewhere.test");
    servers[1].copy_records(&servers[0]);
    for server in &servers {
        let answer = ask(&udp(server.addr()), "a.test", RecordType::A, false).await;
        assert!(answer.metadata.authoritative && !answer.metadata.recursion_available);
        let alias = ask(&udp(server.addr()), "www.a.test", RecordType::A, false).await;
        assert_eq!(
            (alias.metadata.response_code, texts(&alias)),
            (ResponseCode::NoError, vec!["elsewhere.test.".into()])
        );
        assert_eq!(code(server, "elsewhere.test", false).await, ResponseCode::Refused);
    }
}

#[tokio::test]
async fn dns_over_tls_and_https_answer_the_same() {
    let authority = Authority::new();
    let spec: DnsSpec = DnsLab::spec()
        .tls(authority.good("127.0.0.1"))
        .https(authority.good("127.0.0.1"));
    let dns = spec.start().await;
    dns.a("a.test", &["192.0.2.1"]);
    let provider = TokioRuntimeProvider::new();
    let host = "127.0.0.1".try_into().expect("a server name");
    let config = trusting(&authority, &[]);
    let dot = tls_exchange(dns.tls_addr(), host, config, LIMIT, None, provider.clone()).await;
    let config = Arc::new(trusting(&authority, &["h2"]));
    let doh = HttpsClientStream::builder(config, provider.clone());
    let doh = doh
        .exchange(dns.https_addr(), "127.0.0.1".into(), "/dns-query".into())
        .await;
    for inner in [dot.expect("a DoT connection"), doh.expect("a DoH connection")] {
        let exchange = Exchange {
            inner,
            _provider: provider.clone(),
        };
        assert_eq!(
            texts(&ask(&exchange, "a.test", RecordType::A, false).await),
            ["192.0.2.1"]
        );
    }
}

#[tokio::test]
async fn the_raw_server_says_what_no_library_would() {
    let dns = RawDns::start(RawAnswer::WrongId).await;
    let query = Message::query().to_vec().expect("an empty query");
    assert!(raw(&dns, &query).await.is_none(), "no question, no answer");
    let mut message = Message::query();
    message.add_query(Query::query(name("a.test"), RecordType::A));
    let query = message.to_vec().expect("a query");
    let id = &query[..2];

    let wrong = raw(&dns, &query).await.expect("an answer");
    assert_ne!(&wrong[..2], id);
    assert_eq!(
        Message::from_vec(&wrong)
            .expect("a well-formed answer")
            .answers
            .len(),
        1
    );
    dns.answer(RawAnswer::ForgedQuestion);
    let forged =
        Message::from_vec(&raw(&dns, &query).await.expect("an answer")).expect("a well-formed answer");
    assert_eq!(
        (forged.metadata.id, &forged.queries[0].name),
        (message.metadata.id, &name("forged.test"))
    );
    for malformed in [
        RawAnswer::Garbage,
        RawAnswer::HeaderOnly,
        RawAnswer::CompressionLoop,
        RawAnswer::Empty,
    ] {
        dns.answer(malformed);
        assert!(Message::from_vec(&raw(&dns, &query).await.expect("an answer")).is_err());
    }
    dns.answer(RawAnswer::WrongIdThenRight);
    assert_eq!(
        texts(&ask(&udp(dns.addr()), "a.test", RecordType::A, false).await),
        ["127.0.0.1"]
    );
}

fn udp(addr: SocketAddr) -> Exchange {
    let provider = TokioRuntimeProvider::new();
    let builder = UdpClientStream::builder(addr, provider.clone());
    let inner = builder
        .with_timeout(Some(Duration::from_millis(500)))
        .with_max_retries(0)
        .exchange();
    Exchange {
        inner,
        _provider: provider,
    }
}

async fn tcp(addr: SocketAddr) -> Exchange {
    let provider = TokioRuntimeProvider::new();
    let inner = TcpClientStream::exchange(addr, None, LIMIT, None, provider.clone()).await;
    Exchange {
        inner: inner.expect("a TCP connection"),
        _provider: provider,
    }
}

async fn try_ask(exchange: &Exchange, owner: &str, kind: RecordType, unchecked: bool) -> Option<DnsResponse> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = unchecked;
    message.add_query(Query::query(name(owner), kind));
    message.edns.get_or_insert_default().set_max_payload(1232);
    let answer = exchange
        .inner
        .send(DnsRequest::new(message, DnsRequestOptions::default()))
        .next()
        .await;
    answer.and_then(Result::ok)
}

async fn ask(exchange: &Exchange, owner: &str, kind: RecordType, unchecked: bool) -> DnsResponse {
    try_ask(exchange, owner, kind, unchecked)
        .await
        .expect("an answer")
}

async fn code(dns: &DnsLab, owner: &str, unchecked: bool) -> ResponseCode {
    ask(&udp(dns.addr()), owner, RecordType::A, unchecked)
        .await
        .metadata
        .response_code
}

fn texts(answer: &DnsResponse) -> Vec<String> {
    answer
        .answers
        .iter()
        .map(|record| RData::to_string(&record.data))
        .collect()
}

async fn raw(dns: &RawDns, query: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.send_to(query, dns.addr()).await.expect("send a query");
    let mut buffer = [0; 1500];
    let limit = Duration::from_millis(500);
    let received = tokio::time::timeout(limit, socket.recv(&mut buffer)).await.ok()?;
    Some(buffer[..received.expect("receive")].to_vec())
}

const LIMIT: Duration = Duration::from_secs(5);
