//! The records of a zone that Cloudflare serves: what its owner has entered, proxied or not.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use super::source::CoverageError;
use super::{MOST_HOSTS, host};
use crate::fetch::{self, Client};

/// Records of one page.
const PAGE: u32 = 1_000;

/// A zone.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What paths are relative to.
    pub url: Url,
    /// The zone, by id.
    pub zone: String,
    /// Headers (the token among them), TLS, bounds. The token needs leave to read the zone's DNS.
    pub client: fetch::Settings,
}

#[derive(Debug, Deserialize)]
struct Page {
    success: bool,
    result: Vec<Record>,
    result_info: Info,
}

#[derive(Debug, Deserialize)]
struct Record {
    name: String,
    r#type: String,
}

#[derive(Debug, Deserialize)]
struct Info {
    total_pages: u32,
}

/// The hosts of the zone.
pub(super) async fn hosts(settings: &Settings) -> Result<BTreeSet<String>, CoverageError> {
    let client = Client::new(&settings.client)?;
    let mut hosts = BTreeSet::new();
    let mut number = 1;
    loop {
        let mut url = settings.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["zones", &settings.zone, "dns_records"]);
        }
        url.query_pairs_mut()
            .append_pair("per_page", &PAGE.to_string())
            .append_pair("page", &number.to_string());
        let page: Page = client.json(url).await?;
        if !page.success {
            return Err(CoverageError::Format {
                place: settings.url.to_string(),
                error: "it says that it has not succeeded".to_owned(),
            });
        }
        let leads = |record: &&Record| matches!(record.r#type.as_str(), "A" | "AAAA" | "CNAME" | "HTTPS");
        hosts.extend(
            page.result
                .iter()
                .filter(leads)
                .filter_map(|record| host(&record.name)),
        );
        if number >= page.result_info.total_pages {
            return Ok(hosts);
        }
        if hosts.len() > MOST_HOSTS || number > 1_000 {
            return Err(CoverageError::TooMany(settings.zone.clone()));
        }
        number += 1;
    }
}
