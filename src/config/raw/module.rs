//! A module as blackbox_exporter 0.28 writes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::at::At;
use crate::config::secret::Secret;
use crate::config::value::{ByteCount, Lasting, Later, Pattern};

mod client;
mod dns;
mod grpc;
mod icmp;
mod tcp;
mod unix;
mod websocket;

pub(in crate::config) use client::{OAuth2, ProxyUrl};
pub(in crate::config) use dns::{Dns, RecordRules};
pub(in crate::config) use grpc::Grpc;
pub(in crate::config) use icmp::Icmp;
pub(in crate::config) use tcp::{ExpectLabel, QueryResponse, Tcp};
pub(in crate::config) use unix::Unix;
pub(in crate::config) use websocket::{HeaderForm, HttpConfig, WebSocket};

/// How to ask.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "module")]
pub(in crate::config) struct Module {
    /// What is spoken: `http`, `tcp`, `dns`, `icmp`, `unix`, `grpc` or `websocket`.
    #[schemars(required)]
    pub(in crate::config) prober: Option<At<String>>,
    /// Its own limit for a whole probe. Default: that of the group, or of the scrape.
    pub(in crate::config) timeout: Option<At<Lasting>>,
    /// For the `http` prober.
    pub(in crate::config) http: Option<At<Http>>,
    /// For the `tcp` prober.
    pub(in crate::config) tcp: Option<At<Tcp>>,
    /// For the `icmp` prober.
    pub(in crate::config) icmp: Option<At<Icmp>>,
    /// For the `dns` prober.
    pub(in crate::config) dns: Option<At<Dns>>,
    /// For the `grpc` prober.
    pub(in crate::config) grpc: Option<At<Grpc>>,
    /// For the `unix` prober.
    pub(in crate::config) unix: Option<At<Unix>>,
    /// For the `websocket` prober.
    pub(in crate::config) websocket: Option<At<WebSocket>>,
}

/// The `http` prober.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "http")]
#[expect(clippy::struct_field_names, reason = "the names are blackbox_exporter's")]
pub(in crate::config) struct Http {
    /// Statuses that are right; empty: 2xx.
    #[schemars(extend("default" = []))]
    pub(in crate::config) valid_status_codes: Option<Vec<At<u16>>>,
    /// Versions that are right, as in `HTTP/1.1` and `HTTP/2.0`; empty: any.
    #[schemars(extend("default" = []))]
    pub(in crate::config) valid_http_versions: Option<Vec<At<String>>>,
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
    /// Whether redirects are followed, 10 at most.
    #[schemars(extend("default" = true))]
    pub(in crate::config) follow_redirects: Option<At<bool>>,
    /// The old spelling of `follow_redirects: false`.
    #[schemars(extend("deprecated" = true))]
    pub(in crate::config) no_follow_redirects: Option<At<bool>>,
    /// A final answer over TLS is wrong.
    #[schemars(extend("default" = false))]
    pub(in crate::config) fail_if_ssl: Option<At<bool>>,
    /// A final answer without TLS is wrong.
    #[schemars(extend("default" = false))]
    pub(in crate::config) fail_if_not_ssl: Option<At<bool>>,
    /// The request's method.
    #[schemars(extend("default" = "GET"))]
    pub(in crate::config) method: Option<At<String>>,
    /// Request headers; `Host` replaces the URL's.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) headers: Option<BTreeMap<String, At<String>>>,
    /// Request headers of which some are secret.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) http_headers: Option<BTreeMap<String, At<HeaderValues>>>,
    /// The request's body.
    pub(in crate::config) body: Option<At<Secret>>,
    /// A file that holds the request's body.
    pub(in crate::config) body_file: Option<At<String>>,
    /// What the body must be encoded in: `gzip`, `br`, `deflate` or `identity`.
    pub(in crate::config) compression: Option<At<Compression>>,
    /// The largest body, after decompression. 0: no limit of the module's own; 8 MiB are read then, and what comes
    /// after them is neither counted nor searched. A body that a rule judges may have 64 MiB at most.
    #[schemars(extend("default" = "0B"))]
    pub(in crate::config) body_size_limit: Option<ByteCount>,
    /// The body must match none of these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_body_matches_regexp: Option<Vec<Pattern>>,
    /// The body must match all of these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_body_not_matches_regexp: Option<Vec<Pattern>>,
    /// No header may match these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_header_matches: Option<Vec<At<HeaderMatch>>>,
    /// Headers must match all of these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_header_not_matches: Option<Vec<At<HeaderMatch>>>,
    /// Whether HTTP/2 is offered.
    #[schemars(extend("default" = true))]
    pub(in crate::config) enable_http2: Option<bool>,
    /// Whether HTTP/3 is spoken, alone: it needs `enable_http2: false`, and `valid_http_versions` may hold nothing but `HTTP/3.0`.
    #[schemars(extend("default" = false))]
    pub(in crate::config) enable_http3: Option<At<bool>>,
    /// A user and a password.
    pub(in crate::config) basic_auth: Option<At<BasicAuth>>,
    /// Credentials of another kind.
    pub(in crate::config) authorization: Option<At<Authorization>>,
    /// The credentials of `authorization: {type: Bearer}`.
    pub(in crate::config) bearer_token: Option<At<Secret>>,
    /// A file that holds `bearer_token`.
    pub(in crate::config) bearer_token_file: Option<At<String>>,
    /// How servers are verified, and what they are shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// An expression in CEL for which the body, in JSON, must not hold; the body is its variable `body`.
    pub(in crate::config) fail_if_body_json_matches_cel: Option<At<String>>,
    /// An expression in CEL for which the body, in JSON, must hold.
    pub(in crate::config) fail_if_body_json_not_matches_cel: Option<At<String>>,
    /// Whether the presented certificates are looked up in their issuers' lists of revoked ones. Series and the cause
    /// `tls_revoked` tell; `probe_success` does not.
    #[schemars(extend("default" = false))]
    pub(in crate::config) check_revoked: Option<bool>,
    /// Credentials that an endpoint issues as tokens.
    pub(in crate::config) oauth2: Option<At<OAuth2>>,
    /// The proxy to go through, by `http`, `https`, `socks5` or `socks5h`.
    pub(in crate::config) proxy_url: Option<At<ProxyUrl>>,
    /// What goes past the proxy: names (and those below them), addresses and networks with commas between; this
    /// machine always does, once something is written here.
    pub(in crate::config) no_proxy: Option<At<String>>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment say what to go through.
    #[schemars(extend("default" = false))]
    pub(in crate::config) proxy_from_environment: Option<At<bool>>,
    /// Headers for a proxy that shall make a connection.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) proxy_connect_header: Option<BTreeMap<String, At<Vec<Secret>>>>,
    /// Whether the target's name is left to the proxy of `proxy_url`; what resolving tells is absent then.
    #[schemars(extend("default" = false))]
    pub(in crate::config) skip_resolve_phase_with_proxy: Option<At<bool>>,
}

/// An address family.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum IpProtocol {
    Ip4,
    Ip6,
}

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum Compression {
    Gzip,
    Br,
    Deflate,
    Identity,
}

/// A rule on a header of the answer.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "header_match")]
pub(in crate::config) struct HeaderMatch {
    /// The header's name.
    #[schemars(required)]
    pub(in crate::config) header: Option<At<String>>,
    /// The pattern.
    #[schemars(required)]
    pub(in crate::config) regexp: Option<Pattern>,
    /// Whether a missing header is passed over.
    #[schemars(extend("default" = false))]
    pub(in crate::config) allow_missing: Option<bool>,
}

/// The values of one request header.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "http_headers")]
pub(in crate::config) struct HeaderValues {
    /// Values that anybody may see.
    #[schemars(extend("default" = []))]
    pub(in crate::config) values: Option<Vec<At<String>>>,
    /// Values that are masked wherever they could be shown.
    #[schemars(extend("default" = []))]
    pub(in crate::config) secrets: Option<Vec<At<Secret>>>,
    /// Files of which each holds one value.
    #[schemars(extend("default" = []))]
    pub(in crate::config) files: Option<Vec<At<String>>>,
}

/// A user and a password (RFC 7617).
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "basic_auth")]
pub(in crate::config) struct BasicAuth {
    /// The user.
    pub(in crate::config) username: Option<At<String>>,
    /// A file that holds the user.
    pub(in crate::config) username_file: Option<At<String>>,
    /// The user in a secret store.
    pub(in crate::config) username_ref: Option<At<Later>>,
    /// The password.
    pub(in crate::config) password: Option<At<Secret>>,
    /// A file that holds the password.
    pub(in crate::config) password_file: Option<At<String>>,
    /// The password in a secret store.
    pub(in crate::config) password_ref: Option<At<Later>>,
}

/// Credentials for the `Authorization` header.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "authorization")]
pub(in crate::config) struct Authorization {
    /// The scheme that stands before them.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "Bearer"))]
    pub(in crate::config) kind: Option<At<String>>,
    /// The credentials.
    pub(in crate::config) credentials: Option<At<Secret>>,
    /// A file that holds the credentials.
    pub(in crate::config) credentials_file: Option<At<String>>,
    /// The credentials in a secret store.
    pub(in crate::config) credentials_ref: Option<At<Later>>,
}

/// How servers are verified, and what they are shown.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "tls_config")]
pub(in crate::config) struct TlsConfig {
    /// PEM authorities, in place of the public ones.
    pub(in crate::config) ca: Option<At<String>>,
    /// A file of PEM authorities, in place of the public ones.
    pub(in crate::config) ca_file: Option<At<String>>,
    /// The authorities in a secret store.
    pub(in crate::config) ca_ref: Option<At<Later>>,
    /// A PEM client certificate, leaf first.
    pub(in crate::config) cert: Option<At<String>>,
    /// A file of a PEM client certificate, leaf first.
    pub(in crate::config) cert_file: Option<At<String>>,
    /// The client certificate in a secret store.
    pub(in crate::config) cert_ref: Option<At<Later>>,
    /// The client certificate's PEM key.
    pub(in crate::config) key: Option<At<Secret>>,
    /// A file of the client certificate's PEM key.
    pub(in crate::config) key_file: Option<At<String>>,
    /// The key in a secret store.
    pub(in crate::config) key_ref: Option<At<Later>>,
    /// The name to ask for and to verify. Default: the URL's host.
    pub(in crate::config) server_name: Option<At<String>>,
    /// Whether the verdict on the certificate is recorded but not acted upon.
    #[schemars(extend("default" = false))]
    pub(in crate::config) insecure_skip_verify: Option<bool>,
    /// The oldest version that is offered: `TLS12` or `TLS13`; what is older counts as `TLS12`.
    #[schemars(extend("default" = "TLS12"))]
    pub(in crate::config) min_version: Option<At<TlsVersion>>,
    /// The newest version that is offered: `TLS12` or `TLS13`; what is older counts as `TLS12`.
    #[schemars(extend("default" = "TLS13"))]
    pub(in crate::config) max_version: Option<At<TlsVersion>>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(in crate::config) enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}
