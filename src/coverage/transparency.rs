//! Names in certificates, as monitors of Certificate Transparency tell of them.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use super::source::CoverageError;
use super::{MOST_HOSTS, host};
use crate::fetch::{self, Client};

/// Pages of one list at most.
const MOST_PAGES: usize = 200;

/// A domain, and who is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it speaks.
    pub monitor: Monitor,
    /// Where it is.
    pub url: Url,
    /// The domain whose names are wanted, with all below it.
    pub domain: String,
    /// Headers (a key among them), TLS, bounds.
    pub client: fetch::Settings,
}

/// What a monitor speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    /// Cert Spotter of `SSLMate`: `/v1/issuances`, paged by `after`.
    CertSpotter,
    /// crt.sh: `/?q=%.domain&output=json`, in one piece.
    CrtSh,
}

#[derive(Debug, Deserialize)]
struct Issuance {
    id: String,
    #[serde(default)]
    dns_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    name_value: String,
}

/// The names of the domain in all certificates that are known.
pub(super) async fn hosts(settings: &Settings) -> Result<BTreeSet<String>, CoverageError> {
    let client = Client::new(&settings.client)?;
    let names = match settings.monitor {
        Monitor::CertSpotter => spotted(&client, settings).await?,
        Monitor::CrtSh => searched(&client, settings).await?,
    };
    let (domain, below) = (settings.domain.as_str(), format!(".{}", settings.domain));
    let own = |name: &String| name == domain || name.ends_with(&below);
    Ok(names.iter().filter_map(|name| host(name)).filter(own).collect())
}

async fn spotted(client: &Client, settings: &Settings) -> Result<Vec<String>, CoverageError> {
    let (mut names, mut after) = (Vec::new(), String::new());
    for _ in 0..MOST_PAGES {
        let mut url = settings.url.clone();
        url.query_pairs_mut()
            .append_pair("domain", &settings.domain)
            .append_pair("include_subdomains", "true")
            .append_pair("expand", "dns_names");
        if !after.is_empty() {
            url.query_pairs_mut().append_pair("after", &after);
        }
        let page: Vec<Issuance> = client.json(url).await?;
        match page.last() {
            Some(last) if last.id != after => after.clone_from(&last.id),
            Some(_) | None => return Ok(names),
        }
        names.extend(page.into_iter().flat_map(|issuance| issuance.dns_names));
        if names.len() > 10 * MOST_HOSTS {
            break;
        }
    }
    Err(CoverageError::TooMany(settings.domain.clone()))
}

async fn searched(client: &Client, settings: &Settings) -> Result<Vec<String>, CoverageError> {
    let mut url = settings.url.clone();
    url.query_pairs_mut()
        .append_pair("q", &format!("%.{}", settings.domain))
        .append_pair("output", "json");
    let entries: Vec<Entry> = client.json(url).await?;
    let names = entries.iter().flat_map(|entry| entry.name_value.lines());
    Ok(names.map(str::to_owned).collect())
}
