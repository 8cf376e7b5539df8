//! How a host becomes an endpoint.

use std::net::Ipv6Addr;
use std::sync::Arc;

use url::Url;

use super::{Discovered, LONGEST, MOST_LABELS, RejectReason, label};
use crate::endpoint::{self, Endpoint, EndpointName, Group, Labels, ProberName, is_name, socket_url};
use crate::text::has_credentials;

/// Characters that would bring something else than a host into a URL, or that no host has.
const NOT_IN_HOSTS: [char; 13] = [
    '/', '\\', '?', '#', '@', '%', '*', '{', '}', ' ', '\t', '\n', '\r',
];

/// How a host becomes an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The URL; `{host}` stands for the host.
    pub url: String,
    /// The name; `{host}` stands for the host and its port, `{url}` for the URL.
    pub name: String,
    /// What the group's module speaks.
    pub prober: ProberName,
}

impl Template {
    /// Makes the endpoint that a target stands for.
    pub fn endpoint(
        &self,
        group: &Arc<Group>,
        labels: &Labels,
        target: &Discovered,
    ) -> Result<Endpoint, RejectReason> {
        check_labels(&target.labels)?;
        let (url, host) = self.url(&target.target)?;
        let name = self.name.replace("{url}", url.as_str()).replace("{host}", &host);
        Ok(Endpoint {
            name: EndpointName::from(name.as_str()),
            group: Arc::clone(group),
            host: endpoint::host(&url).into_owned(),
            labels: labels.with(&target.labels),
            url,
            told: None,
        })
    }

    /// The URL of a target, and what `{host}` in its name stands for.
    fn url(&self, target: &str) -> Result<(Url, String), RejectReason> {
        if target.len() > LONGEST {
            return Err(RejectReason::TooLong);
        }
        let refused = |error: url::ParseError| RejectReason::Target(error.to_string());
        if target.contains("://") {
            let url = self.checked(Url::parse(target).map_err(refused)?)?;
            let authority = authority(&url);
            return Ok((url, authority));
        }
        if self.prober == ProberName::Unix
            && let Some(url) = socket_url(target)
        {
            return Ok((self.checked(url)?, target.to_owned()));
        }
        // The host alone must be one: it must not bring a path, credentials or a query into the URL.
        let bracketed = if target.parse::<Ipv6Addr>().is_ok() {
            format!("[{target}]")
        } else {
            target.to_owned()
        };
        if bracketed.is_empty() || bracketed.contains(NOT_IN_HOSTS) {
            return Err(RejectReason::Target("invalid host name".to_owned()));
        }
        let alone = Url::parse(&format!("none://{bracketed}/")).map_err(refused)?;
        let host = url::Host::parse(alone.host_str().unwrap_or_default()).map_err(refused)?;
        let authority = alone
            .port()
            .map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let url = Url::parse(&self.url.replace("{host}", &authority)).map_err(refused)?;
        let shown = authority.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok((self.checked(url)?, shown))
    }

    /// A URL that the group's module can be asked for, its host in its one form.
    fn checked(&self, mut url: Url) -> Result<Url, RejectReason> {
        let prober = self.prober;
        if !prober.schemes().contains(&url.scheme()) {
            let scheme = url.scheme().to_owned();
            return Err(RejectReason::Scheme { scheme, prober });
        }
        if has_credentials(&url) {
            return Err(RejectReason::Credentials);
        }
        if url.as_str().len() > LONGEST {
            return Err(RejectReason::TooLong);
        }
        if prober == ProberName::Unix && (url.host().is_some() || !url.path().starts_with('/')) {
            let what = "a socket is named by its path from the root, as in unix:///run/app.sock";
            return Err(RejectReason::Target(what.to_owned()));
        }
        if prober.needs_port() && url.port_or_known_default().is_none() {
            return Err(RejectReason::Port(prober));
        }
        // The parser leaves the hosts of schemes that are not the web's as they are written.
        let host = url.host_str().map(url::Host::parse);
        if let Some(host) = host {
            let refused = |error: url::ParseError| RejectReason::Target(error.to_string());
            let host = host.map_err(refused)?;
            if let url::Host::Domain(name) = &host
                && !is_name(name)
            {
                return Err(RejectReason::NoName);
            }
            url.set_host(Some(&host.to_string())).map_err(refused)?;
        }
        Ok(url)
    }
}

/// The host of a URL, and its port where it is not the usual one.
fn authority(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => endpoint::host(url).into_owned(),
    }
}

fn check_labels(labels: &Labels) -> Result<(), RejectReason> {
    for (index, (name, value)) in labels.iter().enumerate() {
        if index == MOST_LABELS {
            return Err(RejectReason::TooManyLabels);
        }
        label::check(name).map_err(|error| RejectReason::Label {
            name: name.to_owned(),
            error,
        })?;
        if value.len() > LONGEST {
            return Err(RejectReason::TooLong);
        }
    }
    Ok(())
}
