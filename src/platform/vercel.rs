//! Vercel: the domains of a project; where DNS must lead is told domain by domain.
//!
//! `GET /v9/projects/{project}/domains`, pages by time, and `GET /v6/domains/{domain}/config`. Vercel says whether a
//! domain is verified and whether DNS is right, and nothing of the certificate.

use http::HeaderMap;
use serde::Deserialize;
use url::Url;

use super::PlatformError;
use super::api::{Api, Pages};
use super::details::{Detail, Details};
use crate::endpoint::DnsTarget;
use crate::outlook::platform::{CertificateState, Domain};

/// A page of the list.
#[derive(Debug, Deserialize)]
struct Page {
    domains: Vec<Row>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
struct Pagination {
    /// Null on the last page.
    next: Option<i64>,
}

/// A domain of the list, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    verified: bool,
    verification: Option<Vec<Challenge>>,
}

#[derive(Debug, Deserialize)]
struct Challenge {
    reason: Option<String>,
}

/// What is told of one domain.
#[derive(Debug, Deserialize)]
struct Config {
    misconfigured: Option<bool>,
    #[serde(rename = "recommendedCNAME")]
    recommended_cname: Option<Vec<Ranked<String>>>,
    #[serde(rename = "recommendedIPv4")]
    recommended_ipv4: Option<Vec<Ranked<Vec<String>>>>,
}

#[derive(Debug, Deserialize)]
struct Ranked<T> {
    rank: u32,
    value: T,
}

pub(super) async fn domains(
    api: &mut Api,
    details: &mut Details,
    project: &str,
    team: Option<&str>,
) -> Result<Vec<Domain>, PlatformError> {
    let mut pages = Pages::new();
    let mut until: Option<String> = None;
    loop {
        let mut url = of_team(api.url(&["v9", "projects", project, "domains"]), team);
        url.query_pairs_mut().append_pair("limit", "100");
        if let Some(until) = &until {
            url.query_pairs_mut().append_pair("until", until);
        }
        let answer = api.get(url, &HeaderMap::new()).await?;
        let page: Page = api.parse(&answer)?;
        pages.add(&answer.place, page.domains.iter().map(domain))?;
        let Some(next) = page.pagination.next else {
            break;
        };
        pages.follow(&answer.place, until.insert(next.to_string()))?;
    }
    let mut domains = pages.finish();
    let hosts = domains.iter().map(|domain| domain.host.as_str());
    for host in details.due(hosts, api.details()) {
        let told = detail(api, project, team, &host).await;
        if !details.take(&host, told)? {
            break;
        }
    }
    details.finish()?;
    for domain in &mut domains {
        let detail = details.of(&domain.host);
        domain.targets = Domain::new(&domain.host, detail.targets).targets;
        domain.dns_ok = detail.dns_ok;
    }
    Ok(domains)
}

/// With the team that owns the project, by id or by the name in its URL.
fn of_team(mut url: Url, team: Option<&str>) -> Url {
    if let Some(team) = team {
        let key = if team.starts_with("team_") {
            "teamId"
        } else {
            "slug"
        };
        url.query_pairs_mut().append_pair(key, team);
    }
    url
}

fn domain(row: &Row) -> Domain {
    let domain = Domain::new(&row.name, Vec::new());
    if row.verified {
        return domain.saying("verified", Some(CertificateState::Unknown), "");
    }
    let mut reasons = row
        .verification
        .iter()
        .flatten()
        .filter_map(|one| one.reason.as_deref());
    let reason = reasons.next().unwrap_or_default();
    domain.saying("unverified", Some(CertificateState::Pending), reason)
}

async fn detail(
    api: &mut Api,
    project: &str,
    team: Option<&str>,
    host: &str,
) -> Result<Detail, PlatformError> {
    let mut url = of_team(api.url(&["v6", "domains", host, "config"]), team);
    url.query_pairs_mut().append_pair("projectIdOrName", project);
    let answer = api.get(url, &HeaderMap::new()).await?;
    let told: Config = api.parse(&answer)?;
    let names = told.recommended_cname.into_iter().flatten();
    let addresses = told.recommended_ipv4.into_iter().flatten();
    let names = names.filter(|one| one.rank == 1).map(|one| one.value);
    let addresses = addresses.filter(|one| one.rank == 1).flat_map(|one| one.value);
    let targets = names.chain(addresses);
    Ok(Detail {
        targets: targets.map(DnsTarget::from).collect(),
        dns_ok: told.misconfigured.map(|wrong| !wrong),
        reason: String::new(),
    })
}
