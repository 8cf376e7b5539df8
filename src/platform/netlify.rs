//! Netlify: the domains of a site, which share one certificate.
//!
//! `GET /sites/{site}` and `GET /sites/{site}/ssl`. Where DNS must lead is a convention: the site's own name below
//! `netlify.app`, or Netlify's load balancer at the apex of a zone.

use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use super::PlatformError;
use super::api::{Api, Pages};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// Where the apex of a zone leads that has ALIAS or flattened CNAME records.
const LOAD_BALANCER: &str = "apex-loadbalancer.netlify.com";

/// A site, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Site {
    name: String,
    default_domain: Option<String>,
    /// Null where there is none; without it, the answer is not a site.
    #[serde(deserialize_with = "Option::deserialize")]
    custom_domain: Option<String>,
    domain_aliases: Option<Vec<String>>,
}

/// Its certificate.
#[derive(Debug, Deserialize)]
struct Certificate {
    state: Option<String>,
    domains: Option<Vec<String>>,
    expires_at: Option<String>,
}

pub(super) async fn domains(api: &mut Api, site: &str) -> Result<Vec<Domain>, PlatformError> {
    let answer = api.get(api.url(&["sites", site]), &HeaderMap::new()).await?;
    let told: Site = api.parse(&answer)?;
    let certificate = certificate(api, site).await?;
    let own = told
        .default_domain
        .unwrap_or_else(|| format!("{}.netlify.app", told.name));
    let targets = [own, LOAD_BALANCER.to_owned()].into_iter();
    let targets: Vec<_> = targets.map(DnsTarget::from).collect();
    let aliases = told.domain_aliases.into_iter().flatten();
    let hosts = told.custom_domain.into_iter().chain(aliases);
    let now = api.now();
    let mut pages = Pages::new();
    pages.add(
        &answer.place,
        hosts
            .filter(|host| !host.is_empty())
            .map(|host| stands(Domain::new(&host, targets.clone()), certificate.as_ref(), now)),
    )?;
    Ok(pages.finish())
}

async fn certificate(api: &mut Api, site: &str) -> Result<Option<Certificate>, PlatformError> {
    match api.get(api.url(&["sites", site, "ssl"]), &HeaderMap::new()).await {
        Ok(answer) => api.parse(&answer).map(Some),
        // The site has none.
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// How it stands with the certificate of one domain.
fn stands(domain: Domain, certificate: Option<&Certificate>, now: Timestamp) -> Domain {
    let Some(certificate) = certificate else {
        return domain.saying("none", Some(CertificateState::Unknown), "");
    };
    let status = certificate.state.as_deref().unwrap_or_default();
    let expires = certificate.expires_at.as_deref();
    let expires = expires.and_then(|expires| expires.parse::<Timestamp>().ok());
    let covered = certificate.domains.iter().flatten();
    let covered = covered.map(|name| name.to_ascii_lowercase());
    let uncovered =
        certificate.domains.is_some() && !covered.into_iter().any(|name| covers(&name, &domain.host));
    match (meaning(status), expires) {
        (Some(CertificateState::Issued), Some(expires)) if expires <= now => domain.saying(
            status,
            Some(CertificateState::Failing),
            &format!("the certificate ended {expires}"),
        ),
        (Some(CertificateState::Issued), _) if uncovered => domain.saying(
            status,
            Some(CertificateState::Pending),
            "the certificate does not cover this name yet",
        ),
        (state, _) => domain.saying(status, state, ""),
    }
}

/// Whether a name of a certificate covers a host (RFC 9525 section 6.3).
fn covers(name: &str, host: &str) -> bool {
    let below = name.strip_prefix("*.");
    name == host || below.is_some_and(|parent| host.split_once('.').is_some_and(|(_, rest)| rest == parent))
}

/// What the words for a certificate mean; `None` of one that is not known.
fn meaning(status: &str) -> Option<CertificateState> {
    match status {
        "issued" => Some(CertificateState::Issued),
        "pending" => Some(CertificateState::Pending),
        "failed" => Some(CertificateState::Failing),
        _ => None,
    }
}
