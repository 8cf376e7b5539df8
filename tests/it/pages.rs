//! The pages for people, and the API beside them: what they say, and that nothing from outside deceives a reader.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use linkwatch::cause::Cause;
use linkwatch::diagnosis::{Standing, Verdict};
use linkwatch::endpoint::{Confirm, EndpointName, Group, Labels};
use linkwatch::observation::AttemptKind;
use linkwatch::outcome::{Attempt, ConnectFailure, Failure, Hop, Outcome, Peer, Resolution, Timings};
use linkwatch::record::{Recorder, Seen, keeper};
use linkwatch::state::State;
use linkwatch::state::store::Store;
use linkwatch::web::Limits;
use tokio::sync::mpsc;

use crate::watched::{catalogue, clock, drifted, endpoint, finding, group, healthy, large, now, slot, state};
use crate::web::{Reply, Running};

/// What would deceive a reader if it were shown as it is.
const HOSTILE: &str = "<img src=x onerror=alert(1)> \u{202e}txt.exe\u{1b}[2J \"'&";

fn refused(at: jiff::Timestamp) -> Outcome {
    let address = "192.0.2.7:443".parse().unwrap();
    Outcome {
        prober: linkwatch::endpoint::ProberName::Http,
        judges_json: false,
        started: at,
        elapsed: Duration::from_millis(12),
        resolution: Resolution {
            name: "a.example".to_owned(),
            addresses: vec!["192.0.2.7".parse().unwrap()],
            ..Resolution::default()
        },
        attempts: vec![Attempt {
            peer: Peer::Address(address),
            hops: vec![Hop {
                answer: None,
                url: "https://a.example/c/canary".to_owned(),
                address: Some(address),
                proxy: None,
                revocation: None,
                timings: Timings {
                    connect: Duration::from_millis(9),
                    ..Timings::default()
                },
                tls: None,
                response: None,
                failure: Some(Failure::Connect(ConnectFailure::Refused)),
            }],
            violations: Vec::new(),
        }],
    }
}

/// A group that believes the first failure.
fn hasty(name: &str) -> Arc<Group> {
    Arc::new(Group {
        confirm: Confirm {
            attempts: 0,
            pause: Duration::ZERO,
        },
        ..Group::clone(&group(name))
    })
}

fn record(recorder: &Recorder, state: &State, name: &str, outcome: Outcome) {
    let slot = Arc::clone(state.catalogue().find(name).unwrap());
    recorder.record(Seen {
        slot,
        kind: AttemptKind::Scheduled,
        outcome,
    });
}

/// Two endpoints of a group, the first of them refused.
fn broken() -> Arc<State> {
    let group = hasty("tracking");
    let slots = ["a.example", "b.example"].map(|name| slot(&group, name, Some(healthy())));
    let state = state(catalogue(&group, slots.into()));
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    record(&recorder, &state, "a.example", refused(now()));
    state
}

async fn page(state: Arc<State>, path: &str) -> Reply {
    Running::with(state, Limits::default()).await.get(path).await
}

#[tokio::test]
async fn what_is_wrong_is_a_sentence_with_what_to_do() {
    let reply = page(broken(), "/").await;
    let text = reply.text();
    for part in [
        "1 endpoint is down",
        "1 of 2 in <bdi>tracking</bdi>: The address refuses connections on the port, since ",
        "<bdi>connection refused</bdi>",
        "a.example",
        "href=\"endpoints/a.example\"",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn an_endpoint_shows_every_layer_with_what_should_be_beside_what_is() {
    let reply = page(broken(), "/endpoints/a.example").await;
    let text = reply.text();
    let order = [
        "connect_refused",
        "<th scope=\"row\">dns</th>",
        "an address",
        "192.0.2.7",
        "<th scope=\"row\">connect</th>",
        "wrong",
        "<code>connect_refused</code>",
        "a connection to port 443 of every address",
        "192.0.2.7:443; failed: connection refused",
        "<th scope=\"row\">tls</th>",
        "a trusted certificate for a.example",
        "not reached",
        "id=\"probes\"",
        "id=\"certificate\"",
        "id=\"incidents\"",
        "linkwatch explain connect_refused",
        "linkwatch check <bdi>https://a.example/c/canary</bdi>",
    ];
    let mut rest = text;
    for part in order {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part} is missing in {rest}"));
        rest = after;
    }
}

#[tokio::test]
async fn hostile_texts_show_as_texts_on_every_page() {
    let group = group("tracking");
    let mut known = drifted();
    let verdict = known.verdict.as_deref().unwrap().clone();
    known.verdict = Some(Arc::new(Verdict {
        root: Some(finding(Cause::HttpBody, HOSTILE, HOSTILE)),
        others: vec![finding(Cause::HttpSlow, HOSTILE, HOSTILE)],
        ..verdict
    }));
    let mut chain = known.chain.as_deref().unwrap().clone();
    for facts in &mut chain.certificates {
        (facts.subject, facts.issuer_name) = (HOSTILE.to_owned(), HOSTILE.to_owned());
        facts.names = vec![HOSTILE.to_owned()];
    }
    known.chain = Some(Arc::new(chain));
    let mut endpoint = linkwatch::endpoint::Endpoint::clone(&endpoint(&group, "a.example"));
    endpoint.name = EndpointName::from(HOSTILE);
    endpoint.labels = Labels::new([("team".to_owned(), HOSTILE.to_owned())]);
    let slot = linkwatch::state::Slot::new(Arc::new(endpoint));
    slot.publish(known);
    let state = state(catalogue(&group, vec![Arc::new(slot)]));
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    record(&recorder, &state, HOSTILE, refused(now()));
    let server = Running::with(state, Limits::default()).await;
    let name = "%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%20%E2%80%AEtxt.exe%1B%5B2J%20%22%27%26";
    for path in [
        "/".to_owned(),
        format!("/endpoints/{name}"),
        "/incidents".to_owned(),
        format!("/badges/endpoints/{name}.svg"),
        format!("/endpoints/no{name}"),
        format!("/?q={name}&group={name}"),
    ] {
        let reply = server.get(&path).await;
        let text = reply.text();
        for raw in ["<img", "\u{202e}", "\u{1b}", "<script"] {
            assert!(!text.contains(raw), "{raw:?} stands in {path}: {text}");
        }
        assert_ne!(reply.status, 500);
    }
}

#[tokio::test]
async fn five_thousand_endpoints_are_two_hundred_a_page_and_small_on_the_wire() {
    let state = large(5_000);
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    for number in 0..200 {
        for _ in 0..40 {
            record(
                &recorder,
                &state,
                &format!("endpoint-{:05}.example", number * 10),
                refused(now()),
            );
        }
    }
    let server = Running::with(state, Limits::default()).await;
    let reply = server.ask("GET", "/", &["accept-encoding: gzip"]).await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(reply.body.len() < 200_000, "{} bytes", reply.body.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(reply.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.matches("<svg class=\"strip\"").count(), 200);
    assert!(text.contains("Page 1 of 25"), "{text}");
    let last = server.get("/?page=25").await;
    assert_eq!(last.text().matches("<svg class=\"strip\"").count(), 200);
    assert!(last.text().contains("rel=\"prev\""));
    assert!(!last.text().contains("rel=\"next\""));
}

#[tokio::test]
async fn endpoints_are_found_by_words_group_and_state() {
    let server = Running::with(large(450), Limits::default()).await;
    for (query, found) in [
        ("?q=00449", "1 of 450"),
        ("?q=ENDPOINT+-0044", "10 of 450"),
        ("?q=connect_refused", "45 of 450"),
        ("?state=down", "45 of 450"),
        ("?state=down&q=00440", "1 of 450"),
        ("?group=elsewhere", "0 of 450"),
        ("?cause=connect_refused", "45 of 450"),
    ] {
        let reply = server.get(&format!("/{query}")).await;
        let said = format!("{found} endpoints");
        assert!(reply.text().contains(&said), "{query} should find {said}");
    }
}

#[tokio::test]
async fn what_is_not_probed_any_more_is_not_shown_as_well() {
    let group = group("tracking");
    let mut old = healthy();
    old.last_run = old.last_run.map(|last| last - jiff::SignedDuration::from_mins(5));
    let state = state(catalogue(&group, vec![slot(&group, "a.example", Some(old))]));
    let server = Running::with(state, Limits::default()).await;
    assert!(
        server
            .get("/")
            .await
            .text()
            .contains("1 endpoint not known at the moment")
    );
    let badge = server.get("/badges/groups/tracking.svg").await;
    assert!(badge.text().contains("1 of 1 unknown"), "{}", badge.text());
}

#[tokio::test]
async fn badges_say_how_an_endpoint_and_a_group_stand() {
    let server = Running::with(broken(), Limits::default()).await;
    for (path, status, words) in [
        ("/badges/endpoints/a.example.svg", 200, "a.example: down"),
        ("/badges/groups/tracking.svg", 200, "tracking: 1 of 2 down"),
        ("/badges/groups/other.svg", 404, "other: not watched"),
    ] {
        let reply = server.get(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, Some("image/svg+xml"))
        );
        assert!(reply.text().contains(words), "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn a_page_asks_again_only_where_it_is_told_to() {
    let server = Running::small().await;
    assert_eq!(server.get("/").await.header("refresh"), None);
    assert_eq!(server.get("/?refresh=15").await.header("refresh"), Some("15"));
    assert_eq!(server.get("/?refresh=0").await.header("refresh"), None);
}

#[tokio::test]
async fn incidents_outlive_a_restart_and_end_when_their_endpoints_are_well() {
    let directory = tempfile::tempdir().unwrap();
    {
        let opened = Store::open(directory.path()).unwrap();
        let (kept, changes) = mpsc::channel(16);
        let state = broken_with(Some(kept));
        drop(state);
        tokio::task::spawn_blocking(move || keeper::keep(&opened.store, changes))
            .await
            .unwrap();
    }
    let remembered = Store::open(directory.path()).unwrap().remembered;
    assert_eq!(remembered.incidents.len(), 1);
    let group = hasty("tracking");
    let state = state(catalogue(&group, Vec::new()));
    let recorder = Recorder::new(Arc::clone(&state), clock(), None);
    recorder.remember_incidents(remembered.incidents);
    let mut known = remembered.endpoints;
    let endpoints = ["a.example", "b.example"].map(|name| endpoint(&group, name));
    recorder.replace_catalogue([(Arc::clone(&group), Labels::default())], endpoints, |name| {
        known.remove(name)
    });
    let stands = state.incidents();
    assert_eq!(
        (stands.len(), stands[0].ended, stands[0].affected),
        (1, None, 1),
        "it goes on"
    );
    recorder.replace_catalogue([(group, Labels::default())], [], |_| None);
    assert_eq!(state.incidents()[0].ended, Some(now()), "nothing of it is left");
}

/// `broken`, with what must outlive a restart sent on.
fn broken_with(keeper: Option<mpsc::Sender<keeper::Kept>>) -> Arc<State> {
    let group = hasty("tracking");
    let slots = ["a.example", "b.example"].map(|name| slot(&group, name, None));
    let state = state(catalogue(&group, slots.into()));
    let recorder = Recorder::new(Arc::clone(&state), clock(), keeper);
    record(&recorder, &state, "a.example", refused(now()));
    let seen = state.catalogue().find("a.example").unwrap().current().unwrap();
    assert_eq!(seen.verdict.as_deref().unwrap().standing, Standing::Down);
    state
}

#[tokio::test]
async fn the_description_of_the_api_knows_every_cause_and_every_path() {
    let server = Running::with(broken(), Limits::default()).await;
    let description = server.get("/api/v1/openapi.yaml").await;
    assert_eq!(description.header("content-type"), Some("application/yaml"));
    let document: serde_json::Value = serde_saphyr::from_str(description.text()).unwrap();
    let causes: Vec<&str> = document["components"]["schemas"]["Cause"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let known: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    assert_eq!(causes, known);
    for path in document["paths"].as_object().unwrap().keys() {
        let path = path.replace("{name}", "a.example");
        assert_eq!(server.get(&path).await.status, 200, "{path}");
    }
    // The other way round: what an answer holds is described.
    let schemas = &document["components"]["schemas"];
    let described = |schema: &str| -> BTreeSet<String> {
        let properties = schemas[schema]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    };
    let held = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let endpoint = server.get("/api/v1/endpoints/a.example").await.json();
    let incidents = server.get("/api/v1/incidents").await.json();
    assert_eq!(held(&endpoint), described("Endpoint"));
    assert_eq!(held(&endpoint["root"]), described("Finding"));
    assert_eq!(held(&endpoint["certificate"]), described("Chain"));
    assert_eq!(
        held(&endpoint["certificate"]["chain"][0]),
        described("Certificate")
    );
    assert_eq!(held(&incidents[0]), described("Incident"));
}

#[tokio::test]
async fn page_and_api_tell_what_platform_authority_and_registry_say() {
    let server = Running::small().await;
    let renewed = server.get("/api/v1/endpoints/a.example").await.json();
    let told = server.get("/api/v1/endpoints/c.example").await.json();
    let description = server.get("/api/v1/openapi.yaml").await;
    let document: serde_json::Value = serde_saphyr::from_str(description.text()).unwrap();
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let described = |schema: &str| keys(&document["components"]["schemas"][schema]["properties"]);
    assert_eq!(keys(&renewed["renewal"]), described("Renewal"));
    assert_eq!(keys(&told["platform"]), described("Platform"));

    let renewal = &renewed["renewal"];
    assert_eq!(renewal["authority"]["name"], "letsencrypt");
    assert_eq!(renewal["authority"]["up"], true);
    assert_eq!(renewal["window"]["start"], "2026-05-10T00:00:00Z");
    assert_eq!(renewal["caa"]["permits"], true);
    assert_eq!(renewed["platform"]["listed"], false);
    let platform = &told["platform"];
    assert_eq!(platform["expects"], serde_json::json!(["new.dns.example"]));
    assert_eq!(
        (&platform["certificate"], &platform["status"]),
        (&"failing".into(), &"failing".into())
    );

    for (name, parts) in [
        (
            "a.example",
            [
                "To be renewed",
                "permit its renewal",
                "letsencrypt</bdi> answers",
                "not in the platform's list",
            ],
        ),
        (
            "c.example",
            [
                "new.dns.example",
                "the platform fails to get or to renew it",
                "Says",
                "heroku-main",
            ],
        ),
    ] {
        let page = server.get(&format!("/endpoints/{name}")).await;
        for part in parts {
            assert!(
                page.text().contains(part),
                "{part} is missing on {name}: {}",
                page.text()
            );
        }
    }
}
