//! The `grpc` prober.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpProtocol, TlsConfig};
use crate::config::at::At;

/// The `grpc` prober: the health check of gRPC (`grpc.health.v1.Health/Check`), as in `grpc://example.com:50051`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "grpc")]
pub(in crate::config) struct Grpc {
    /// The service whose health is asked for; empty: the server's own.
    #[schemars(extend("default" = ""))]
    pub(in crate::config) service: Option<At<String>>,
    /// Whether TLS is spoken.
    #[schemars(extend("default" = false))]
    pub(in crate::config) tls: Option<bool>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// What is sent along, by key; bytes of a key that ends in `-bin` are sent in base64.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) metadata: Option<BTreeMap<String, Vec<At<String>>>>,
}
