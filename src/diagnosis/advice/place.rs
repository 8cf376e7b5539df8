//! Where something is to be mended: not always where the endpoint's own URL leads first.

use std::borrow::Cow;
use std::net::IpAddr;

use url::Url;

use super::super::Finding;
use crate::endpoint::{self, Endpoint};

/// Where something is to be mended.
pub(super) struct Place<'a> {
    pub(super) url: &'a Url,
    pub(super) host: Cow<'a, str>,
}

impl<'a> Place<'a> {
    /// The endpoint itself.
    pub(super) fn of(endpoint: &'a Endpoint) -> Self {
        Self {
            url: &endpoint.url,
            host: endpoint.host.as_str().into(),
        }
    }

    /// Where redirects led to, or the endpoint itself.
    pub(super) fn where_seen(finding: &'a Finding, endpoint: &'a Endpoint) -> Self {
        let redirected = finding.led_to.as_deref().map(|url| Self {
            url,
            host: endpoint::host(url),
        });
        redirected.unwrap_or_else(|| Self::of(endpoint))
    }

    /// Whether it is a path of this machine.
    pub(super) fn is_path(&self) -> bool {
        self.url.host().is_none()
    }

    /// Whether the URL holds an address in place of a name.
    pub(super) fn is_address(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }
}
