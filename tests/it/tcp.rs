//! The tcp prober: dialogues over real sockets, and what blackbox_exporter's users see of them.

use std::sync::Arc;
use std::time::Duration;

use crate::lab::talk::{TalkLab, Turn};
use crate::lab::{Authority, DnsLab, Flaw};
use crate::prober::Asking;

const SHORT: Duration = Duration::from_millis(300);

/// A module that trusts an authority, with a dialogue.
fn module(authority: &Authority, tls: bool, steps: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!(
        "prober: tcp\ntcp:\n  preferred_ip_protocol: ip4\n  tls: {tls}\n  tls_config:\n    server_name: mail.test\n    ca: |\n      {roots}\n  query_response: [{steps}]"
    )
}

#[tokio::test]
async fn without_a_dialogue_a_connection_is_enough() {
    let server = TalkLab::start([Turn::Hang]).await;
    let dns = DnsLab::start().await;
    dns.a("mail.test", &["127.0.0.1"]);
    let seen = Asking::by("prober: tcp")
        .asking(&dns)
        .probe(&server.url_of("mail.test"))
        .await;
    assert_eq!((seen.root(), seen.value("probe_success")), ("", Some(1.0)));
    assert_eq!(seen.value("probe_failed_due_to_regex"), Some(0.0));
    assert_eq!(seen.value("probe_ip_protocol"), Some(4.0));
    assert!(!seen.series().contains("probe_ssl"), "{}", seen.series());
}

#[tokio::test]
async fn lines_are_passed_over_until_one_matches_and_what_it_captured_is_said_and_exported() {
    let server = TalkLab::start([Turn::say("notice: hello\r\nSSH-2.0-OpenSSH_9.2\r\n"), Turn::Echo]).await;
    let asking = Asking::by(
        r#"prober: tcp
tcp:
  query_response:
    - expect: "^SSH-([0-9.]+)-(?P<software>.+)$"
      send: "hello ${software}"
      labels: [{name: version, value: "v${1}"}, {name: software, value: "${software}"}]
    - expect: "^hello OpenSSH_9.2$""#,
    );
    let seen = asking.probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let info = r#"probe_expect_info{version="v2.0",software="OpenSSH_9.2"}"#;
    assert_eq!(seen.value(info), Some(1.0), "{}", seen.series());
}

#[tokio::test]
async fn another_answer_is_told_beside_the_expected_one() {
    let server = TalkLab::start([Turn::say("550 go away\r\n")]).await;
    let asking = Asking::by("prober: tcp\ntcp:\n  query_response: [{expect: \"^220 \"}]");
    let seen = asking.probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "exchange_mismatch");
    let root = seen.verdict.root.as_ref().expect("a root");
    assert_eq!(root.expected, "a line that matches /^220 /");
    assert_eq!(root.actual, "\"550 go away\", then the end");
    assert_eq!(seen.value("probe_success"), Some(0.0));
    assert_eq!(seen.value("probe_failed_due_to_regex"), Some(1.0));
}

#[tokio::test]
async fn silence_an_end_and_a_reset_are_told_apart() {
    let asking = Asking::by("prober: tcp\ntcp:\n  query_response: [{expect: \"^220 \"}]").within(SHORT);
    for (script, cause, due_to_regex) in [
        (vec![Turn::Hang], "exchange_timeout", Some(0.0)),
        (vec![], "exchange_closed", Some(1.0)),
        (vec![Turn::Reset], "connect_reset", Some(0.0)),
    ] {
        let server = TalkLab::start(script).await;
        let seen = asking.probe(&server.url_of("127.0.0.1")).await;
        assert_eq!(seen.root(), cause);
        assert_eq!(seen.value("probe_failed_due_to_regex"), due_to_regex, "{cause}");
    }
}

#[tokio::test]
async fn bytes_must_come_just_as_they_are_expected() {
    let asking = Asking::by("prober: tcp\ntcp:\n  query_response: [{expect_bytes: \"abc\"}]").within(SHORT);
    for (said, cause, due_to_bytes) in [
        ("abcd", "", 0.0),
        ("abd", "exchange_mismatch", 1.0),
        ("ab", "exchange_mismatch", 1.0),
    ] {
        let server = TalkLab::start([Turn::say(said)]).await;
        let seen = asking.probe(&server.url_of("127.0.0.1")).await;
        assert_eq!(seen.root(), cause, "{said}");
        assert_eq!(
            seen.value("probe_failed_due_to_bytes"),
            Some(due_to_bytes),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_never_stops_is_cut_off() {
    let server = TalkLab::start([Turn::Babble]).await;
    let asking = Asking::by("prober: tcp\ntcp:\n  query_response: [{expect: \"^the end$\"}]");
    let seen = asking.probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "exchange_protocol");
    let endless = TalkLab::start([Turn::Say(vec![b'x'; 70_000]), Turn::Hang]).await;
    let seen = asking.probe(&endless.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "exchange_protocol");
}

#[tokio::test]
async fn tls_may_begin_at_once_or_after_a_step_and_its_certificate_is_a_fact() {
    let authority = Authority::new();
    let config = Arc::new(authority.good("mail.test").server_config(&[]));
    let at_once = TalkLab::start([Turn::Tls(Arc::clone(&config)), Turn::say("220 ready\r\n")]).await;
    let later = TalkLab::start([
        Turn::say("220 ready\r\n"),
        Turn::Hear,
        Turn::say("220 go ahead\r\n"),
        Turn::Tls(config),
        Turn::Echo,
    ])
    .await;
    let greeted = module(&authority, true, "{expect: \"^220 \"}");
    let upgraded = module(
        &authority,
        false,
        "{expect: \"^220 \", send: STARTTLS}, {expect: \"^220 \", starttls: true}, {send: EHLO}, {expect: \"^EHLO$\"}",
    );
    for (server, module) in [(&at_once, &greeted), (&later, &upgraded)] {
        let seen = Asking::by(module).probe(&server.url_of("127.0.0.1")).await;
        assert_eq!(seen.root(), "", "{seen:?}");
        assert!(
            seen.value("probe_ssl_earliest_cert_expiry")
                .is_some_and(|ends| ends > 0.0)
        );
        assert_eq!(
            seen.value("probe_tls_version_info{version=\"TLS 1.3\"}"),
            Some(1.0)
        );
        assert!(!seen.series().contains("probe_tls_cipher_info"));
    }
}

#[tokio::test]
async fn a_bad_certificate_has_its_own_cause_and_nothing_is_sent_after_it() {
    let authority = Authority::new();
    let expired = Arc::new(authority.bad("mail.test", Flaw::Expired).server_config(&[]));
    let server = TalkLab::start([Turn::Tls(expired), Turn::Hang]).await;
    let module = module(&authority, true, "{send: hello}");
    let seen = Asking::by(&module).probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "tls_expired");
    assert!(!seen.series().contains("probe_ssl"), "{}", seen.series());
    assert!(
        !seen.series().contains("probe_failed_due_to"),
        "{}",
        seen.series()
    );
}

#[tokio::test]
async fn a_source_address_that_is_not_ours_reaches_nothing() {
    let server = TalkLab::start([Turn::Hang]).await;
    let ours = Asking::by("prober: tcp\ntcp: {source_ip_address: 127.0.0.9}");
    assert_eq!(ours.probe(&server.url_of("127.0.0.1")).await.root(), "");
    let foreign = Asking::by("prober: tcp\ntcp: {source_ip_address: 192.0.2.1}");
    let seen = foreign.probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "connect_unreachable");
}
