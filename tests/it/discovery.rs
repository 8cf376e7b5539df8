//! Endpoints from patterns, files and URLs, in Prometheus' formats.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails as the test does"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use linkwatch::config::{self, Config, Files};
use linkwatch::discovery::{
    self, Discovered, DiscoveryError, RejectReason, Settings, Source, file, http, label::LabelError, pattern,
};
use linkwatch::endpoint::Labels;
use linkwatch::probe::tls;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn parse(text: &str) -> Config {
    config::parse(Path::new("linkwatch.yml"), text.as_bytes(), Files::memory([]))
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn discovered(target: &str, labels: &[(&str, &str)]) -> Discovered {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Discovered {
        target: target.to_owned(),
        labels: Labels::new(labels),
    }
}

fn targets(source: &Source) -> Vec<&str> {
    source
        .targets()
        .iter()
        .map(|target| target.target.as_str())
        .collect()
}

fn files(folder: &Path, names: &[&str]) -> Source {
    let settings = file::Settings {
        files: names.iter().map(|name| folder.join(name)).collect(),
        interval: Duration::from_secs(30),
    };
    Source::new(Settings::File(settings)).unwrap()
}

#[test]
fn a_discovered_target_becomes_an_endpoint_of_its_group() {
    let config = parse(
        "groups: [{name: web, url: \"https://{host}/health\", labels: {team: a, env: test}, discover: [{file_sd: {files: [a.json]}}]}]",
    );
    let found = [
        discovered("example.com", &[("env", "prod")]),
        discovered("bücher.example:8443", &[]),
        discovered("http://example.org/other?x=1", &[]),
        discovered("2001:db8::1", &[]),
    ];
    let (endpoints, rejected) = discovery::endpoints(&config.groups[0], &found);
    assert_eq!(rejected, []);
    let urls: Vec<_> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://example.com/health",
            "https://xn--bcher-kva.example:8443/health",
            "http://example.org/other?x=1",
            "https://[2001:db8::1]/health",
        ]
    );
    let labels: Vec<_> = endpoints[0].labels.iter().collect();
    assert_eq!(labels, [("env", "prod"), ("team", "a")]);
    assert_eq!(endpoints[3].host, "2001:db8::1");
}

#[test]
fn what_cannot_be_an_endpoint_is_left_out_and_named() {
    let config =
        parse("groups: [{name: web, hosts: [taken.example], discover: [{file_sd: {files: [a.json]}}]}]");
    let long = "a".repeat(5_000);
    let many: Vec<_> = (0..40).map(|index| format!("label_{index}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
    let found = [
        discovered("good.example", &[]),
        discovered("a b", &[]),
        discovered("", &[]),
        discovered("host/path", &[]),
        discovered("*.example.com", &[]),
        discovered("ftp://example.com/", &[]),
        discovered("https://user:password@example.com/", &[]),
        discovered("TAKEN.example", &[]),
        discovered("good.example", &[]),
        discovered("c.example", &[("job", "x")]),
        discovered("d.example", &[("a-b", "x")]),
        discovered("e.example", &many),
        discovered(&long, &[]),
        discovered("f.example", &[("big", &long)]),
    ];
    let (endpoints, rejected) = discovery::endpoints(&config.groups[0], &found);
    let names: Vec<_> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(names, ["taken.example", "good.example"]);
    let reasons: Vec<_> = rejected.into_iter().map(|rejected| rejected.reason).collect();
    assert_eq!(reasons.len(), 13);
    assert!(
        reasons[..4]
            .iter()
            .all(|reason| matches!(reason, RejectReason::Target(_))),
        "{reasons:?}"
    );
    assert!(matches!(&reasons[4], RejectReason::Scheme { scheme, .. } if scheme == "ftp"));
    assert_eq!(reasons[5], RejectReason::Credentials);
    assert!(matches!(&reasons[6], RejectReason::NameTaken(name) if name.as_str() == "taken.example"));
    assert!(matches!(reasons[7], RejectReason::NameTaken(_)));
    assert!(matches!(
        reasons[8],
        RejectReason::Label {
            error: LabelError::Reserved,
            ..
        }
    ));
    assert!(matches!(
        reasons[9],
        RejectReason::Label {
            error: LabelError::Grammar,
            ..
        }
    ));
    assert_eq!(
        reasons[10..],
        [
            RejectReason::TooManyLabels,
            RejectReason::TooLong,
            RejectReason::TooLong
        ]
    );
}

#[test]
fn names_are_unique_over_groups_and_named_hosts_come_first() {
    let config = parse(
        "groups:\n  - {name: a, discover: [{file_sd: {files: [a.json]}}]}\n  - {name: b, hosts: [shared.example]}\n",
    );
    let found = [discovered("shared.example", &[]), discovered("own.example", &[])];
    let plans = [(&config.groups[0], &found[..]), (&config.groups[1], &[])];
    let (endpoints, rejected) = discovery::catalogue(plans);
    let owners: Vec<_> = endpoints
        .iter()
        .map(|endpoint| (endpoint.name.as_str(), endpoint.group.name.as_str()))
        .collect();
    assert_eq!(owners, [("shared.example", "b"), ("own.example", "a")]);
    assert_eq!(rejected.len(), 1);
}

#[tokio::test]
async fn files_are_read_again_and_a_broken_one_keeps_its_last_good_list() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(
        at("a.yml"),
        "- targets: [a.example, b.example]\n  labels: {env: prod, __meta_x: y}\n",
    )
    .unwrap();
    fs::write(at("b.json"), r#"[{"targets": ["c.example"]}]"#).unwrap();
    fs::write(at("ignored.txt"), "x").unwrap();
    let mut source = files(folder.path(), &["*.yml", "b.json"]);

    let first = source.refresh().await;
    assert!(first.changed && first.problems.is_empty(), "{first:?}");
    assert_eq!(targets(&source), ["a.example", "b.example", "c.example"]);
    assert_eq!(
        source.targets()[0].labels.iter().collect::<Vec<_>>(),
        [("env", "prod")]
    );
    assert!(!source.refresh().await.changed);

    fs::write(at("a.yml"), "- targets: [a.example").unwrap();
    fs::write(at("b.json"), r#"[{"targets": ["d.example"]}]"#).unwrap();
    let broken = source.refresh().await;
    assert!(
        matches!(&broken.problems[..], [DiscoveryError::Format { place, .. }] if place.ends_with("a.yml")),
        "{broken:?}"
    );
    assert_eq!(targets(&source), ["a.example", "b.example", "d.example"]);
    assert_eq!(
        source.refresh().await.problems.len(),
        1,
        "a broken file is said until it is mended"
    );

    // A file that matches no longer has no targets; one that is named and gone keeps its own.
    fs::remove_file(at("a.yml")).unwrap();
    fs::remove_file(at("b.json")).unwrap();
    let gone = source.refresh().await;
    assert!(
        matches!(&gone.problems[..], [DiscoveryError::Read { path, .. }] if path.ends_with("b.json")),
        "{gone:?}"
    );
    assert_eq!(targets(&source), ["d.example"]);

    fs::write(at("b.json"), "[]").unwrap();
    fs::write(at("c.yml"), "[{targets: [e.example]}]").unwrap();
    assert!(source.refresh().await.problems.is_empty());
    assert_eq!(targets(&source), ["e.example"]);
}

#[tokio::test]
async fn what_is_no_target_list_is_a_problem_and_never_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    for content in [
        &b"{"[..],
        b"null",
        b"[{\"targets\": 1}]",
        b"[{\"target\": [\"a\"]}]",
        b"[{\"targets\": [\"a\"], \"labels\": {\"a\": 1}}]",
        b"\xff\xfe",
        b"",
    ] {
        fs::write(folder.path().join("a.json"), content).unwrap();
        let mut source = files(folder.path(), &["a.json"]);
        let refresh = source.refresh().await;
        assert_eq!(
            refresh.problems.len(),
            usize::from(!content.is_empty()),
            "{content:?}: {refresh:?}"
        );
        assert!(source.targets().is_empty());
    }
    let deep = "[".repeat(100_000);
    for name in ["deep.json", "deep.yml"] {
        fs::write(folder.path().join(name), &deep).unwrap();
        assert_eq!(files(folder.path(), &[name]).refresh().await.problems.len(), 1);
    }
}

#[tokio::test]
async fn a_long_list_is_cut_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let list: Vec<_> = (0..=discovery::MOST_TARGETS)
        .map(|index| format!("h{index}"))
        .collect();
    let text = serde_json::json!([{"targets": list}]).to_string();
    fs::write(folder.path().join("a.json"), text).unwrap();
    let mut source = files(folder.path(), &["a.json"]);
    let refresh = source.refresh().await;
    assert!(
        matches!(
            &refresh.problems[..],
            [DiscoveryError::TooManyTargets { count: 100_001, .. }]
        ),
        "{refresh:?}"
    );
    assert_eq!(source.targets().len(), discovery::MOST_TARGETS);
}

/// Reads one request and answers it; the head of the request is returned.
async fn answer<S: AsyncReadExt + AsyncWriteExt + Unpin>(mut stream: S, response: &[u8]) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    // The client may have heard enough.
    let _ = stream.write_all(response).await;
    let _ = stream.shutdown().await;
    String::from_utf8(head).unwrap()
}

fn json_response(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A source that asks a port of this machine, as the configuration makes it.
fn http_source(port: u16, more: &str) -> Source {
    let text = format!(
        "groups: [{{name: web, discover: [{{http_sd: {{url: \"http://127.0.0.1:{port}/targets\", refresh_interval: 90s, {more}}}}}]}}]"
    );
    Source::new(parse(&text).groups[0].sources[0].clone()).unwrap()
}

async fn refresh_against(
    source: &mut Source,
    listener: &TcpListener,
    response: &[u8],
) -> (discovery::Refresh, String) {
    let serve = async {
        let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        answer(stream, response).await
    };
    tokio::join!(source.refresh(), serve)
}

#[tokio::test]
async fn a_url_is_asked_as_prometheus_asks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut source = http_source(port, "basic_auth: {username: me, password: nightingale}");
    assert_eq!(source.interval(), Duration::from_secs(90));
    let body =
        r#"[{"targets": ["a.example", "https://b.example/x"], "labels": {"env": "prod", "__meta": "x"}}]"#;
    let (refresh, request) = refresh_against(&mut source, &listener, &json_response(body)).await;
    assert!(refresh.changed && refresh.problems.is_empty(), "{refresh:?}");
    assert_eq!(targets(&source), ["a.example", "https://b.example/x"]);
    let request = request.to_lowercase();
    assert!(request.starts_with("get /targets http/1.1\r\n"), "{request}");
    assert!(
        request.contains("x-prometheus-refresh-interval-seconds: 90\r\n"),
        "{request}"
    );
    assert!(
        request.contains("authorization: basic bwu6bmlnahrpbmdhbgu=\r\n"),
        "{request}"
    );
    assert!(request.contains("user-agent: linkwatch/"), "{request}");
}

#[tokio::test]
async fn a_bad_answer_keeps_the_last_good_list() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut source = http_source(port, "authorization: {credentials: hunter2}");
    refresh_against(
        &mut source,
        &listener,
        &json_response(r#"[{"targets": ["a.example"]}]"#),
    )
    .await;
    let huge = json_response(&format!("[{}1]", " ".repeat(17 << 20)));
    for response in [
        &b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[]",
        b"garbage\r\n\r\n",
        &json_response("{\"targets\": []}"),
        &huge,
    ] {
        let (refresh, _) = refresh_against(&mut source, &listener, response).await;
        assert!(!refresh.changed);
        assert_eq!(refresh.problems.len(), 1);
        let text = refresh.problems[0].to_string();
        assert!(text.contains("/targets") && !text.contains("hunter2"), "{text}");
        assert_eq!(targets(&source), ["a.example"]);
    }
    drop(listener);
    assert_eq!(source.refresh().await.problems.len(), 1);
    assert_eq!(targets(&source), ["a.example"]);
}

#[tokio::test]
async fn a_url_over_tls_is_verified_with_the_named_authority() {
    let authority = rcgen::CertifiedIssuer::self_signed(
        {
            let mut params = rcgen::CertificateParams::new([]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        },
        rcgen::KeyPair::generate().unwrap(),
    )
    .unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let source = |roots: Option<Vec<u8>>| {
        Source::new(Settings::Http(Box::new(http::Settings {
            url: url.parse().unwrap(),
            interval: Duration::from_secs(60),
            authorization: None,
            tls: tls::Settings {
                roots,
                ..tls::Settings::default()
            },
        })))
    };
    for (roots, good) in [(Some(authority.pem().into_bytes()), true), (None, false)] {
        let mut source = source(roots).unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, &json_response(r#"[{"targets": ["a.example"]}]"#)).await;
            }
        };
        let (refresh, ()) = tokio::join!(source.refresh(), serve);
        assert_eq!(refresh.problems.is_empty(), good, "{refresh:?}");
    }
    assert!(source(Some(b"no certificate".to_vec())).is_err());
}

/// A pattern, and what it stands for.
fn patterns() -> impl Strategy<Value = (String, Vec<String>)> {
    let literal = "[a-z0-9.-]{0,4}".prop_map(|text: String| (text.clone(), vec![text]));
    let range = (0u64..50, 0u64..20, any::<bool>()).prop_map(|(first, more, padded)| {
        let width = if padded { 4 } else { 1 };
        let last = first + more;
        let all = (first..=last).map(|number| format!("{number:0width$}")).collect();
        (format!("{{{first:0width$}..{last:0width$}}}"), all)
    });
    let item = proptest::prop_oneof![literal, range];
    item.prop_recursive(3, 12, 3, |inner| {
        proptest::collection::vec(inner, 2..4).prop_map(|choices| {
            let text: Vec<_> = choices.iter().map(|(text, _)| text.as_str()).collect();
            let all = choices.iter().flat_map(|(_, all)| all.clone()).collect();
            (format!("{{{}}}", text.join(",")), all)
        })
    })
}

proptest! {
    #[test]
    fn a_pattern_stands_for_every_combination((left, lefts) in patterns(), (right, rights) in patterns()) {
        let expanded = pattern::expand(&format!("{left}-{right}"), 1_000_000).unwrap();
        let expected: Vec<_> =
            lefts.iter().flat_map(|left| rights.iter().map(move |right| format!("{left}-{right}"))).collect();
        prop_assert_eq!(expanded, expected);
    }

    #[test]
    fn no_pattern_panics_or_exceeds_its_bound(text in "[a{},.0-9]{0,30}") {
        if let Ok(expanded) = pattern::expand(&text, 500) {
            prop_assert!(expanded.len() <= 500);
            prop_assert!(expanded.iter().all(|host| !host.contains(['{', '}'])), "braces are left");
        }
    }
}
