//! What may be asked of `/probe`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::at::At;

/// What may be asked of `/probe`, and how much of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "probe")]
pub(in crate::config) struct Probe {
    /// `catalogue`: only hosts that the groups watch may be asked for. `any`: every host that the lists permit.
    #[schemars(extend("default" = "any"))]
    pub(in crate::config) targets: Option<Targets>,
    /// Hosts (`a.example`, `*.example`), addresses, networks and paths of sockets that may be probed, redirects included; empty:
    /// all that are not denied, and no socket of this machine. Loopback, link-local, unspecified, multicast and cloud metadata addresses are refused, by whatever
    /// name they are reached, unless a network within them stands here.
    #[schemars(extend("default" = []))]
    pub(in crate::config) allow: Option<Vec<At<String>>>,
    /// Hosts, addresses and networks that may not be probed, whatever is allowed.
    #[schemars(extend("default" = []))]
    pub(in crate::config) deny: Option<Vec<At<String>>>,
    /// Probes at once, 1 to 10000; fewer where the process may open too few files. One module may take three quarters, several that hang each less than is left for the others.
    #[schemars(extend("default" = crate::config::defaults::CONCURRENCY))]
    pub(in crate::config) concurrency: Option<At<u32>>,
    /// Probes that may wait, for half of their timeout and 5s at most; more are answered with 503. Default: as many as may run.
    pub(in crate::config) queue: Option<At<u32>>,
}

/// Which targets may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum Targets {
    Any,
    Catalogue,
}
