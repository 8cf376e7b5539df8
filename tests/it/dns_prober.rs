//! The dns prober: questions over real sockets, and what blackbox_exporter's users see of the answers.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{RData, RecordType};
use linkwatch::outcome::{AnswerFacts, DnsFacts, TlsFacts};
use tokio::net::UdpSocket;

use crate::lab::{Authority, DnsLab, Flaw, RawAnswer, RawDns, Says, TalkLab, Turn};
use crate::prober::{Asking, Seen};

const SHORT: Duration = Duration::from_millis(300);

fn asking(settings: &str) -> Asking {
    Asking::by(&format!("prober: dns\ndns: {{{settings}}}"))
}

fn url(server: std::net::SocketAddr) -> String {
    format!("dns://{server}")
}

fn facts(seen: &Seen) -> Option<&DnsFacts> {
    match seen.outcome.attempts.first()?.last()?.answer.as_ref()? {
        AnswerFacts::Dns(facts) => Some(facts),
        AnswerFacts::Dialogue(_)
        | AnswerFacts::Echo(_)
        | AnswerFacts::Grpc(_)
        | AnswerFacts::WebSocket(_) => None,
    }
}

fn actual(seen: &Seen) -> &str {
    seen.verdict.root.as_ref().map_or("", |root| root.actual.as_str())
}

/// A server with a zone of its own.
async fn server() -> DnsLab {
    let dns = DnsLab::start().await;
    dns.soa("example.test");
    dns.a("www.example.test", &["192.0.2.1", "192.0.2.2"]);
    dns.cname("alias.example.test", "www.example.test");
    dns
}

#[tokio::test]
async fn an_answer_is_counted_over_udp_and_tcp() {
    let dns = server().await;
    for transport in ["udp", "tcp"] {
        let settings =
            format!("query_name: alias.example.test, query_type: A, transport_protocol: {transport}");
        let seen = asking(&settings).probe(&url(dns.addr())).await;
        assert_eq!(seen.root(), "", "{seen:?}");
        for (series, value) in [
            ("probe_success", Some(1.0)),
            ("probe_dns_query_succeeded", Some(1.0)),
            ("probe_dns_answer_rrs", Some(3.0)),
            ("probe_dns_authority_rrs", Some(0.0)),
            ("probe_dns_additional_rrs", Some(0.0)),
            ("probe_dns_serial", None),
            ("probe_ip_protocol", Some(4.0)),
        ] {
            assert_eq!(seen.value(series), value, "{series} over {transport}");
        }
        for phase in ["resolve", "connect", "request"] {
            let series = format!("probe_dns_duration_seconds{{phase=\"{phase}\"}}");
            assert!(seen.value(&series).is_some(), "{series}");
        }
        let records = &facts(&seen).expect("an answer").records;
        assert_eq!(
            records[..2],
            [
                "alias.example.test.\t300\tIN\tCNAME\twww.example.test.",
                "www.example.test.\t300\tIN\tA\t192.0.2.1",
            ]
        );
    }
}

#[tokio::test]
async fn the_serial_is_that_of_the_zone_and_zero_where_there_is_none() {
    let dns = server().await;
    for (name, serial) in [("example.test", 1.0), ("www.example.test", 0.0)] {
        let seen = asking(&format!("query_name: {name}, query_type: SOA"))
            .probe(&url(dns.addr()))
            .await;
        assert_eq!(seen.value("probe_dns_serial"), Some(serial), "{name}");
    }
    let silent = asking("query_name: example.test, query_type: SOA").within(SHORT);
    dns.says_to_all(Says::Silent);
    let seen = silent.probe(&url(dns.addr())).await;
    assert_eq!(seen.value("probe_dns_serial"), None);
}

#[tokio::test]
async fn the_name_of_the_server_is_resolved_and_its_address_is_the_peer() {
    let dns = server().await;
    let resolver = DnsLab::start().await;
    resolver.a("ns.test", &["127.0.0.1"]);
    let url = format!("dns://ns.test:{}", dns.addr().port());
    let settings = "query_name: www.example.test, preferred_ip_protocol: ip4";
    let seen = asking(&format!("{settings}, query_type: A"))
        .asking(&resolver)
        .probe(&url)
        .await;
    assert_eq!(seen.root(), "");
    assert_eq!(seen.outcome.attempts[0].peer.to_string(), dns.addr().to_string());
    assert_eq!(seen.value("probe_ip_protocol"), Some(4.0));
}

#[tokio::test]
async fn the_target_may_be_the_name_that_a_server_of_the_module_is_asked_for() {
    let dns = server().await;
    dns.set(
        "_dmarc.example.test",
        RecordType::TXT,
        60,
        vec![RData::try_from_str(RecordType::TXT, "v=DMARC1").expect("a text")],
    );
    let server = dns.addr();
    let plain = asking(&format!(
        "query_name: \"{{target}}\", query_type: A, server: \"{server}\""
    ));
    for (name, cause, records) in [
        ("www.example.test", "", 2.0),
        ("nothing.example.test", "exchange_status", 0.0),
    ] {
        let seen = plain.probe(&format!("dns://{name}")).await;
        assert_eq!(seen.root(), cause, "{name}");
        assert_eq!(seen.value("probe_dns_answer_rrs"), Some(records), "{name}");
        assert_eq!(seen.outcome.attempts[0].peer.to_string(), server.to_string());
        assert_eq!(dns.queries(name), 1);
    }
    let settings = format!("query_name: \"_dmarc.{{target}}\", query_type: TXT, server: \"{server}\"");
    let seen = asking(&settings).probe("dns://example.test").await;
    assert_eq!(
        facts(&seen).map(|facts| facts.records.as_slice()),
        Some(&["_dmarc.example.test.\t60\tIN\tTXT\t\"v=DMARC1\"".to_owned()][..])
    );
    let long = format!("dns://{}.test", "x".repeat(64));
    assert_eq!(plain.probe(&long).await.root(), "exchange_protocol");
}

/// Data as the wire has it, by the number of its type, and as it is shown.
const RECORDS: &[(u16, &[u8], &str)] = &[
    (2, b"\x03ns1\x04test\0", "NS\tns1.test."),
    (
        6,
        b"\x02ns\0\x04host\0\0\0\x07\xea\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04",
        "SOA\tns. host. 2026 1 2 3 4",
    ),
    (15, b"\0\x0a\x04Mail\x04test\0", "MX\t10 Mail.test."),
    (
        16,
        b"\x04a\"b\\\x02\xc3\xbc\0",
        "TXT\t\"a\\\"b\\\\\" \"\\195\\188\" \"\"",
    ),
    (
        28,
        b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
        "AAAA\t2001:db8::1",
    ),
    (33, b"\0\x01\0\x02\0\x35\x01a\x04test\0", "SRV\t1 2 53 a.test."),
    (39, b"\x01a\x04test\0", "DNAME\ta.test."),
    (43, b"\x12\x34\x0d\x02\xab\xcd", "DS\t4660 13 2 ABCD"),
    (
        47,
        b"\x01b\x04test\0\0\x06\x40\0\0\0\0\x03",
        "NSEC\tb.test. A RRSIG NSEC",
    ),
    (52, b"\x03\x01\x01\xab\xcd", "TLSA\t3 1 1 abcd"),
    (
        65,
        b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x04\0\x04\x7f\0\0\x01",
        "HTTPS\t1 . alpn=\"h2,h3\" ipv4hint=\"127.0.0.1\"",
    ),
    (257, b"\0\x05issueca.example", "CAA\t0 issue \"ca.example\""),
    (65_280, b"\x0a\x0b", "\\# 2 0A0B"),
];

#[tokio::test]
async fn records_are_shown_as_users_have_patterns_for_them() {
    let dns = DnsLab::start().await;
    for (code, bytes, shown) in RECORDS {
        let kind = RecordType::from(*code);
        let rdata = NULL::with(bytes.to_vec());
        dns.set(
            "Mixed.example.test.",
            kind,
            60,
            vec![RData::Unknown { code: kind, rdata }],
        );
        let seen = asking(&format!("query_name: Mixed.example.test, query_type: TYPE{code}"))
            .probe(&url(dns.addr()))
            .await;
        let records = facts(&seen)
            .map(|facts| facts.records.clone())
            .unwrap_or_default();
        let expected = if shown.starts_with("\\#") {
            format!("Mixed.example.test.\t60\tCLASS1\tTYPE{code}\t{shown}")
        } else {
            format!("Mixed.example.test.\t60\tIN\t{shown}")
        };
        assert_eq!(records, [expected], "{kind}");
    }
}

#[tokio::test]
async fn each_rule_on_records_is_judged_as_its_like_in_blackbox_exporter() {
    let dns = server().await;
    for (rule, patterns, name, broken) in [
        ("fail_if_matches_regexp", r"['\t192\.0\.2\.2$']", "www", true),
        ("fail_if_matches_regexp", r"['\t192\.0\.2\.9$']", "www", false),
        (
            "fail_if_not_matches_regexp",
            r"['\t192\.0\.2\.\d$']",
            "www",
            false,
        ),
        ("fail_if_not_matches_regexp", r"['\t192\.0\.2\.1$']", "www", true),
        ("fail_if_not_matches_regexp", "['.']", "ns", true),
        (
            "fail_if_all_match_regexp",
            r"['IN\tA\t192', '^www']",
            "www",
            false,
        ),
        ("fail_if_all_match_regexp", r"['192\.0\.2\.1$']", "www", true),
        ("fail_if_all_match_regexp", "['.']", "ns", false),
        (
            "fail_if_none_matches_regexp",
            r"['\t192\.0\.2\.2$', no]",
            "www",
            false,
        ),
        ("fail_if_none_matches_regexp", r"['\t192\.0\.2\.9$']", "www", true),
        ("fail_if_none_matches_regexp", "['.']", "ns", true),
    ] {
        let settings = format!(
            "query_name: {name}.example.test, query_type: A, valid_rcodes: [NOERROR, 3], validate_answer_rrs: {{{rule}: {patterns}}}"
        );
        let seen = asking(&settings).probe(&url(dns.addr())).await;
        let cause = if broken { "exchange_mismatch" } else { "" };
        assert_eq!(seen.root(), cause, "{rule}: {patterns} of {name}");
        assert_eq!(seen.value("probe_dns_query_succeeded"), Some(1.0));
        assert_eq!(seen.value("probe_success"), Some(f64::from(u8::from(!broken))));
    }
    let settings = "query_name: none.example.test, valid_rcodes: [NXDOMAIN], validate_authority_rrs: {fail_if_not_matches_regexp: ['\\tSOA\\t']}, validate_additional_rrs: {fail_if_none_matches_regexp: [OPT]}";
    let seen = asking(settings).probe(&url(dns.addr())).await;
    assert_eq!(seen.value("probe_dns_authority_rrs"), Some(1.0));
    let root = seen.verdict.root.as_ref().expect("a root");
    assert_eq!(
        (root.expected.as_str(), root.actual.as_str()),
        (
            "a record that matches /OPT/ in the additional section",
            "no record"
        )
    );
}

#[tokio::test]
async fn a_response_code_is_right_by_name_or_number_and_wrong_ones_are_told() {
    let dns = server().await;
    for (says, valid, cause) in [
        (Says::Refused, "[]", "exchange_status"),
        (Says::Refused, "[NOERROR, REFUSED]", ""),
        (Says::Refused, "[5]", ""),
        (Says::NxDomain, "[REFUSED, 0]", "exchange_status"),
        (Says::NxDomain, "[nxdomain]", ""),
        (Says::ServFail(None), "[NOERROR]", "exchange_status"),
        (Says::NoData, "[NOERROR]", ""),
    ] {
        dns.says_to_all(says.clone());
        let settings = format!("query_name: www.example.test, query_type: A, valid_rcodes: {valid}");
        let seen = asking(&settings).probe(&url(dns.addr())).await;
        assert_eq!(seen.root(), cause, "{says:?} {valid}");
        assert_eq!(seen.value("probe_dns_query_succeeded"), Some(1.0));
        if matches!(says, Says::NxDomain) && !cause.is_empty() {
            let root = seen.verdict.root.as_ref().expect("a root");
            assert_eq!(
                (root.expected.as_str(), root.actual.as_str()),
                ("REFUSED or NOERROR", "NXDOMAIN")
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_has_its_cause() {
    let asking = asking("query_name: www.example.test, query_type: A").within(SHORT);
    for (answer, cause, datagrams) in [
        (RawAnswer::Silence, "exchange_timeout", 1),
        (RawAnswer::WrongId, "exchange_protocol", 1),
        (RawAnswer::ForgedQuestion, "exchange_protocol", 1),
        (RawAnswer::Garbage, "exchange_protocol", 1),
        (RawAnswer::Empty, "exchange_protocol", 1),
        (RawAnswer::Echo, "exchange_protocol", 1),
        (RawAnswer::HeaderOnly, "exchange_protocol", 1),
        (RawAnswer::CompressionLoop, "exchange_protocol", 1),
        (RawAnswer::WrongIdThenRight, "", 1),
    ] {
        let server = RawDns::start(answer).await;
        let seen = asking.probe(&url(server.addr())).await;
        assert_eq!(seen.root(), cause, "{}", actual(&seen));
        // Nothing is sent again.
        assert_eq!(server.queries(), datagrams);
        let succeeded = f64::from(u8::from(cause.is_empty()));
        assert_eq!(seen.value("probe_dns_query_succeeded"), Some(succeeded));
    }
}

#[tokio::test]
async fn a_flood_of_forgeries_ends_before_the_deadline() {
    let flood: RawAnswer = RawAnswer::Custom(Arc::new(|query| {
        let mut other = query.to_vec();
        other[0] ^= 1;
        vec![other; 200]
    }));
    let server = RawDns::start(flood).await;
    let seen = asking("query_name: www.example.test")
        .probe(&url(server.addr()))
        .await;
    assert_eq!(seen.root(), "exchange_protocol");
    assert!(seen.outcome.elapsed < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_of_thousands_of_records_is_judged_and_shown_in_part() {
    let many: RawAnswer = RawAnswer::Custom(Arc::new(|query| {
        let mut answer = query.to_vec();
        answer[2] |= 0x80;
        answer[6..8].copy_from_slice(&4000_u16.to_be_bytes());
        for _ in 0..4000 {
            answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
        }
        vec![answer]
    }));
    let server = RawDns::start(many).await;
    let settings = "query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['127\\.0\\.0\\.1$']}";
    let seen = asking(settings).probe(&url(server.addr())).await;
    assert_eq!(seen.root(), "");
    assert_eq!(seen.value("probe_dns_answer_rrs"), Some(4000.0));
    assert_eq!(facts(&seen).map(|facts| facts.records.len()), Some(8));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses_over_udp_too() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    drop(socket);
    for transport in ["udp", "tcp"] {
        let settings = format!("query_name: www.example.test, transport_protocol: {transport}");
        let seen = asking(&settings).probe(&url(address)).await;
        assert_eq!(seen.root(), "connect_refused", "{transport}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_not_asked_for_again() {
    let dns = server().await;
    dns.says_to_all(Says::Truncated);
    let seen = asking("query_name: www.example.test, query_type: A")
        .probe(&url(dns.addr()))
        .await;
    assert_eq!((seen.root(), dns.queries("www.example.test")), ("", 1));
    assert!(facts(&seen).is_some_and(|facts| facts.truncated && facts.answers == 0));
}

#[tokio::test]
async fn the_question_goes_out_as_the_module_has_it() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let server = RawDns::start(RawAnswer::Custom(Arc::new(move |query| {
        keep.lock().expect("a lock").push(query.to_vec());
        let mut answer = query.to_vec();
        answer[2] |= 0x80;
        vec![answer]
    })))
    .await;
    for settings in [
        "query_name: version.bind, query_class: CH, query_type: TXT, recursion_desired: false",
        "query_name: .",
    ] {
        assert_eq!(asking(settings).probe(&url(server.addr())).await.root(), "");
    }
    let heard = heard.lock().expect("a lock");
    assert_eq!(
        heard[0][2..],
        *b"\0\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03"
    );
    // The root, of any type, resolved.
    assert_eq!(heard[1][2..], *b"\x01\0\0\x01\0\0\0\0\0\0\0\0\xff\0\x01");
    assert_ne!(heard[0][..2], heard[1][..2]);
}

#[tokio::test]
async fn over_tls_the_certificate_is_a_fact_and_its_faults_are_causes() {
    let authority = Authority::new();
    let roots = authority.root_pem().replace('\n', "\\n");
    let settings = format!(
        "query_name: www.example.test, query_type: A, dns_over_tls: true, tls_config: {{ca: \"{roots}\", server_name: dns.test}}"
    );
    for (issued, cause) in [
        (authority.good("dns.test"), ""),
        (authority.bad("dns.test", Flaw::Expired), "tls_expired"),
        (authority.good("other.test"), "tls_hostname_mismatch"),
    ] {
        let dns = DnsLab::spec().tls(issued).start().await;
        dns.a("www.example.test", &["192.0.2.1"]);
        let seen = asking(&settings).probe(&url(dns.tls_addr())).await;
        assert_eq!(seen.root(), cause, "{seen:?}");
        let tls = seen.outcome.attempts[0].hops[0].tls.as_ref();
        assert!(tls.and_then(|tls: &TlsFacts| tls.chain.as_ref()).is_some());
        assert_eq!(dns.queries("www.example.test"), u64::from(cause.is_empty()));
        // As in blackbox_exporter.
        assert!(!seen.series().contains("probe_ssl"), "{}", seen.series());
        assert!(!seen.series().contains("probe_tls"), "{}", seen.series());
    }
}

#[tokio::test]
async fn over_a_connection_an_end_silence_and_nonsense_are_told_apart() {
    let asking = asking("query_name: www.example.test, transport_protocol: tcp").within(SHORT);
    for (turns, cause) in [
        (vec![Turn::Hang], "exchange_timeout"),
        (vec![], "exchange_closed"),
        (vec![Turn::Say(b"\0\x04ab".to_vec())], "exchange_closed"),
        (vec![Turn::Say(b"\0\x04abcd".to_vec())], "exchange_protocol"),
        (vec![Turn::Say(b"\0\0".to_vec())], "exchange_protocol"),
    ] {
        let server = TalkLab::start(turns).await;
        let seen = asking.probe(&url(server.addr())).await;
        assert_eq!(seen.root(), cause);
    }
}

#[tokio::test]
async fn a_question_may_come_from_another_address_of_ours_and_from_no_foreign_one() {
    let dns = server().await;
    for transport in ["udp", "tcp"] {
        for (source, cause) in [
            ("127.0.0.9", ""),
            ("192.0.2.1", "connect_unreachable"),
            ("'::1'", "connect_unreachable"),
        ] {
            let settings = format!(
                "query_name: www.example.test, query_type: A, transport_protocol: {transport}, source_ip_address: {source}"
            );
            let seen = asking(&settings).probe(&url(dns.addr())).await;
            assert_eq!(seen.root(), cause, "{transport} from {source}");
        }
    }
}
