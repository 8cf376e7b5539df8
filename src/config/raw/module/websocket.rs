//! The `websocket` prober.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{Authorization, BasicAuth, HeaderValues, IpProtocol, OAuth2, ProxyUrl, QueryResponse, TlsConfig};
use crate::config::at::At;
use crate::config::secret::Secret;

/// The `websocket` prober: a dialogue by messages, as in `wss://example.com/feed`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "websocket")]
pub(in crate::config) struct WebSocket {
    /// How the server is asked.
    pub(in crate::config) http_config: Option<At<HttpConfig>>,
    /// Request headers, each as a text or as `values`, `secrets` and `files`.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) headers: Option<BTreeMap<String, At<HeaderForm>>>,
    /// What is heard and said, message by message, once the connection is upgraded; empty: the upgrade is all.
    /// No message is passed over; `labels` and `starttls` are not used.
    #[schemars(extend("default" = []))]
    pub(in crate::config) query_response: Option<Vec<At<QueryResponse>>>,
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
}

/// How a server is asked by HTTP, as Prometheus' clients write it.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "http_config")]
pub(in crate::config) struct HttpConfig {
    /// A user and a password.
    pub(in crate::config) basic_auth: Option<At<BasicAuth>>,
    /// Credentials of another kind.
    pub(in crate::config) authorization: Option<At<Authorization>>,
    /// The credentials of `authorization: {type: Bearer}`.
    pub(in crate::config) bearer_token: Option<At<Secret>>,
    /// A file that holds `bearer_token`.
    pub(in crate::config) bearer_token_file: Option<At<String>>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// Request headers of which some are secret.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) http_headers: Option<BTreeMap<String, At<HeaderValues>>>,
    /// Not used: an upgrade follows no redirect.
    pub(in crate::config) follow_redirects: Option<bool>,
    /// Not used: an upgrade is one of HTTP/1.1.
    pub(in crate::config) enable_http2: Option<bool>,
    /// Credentials that an endpoint issues as tokens.
    pub(in crate::config) oauth2: Option<At<OAuth2>>,
    /// The proxy that makes the connection, by `http`, `https`, `socks5` or `socks5h`.
    pub(in crate::config) proxy_url: Option<At<ProxyUrl>>,
    /// What goes past the proxy, as in the `http` prober's `no_proxy`.
    pub(in crate::config) no_proxy: Option<At<String>>,
    /// Whether `HTTP_PROXY` (for `ws`), `HTTPS_PROXY` (for `wss`) and `NO_PROXY` of the environment say what to go through.
    #[schemars(extend("default" = false))]
    pub(in crate::config) proxy_from_environment: Option<At<bool>>,
    /// Headers for a proxy that shall make the connection.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) proxy_connect_header: Option<BTreeMap<String, At<Vec<Secret>>>>,
}

/// The value of a header as a text, or its values by their kinds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::config) enum HeaderForm {
    Plain(String),
    Typed(HeaderValues),
}

impl<'de> Deserialize<'de> for HeaderForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FormVisitor;

        impl<'de> Visitor<'de> for FormVisitor {
            type Value = HeaderForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a mapping of values, secrets and files")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderForm, E> {
                Ok(HeaderForm::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HeaderForm, A::Error> {
                HeaderValues::deserialize(MapAccessDeserializer::new(map)).map(HeaderForm::Typed)
            }
        }

        deserializer.deserialize_any(FormVisitor)
    }
}

impl JsonSchema for HeaderForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "header_form".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<HeaderValues>();
        json_schema!({"anyOf": [{"type": "string"}, values]})
    }
}
