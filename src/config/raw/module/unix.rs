//! The `unix` prober.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{QueryResponse, TlsConfig};
use crate::config::at::At;

/// The `unix` prober: a socket of this machine, as in `unix:///run/app.sock`; on `/probe` a path from the root.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "unix")]
pub(in crate::config) struct Unix {
    /// What is heard and said, step by step; empty: the connection is all.
    #[schemars(extend("default" = []))]
    pub(in crate::config) query_response: Option<Vec<At<QueryResponse>>>,
    /// Whether TLS begins at once; the server is `localhost` where `tls_config` does not name it.
    #[schemars(extend("default" = false))]
    pub(in crate::config) tls: Option<bool>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}
