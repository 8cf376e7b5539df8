//! HTTP/3 over real sockets.

use std::time::Duration;

use linkwatch::build_info;

use crate::lab::{Authority, Flaw, Issued, Quic, QuicLab};
use crate::prober::{Asking, Seen};

fn module(authority: &Authority, more: &str) -> String {
    let roots = authority.root_pem().replace('\n', "\n      ");
    format!(
        "prober: http\nhttp:\n  enable_http3: true\n  enable_http2: false\n  valid_http_versions: [\"HTTP/3.0\"]\n  \
         preferred_ip_protocol: ip4\n{more}  tls_config:\n    ca: |\n      {roots}"
    )
}

fn hello() -> Quic {
    Quic::Reply(200, vec![("content-type", "text/plain".to_owned())], "hello")
}

async fn asked(authority: &Authority, issued: &Issued, protocol: &str, what: Quic) -> Seen {
    let server = QuicLab::start(issued, protocol, what).await;
    let asking = Asking::by(&module(authority, "")).within(Duration::from_secs(2));
    asking.probe(&server.url("https", "/")).await
}

#[tokio::test]
async fn an_answer_is_judged_and_counted_as_over_the_other_versions() {
    let authority = Authority::new();
    let server = QuicLab::start(&authority.good("127.0.0.1"), "h3", hello()).await;
    let more = "  method: POST\n  body: question\n  fail_if_body_not_matches_regexp: [hello]\n";
    let asking = Asking::by(&module(&authority, more));
    // Without TLS there is no HTTP/3: the URL is asked over TLS.
    for scheme in ["https", "http"] {
        let seen = asking.probe(&server.url(scheme, "/x?y=1")).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("", Some(1.0)),
            "{seen:?}"
        );
        for (series, value) in [
            ("probe_http_version", 3.0),
            ("probe_http_ssl", 1.0),
            ("probe_http_status_code", 200.0),
            ("probe_http_uncompressed_body_length", 5.0),
            ("probe_tls_version_info{version=\"TLS 1.3\"}", 1.0),
        ] {
            assert_eq!(seen.value(series), Some(value), "{series} in {}", seen.series());
        }
        assert!(seen.value("probe_ssl_earliest_cert_expiry").is_some());
    }
    let url = server.url("https", "/x?y=1");
    assert_eq!(
        server.seen()[0],
        format!("POST {url} \"question\" {}", build_info::USER_AGENT)
    );
}

#[tokio::test]
async fn redirects_are_followed_and_each_is_a_connection_of_its_own() {
    let authority = Authority::new();
    let end = QuicLab::start(&authority.good("127.0.0.1"), "h3", hello()).await;
    let to = Quic::Reply(302, vec![("location", end.url("https", "/to"))], "");
    let seen = asked(&authority, &authority.good("127.0.0.1"), "h3", to).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(seen.value("probe_http_redirects"), Some(1.0));
    assert_eq!(end.seen().len(), 1);
}

#[tokio::test]
async fn certificates_are_judged_and_nothing_is_sent_where_they_are_wrong() {
    let authority = Authority::new();
    for (flaw, cause) in [
        (Flaw::Expired, "tls_expired"),
        (Flaw::WrongName, "tls_hostname_mismatch"),
    ] {
        let server = QuicLab::start(&authority.bad("127.0.0.1", flaw), "h3", hello()).await;
        let seen = Asking::by(&module(&authority, ""))
            .probe(&server.url("https", "/"))
            .await;
        assert_eq!((seen.root(), server.seen().len()), (cause, 0), "{seen:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_has_the_cause_that_it_has_elsewhere() {
    let authority = Authority::new();
    let good = authority.good("127.0.0.1");
    assert_eq!(
        asked(&authority, &good, "h3", Quic::Stall).await.root(),
        "http_timeout"
    );
    assert_eq!(
        asked(&authority, &good, "h3", Quic::Close).await.root(),
        "http_closed"
    );
    let other = asked(&authority, &good, "imap", hello()).await;
    let root = other.verdict.root.as_ref().expect("a root");
    assert_eq!(
        (other.root(), root.actual.as_str()),
        ("tls_alert", "alert: no_application_protocol")
    );
    let status = asked(&authority, &good, "h3", Quic::Reply(503, Vec::new(), "busy")).await;
    assert_eq!(status.root(), "http_status");
}

#[tokio::test]
async fn silence_is_a_matter_of_the_connection() {
    let authority = Authority::new();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let url = format!("https://{}/", silent.local_addr().expect("its address"));
    let asking = Asking::by(&module(&authority, "")).within(Duration::from_millis(500));
    let seen = asking.probe(&url).await;
    assert_eq!(
        (seen.root(), seen.value("probe_http_version")),
        ("connect_timeout", Some(0.0))
    );
}
