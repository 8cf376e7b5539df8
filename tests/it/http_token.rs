//! Tokens: where they come from, how long they last, and what it means when there is none.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::lab::{Answer, Authority, Connect, ProxyLab, Proxying, Reply, WebLab};
use crate::prober::{Asking, Seen};

fn module(keys: &str) -> String {
    format!("prober: http\nhttp:\n  preferred_ip_protocol: ip4\n  oauth2:\n    client_id: probe\n{keys}")
}

fn secret(issuer: &WebLab) -> String {
    format!(
        "    client_secret: sweet-secret\n    token_url: \"{}\"\n",
        issuer.url("/token")
    )
}

fn token(token: &str, expires: u64) -> Reply {
    Reply::text(&format!(
        r#"{{"access_token": "{token}", "token_type": "bearer", "expires_in": {expires}}}"#
    ))
}

fn root(seen: &Seen) -> (&'static str, String, String) {
    let root = seen.verdict.root.as_ref().expect("a root");
    (root.cause.as_str(), root.expected.clone(), root.actual.clone())
}

#[tokio::test]
async fn a_token_is_fetched_once_and_sent_with_every_probe_until_it_expires() {
    let issuer = WebLab::plain().answer(token("abc", 3600)).start().await;
    let web = WebLab::plain().start().await;
    let keys = format!(
        "{}    scopes: [read, write]\n    endpoint_params: {{resource: \"a b\"}}\n",
        secret(&issuer)
    );
    let asking = Asking::by(&module(&keys));
    for _ in 0..3 {
        let seen = asking.probe(&web.url("/")).await;
        assert_eq!(
            (seen.root(), seen.value("probe_success")),
            ("", Some(1.0)),
            "{seen:?}"
        );
        assert_eq!(web.last_request().header("authorization"), Some("Bearer abc"));
    }
    assert_eq!(issuer.requests(), 1);
    let asked = issuer.last_request();
    assert_eq!(asked.method, "POST");
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        "grant_type=client_credentials&scope=read+write&resource=a+b"
    );
    let basic = format!("Basic {}", BASE64_STANDARD.encode("probe:sweet-secret"));
    assert_eq!(asked.header("authorization"), Some(basic.as_str()));
}

#[tokio::test]
async fn a_token_that_has_ended_or_that_the_target_refuses_is_fetched_anew() {
    let issuer = WebLab::plain().answer(token("abc", 5)).start().await;
    let web = WebLab::plain().start().await;
    let asking = Asking::by(&module(&secret(&issuer)));
    asking.probe(&web.url("/")).await;
    issuer.answer(token("def", 3600));
    asking.probe(&web.url("/")).await;
    assert_eq!(web.last_request().header("authorization"), Some("Bearer def"));
    web.answer(Answer::status(401));
    assert_eq!(asking.probe(&web.url("/")).await.root(), "http_status");
    asking.probe(&web.url("/")).await;
    assert_eq!(issuer.requests(), 3);
}

#[tokio::test]
async fn credentials_go_into_the_body_for_an_endpoint_that_refuses_them_in_the_header() {
    let issuer = WebLab::plain().start().await;
    issuer.answer(Answer::decide(|request| {
        if String::from_utf8_lossy(&request.body).contains("client_secret=sweet-secret") {
            token("abc", 1).into()
        } else {
            Answer::status(401)
        }
    }));
    let web = WebLab::plain().start().await;
    let asking = Asking::by(&module(&secret(&issuer)));
    for requests in [2, 3] {
        assert_eq!(asking.probe(&web.url("/")).await.root(), "");
        assert_eq!(issuer.requests(), requests, "what the endpoint takes is kept");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_and_the_endpoint_is_named() {
    let web = WebLab::plain().start().await;
    let issuer = WebLab::plain().start().await;
    let asking = Asking::by(&module(&secret(&issuer)));
    for (answer, actual) in [
        (
            Answer::from(Reply::new(
                400,
                r#"{"error": "invalid_client", "error_description": "sour-secret"}"#,
            )),
            "it answers 400, invalid_client",
        ),
        (Answer::text("<html>"), "its answer is not json"),
        (Answer::text("{}"), "its answer holds no access_token"),
        (
            Answer::CloseBeforeHead,
            "the connection ended before the answer was complete",
        ),
    ] {
        issuer.answer(answer);
        let seen = asking.probe(&web.url("/")).await;
        let root = root(&seen);
        assert_eq!((root.0, root.2.as_str()), ("http_token", actual));
        assert_eq!(root.1, format!("a token from {}", issuer.url("/token")));
        assert_eq!(seen.value("probe_success"), Some(0.0));
        assert_eq!(seen.value("probe_http_status_code"), Some(0.0));
        assert!(!format!("{seen:?}").contains("-secret"));
    }
    issuer.connect(Connect::Refuse).await;
    assert_eq!(root(&asking.probe(&web.url("/")).await).2, "connection refused");
    assert_eq!(web.requests(), 0);
}

#[tokio::test]
async fn a_silent_endpoint_ends_with_the_probe() {
    let web = WebLab::plain().start().await;
    let issuer = WebLab::plain().answer(Answer::Stall).start().await;
    let asking = Asking::by(&module(&secret(&issuer))).within(Duration::from_millis(500));
    assert_eq!(root(&asking.probe(&web.url("/")).await).0, "http_token");
}

#[tokio::test]
async fn the_endpoint_has_tls_and_a_proxy_of_its_own() {
    let authority = Authority::new();
    let issuer = WebLab::tls(authority.good("127.0.0.1"))
        .answer(token("abc", 60))
        .start()
        .await;
    let proxy = ProxyLab::start(Proxying::Http, issuer.addr()).await;
    let web = WebLab::plain().start().await;
    let untrusting = Asking::by(&module(&secret(&issuer)));
    let seen = untrusting.probe(&web.url("/")).await;
    assert_eq!(
        root(&seen).2,
        "the certificate is not acceptable: nothing was sent"
    );
    let roots = authority.root_pem().replace('\n', "\n        ");
    let keys = format!(
        "{}    proxy_url: \"http://{}\"\n    tls_config:\n      ca: |\n        {roots}",
        secret(&issuer),
        proxy.addr()
    );
    let seen = Asking::by(&module(&keys)).probe(&web.url("/")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    assert_eq!(proxy.told()[0], format!("CONNECT {} HTTP/1.1", issuer.addr()));
}

#[tokio::test]
async fn a_client_can_sign_what_it_asserts() {
    let issuer = WebLab::plain().answer(token("abc", 60)).start().await;
    let web = WebLab::plain().start().await;
    let key =
        rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("a key");
    let keys = format!(
        "    grant_type: \"urn:ietf:params:oauth:grant-type:jwt-bearer\"\n    token_url: \"{}\"\n    \
         client_certificate_key_id: key-1\n    claims: {{tenant: t}}\n    client_certificate_key: |\n      {}",
        issuer.url("/token"),
        key.serialize_pem().replace('\n', "\n      ")
    );
    let seen = Asking::by(&module(&keys)).probe(&web.url("/")).await;
    assert_eq!(seen.root(), "", "{seen:?}");
    let body = String::from_utf8_lossy(&issuer.last_request().body).into_owned();
    let assertion = body.rsplit_once("assertion=").expect("an assertion").1.to_owned();
    let decoding = jsonwebtoken::DecodingKey::from_rsa_der(key.public_key_raw());
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[issuer.url("/token")]);
    let read = jsonwebtoken::decode::<serde_json::Value>(&assertion, &decoding, &validation).expect("signed");
    assert_eq!(read.claims["iss"], "probe");
    assert_eq!(read.claims["sub"], "probe");
    assert_eq!(read.claims["tenant"], "t");
    assert_eq!(read.header.kid.as_deref(), Some("key-1"));
}
