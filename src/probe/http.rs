//! HTTP/1.1 and HTTP/2 over a connection of our own, with the redirects that it leads to.
//!
//! Bounds for what a server may send: a head of 64 KiB and 100 headers, a body of 8 MiB where the module sets no
//! limit (no failure, unless a rule has to see all of it), ten redirects, and the probe's deadline.

use regex::Regex;

use super::{Addressing, tls};
use crate::outcome::Family;

mod bodies;
mod body;
pub(super) mod exchange;
mod hop;
mod http3;
mod json;
pub mod proxy;
mod redirect;
mod request;
mod response;
pub mod revocation;
mod room;
mod rules;
pub(super) mod stream;
pub mod token;
pub(super) mod tunnel;

pub use bodies::Bodies;
pub(super) use hop::Journey;
pub use json::Expression;

/// A module of the http prober: blackbox_exporter's keys, resolved, files read.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of the file, one by one")]
pub struct Settings {
    /// Empty: 2xx.
    pub valid_status_codes: Vec<u16>,
    /// As in `HTTP/1.1`; empty: any.
    pub valid_http_versions: Vec<String>,
    /// Which of the host's addresses are asked.
    pub addressing: Addressing,
    /// Whether redirects are followed, 10 at most.
    pub follow_redirects: bool,
    /// A final answer over TLS is wrong.
    pub fail_if_ssl: bool,
    /// A final answer without TLS is wrong.
    pub fail_if_not_ssl: bool,
    /// The request's method.
    pub method: http::Method,
    /// Request headers in the order given; `Host` replaces the URL's.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    /// The request's body.
    pub body: Vec<u8>,
    /// What the response's body must be encoded in; it is decoded. `None`: as it comes, not decoded.
    pub compression: Option<Compression>,
    /// Bytes of body after decompression; 0: no limit of the module's own.
    pub body_size_limit: u64,
    /// The body must match none of these.
    pub fail_if_body_matches: Vec<Regex>,
    /// The body must match all of these.
    pub fail_if_body_not_matches: Vec<Regex>,
    /// The body in JSON, for which this must not hold.
    pub fail_if_body_json_matches: Option<Expression>,
    /// The body in JSON, for which this must hold.
    pub fail_if_body_json_not_matches: Option<Expression>,
    /// No header may match these.
    pub fail_if_header_matches: Vec<HeaderRule>,
    /// Headers must match all of these.
    pub fail_if_header_not_matches: Vec<HeaderRule>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Whether HTTP/3 is spoken, and nothing else, over TLS; plain `http` URLs are asked by `https`.
    pub http3: bool,
    /// Credentials for the `Authorization` header, dropped on a redirect to another host.
    pub authorization: Option<http::HeaderValue>,
    /// Where the tokens come from that stand in place of credentials.
    pub tokens: Option<Box<token::Tokens>>,
    /// The lists of revoked certificates, where the module asks for them.
    pub lists: Option<Box<revocation::Lists>>,
    /// What stands between.
    pub proxies: proxy::Proxies,
    /// TLS, checked and ready.
    pub tls: tls::Connector,
}

impl Settings {
    /// The settings of a module that says nothing but this of TLS.
    #[must_use]
    pub fn new(tls: tls::Connector) -> Self {
        Self {
            valid_status_codes: Vec::new(),
            valid_http_versions: Vec::new(),
            addressing: Addressing {
                preferred: Family::Ipv6,
                fallback: true,
            },
            follow_redirects: true,
            fail_if_ssl: false,
            fail_if_not_ssl: false,
            method: http::Method::GET,
            headers: Vec::new(),
            body: Vec::new(),
            compression: None,
            body_size_limit: 0,
            fail_if_body_matches: Vec::new(),
            fail_if_body_not_matches: Vec::new(),
            fail_if_body_json_matches: None,
            fail_if_body_json_not_matches: None,
            fail_if_header_matches: Vec::new(),
            fail_if_header_not_matches: Vec::new(),
            http2: true,
            http3: false,
            authorization: None,
            tokens: None,
            lists: None,
            proxies: proxy::Proxies::default(),
            tls,
        }
    }

    /// Whether a rule in CEL judges the body.
    pub(super) const fn judges_json(&self) -> bool {
        self.fail_if_body_json_matches.is_some() || self.fail_if_body_json_not_matches.is_some()
    }
}

/// A rule on a header.
#[derive(Debug, Clone)]
pub struct HeaderRule {
    /// The header's name, in lower case.
    pub header: String,
    /// The pattern.
    pub pattern: Regex,
    /// Whether a missing header is passed over.
    pub allow_missing: bool,
}

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
    /// zlib-wrapped deflate, or raw as some servers send it.
    Deflate,
    /// None.
    Identity,
}
