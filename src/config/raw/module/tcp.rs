//! The `tcp` prober, and the dialogue that other probers have too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpProtocol, TlsConfig};
use crate::config::at::At;
use crate::config::secret::Secret;
use crate::config::value::Pattern;

/// The `tcp` prober.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "tcp")]
pub(in crate::config) struct Tcp {
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
    /// The address of this machine to connect from. Default: the system's choice.
    pub(in crate::config) source_ip_address: Option<At<String>>,
    /// What is heard and said, step by step; empty: the connection is all.
    #[schemars(extend("default" = []))]
    pub(in crate::config) query_response: Option<Vec<At<QueryResponse>>>,
    /// Whether TLS begins at once.
    #[schemars(extend("default" = false))]
    pub(in crate::config) tls: Option<bool>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}

/// One step of a dialogue: it waits, then speaks, then begins TLS, each where it is asked for.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "query_response")]
pub(in crate::config) struct QueryResponse {
    /// A line must match this; others before it are passed over.
    pub(in crate::config) expect: Option<Pattern>,
    /// These bytes must come next.
    pub(in crate::config) expect_bytes: Option<At<String>>,
    /// Labels of `probe_expect_info` that are made of what `expect` captured.
    #[schemars(extend("default" = []))]
    pub(in crate::config) labels: Option<Vec<At<ExpectLabel>>>,
    /// What is said, with a line feed after it; `${1}` and `${name}` stand for what `expect` captured.
    pub(in crate::config) send: Option<At<Secret>>,
    /// Whether TLS begins after this step.
    #[schemars(extend("default" = false))]
    pub(in crate::config) starttls: Option<bool>,
}

/// A label that is made of what an expectation captured.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "expect_label")]
pub(in crate::config) struct ExpectLabel {
    /// The label's name.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// Its value; `${1}` and `${name}` stand for what was captured.
    #[schemars(required)]
    pub(in crate::config) value: Option<At<String>>,
}
