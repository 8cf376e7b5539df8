//! What a client of HTTP may have between itself and the server: a proxy, and somebody who issues its tokens.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Deserialize as DeserializeDerive, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use super::TlsConfig;
use crate::config::at::At;
use crate::config::secret::{MASK, Secret};
use crate::config::value::Later;
use crate::text::has_credentials;

/// Credentials that an endpoint issues as tokens (RFC 6749 section 4.4, RFC 7523).
#[derive(Debug, Default, DeserializeDerive, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "oauth2")]
pub(in crate::config) struct OAuth2 {
    /// Who asks.
    #[schemars(required)]
    pub(in crate::config) client_id: Option<At<String>>,
    /// What proves it.
    pub(in crate::config) client_secret: Option<At<Secret>>,
    /// A file that holds `client_secret`.
    pub(in crate::config) client_secret_file: Option<At<String>>,
    /// The secret in a secret store.
    pub(in crate::config) client_secret_ref: Option<At<Later>>,
    /// `client_credentials`, or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    #[schemars(extend("default" = "client_credentials"))]
    pub(in crate::config) grant_type: Option<At<String>>,
    /// The name of the key that signs assertions.
    pub(in crate::config) client_certificate_key_id: Option<At<String>>,
    /// The PEM key, of RSA, that signs assertions.
    pub(in crate::config) client_certificate_key: Option<At<Secret>>,
    /// A file that holds `client_certificate_key`.
    pub(in crate::config) client_certificate_key_file: Option<At<String>>,
    /// The key in a secret store.
    pub(in crate::config) client_certificate_key_ref: Option<At<Later>>,
    /// How assertions are signed: `RS256`, `RS384` or `RS512`.
    #[schemars(extend("default" = "RS256"))]
    pub(in crate::config) signature_algorithm: Option<At<String>>,
    /// Who asserts. Default: the client.
    pub(in crate::config) iss: Option<At<String>>,
    /// To whom. Default: the token URL.
    pub(in crate::config) audience: Option<At<String>>,
    /// What else is asserted.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) claims: Option<BTreeMap<String, Value>>,
    /// What the token is to be good for.
    #[schemars(extend("default" = []))]
    pub(in crate::config) scopes: Option<Vec<String>>,
    /// The endpoint that issues tokens.
    #[schemars(required)]
    pub(in crate::config) token_url: Option<At<String>>,
    /// What else the endpoint wants to be told.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) endpoint_params: Option<BTreeMap<String, Secret>>,
    /// How the endpoint is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// The proxy on the way to the endpoint.
    pub(in crate::config) proxy_url: Option<At<ProxyUrl>>,
    /// What goes past the proxy.
    pub(in crate::config) no_proxy: Option<At<String>>,
    /// Whether the environment says what to go through.
    #[schemars(extend("default" = false))]
    pub(in crate::config) proxy_from_environment: Option<At<bool>>,
    /// Headers for the proxy.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) proxy_connect_header: Option<BTreeMap<String, At<Vec<Secret>>>>,
}

/// The URL of a proxy, which shows everything of itself but a password.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::config) struct ProxyUrl(String);

impl ProxyUrl {
    /// The URL itself: never for a log, a page or an error.
    pub(in crate::config) fn reveal(&self) -> &str {
        &self.0
    }

    fn shown(&self) -> String {
        match Url::parse(&self.0) {
            Ok(url) if !has_credentials(&url) => self.0.clone(),
            Ok(url) => {
                let rest = &url[url::Position::BeforeHost..];
                format!("{}://{MASK}@{rest}", url.scheme())
            }
            Err(_) => MASK.to_owned(),
        }
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text.is_empty() || Url::parse(&text).is_ok() {
            Ok(Self(text.into_owned()))
        } else {
            let hint = "write it as in http://proxy.example:3128";
            Err(de::Error::custom(format_args!(
                "this is not the URL of a proxy\n{hint}"
            )))
        }
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl JsonSchema for ProxyUrl {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "URL".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"title": "URL", "type": "string", "format": "uri"})
    }
}
