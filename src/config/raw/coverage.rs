//! Which public hosts there are: where that is asked for.

use schemars::JsonSchema;
use serde::Deserialize;

use super::module::TlsConfig;
use crate::config::at::At;
use crate::config::secret::Secret;
use crate::config::value::Lasting;

/// Which public hosts there are, held against those that are watched. With this section the domains of the platforms, the
/// hosts that get clicks and the names in the endpoints' certificates are held against them too.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "coverage")]
pub(in crate::config) struct Coverage {
    /// Lists of hosts.
    #[schemars(extend("default" = []))]
    pub(in crate::config) sources: Option<Vec<At<HostSource>>>,
    /// Hosts that nobody needs to watch.
    #[schemars(extend("default" = []))]
    pub(in crate::config) ignore: Option<Vec<At<Ignore>>>,
}

/// A list of hosts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "host_source")]
pub(in crate::config) struct HostSource {
    /// Its name, unique: the label `source`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// What it is: a master file, a zone transfer, the records of a zone at Cloudflare, a monitor of Certificate
    /// Transparency, a file with one host a line, or a JSON list of hosts or of `{targets: […]}`.
    #[schemars(required)]
    pub(in crate::config) r#type: Option<At<HostSourceType>>,
    /// How often it is asked: 1m to 7d. Default: 1h; of `cert_spotter` and `crt_sh` 1d, which is also the least.
    pub(in crate::config) interval: Option<At<Lasting>>,
    /// `zone_file`, `file`: the file.
    pub(in crate::config) file: Option<At<String>>,
    /// `axfr`: the server, by address, with a port where it is not 53.
    pub(in crate::config) server: Option<At<String>>,
    /// `zone_file`, `axfr`: the zone. `cloudflare_dns`: the zone, by id.
    pub(in crate::config) zone: Option<At<String>>,
    /// `axfr`: the key that the server knows (TSIG).
    pub(in crate::config) tsig: Option<At<Tsig>>,
    /// `cert_spotter`, `crt_sh`: the domain whose names are wanted.
    pub(in crate::config) domain: Option<At<String>>,
    /// `http`: what is asked. `cloudflare_dns`, `cert_spotter`, `crt_sh`: where the service is, if not where it usually is.
    pub(in crate::config) url: Option<At<String>>,
    /// `cloudflare_dns`, `cert_spotter`, `http`: what opens it.
    pub(in crate::config) token: Option<At<Secret>>,
    /// A file that holds it.
    pub(in crate::config) token_file: Option<At<String>>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}

/// What a list of hosts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum HostSourceType {
    ZoneFile,
    Axfr,
    CloudflareDns,
    CertSpotter,
    CrtSh,
    File,
    Http,
}

/// A key that server and client share (RFC 8945).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "tsig")]
pub(in crate::config) struct Tsig {
    /// Its name, as the server knows it.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// What it is used with.
    #[schemars(extend("default" = "hmac-sha256"))]
    pub(in crate::config) algorithm: Option<TsigAlgorithm>,
    /// The key, in base64.
    pub(in crate::config) secret: Option<At<Secret>>,
    /// A file that holds it.
    pub(in crate::config) secret_file: Option<At<String>>,
}

/// The algorithm of a key.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::config) enum TsigAlgorithm {
    #[default]
    #[serde(rename = "hmac-sha256")]
    Sha256,
    #[serde(rename = "hmac-sha384")]
    Sha384,
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

/// Hosts that nobody needs to watch.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ignore")]
pub(in crate::config) struct Ignore {
    /// A host, or `*.` and a domain: every name below it.
    #[schemars(required)]
    pub(in crate::config) host: Option<At<String>>,
    /// Why.
    #[schemars(required)]
    pub(in crate::config) reason: Option<At<String>>,
}
