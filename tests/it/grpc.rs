//! The grpc prober: health checks over real sockets, and what servers may answer in their place.

use std::time::Duration;

use crate::lab::{Authority, Check, Flaw, GrpcLab, TalkLab, Turn};
use crate::prober::{Asking, Seen};

const SHORT: Duration = Duration::from_millis(300);

fn serving(seen: &Seen) -> Vec<Option<f64>> {
    let status = |name: &str| {
        seen.value(&format!(
            "probe_grpc_healthcheck_response{{serving_status=\"{name}\"}}"
        ))
    };
    ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]
        .map(status)
        .to_vec()
}

/// A module that speaks TLS and trusts an authority.
fn over_tls(authority: &Authority, name: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!("prober: grpc\ngrpc:\n  tls: true\n  tls_config:\n    {name}\n    ca: |\n      {roots}")
}

#[tokio::test]
async fn a_service_that_serves_is_up() {
    let server = GrpcLab::plain(Check::Health(1)).await;
    let seen = Asking::by("prober: grpc")
        .probe(&server.url_of("127.0.0.1"))
        .await;
    assert_eq!(
        (seen.root(), seen.value("probe_success")),
        ("", Some(1.0)),
        "{seen:?}"
    );
    assert_eq!(serving(&seen), [Some(0.0), Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(seen.value("probe_grpc_status_code"), Some(0.0));
    assert_eq!(seen.value("probe_grpc_ssl"), Some(0.0));
    assert_eq!(seen.value("probe_ip_protocol"), Some(4.0));
    for phase in ["resolve", "check"] {
        let series = format!("probe_grpc_duration_seconds{{phase=\"{phase}\"}}");
        assert!(seen.value(&series).is_some(), "{}", seen.series());
    }
    for absent in ["probe_ssl_", "probe_tls_"] {
        assert!(!seen.series().contains(absent), "{}", seen.series());
    }
}

#[tokio::test]
async fn a_service_that_says_it_does_not_serve_is_down_by_its_own_word() {
    for (check, status, actual) in [
        (Check::Health(0), 0.0, "UNKNOWN"),
        (Check::Health(2), 0.0, "NOT_SERVING"),
        (Check::Health(3), 0.0, "SERVICE_UNKNOWN"),
        (
            Check::Status("5", "unknown%20service%0a"),
            5.0,
            "NOT_FOUND: unknown service",
        ),
        (Check::Status("12", ""), 12.0, "UNIMPLEMENTED"),
        (Check::Status("16", ""), 16.0, "UNAUTHENTICATED"),
        (Check::LateStatus("14"), 14.0, "UNAVAILABLE"),
        (Check::Status("99", ""), 99.0, "99"),
    ] {
        let server = GrpcLab::plain(check.clone()).await;
        let seen = Asking::by("prober: grpc")
            .probe(&server.url_of("127.0.0.1"))
            .await;
        assert_eq!(seen.root(), "exchange_status", "{check:?}");
        assert_eq!(seen.verdict.root.as_ref().unwrap().actual, actual, "{check:?}");
        assert_eq!(seen.value("probe_grpc_status_code"), Some(status), "{check:?}");
        assert_eq!(seen.value("probe_success"), Some(0.0));
        let one = serving(&seen).into_iter().flatten().sum::<f64>();
        assert_eq!(one > 0.0, status == 0.0, "{check:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_of_grpc_is_told_and_has_the_status_that_clients_give_it() {
    for (check, status, part) in [
        (Check::Page(404), 12.0, "HTTP status 404"),
        (Check::Page(200), 2.0, "HTTP status 200"),
        (Check::Page(503), 14.0, "HTTP status 503"),
        (Check::Unfinished, 13.0, "no grpc-status"),
        (Check::LateStatus("no number"), 2.0, "the grpc-status"),
        (Check::LateStatus("0"), 13.0, "no message"),
        (Check::Message(vec![1, 0, 0, 0, 0]), 13.0, "a compressed message"),
        (
            Check::Message(vec![0, 0, 0, 0, 9, 8, 1]),
            13.0,
            "a message of 2 bytes",
        ),
        (
            Check::Message(vec![0, 0, 0, 0, 2, 8, 7]),
            13.0,
            "the serving status 7",
        ),
        (Check::Message(vec![0; 70_000]), 14.0, "a message longer than"),
        (Check::Headers(1_000), 14.0, ""),
    ] {
        let server = GrpcLab::plain(check.clone()).await;
        let seen = Asking::by("prober: grpc")
            .probe(&server.url_of("127.0.0.1"))
            .await;
        assert_eq!(seen.root(), "exchange_protocol", "{check:?}");
        let actual = &seen.verdict.root.as_ref().unwrap().actual;
        assert!(actual.contains(part), "{actual}");
        assert_eq!(seen.value("probe_grpc_status_code"), Some(status), "{actual}");
        assert_eq!(serving(&seen), [Some(0.0); 4]);
    }
}

#[tokio::test]
async fn a_server_of_http1_is_not_one_of_grpc() {
    let said = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let server = TalkLab::start([Turn::Hear, Turn::say(said), Turn::Hang]).await;
    let url = format!("grpc://{}", server.addr());
    let seen = Asking::by("prober: grpc").probe(&url).await;
    assert_eq!(seen.root(), "exchange_protocol", "{seen:?}");
    assert_eq!(seen.value("probe_grpc_status_code"), Some(14.0));
}

#[tokio::test]
async fn silence_an_end_and_a_refusal_are_told_apart_within_the_limit() {
    let asking = Asking::by("prober: grpc").within(SHORT);
    for (check, cause, status) in [
        (Check::Silence, "exchange_timeout", 4.0),
        (Check::HangUp, "exchange_closed", 14.0),
        (Check::Break, "exchange_closed", 14.0),
    ] {
        let server = GrpcLab::plain(check.clone()).await;
        let seen = asking.probe(&server.url_of("127.0.0.1")).await;
        assert_eq!(seen.root(), cause, "{check:?}");
        assert_eq!(seen.value("probe_grpc_status_code"), Some(status), "{check:?}");
    }
    let silent = TalkLab::start([Turn::Hang]).await;
    let seen = asking.probe(&format!("grpc://{}", silent.addr())).await;
    assert_eq!(seen.root(), "exchange_timeout");
    let resets = TalkLab::start([Turn::Reset]).await;
    let seen = asking.probe(&format!("grpc://{}", resets.addr())).await;
    assert_eq!(seen.root(), "connect_reset");
    let closed = TalkLab::start([]).await;
    let seen = asking.probe(&format!("grpc://{}", closed.addr())).await;
    assert_eq!(seen.root(), "exchange_closed");
}

#[tokio::test]
async fn what_is_asked_names_the_service_and_carries_the_metadata() {
    let server = GrpcLab::plain(Check::Health(1)).await;
    let asking = Asking::by(
        "prober: grpc\ngrpc:\n  service: shop\n  \
         metadata: {x-tenant: [a, b], trace-bin: [\"\\u00ff\"], Authorization: [Bearer token]}",
    )
    .within(Duration::from_secs(7));
    let seen = asking.probe(&server.url_of("localhost")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let call = server.last_call();
    assert_eq!(call.uri.path(), "/grpc.health.v1.Health/Check");
    assert_eq!(
        call.uri.authority().unwrap().as_str(),
        format!("localhost:{}", server.addr().port())
    );
    assert_eq!(call.message, b"\0\0\0\0\x06\x0a\x04shop");
    let all = |name: &str| -> Vec<_> { call.headers.get_all(name).iter().cloned().collect() };
    assert_eq!(all("x-tenant"), ["a", "b"]);
    assert_eq!(all("trace-bin"), ["w78"]);
    assert_eq!(all("authorization"), ["Bearer token"]);
    assert_eq!(
        (all("te"), all("content-type")),
        (
            vec!["trailers".parse().unwrap()],
            vec!["application/grpc".parse().unwrap()]
        )
    );
    let left = all("grpc-timeout")[0]
        .to_str()
        .unwrap()
        .strip_suffix('m')
        .unwrap()
        .parse::<u32>();
    assert!(left.is_ok_and(|left| (1..=7_000).contains(&left)));
}

#[tokio::test]
async fn tls_must_agree_to_http2_and_its_certificate_is_a_fact() {
    let authority = Authority::new();
    let good = authority.good("health.test").server_config(&[b"h2"]);
    let named = over_tls(&authority, "server_name: health.test");
    let server = GrpcLab::tls(good, Check::Health(1)).await;
    let seen = Asking::by(&named).probe(&server.url_of("127.0.0.1")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(seen.value("probe_grpc_ssl"), Some(1.0));
    assert_eq!(
        seen.value("probe_tls_version_info{version=\"TLS 1.3\"}"),
        Some(1.0)
    );
    assert!(seen.value("probe_ssl_earliest_cert_expiry").is_some());
    assert!(seen.series().contains("probe_ssl_last_chain_info{"));
    for absent in ["probe_ssl_last_chain_expiry", "probe_tls_cipher_info"] {
        assert!(!seen.series().contains(absent), "{}", seen.series());
    }
    assert_eq!(
        server.last_call().uri.authority().unwrap().as_str(),
        "health.test"
    );

    let unagreed = authority.good("health.test").server_config(&[]);
    let expired = authority
        .bad("health.test", Flaw::Expired)
        .server_config(&[b"h2"]);
    for (config, cause) in [(unagreed, "tls_protocol"), (expired, "tls_expired")] {
        let server = GrpcLab::tls(config, Check::Health(1)).await;
        let seen = Asking::by(&named).probe(&server.url_of("127.0.0.1")).await;
        assert_eq!(seen.root(), cause);
        assert_eq!(seen.value("probe_grpc_ssl"), Some(0.0), "{cause}");
        assert_eq!(seen.value("probe_grpc_status_code"), Some(14.0));
        for absent in ["probe_ssl_", "probe_tls_"] {
            assert!(!seen.series().contains(absent), "{}", seen.series());
        }
    }
}
