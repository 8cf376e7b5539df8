//! The websocket prober: upgrades and dialogues over real sockets.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use crate::lab::{Authority, DnsLab, Flaw, Move, SocketLab, TalkLab, Turn};
use crate::prober::{Asking, Seen};

const SHORT: Duration = Duration::from_millis(300);

fn expecting(pattern: &str) -> Asking {
    Asking::by(&format!(
        "prober: websocket\nwebsocket: {{query_response: [{{expect: '{pattern}'}}]}}"
    ))
}

/// Whether each phase is there: resolve, connect, processing, transfer.
fn phases(seen: &Seen) -> [bool; 4] {
    ["resolve", "connect", "processing", "transfer"].map(|phase| {
        let series = format!("probe_websocket_duration_seconds{{phase=\"{phase}\"}}");
        seen.value(&series).is_some()
    })
}

#[tokio::test]
async fn an_upgrade_is_enough_by_any_scheme() {
    let server = SocketLab::plain([Move::Hang]).await;
    for scheme in ["ws", "http"] {
        let url = format!("{scheme}://{}/feed?of=all", server.addr());
        let seen = Asking::by("prober: websocket").probe(&url).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("", Some(1.0)),
            "{seen:?}"
        );
        assert_eq!(seen.value("probe_websocket_status_code"), Some(101.0));
        assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(1.0));
        assert_eq!(seen.value("probe_websocket_failed_due_to_regex"), Some(0.0));
        assert_eq!(phases(&seen), [true, true, true, false], "{}", seen.series());
        assert_eq!(server.last_request().uri(), "/feed?of=all");
    }
}

#[tokio::test]
async fn messages_are_matched_one_by_one_and_pings_are_none() {
    let server = SocketLab::plain([Move::say("hello 7"), Move::Ping(3), Move::Echo, Move::Hang]).await;
    let asking = Asking::by(
        r#"prober: websocket
websocket:
  query_response:
    - expect: "^hello ([0-9]+)$"
      send: "seen ${1}"
    - expect: "^seen 7$""#,
    );
    let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(phases(&seen), [true; 4]);
    let bytes = SocketLab::plain([Move::Say(Message::binary(vec![1, 2, 3])), Move::Hang]).await;
    let seen = expecting("^\\x01")
        .probe(&format!("ws://{}/", bytes.addr()))
        .await;
    assert_eq!(seen.root(), "");
}

#[tokio::test]
async fn another_message_silence_and_an_end_are_told_apart() {
    let asking = expecting("^ready$").within(SHORT);
    for (script, cause) in [
        (
            vec![Move::say("not yet"), Move::say("ready"), Move::Hang],
            "exchange_mismatch",
        ),
        (vec![Move::Hang], "exchange_timeout"),
        (vec![], "exchange_closed"),
        (
            vec![Move::say(&"x".repeat(2_000_000)), Move::Hang],
            "exchange_protocol",
        ),
    ] {
        let server = SocketLab::plain(script).await;
        let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
        assert_eq!(seen.root(), cause);
        for (series, value) in [
            ("probe_websocket_status_code", 101.0),
            ("probe_websocket_connection_upgraded", 1.0),
            ("probe_websocket_failed_due_to_regex", 1.0),
        ] {
            assert_eq!(seen.value(series), Some(value), "{series} of {cause}");
        }
        assert_eq!(seen.value("probe_success"), Some(0.0));
    }
    let pings = SocketLab::plain([Move::Ping(2_000), Move::say("ready"), Move::Hang]).await;
    let seen = expecting("^ready$")
        .probe(&format!("ws://{}/", pings.addr()))
        .await;
    assert_eq!(seen.root(), "exchange_protocol");
}

#[tokio::test]
async fn a_refused_upgrade_is_the_services_own_word() {
    for status in [401_u16, 404, 302, 503] {
        let server = SocketLab::refusing(status).await;
        let seen = Asking::by("prober: websocket")
            .probe(&format!("ws://{}/", server.addr()))
            .await;
        assert_eq!(seen.root(), "exchange_status", "{status}");
        assert_eq!(seen.value("probe_websocket_status_code"), Some(f64::from(status)));
        assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(0.0));
        assert_eq!(seen.value("probe_websocket_failed_due_to_regex"), Some(0.0));
        let root = seen.verdict.root.as_ref().unwrap();
        assert_eq!(root.expected, "101 Switching Protocols");
        assert!(root.actual.starts_with(&status.to_string()), "{}", root.actual);
    }
    let page = [
        Turn::Hear,
        Turn::say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        Turn::Hang,
    ];
    let server = TalkLab::start(page).await;
    let seen = Asking::by("prober: websocket")
        .probe(&format!("ws://{}/", server.addr()))
        .await;
    assert_eq!(seen.root(), "exchange_status");
    assert_eq!(seen.value("probe_websocket_status_code"), Some(200.0));
}

#[tokio::test]
async fn what_is_no_upgrade_is_told() {
    let upgraded = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
    let endless = format!("HTTP/1.1 101 Switching Protocols\r\nx: {}", "x".repeat(100_000));
    for (script, cause) in [
        (
            vec![Turn::Hear, Turn::say("220 mail.test ESMTP\r\n"), Turn::Hang],
            "exchange_protocol",
        ),
        (
            vec![
                Turn::Hear,
                Turn::say(&format!("{upgraded}sec-websocket-accept: none\r\n\r\n")),
                Turn::Hang,
            ],
            "exchange_protocol",
        ),
        (
            vec![Turn::Hear, Turn::say(&endless), Turn::Hang],
            "exchange_protocol",
        ),
        (
            vec![
                Turn::Hear,
                Turn::say("HTTP/1.1 101 Switching"),
                Turn::Hear,
                Turn::Hang,
            ],
            "exchange_timeout",
        ),
        (vec![Turn::Hang], "exchange_timeout"),
        (vec![], "exchange_closed"),
        (vec![Turn::Reset], "connect_reset"),
    ] {
        let server = TalkLab::start(script.clone()).await;
        let asking = Asking::by("prober: websocket").within(SHORT);
        let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
        assert_eq!(seen.root(), cause, "{script:?}");
        assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(0.0));
        assert_eq!(seen.value("probe_websocket_status_code"), Some(0.0));
    }
}

#[tokio::test]
async fn headers_and_credentials_go_along() {
    let server = SocketLab::plain([Move::Hang]).await;
    let asking = Asking::by(
        "prober: websocket
websocket:
  http_config: {basic_auth: {username: me, password: pw}}
  headers:
    Origin: https://a.test
    X-Several: {values: [one], secrets: [two]}",
    );
    let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let request = server.last_request();
    let all = |name: &str| -> Vec<_> { request.headers().get_all(name).iter().cloned().collect() };
    assert_eq!(all("authorization"), ["Basic bWU6cHc="]);
    assert_eq!(all("origin"), ["https://a.test"]);
    assert_eq!(all("x-several"), ["one", "two"]);
    assert_eq!(all("host"), [server.addr().to_string().as_str()]);
}

#[tokio::test]
async fn headers_and_credentials_may_stand_in_files() {
    let server = SocketLab::plain([Move::Hang]).await;
    let files = [
        ("user", "me\n"),
        ("password", "pw\n"),
        ("ticket", "from a file\n"),
    ];
    let asking = Asking::by_files(
        "prober: websocket
websocket:
  http_config: {basic_auth: {username_file: user, password_file: password}}
  headers:
    X-Ticket: {files: [ticket]}",
        &files,
    );
    let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let request = server.last_request();
    assert_eq!(request.headers()["authorization"], "Basic bWU6cHc=");
    assert_eq!(request.headers()["x-ticket"], "from a file");
}

#[tokio::test]
async fn a_certificate_that_nobody_verifies_bars_neither_upgrade_nor_credentials() {
    let config = Authority::new().good("127.0.0.1").server_config(&[]);
    let server = SocketLab::tls(config, [Move::Hang]).await;
    for (skip, cause, upgraded) in [(true, "", 1.0), (false, "tls_unknown_issuer", 0.0)] {
        let asking = Asking::by(&format!(
            "prober: websocket
websocket:
  http_config:
    authorization: {{credentials: token}}
    tls_config: {{insecure_skip_verify: {skip}}}
  headers: {{X-Sent: 'true'}}"
        ));
        let seen = asking.probe(&format!("wss://{}/", server.addr())).await;
        assert_eq!(seen.root(), cause, "{seen:?}");
        assert_eq!(seen.value("probe_success"), Some(upgraded));
        assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(upgraded));
        let status = seen.value("probe_websocket_status_code");
        assert_eq!(status, Some(101.0 * upgraded));
        let request = server.last_request();
        assert_eq!(request.headers()["authorization"], "Bearer token");
        assert_eq!(request.headers()["x-sent"], "true");
    }
}

#[tokio::test]
async fn the_family_that_the_module_prefers_is_asked() {
    let server = SocketLab::plain([Move::Hang]).await;
    let dns = DnsLab::start().await;
    dns.a("feed.test", &["127.0.0.1"]);
    dns.aaaa("feed.test", &["::1"]);
    let url = format!("ws://feed.test:{}/", server.addr().port());
    for (family, success, protocol) in [("ip4", 1.0, 4.0), ("ip6", 0.0, 6.0)] {
        let module = format!("prober: websocket\nwebsocket: {{preferred_ip_protocol: {family}}}");
        let seen = Asking::by(&module).asking(&dns).probe(&url).await;
        assert_eq!(seen.value("probe_success"), Some(success), "{seen:?}");
        assert_eq!(seen.value("probe_ip_protocol"), Some(protocol));
    }
}

#[tokio::test]
async fn over_tls_a_bad_certificate_has_its_own_cause_and_certificates_have_no_series() {
    let authority = Authority::new();
    let roots = authority.root_pem().replace('\n', "\n        ");
    let module = format!(
        "prober: websocket\nwebsocket:\n  http_config:\n    tls_config:\n      server_name: feed.test\n      ca: |\n        {roots}"
    );
    let good = authority.good("feed.test").server_config(&[b"http/1.1"]);
    let expired = authority.bad("feed.test", Flaw::Expired).server_config(&[]);
    for (config, scheme, cause) in [
        (good.clone(), "wss", ""),
        (good, "https", ""),
        (expired, "wss", "tls_expired"),
    ] {
        let server = SocketLab::tls(config, [Move::Hang]).await;
        let seen = Asking::by(&module)
            .probe(&format!("{scheme}://{}/", server.addr()))
            .await;
        assert_eq!(seen.root(), cause, "{scheme}");
        assert!(seen.outcome.chain().is_some());
        for absent in ["probe_ssl_", "probe_tls_"] {
            assert!(!seen.series().contains(absent), "{}", seen.series());
        }
    }
}
