//! Hosting platforms: where what should be true is asked for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::module::{Authorization, BasicAuth, HeaderValues, TlsConfig};
use crate::config::at::{At, OneOrMany};
use crate::config::secret::Secret;
use crate::config::value::Lasting;

/// A hosting platform that is asked what it expects of its domains.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "platform")]
pub(in crate::config) struct Platform {
    /// Its name, unique: the label `platform`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// What it speaks. `json` is any list of domains in JSON over HTTP.
    #[schemars(required)]
    pub(in crate::config) r#type: Option<At<PlatformType>>,
    /// How often it is asked: 10s to 1d. With thousands of domains a round takes as long as the platform's limit on
    /// requests demands, of which linkwatch uses half.
    #[schemars(extend("default" = crate::config::defaults::platform_interval()))]
    pub(in crate::config) interval: Option<At<Lasting>>,
    /// What its paths are relative to; for `json` the list itself. Default: the platform's own API.
    pub(in crate::config) url: Option<At<String>>,
    /// What opens the API; leave to read the domains is enough.
    pub(in crate::config) token: Option<At<Secret>>,
    /// A file that holds it.
    pub(in crate::config) token_file: Option<At<String>>,
    /// `heroku`: the app, by name or id. `fly`: the app, by name.
    pub(in crate::config) app: Option<At<String>>,
    /// `cloudflare`: the zone whose custom hostnames are meant, by id.
    pub(in crate::config) zone: Option<At<String>>,
    /// `vercel`: the project, by name or id. `railway`: by id.
    pub(in crate::config) project: Option<At<String>>,
    /// `vercel`: the team that owns the project, by id or by the name in its URL. Default: the owner of the token.
    pub(in crate::config) team: Option<At<String>>,
    /// `railway`: the environment, by id.
    pub(in crate::config) environment: Option<At<String>>,
    /// `railway`, `render`: the service, by id.
    pub(in crate::config) service: Option<At<String>>,
    /// `netlify`: the site, by id or by one of its domains.
    pub(in crate::config) site: Option<At<String>>,
    /// `json`: where things stand in the answer.
    pub(in crate::config) json: Option<At<Domains>>,
    /// `json`: a user and a password.
    pub(in crate::config) basic_auth: Option<At<BasicAuth>>,
    /// `json`: credentials of another kind.
    pub(in crate::config) authorization: Option<At<Authorization>>,
    /// `json`: request headers, as in `X-Api-Key: {secrets: [word]}`.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) http_headers: Option<BTreeMap<String, At<HeaderValues>>>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}

/// What a platform speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum PlatformType {
    Heroku,
    Cloudflare,
    Fly,
    Vercel,
    Railway,
    Netlify,
    Render,
    Json,
}

/// Where domains stand in a JSON answer. Paths are JSON Pointers (RFC 6901).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "domains")]
pub(in crate::config) struct Domains {
    /// The list of domains; empty: the answer itself.
    #[schemars(extend("default" = ""))]
    pub(in crate::config) rows: Option<At<String>>,
    /// Within a row: the name.
    #[schemars(required)]
    pub(in crate::config) host: Option<At<String>>,
    /// Within a row: where DNS must lead, names or addresses, each a text or a list of texts.
    pub(in crate::config) target: Option<At<OneOrMany<At<String>>>>,
    /// Within a row: the platform's word for how the certificate stands.
    pub(in crate::config) status: Option<At<String>>,
    /// Within a row: why it stands so.
    pub(in crate::config) reason: Option<At<String>>,
    /// Within a row: `true` where the platform finds DNS as it should be.
    pub(in crate::config) dns_ok: Option<At<String>>,
    /// Statuses that mean that the certificate is issued.
    #[schemars(extend("default" = []))]
    pub(in crate::config) issued: Option<Vec<At<String>>>,
    /// Statuses that mean that the platform is at work on it.
    #[schemars(extend("default" = []))]
    pub(in crate::config) pending: Option<Vec<At<String>>>,
    /// Statuses that mean that the platform has failed to get it.
    #[schemars(extend("default" = []))]
    pub(in crate::config) failing: Option<Vec<At<String>>>,
    /// In the answer: the URL of the next page, on the same server.
    pub(in crate::config) next: Option<At<String>>,
}
