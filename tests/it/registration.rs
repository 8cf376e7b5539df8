//! Registrations: a table of cases from the RFCs, asked of a registry on loopback and judged.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::Timestamp;
use linkwatch::foresight::rdap::{BETWEEN_LOOKS, Bootstrap, RdapError, Registries, Settings, registrable};
use serde::Deserialize;
use serde_json::Value;

use crate::lab::{Answer, Reply, WebLab};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    status: u16,
    retry_after: Option<String>,
    body: Option<Value>,
    text: Option<String>,
    learnt: Option<String>,
    trouble: Option<String>,
    problem: Option<String>,
}

fn now() -> Timestamp {
    "2026-05-08T21:00:00Z".parse().unwrap()
}

async fn registries(answer: impl Into<Answer>) -> (WebLab, Registries) {
    let lab = WebLab::plain().answer(answer).start().await;
    let file = format!(r#"{{"services": [[["com"], ["{}"]]]}}"#, lab.url("/rdap"));
    let settings = Settings {
        bootstrap: Bootstrap::parse(file.as_bytes()).unwrap(),
        client: linkwatch::fetch::Settings::default(),
    };
    (lab, Registries::new(settings).unwrap())
}

#[tokio::test]
async fn registrations_are_judged_as_the_table_of_cases_says() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../scenarios/registration.yaml")).unwrap();
    assert!(cases.len() > 15);
    for case in cases {
        let body = match (&case.body, &case.text) {
            (Some(body), None) => body.to_string(),
            (None, Some(text)) => text.clone(),
            _ => panic!("{}: body or text", case.name),
        };
        let mut reply = Reply::new(case.status, body).header("content-type", "application/rdap+json");
        if let Some(after) = &case.retry_after {
            reply = reply.header("retry-after", after);
        }
        let (lab, registries) = registries(reply).await;
        let found = registries.look_up("example.com", now()).await;
        assert_eq!(
            lab.last_request().path,
            "/rdap/domain/example.com",
            "{}",
            case.name
        );
        match (found, &case.problem) {
            (Ok(registration), None) => {
                let learnt = registration
                    .expiry
                    .map_or_else(|| "none".to_owned(), |expiry| expiry.to_string());
                assert_eq!(Some(&learnt), case.learnt.as_ref(), "{}", case.name);
                let trouble = registration.trouble(now()).map(|(_, actual)| actual);
                assert_eq!(trouble, case.trouble, "{}", case.name);
            }
            (Err(error), Some(problem)) => {
                assert!(error.to_string().contains(problem), "{}: {error}", case.name);
                assert!(error.wait() >= Duration::from_secs(3_600), "{}", case.name);
            }
            (found, _) => panic!("{}: {found:?}", case.name),
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_about_a_domain_that_no_registry_is_known_for() {
    let (lab, registries) = registries(Answer::status(500)).await;
    let error = registries.look_up("example.dev", now()).await.unwrap_err();
    assert_eq!(error, RdapError::NoRegistry("example.dev".to_owned()));
    assert_eq!(error.wait(), BETWEEN_LOOKS);
    assert_eq!(lab.requests(), 0);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off() {
    let (_lab, registries) = registries(Answer::EndlessBody).await;
    let error = registries.look_up("example.com", now()).await.unwrap_err();
    assert!(error.to_string().contains("is larger than"), "{error}");
}

#[test]
fn the_registrable_domain_follows_the_public_suffixes() {
    let of = |host: &str| registrable(host);
    assert_eq!(of("links.a.example.com").as_deref(), Some("example.com"));
    assert_eq!(of("*.example.co.uk").as_deref(), Some("example.co.uk"));
    assert_eq!(of("Example.COM.").as_deref(), Some("example.com"));
    assert_eq!(of("co.uk"), None);
    assert_eq!(of("host.test"), None);
    assert_eq!(of("localhost"), None);
    assert_eq!(of("192.0.2.1"), None);
    assert_eq!(of("2001:db8::1"), None);
}

#[test]
fn the_bootstrap_file_that_comes_along_is_one() {
    assert_ne!(Bootstrap::built_in(), Bootstrap::default());
    assert!(Bootstrap::parse(b"{}").is_err());
    assert!(Bootstrap::parse(br#"{"services": []}"#).is_err());
}
