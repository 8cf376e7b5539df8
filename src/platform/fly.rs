//! Fly.io: the certificates of an app; where DNS must lead is told hostname by hostname.
//!
//! `GET /apps/{app}/certificates` of the Machines API, by cursors, and `…/certificates/{hostname}`.

use http::HeaderMap;
use serde::Deserialize;

use super::PlatformError;
use super::api::{Api, Pages};
use super::details::{Detail, Details};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// A page of the list.
#[derive(Debug, Deserialize)]
struct Page {
    /// Null where there are none; without it, the answer is not a list.
    #[serde(deserialize_with = "Option::deserialize")]
    certificates: Option<Vec<Row>>,
    next_cursor: Option<String>,
}

/// A hostname of the list, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Row {
    hostname: String,
    status: Option<String>,
    /// Whether DNS leads to the app.
    configured: Option<bool>,
}

/// What is told of one hostname.
#[derive(Debug, Deserialize)]
struct Certificate {
    dns_requirements: Option<Requirements>,
    rate_limited_until: Option<String>,
    validation_errors: Option<Vec<Problem>>,
}

#[derive(Debug, Default, Deserialize)]
struct Requirements {
    a: Option<Vec<String>>,
    aaaa: Option<Vec<String>>,
    cname: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    message: Option<String>,
}

pub(super) async fn domains(
    api: &mut Api,
    details: &mut Details,
    app: &str,
) -> Result<Vec<Domain>, PlatformError> {
    let mut pages = Pages::new();
    let mut cursor = String::new();
    loop {
        let mut url = api.url(&["apps", app, "certificates"]);
        url.query_pairs_mut().append_pair("limit", "500");
        if !cursor.is_empty() {
            url.query_pairs_mut().append_pair("cursor", &cursor);
        }
        let answer = api.get(url, &HeaderMap::new()).await?;
        let page: Page = api.parse(&answer)?;
        let rows = page.certificates.unwrap_or_default();
        pages.add(&answer.place, rows.iter().map(domain))?;
        cursor = page.next_cursor.unwrap_or_default();
        if cursor.is_empty() {
            break;
        }
        pages.follow(&answer.place, &cursor)?;
    }
    let mut domains = pages.finish();
    let hosts = domains.iter().map(|domain| domain.host.as_str());
    for host in details.due(hosts, api.details()) {
        let told = detail(api, app, &host).await;
        if !details.take(&host, told)? {
            break;
        }
    }
    details.finish()?;
    for domain in &mut domains {
        add(domain, details.of(&domain.host));
    }
    Ok(domains)
}

fn domain(row: &Row) -> Domain {
    let mut domain = Domain::new(&row.hostname, Vec::new());
    domain.dns_ok = row.configured;
    let status = row.status.as_deref().unwrap_or_default();
    domain.saying(status, certificate(status), "")
}

/// What the words for a certificate mean; `None` of one that is not documented.
fn certificate(status: &str) -> Option<CertificateState> {
    match status {
        "active" => Some(CertificateState::Issued),
        "pending_validation" | "pending_ownership" => Some(CertificateState::Pending),
        _ => None,
    }
}

async fn detail(api: &mut Api, app: &str, host: &str) -> Result<Detail, PlatformError> {
    let url = api.url(&["apps", app, "certificates", host]);
    let answer = api.get(url, &HeaderMap::new()).await?;
    let told: Certificate = api.parse(&answer)?;
    let Requirements { a, aaaa, cname } = told.dns_requirements.unwrap_or_default();
    let addresses = a.into_iter().chain(aaaa).flatten();
    let targets = addresses.chain(cname).filter(|target| !target.is_empty());
    let limited = told
        .rate_limited_until
        .map(|until| format!("the certificate authority takes no more orders until {until}"));
    let mut problems = told.validation_errors.into_iter().flatten();
    let reason = problems.find_map(|problem| problem.message).or(limited);
    Ok(Detail {
        targets: targets.map(DnsTarget::from).collect(),
        dns_ok: None,
        reason: reason.unwrap_or_default(),
    })
}

/// Adds what was told of the hostname alone. The reason may be older than the status: it goes once all is well.
fn add(domain: &mut Domain, detail: Detail) {
    domain.targets = Domain::new(&domain.host, detail.targets).targets;
    if domain.certificate != CertificateState::Issued {
        domain.reason = crate::text::bounded(&detail.reason);
    }
}
