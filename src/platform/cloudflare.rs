//! Cloudflare for `SaaS`: the custom hostnames of a zone, with the zone's own names that they must lead to.
//!
//! `GET /zones/{zone}/custom_hostnames` of the API, version 4, by numbered pages, and
//! `…/custom_hostnames/fallback_origin`. The token needs the permission "SSL and Certificates: Read" for the zone.

use http::HeaderMap;
use serde::Deserialize;

use super::PlatformError;
use super::api::{Api, Pages};
use crate::endpoint::DnsTarget;
use crate::fetch::Answer;
use crate::outlook::platform::{CertificateState, Domain};

/// What every answer is wrapped in.
#[derive(Debug, Deserialize)]
struct Envelope<T> {
    success: bool,
    /// Null where it has failed.
    result: Option<T>,
    result_info: Option<PageInfo>,
}

#[derive(Debug, Deserialize)]
struct PageInfo {
    page: u64,
    total_pages: u64,
}

/// A custom hostname, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Row {
    hostname: String,
    status: Option<String>,
    /// Null where no certificate is wanted.
    ssl: Option<Ssl>,
    custom_origin_server: Option<String>,
    verification_errors: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Ssl {
    status: Option<String>,
    validation_errors: Option<Vec<Message>>,
}

#[derive(Debug, Deserialize)]
struct Message {
    message: String,
}

#[derive(Debug, Deserialize)]
struct Fallback {
    origin: Option<String>,
}

pub(super) async fn domains(api: &mut Api, zone: &str) -> Result<Vec<Domain>, PlatformError> {
    let fallback = fallback(api, zone).await?;
    let mut pages = Pages::new();
    let mut page = 1;
    loop {
        let mut url = api.url(&["zones", zone, "custom_hostnames"]);
        url.query_pairs_mut()
            .append_pair("per_page", "50")
            .append_pair("page", &page.to_string());
        let answer = api.get(url, &HeaderMap::new()).await?;
        let list: Envelope<Vec<Row>> = opened(api, &answer)?;
        let (Some(rows), Some(info)) = (list.result, list.result_info) else {
            return Err(partial(&answer));
        };
        pages.add(
            &answer.place,
            rows.iter().map(|row| domain(row, fallback.as_ref())),
        )?;
        if info.page >= info.total_pages {
            return Ok(pages.finish());
        }
        if rows.is_empty() {
            return Err(partial(&answer));
        }
        page = info.page + 1;
        pages.follow(&answer.place, &page.to_string())?;
    }
}

fn partial(answer: &Answer) -> PlatformError {
    PlatformError::Shape {
        place: answer.place.clone(),
        problem: "a page without the hostnames that it should have".to_owned(),
    }
}

/// The name of the zone that hostnames without an origin of their own lead to.
async fn fallback(api: &mut Api, zone: &str) -> Result<Option<DnsTarget>, PlatformError> {
    let url = api.url(&["zones", zone, "custom_hostnames", "fallback_origin"]);
    let answer = match api.get(url, &HeaderMap::new()).await {
        Ok(answer) => answer,
        // The zone has none.
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    let fallback: Envelope<Fallback> = opened(api, &answer)?;
    let origin = fallback.result.and_then(|fallback| fallback.origin);
    Ok(origin.filter(|origin| !origin.is_empty()).map(DnsTarget::from))
}

/// An answer without its wrapping; what is marked as failed is an error, whatever its status.
fn opened<T: serde::de::DeserializeOwned>(api: &Api, answer: &Answer) -> Result<Envelope<T>, PlatformError> {
    let envelope: Envelope<T> = api.parse(answer)?;
    if envelope.success {
        Ok(envelope)
    } else {
        Err(api.refused(answer))
    }
}

fn domain(row: &Row, fallback: Option<&DnsTarget>) -> Domain {
    let own = row.custom_origin_server.clone().filter(|own| !own.is_empty());
    let targets = own.map(DnsTarget::from).into_iter().chain(fallback.cloned());
    let mut domain = Domain::new(&row.hostname, targets.collect());
    let hostname = row.status.as_deref().unwrap_or("none");
    domain.dns_ok = match hostname {
        "active" => Some(true),
        "moved" => Some(false),
        _ => None,
    };
    let Some(ssl) = &row.ssl else {
        return domain.saying(hostname, Some(CertificateState::Unknown), "");
    };
    let errors = ssl.validation_errors.iter().flatten();
    let errors = errors.map(|error| error.message.as_str());
    let others = row.verification_errors.iter().flatten().map(String::as_str);
    let mut errors = errors.chain(others);
    let status = ssl.status.as_deref().unwrap_or_default();
    domain.saying(status, certificate(status), errors.next().unwrap_or_default())
}

/// What the words for a certificate mean; `None` of one that is not documented.
fn certificate(status: &str) -> Option<CertificateState> {
    match status {
        "active" | "backup_issued" | "staging_active" => Some(CertificateState::Issued),
        "initializing" | "pending_validation" | "pending_issuance" | "pending_deployment"
        | "pending_deletion" | "pending_cleanup" | "pending_expiration" | "staging_deployment"
        | "holding_deployment" | "deactivating" => Some(CertificateState::Pending),
        "expired"
        | "deleted"
        | "inactive"
        | "initializing_timed_out"
        | "validation_timed_out"
        | "issuance_timed_out"
        | "deployment_timed_out"
        | "deletion_timed_out" => Some(CertificateState::Failing),
        _ => None,
    }
}
