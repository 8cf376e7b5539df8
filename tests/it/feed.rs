//! Status pages of others, in their three shapes, from servers on loopback.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::fetch::{self, FetchError};
use linkwatch::foresight::feed::{Client, FeedError, Kind, Settings};
use linkwatch::outlook::feed::{Feed, Indicator, Report};
use serde_json::{Value, json};

use crate::lab::web::{Answer, Reply, WebLab};

fn now() -> Timestamp {
    "2026-05-08T10:30:00Z".parse().unwrap()
}

fn client(page: &WebLab, kind: Kind) -> Client {
    let mut settings = Settings::new("page", page.url("/v1").parse().unwrap(), kind);
    settings.client = fetch::Settings {
        timeout: Duration::from_secs(2),
        ..settings.client
    };
    Client::new(&settings).unwrap()
}

fn heroku() -> Kind {
    Kind::Trust {
        product: "Heroku".to_owned(),
    }
}

/// What a page says whose document is this.
async fn said(kind: Kind, document: &Value) -> Report {
    let page = WebLab::plain()
        .answer(Reply::new(200, document.to_string()))
        .start()
        .await;
    client(&page, kind).ask(now()).await.unwrap()
}

fn statuspage(indicator: &str) -> Value {
    json!({
        "page": {"id": "x", "name": "Example", "updated_at": "2026-05-08T10:00:00Z"},
        "status": {"indicator": indicator, "description": "A summary"},
        "components": [{"name": "API", "status": "operational"}],
        "incidents": [],
        "scheduled_maintenances": [],
    })
}

fn status_io(code: i64) -> Value {
    json!({"result": {
        "status_overall": {"updated": "2026-05-08T10:00:00Z", "status": "A summary", "status_code": code},
        "status": [{"name": "acme-v02", "status_code": code, "containers": []}],
        "incidents": [],
        "maintenance": {"active": [], "upcoming": [{"name": "next week"}]},
    }})
}

#[tokio::test]
async fn a_statuspage_says_how_it_stands() {
    for (word, indicator) in [
        ("none", Indicator::Operational),
        ("maintenance", Indicator::Maintenance),
        ("minor", Indicator::Degraded),
        ("major", Indicator::Outage),
        ("critical", Indicator::Outage),
        ("on fire", Indicator::Unknown),
    ] {
        let report = said(Kind::Statuspage, &statuspage(word)).await;
        assert_eq!(report, Report::new(indicator, "A summary"), "{word}");
    }
    let least = json!({"status": {}});
    assert_eq!(said(Kind::Statuspage, &least).await, Report::default());
}

#[tokio::test]
async fn a_statuspage_names_its_open_incident_or_the_work_under_way() {
    let mut document = statuspage("major");
    document["incidents"] = json!([
        {"name": "Yesterday", "status": "resolved"},
        {"name": "Certificates cannot be issued", "status": "investigating"},
    ]);
    document["scheduled_maintenances"] = json!([{"name": "Work", "status": "in_progress"}]);
    let report = said(Kind::Statuspage, &document).await;
    assert_eq!(report.headline, "Certificates cannot be issued");

    let mut document = statuspage("none");
    document["scheduled_maintenances"] = json!([
        {"name": "Next week", "status": "scheduled"},
        {"name": "Work", "status": "in_progress"},
    ]);
    let report = said(Kind::Statuspage, &document).await;
    assert_eq!(report, Report::new(Indicator::Maintenance, "Work"));
}

#[tokio::test]
async fn a_page_of_status_io_says_how_it_stands() {
    for (code, indicator) in [
        (100, Indicator::Operational),
        (200, Indicator::Maintenance),
        (300, Indicator::Degraded),
        (400, Indicator::Outage),
        (500, Indicator::Outage),
        (600, Indicator::Degraded),
        (700, Indicator::Unknown),
        (-1, Indicator::Unknown),
    ] {
        let report = said(Kind::StatusIo, &status_io(code)).await;
        assert_eq!(report, Report::new(indicator, "A summary"), "{code}");
    }
    let mut document = status_io(500);
    document["result"]["maintenance"]["active"] = json!([{"name": "Work"}]);
    let report = said(Kind::StatusIo, &document).await;
    assert_eq!(report, Report::new(Indicator::Outage, "Work"));
    document["result"]["incidents"] = json!([{"name": "Issuance is down"}]);
    assert_eq!(said(Kind::StatusIo, &document).await.headline, "Issuance is down");
}

/// What Trust says of Heroku with these instances and incidents.
async fn trusted(instances: &Value, incidents: &Value) -> Report {
    let page = WebLab::plain()
        .answer(Answer::status(404))
        .route("/v1/instances", Reply::new(200, instances.to_string()))
        .route("/v1/incidents/active", Reply::new(200, incidents.to_string()))
        .start()
        .await;
    let report = client(&page, heroku()).ask(now()).await.unwrap();
    assert_eq!(page.recent_requests()[0].query, "products=Heroku");
    report
}

#[tokio::test]
async fn trust_says_the_worst_of_the_instances() {
    for (words, indicator) in [
        (["OK", "INFORMATIONAL_CORE"], Indicator::Operational),
        (["OK", "MAINTENANCE_NONCORE"], Indicator::Maintenance),
        (["MINOR_INCIDENT_CORE", "MAINTENANCE_CORE"], Indicator::Degraded),
        (
            ["MINOR_INCIDENT_NONCORE", "MAJOR_INCIDENT_NONCORE"],
            Indicator::Outage,
        ),
        (["OK", "MELTDOWN"], Indicator::Unknown),
    ] {
        let instances =
            json!([{"key": "EU", "status": words[0]}, {"key": "US", "status": words[1], "Products": []}]);
        let report = trusted(&instances, &json!([])).await;
        assert_eq!(report.indicator, indicator, "{words:?}");
    }
    assert_eq!(
        trusted(&json!([]), &json!([{"affectsAll": true}])).await,
        Report::default()
    );
}

#[tokio::test]
async fn trust_counts_only_incidents_of_the_product_that_have_not_ended() {
    let instances = json!([{"key": "HEROKU-EU"}, {"key": "HEROKU-US", "status": null}]);
    let incident = |keys: &[&str], severity: &str, end: Value| {
        json!([{
            "id": 7, "affectsAll": false, "instanceKeys": keys,
            "message": {"rootCause": " ", "actionPlan": "Engineers look at it"},
            "IncidentImpacts": [{"severity": severity, "type": "x", "endTime": end}],
        }])
    };
    let other = incident(&["NA1"], "major", Value::Null);
    assert_eq!(
        trusted(&instances, &other).await,
        Report::new(Indicator::Operational, "")
    );
    for (severity, indicator) in [
        ("minor", Indicator::Degraded),
        ("major", Indicator::Outage),
        ("grave", Indicator::Unknown),
    ] {
        let own = incident(&["NA1", "HEROKU-US"], severity, Value::Null);
        let report = trusted(&instances, &own).await;
        assert_eq!(report, Report::new(indicator, "Engineers look at it"));
    }
    let over = incident(&["HEROKU-US"], "major", json!("2026-05-08T10:00:00Z"));
    assert_ne!(trusted(&instances, &over).await.indicator, Indicator::Outage);
}

#[tokio::test]
async fn a_document_that_is_broken_huge_or_of_another_shape_is_an_error() {
    let page = WebLab::plain().start().await;
    let whole = statuspage("none").to_string();
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(5 << 20));
    for kind in [Kind::Statuspage, Kind::StatusIo, heroku()] {
        let client = client(&page, kind.clone());
        for broken in [&whole[..whole.len() / 2], "", "null", "7", "<html></html>", "{}"] {
            page.answer(Reply::new(200, broken.to_owned()));
            let error = client.ask(now()).await.unwrap_err();
            assert!(
                matches!(error, FeedError::Fetch(FetchError::Format { .. })),
                "{kind:?} {broken}: {error}"
            );
        }
        page.answer(Reply::new(200, huge.clone()));
        let error = client.ask(now()).await.unwrap_err();
        assert!(
            matches!(error, FeedError::Fetch(FetchError::TooLarge { .. })),
            "{error}"
        );
        page.answer(Answer::CloseInBody);
        let error = client.ask(now()).await.unwrap_err();
        assert!(
            matches!(error, FeedError::Fetch(FetchError::Send { .. })),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_headline_is_one_short_line() {
    let mut document = statuspage("critical");
    document["incidents"] = json!([{"name": format!("a\n\u{1b}[31m{}", "ä".repeat(1_000_000))}]);
    let headline = said(Kind::Statuspage, &document).await.headline;
    assert!(headline.len() <= 200 && headline.ends_with('…'), "{headline}");
    assert!(!headline.contains(char::is_control), "{headline}");
}

#[tokio::test]
async fn a_page_that_is_down_or_limits_keeps_what_it_said() {
    let page = WebLab::plain()
        .answer(Reply::new(200, statuspage("major").to_string()))
        .start()
        .await;
    let client = client(&page, Kind::Statuspage);
    let ask = async |feed: Feed, at: Timestamp| {
        let look = client.ask(at).await.map_err(|error| error.to_string());
        feed.after(look, at)
    };
    let feed = ask(Feed::new("page"), now()).await;
    page.answer(Answer::status(502));
    let later = now() + SignedDuration::from_mins(5);
    let feed = ask(feed, later).await;
    assert_eq!(feed.report, Report::new(Indicator::Outage, "A summary"));
    assert_eq!((feed.last_success, feed.failures), (Some(now()), 1));
    assert!(feed.problem.unwrap().contains("502"));

    page.answer(Answer::rate_limited(1_200));
    let error = client.ask(now()).await.unwrap_err();
    let until = now() + SignedDuration::from_mins(20);
    assert!(
        matches!(&error, FeedError::RateLimited { until: named, .. } if *named == until),
        "{error}"
    );
    drop(page);
    let error = client.ask(now()).await.unwrap_err();
    assert!(
        matches!(error, FeedError::Fetch(FetchError::Send { .. })),
        "{error}"
    );
}
