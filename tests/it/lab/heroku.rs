//! A hosting platform that speaks as Heroku's Platform API does: its domains, by pages, to whoever has the token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::web::{Answer, Reply, SeenRequest, WebLab};

/// A domain as the platform shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedDomain {
    /// Where its DNS must lead.
    pub target: String,
    /// How its certificate stands.
    pub status: String,
    /// Why it stands so.
    pub reason: Option<String>,
}

/// The platform; it answers as long as the value lives.
#[derive(Debug)]
pub struct HerokuLab {
    web: WebLab,
    domains: Arc<Mutex<BTreeMap<String, HostedDomain>>>,
}

/// What opens the API.
pub const TOKEN: &str = "lab-platform-token";

/// Domains of one page at most.
const PAGE: usize = 4;

impl HerokuLab {
    /// Starts without a domain.
    pub async fn start() -> Self {
        let domains: Arc<Mutex<BTreeMap<String, HostedDomain>>> = Arc::default();
        let served = Arc::clone(&domains);
        let answer = Answer::decide(move |request| {
            page(request, &served.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Self {
            web: WebLab::plain().answer(answer).start().await,
            domains,
        }
    }

    /// What paths are relative to.
    #[must_use]
    pub fn url(&self) -> String {
        self.web.url("")
    }

    /// Adds a domain, or changes it.
    pub fn domain(&self, host: &str, target: &str, status: &str, reason: Option<&str>) {
        let domain = HostedDomain {
            target: target.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        };
        self.domains
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host.to_owned(), domain);
    }

    /// How many requests have come.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.web.requests()
    }

    /// The server, to be made to misbehave.
    #[must_use]
    pub fn web(&self) -> &WebLab {
        &self.web
    }
}

/// One page of the list, from the place that `Range` names.
fn page(request: &SeenRequest, domains: &BTreeMap<String, HostedDomain>) -> Answer {
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        let body = r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#;
        return Reply::new(401, body)
            .header("content-type", "application/json")
            .into();
    }
    if !request.path.ends_with("/domains") {
        return Reply::new(200, "[]")
            .header("content-type", "application/json")
            .into();
    }
    let range = request.header("range").unwrap_or_default();
    let from = range
        .strip_prefix("id ")
        .and_then(|range| range.split("..").next());
    let from: usize = from
        .and_then(|from| from.trim_end_matches(';').parse().ok())
        .unwrap_or(0);
    let rows: Vec<String> = domains.iter().skip(from).take(PAGE).map(row).collect();
    let body = format!("[{}]", rows.join(","));
    let reply = |status| Reply::new(status, body.clone()).header("content-type", "application/json");
    if from + PAGE < domains.len() {
        let next = format!("id {}..; max={PAGE};", from + PAGE);
        reply(206).header("next-range", &next).into()
    } else {
        reply(200).into()
    }
}

fn row((host, domain): (&String, &HostedDomain)) -> String {
    let HostedDomain {
        target,
        status,
        reason,
    } = domain;
    let reason = reason
        .as_ref()
        .map_or_else(|| "null".to_owned(), |reason| format!("{reason:?}"));
    format!(
        r#"{{"id":"01234567-89ab-cdef-0123-456789abcdef","hostname":"{host}","cname":"{target}","kind":"custom",
            "status":"succeeded","acm_status":"{status}","acm_status_reason":{reason},"sni_endpoint":null}}"#
    )
}
