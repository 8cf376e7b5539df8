//! Render: the custom domains of a service.
//!
//! `GET /services/{service}/custom-domains`, by cursors, and `GET /services/{service}`. Where DNS must lead is a
//! convention: the service's own name below `onrender.com`, or one address at the apex of a zone. Render says whether a
//! domain is verified, and nothing of the certificate.

use http::HeaderMap;
use serde::Deserialize;
use url::Url;

use super::PlatformError;
use super::api::{Api, Pages};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// Where the apex of a zone leads that has neither ALIAS nor flattened CNAME records.
const APEX: &str = "216.24.57.1";

/// Domains of one page, the most that is allowed.
const PAGE: usize = 100;

/// A place of the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    custom_domain: Row,
    cursor: String,
}

/// A domain, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    domain_type: Option<String>,
    verification_status: Option<String>,
}

/// A service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    slug: Option<String>,
    service_details: Option<ServiceDetails>,
}

#[derive(Debug, Deserialize)]
struct ServiceDetails {
    url: Option<String>,
}

pub(super) async fn domains(api: &mut Api, service: &str) -> Result<Vec<Domain>, PlatformError> {
    let target = target(api, service).await?;
    let mut pages = Pages::new();
    let mut cursor = String::new();
    loop {
        let mut url = api.url(&["services", service, "custom-domains"]);
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        if !cursor.is_empty() {
            url.query_pairs_mut().append_pair("cursor", &cursor);
        }
        let answer = api.get(url, &HeaderMap::new()).await?;
        let places: Vec<Place> = api.parse(&answer)?;
        let rows = places
            .iter()
            .map(|place| domain(&place.custom_domain, target.as_ref()));
        pages.add(&answer.place, rows)?;
        match places.into_iter().next_back() {
            // A page that is full may be the last one, and the next one empty.
            Some(last) if pages.last() >= PAGE => cursor = last.cursor,
            Some(_) | None => return Ok(pages.finish()),
        }
        pages.follow(&answer.place, &cursor)?;
    }
}

/// The name that the service has at Render itself.
async fn target(api: &mut Api, service: &str) -> Result<Option<DnsTarget>, PlatformError> {
    let answer = api
        .get(api.url(&["services", service]), &HeaderMap::new())
        .await?;
    let told: Service = api.parse(&answer)?;
    let url = told.service_details.and_then(|details| details.url);
    let own = url.and_then(|url| Url::parse(&url).ok()?.host_str().map(str::to_owned));
    let own = own.or_else(|| Some(format!("{}.onrender.com", told.slug?)));
    Ok(own.map(DnsTarget::from))
}

fn domain(row: &Row, target: Option<&DnsTarget>) -> Domain {
    let apex = row.domain_type.as_deref() == Some("apex");
    let address = apex.then(|| DnsTarget::from(APEX.to_owned()));
    let mut domain = Domain::new(&row.name, target.cloned().into_iter().chain(address).collect());
    let status = row.verification_status.as_deref().unwrap_or_default();
    let (dns_ok, state) = match status {
        "verified" => (Some(true), Some(CertificateState::Unknown)),
        "unverified" => (Some(false), Some(CertificateState::Pending)),
        _ => (None, None),
    };
    domain.dns_ok = dns_ok;
    domain.saying(status, state, "")
}
