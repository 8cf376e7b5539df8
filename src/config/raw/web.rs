//! The file that `--web.config.file` names, in the schema of Prometheus' exporter toolkit.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::at::At;
use crate::config::secret::Secret;
use crate::config::value::Lasting;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WebFile {
    pub(in crate::config) tls_server_config: Option<At<TlsServer>>,
    pub(in crate::config) http_server_config: Option<HttpServer>,
    /// Names and bcrypt hashes.
    pub(in crate::config) basic_auth_users: Option<BTreeMap<String, At<Secret>>>,
    pub(in crate::config) rate_limit: Option<At<RateLimit>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TlsServer {
    pub(in crate::config) cert: Option<At<String>>,
    pub(in crate::config) cert_file: Option<At<String>>,
    pub(in crate::config) key: Option<At<Secret>>,
    pub(in crate::config) key_file: Option<At<String>>,
    pub(in crate::config) client_ca: Option<At<String>>,
    pub(in crate::config) client_ca_file: Option<At<String>>,
    pub(in crate::config) client_auth_type: Option<At<String>>,
    pub(in crate::config) client_allowed_sans: Option<At<Vec<At<String>>>>,
    pub(in crate::config) min_version: Option<At<String>>,
    pub(in crate::config) max_version: Option<At<String>>,
    pub(in crate::config) cipher_suites: Option<At<Vec<At<String>>>>,
    pub(in crate::config) prefer_server_cipher_suites: Option<bool>,
    pub(in crate::config) curve_preferences: Option<At<Vec<At<String>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct HttpServer {
    pub(in crate::config) http2: Option<bool>,
    pub(in crate::config) headers: Option<BTreeMap<String, At<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RateLimit {
    pub(in crate::config) interval: Option<At<Lasting>>,
    pub(in crate::config) burst: Option<At<u32>>,
}
