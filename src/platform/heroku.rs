//! Heroku: the domains of an app, with the target of each and how Automated Certificate Management stands.
//!
//! `GET /apps/{app}/domains` of the Platform API, version 3; pages by `Range` and `Next-Range`. The token needs the
//! scope `read`.

use http::header::{ACCEPT, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::PlatformError;
use super::api::{Api, Pages, header};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// A domain, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Row {
    hostname: String,
    /// Null while it is being created.
    cname: Option<String>,
    kind: String,
    status: Option<String>,
    acm_status: Option<String>,
    acm_status_reason: Option<String>,
    sni_endpoint: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// A certificate and its key.
#[derive(Debug, Deserialize)]
struct SniEndpoint {
    name: String,
    ssl_cert: Option<Certificate>,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    expires_at: Option<String>,
}

pub(super) async fn domains(api: &mut Api, app: &str) -> Result<Vec<Domain>, PlatformError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut pages = Pages::new();
    let url = api.url(&["apps", app, "domains"]);
    let mut range = HeaderValue::from_static("id ..; max=1000;");
    let now = api.now();
    let mut endpoints: Option<Vec<SniEndpoint>> = None;
    loop {
        let answer = api.get(url.clone(), &asking(&range)).await?;
        rows.extend(api.parse::<Vec<Row>>(&answer)?);
        let uploaded = rows
            .iter()
            .any(|row| row.acm_status.is_none() && row.sni_endpoint.is_some());
        if uploaded && endpoints.is_none() {
            endpoints = Some(sni_endpoints(api, app).await?);
        }
        let known = endpoints.as_deref().unwrap_or_default();
        let custom = rows.drain(..).filter(|row| row.kind == "custom");
        pages.add(url.as_str(), custom.map(|row| domain(&row, known, now)))?;
        let next = answer.headers.get(header("next-range"));
        match next.filter(|_| answer.status == StatusCode::PARTIAL_CONTENT) {
            Some(next) if *next != range => range = next.clone(),
            Some(_) => return Err(endless(url.as_str())),
            None if answer.status == StatusCode::PARTIAL_CONTENT => return Err(endless(url.as_str())),
            None => return Ok(pages.finish()),
        }
    }
}

/// The certificates that people have uploaded themselves: only asked for where a domain has one.
async fn sni_endpoints(api: &mut Api, app: &str) -> Result<Vec<SniEndpoint>, PlatformError> {
    let url = api.url(&["apps", app, "sni-endpoints"]);
    let answer = api
        .get(url, &asking(&HeaderValue::from_static("id ..; max=1000;")))
        .await?;
    api.parse(&answer)
}

fn asking(range: &HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([
        (
            ACCEPT,
            HeaderValue::from_static("application/vnd.heroku+json; version=3"),
        ),
        (RANGE, range.clone()),
    ])
}

fn endless(place: &str) -> PlatformError {
    PlatformError::Shape {
        place: place.to_owned(),
        problem: "a partial list without a next page".to_owned(),
    }
}

fn domain(row: &Row, endpoints: &[SniEndpoint], now: Timestamp) -> Domain {
    let target = row.cname.clone().map(DnsTarget::from);
    let domain = Domain::new(&row.hostname, target.into_iter().collect());
    let reason = row.acm_status_reason.as_deref().unwrap_or_default();
    match &row.acm_status {
        Some(status) => domain.saying(status, managed(status), reason),
        None => match &row.sni_endpoint {
            Some(named) => uploaded(domain, &named.name, endpoints, now),
            None => domain.saying(
                row.status.as_deref().unwrap_or("none"),
                Some(CertificateState::Unknown),
                reason,
            ),
        },
    }
}

/// What the words of Automated Certificate Management mean; `None` of one that is not documented.
fn managed(status: &str) -> Option<CertificateState> {
    match status {
        "ok" | "cert issued" => Some(CertificateState::Issued),
        "pending" | "verified" | "dns-verified" | "in progress" | "in-prog-renewing" => {
            Some(CertificateState::Pending)
        }
        "failing" | "failed" => Some(CertificateState::Failing),
        _ => None,
    }
}

/// A certificate that nobody renews but its owner.
fn uploaded(domain: Domain, name: &str, endpoints: &[SniEndpoint], now: Timestamp) -> Domain {
    let certificate = endpoints.iter().find(|endpoint| endpoint.name == name);
    let certificate = certificate.and_then(|endpoint| endpoint.ssl_cert.as_ref());
    let expires =
        certificate.and_then(|certificate| certificate.expires_at.as_deref()?.parse::<Timestamp>().ok());
    match expires {
        Some(expires) if expires <= now => domain.saying(
            "uploaded",
            Some(CertificateState::Failing),
            &format!("the uploaded certificate ended {expires}"),
        ),
        Some(_) => domain.saying("uploaded", Some(CertificateState::Issued), ""),
        None => domain.saying("uploaded", Some(CertificateState::Unknown), ""),
    }
}
