//! The `icmp` prober.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IpProtocol;
use crate::config::at::At;

/// The `icmp` prober. It takes what the kernel permits: `net.ipv4.ping_group_range` or `CAP_NET_RAW`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "icmp")]
pub(in crate::config) struct Icmp {
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
    /// The address of this machine to ask from. Default: the system's choice.
    pub(in crate::config) source_ip_address: Option<At<String>>,
    /// Bytes of payload; 0: 28.
    #[schemars(extend("default" = 0))]
    pub(in crate::config) payload_size: Option<At<i64>>,
    /// Whether no router may take the request apart. Over IPv4 it takes `CAP_NET_RAW`; over IPv6 none ever may.
    #[schemars(extend("default" = false))]
    pub(in crate::config) dont_fragment: Option<bool>,
    /// Hops that the request may take; 0: 64.
    #[schemars(extend("default" = 64))]
    pub(in crate::config) ttl: Option<At<i64>>,
}
