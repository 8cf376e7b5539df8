//! The websocket prober: upgrades and dialogues over real sockets.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use crate::lab::{
    Authority, DnsLab, Flaw, Move, ProxyLab, Proxying, Reply, SocketLab, TalkLab, Turn, WebLab,
};
use crate::prober::{Asking, Seen};
use crate::program::{Home, Program};

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

/// A module that trusts an authority and has more keys for the client.
fn client(authority: &Authority, more: &str) -> Asking {
    let roots = authority.root_pem().replace('\n', "\n        ");
    Asking::by(&format!(
        "prober: websocket\nwebsocket:\n  http_config:\n{more}    tls_config:\n      ca: |\n        {roots}"
    ))
}

fn by_proxy(authority: &Authority, proxy: &str) -> Asking {
    client(authority, &format!("    proxy_url: \"{proxy}\"\n"))
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_connection_by_either_scheme_and_the_certificate_is_the_targets() {
    let authority = Authority::new();
    let plain = SocketLab::plain([Move::Hang]).await;
    let secure = authority.good("127.0.0.1").server_config(&[b"http/1.1"]);
    let secure = SocketLab::tls(secure, [Move::Hang]).await;
    for (scheme, server) in [
        ("ws", &plain),
        ("http", &plain),
        ("wss", &secure),
        ("https", &secure),
    ] {
        for proxying in [Proxying::Http, Proxying::Https(authority.good("127.0.0.1"))] {
            let own = if matches!(proxying, Proxying::Http) {
                "http"
            } else {
                "https"
            };
            let proxy = ProxyLab::start(proxying, server.addr()).await;
            let asking = by_proxy(&authority, &format!("{own}://me:sweet-secret@{}", proxy.addr()));
            let seen = asking.probe(&format!("{scheme}://{}/feed", server.addr())).await;
            assert_eq!(seen.root(), "", "{scheme} by {own}: {seen:?}");
            assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(1.0));
            let told = proxy.told();
            assert_eq!(told[0], format!("CONNECT {} HTTP/1.1", server.addr()));
            let credentials = "proxy-authorization: Basic bWU6c3dlZXQtc2VjcmV0".to_owned();
            assert!(told.contains(&credentials), "{told:?}");
            assert!(!format!("{seen:?}").contains("sweet-secret"));
            let request = server.last_request();
            assert_eq!(request.uri(), "/feed");
            assert_eq!(request.headers().get("proxy-authorization"), None);
            let hop = &seen.outcome.attempts[0].hops[0];
            assert_eq!(hop.address, Some(proxy.addr()));
        }
    }
}

#[tokio::test]
async fn socks_makes_the_connection_too() {
    let authority = Authority::new();
    let server = SocketLab::plain([Move::Hang]).await;
    let proxy = ProxyLab::start(Proxying::Socks(Some(("me", "pw"))), server.addr()).await;
    let url = format!("ws://{}/", server.addr());
    let seen = by_proxy(&authority, &format!("socks5://me:pw@{}", proxy.addr()))
        .probe(&url)
        .await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(proxy.told(), [server.addr().to_string()]);
    let seen = by_proxy(&authority, &format!("socks5://me:wrong@{}", proxy.addr()))
        .probe(&url)
        .await;
    assert_eq!(seen.root(), "connect_proxy");
}

#[tokio::test]
async fn what_a_proxy_refuses_or_never_says_is_told_of_the_proxy() {
    let authority = Authority::new();
    let server = SocketLab::plain([Move::Hang]).await;
    let url = format!("ws://{}/", server.addr());
    let refuses = Proxying::Says("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    for (proxying, actual) in [
        (refuses, "it answers 403 Forbidden"),
        (Proxying::Says("220 mail.test\r\n\r\n"), "its answer is not http"),
        (Proxying::Hangs, "no answer in time"),
    ] {
        let proxy = ProxyLab::start(proxying, server.addr()).await;
        let asking = by_proxy(&authority, &format!("http://{}", proxy.addr())).within(SHORT);
        let seen = asking.probe(&url).await;
        assert_eq!(seen.root(), "connect_proxy", "{seen:?}");
        assert_eq!(seen.verdict.root.as_ref().unwrap().actual, actual);
        assert_eq!(seen.value("probe_websocket_status_code"), Some(0.0));
        assert_eq!(seen.value("probe_websocket_connection_upgraded"), Some(0.0));
    }
    let expired = authority.bad("127.0.0.1", Flaw::Expired);
    let proxy = ProxyLab::start(Proxying::Https(expired), server.addr()).await;
    let seen = by_proxy(&authority, &format!("https://{}", proxy.addr()))
        .probe(&url)
        .await;
    assert_eq!(seen.root(), "tls_expired");
    let actual = &seen.verdict.root.as_ref().unwrap().actual;
    assert!(
        actual.ends_with(&format!(", at the proxy {}", proxy.addr())),
        "{actual}"
    );
}

#[tokio::test]
async fn what_no_proxy_names_is_dialled_and_connect_headers_go_to_the_proxy_alone() {
    let authority = Authority::new();
    let server = SocketLab::plain([Move::Hang]).await;
    let proxy = ProxyLab::start(Proxying::Http, server.addr()).await;
    let url = format!("ws://{}/", server.addr());
    let by = format!("    proxy_url: \"http://{}\"\n", proxy.addr());
    let past = client(&authority, &format!("{by}    no_proxy: 127.0.0.0/8\n"));
    assert_eq!(past.probe(&url).await.root(), "");
    assert_eq!(proxy.told().len(), 0);
    let headers = format!("{by}    proxy_connect_header: {{X-Ticket: [one, two]}}\n");
    assert_eq!(client(&authority, &headers).probe(&url).await.root(), "");
    let told = proxy.told();
    for line in ["x-ticket: one", "x-ticket: two"] {
        assert!(told.contains(&line.to_owned()), "{told:?}");
    }
    assert_eq!(server.last_request().headers().get("x-ticket"), None);
}

#[tokio::test]
async fn what_may_not_be_probed_may_not_be_probed_by_a_proxy_which_itself_stands_anywhere() {
    let server = SocketLab::plain([Move::Hang]).await;
    let proxy = ProxyLab::start(Proxying::Http, server.addr()).await;
    let config = format!(
        "probe: {{allow: [192.0.2.1]}}
modules:
  feed: {{prober: websocket, websocket: {{http_config: {{proxy_url: \"http://{}\"}}}}}}",
        proxy.addr()
    );
    let program = Program::start(Home::new(&config).settings()).await;
    let ask = async |target: &str| {
        let path = format!("/probe?module=feed&target={target}");
        program.web.get(&path).await.body
    };
    for target in ["ws://169.254.169.254/", "ws://127.0.0.1:9115/"] {
        let body = ask(target).await;
        assert!(!body.contains("\nprobe_success 1\n"), "{target}: {body}");
    }
    assert_eq!(proxy.told(), Vec::<String>::new());
    let body = ask("ws://192.0.2.1:8080/").await;
    assert!(body.contains("\nprobe_success 1\n"), "{body}");
    assert_eq!(proxy.told()[0], "CONNECT 192.0.2.1:8080 HTTP/1.1");
}

fn tokens(issuer: &WebLab) -> String {
    format!(
        "    oauth2: {{client_id: probe, client_secret: sweet-secret, token_url: \"{}\"}}\n",
        issuer.url("/token")
    )
}

#[tokio::test]
async fn a_token_goes_along_with_the_upgrade_and_is_fetched_anew_once_it_is_refused() {
    let authority = Authority::new();
    let reply = |token: &str| {
        Reply::text(&format!(
            r#"{{"access_token": "{token}", "token_type": "bearer", "expires_in": 3600}}"#
        ))
    };
    let issuer = WebLab::plain().answer(reply("abc")).start().await;
    let server = SocketLab::plain([Move::Hang]).await;
    let asking = client(&authority, &tokens(&issuer));
    for _ in 0..2 {
        let seen = asking.probe(&format!("ws://{}/", server.addr())).await;
        assert_eq!(seen.root(), "", "{seen:?}");
        assert_eq!(server.last_request().headers()["authorization"], "Bearer abc");
        assert!(!format!("{seen:?}").contains("Bearer"));
    }
    assert_eq!(issuer.requests(), 1);
    issuer.answer(reply("def"));
    let refusing = SocketLab::refusing(401).await;
    let seen = asking.probe(&format!("ws://{}/", refusing.addr())).await;
    assert_eq!(seen.root(), "exchange_status");
    asking.probe(&format!("ws://{}/", server.addr())).await;
    assert_eq!(server.last_request().headers()["authorization"], "Bearer def");
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let authority = Authority::new();
    let issuer = WebLab::plain().answer(Reply::new(503, "busy")).start().await;
    let server = TalkLab::start([Turn::Hang]).await;
    let seen = client(&authority, &tokens(&issuer))
        .probe(&format!("ws://{}/", server.addr()))
        .await;
    assert_eq!(seen.root(), "http_token", "{seen:?}");
    let root = seen.verdict.root.as_ref().unwrap();
    assert!(root.actual.contains("503"), "{}", root.actual);
    assert_eq!(seen.value("probe_success"), Some(0.0));
    assert_eq!(seen.value("probe_websocket_status_code"), Some(0.0));
    assert_eq!(seen.outcome.attempts[0].hops[0].address, None);
}
