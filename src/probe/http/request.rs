//! What is sent: the request of one hop, from the module's settings.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST,
    PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use url::Url;

use super::exchange::{Request, Version};
use super::proxy::Proxy;
use super::tunnel;
use super::{Compression, Settings};
use crate::build_info;
use crate::text::has_credentials;

/// What the headers of a hop depend on beside the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// Where to.
    pub(super) url: &'a Url,
    /// The method, after the redirects so far.
    pub(super) method: &'a Method,
    /// The body that goes along: none after a redirect that turned the method to GET.
    pub(super) body: Option<&'a Bytes>,
    /// Credentials for the host that the probe began with.
    pub(super) authorization: Option<&'a HeaderValue>,
    /// Whether this is the host the probe began with: credentials and `Host` are for it alone.
    pub(super) home: bool,
    /// `Host` to use at home in place of the URL's and the module's.
    pub(super) hostname: Option<&'a str>,
    /// Whether `build_info::MARKER_HEADER` is sent.
    pub(super) marked: bool,
    /// The cookies collected so far.
    pub(super) cookies: Option<&'a HeaderValue>,
    /// The proxy that takes the request, and the target's address where it is known.
    pub(super) proxy: Option<(&'a Proxy, Option<IpAddr>)>,
    /// Where the redirect came from.
    pub(super) referer: Option<&'a HeaderValue>,
}

static LINKWATCH: HeaderValue = HeaderValue::from_static(build_info::USER_AGENT);
static MARKER: HeaderName = HeaderName::from_static(build_info::MARKER_HEADER);

impl Ask<'_> {
    /// The request, in the form of the version that is spoken; `None` when the URL cannot be put into one.
    pub(super) fn request(&self, settings: &Settings, version: Version) -> Option<Request> {
        let host = self.host(settings)?;
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let path = PathAndQuery::try_from(path).ok()?;
        let mut headers = HeaderMap::with_capacity(settings.headers.len() + 8);
        let uri = match version {
            Version::Http1 => {
                headers.insert(HOST, host);
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
                match self.proxy {
                    Some((proxy, address)) => self.absolute(proxy, address, path, &mut headers)?,
                    None => Uri::from(path),
                }
            }
            Version::Http2 | Version::Http3 => {
                let mut parts = http::uri::Parts::default();
                parts.scheme = Some(Scheme::HTTPS);
                parts.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
                parts.path_and_query = Some(path);
                Uri::from_parts(parts).ok()?
            }
        };
        self.add_headers(settings, &mut headers);
        let body = self.body.cloned().map(Full::new).unwrap_or_default();
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Some(request)
    }

    /// The form that a proxy takes (RFC 9112 section 3.2.2), with what the proxy itself wants to see.
    fn absolute(
        &self,
        proxy: &Proxy,
        address: Option<IpAddr>,
        path: PathAndQuery,
        headers: &mut HeaderMap,
    ) -> Option<Uri> {
        if let Some(credentials) = proxy.authorization() {
            headers.insert(PROXY_AUTHORIZATION, credentials);
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(tunnel::authority(self.url, address)?);
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }

    fn host(&self, settings: &Settings) -> Option<HeaderValue> {
        if self.home {
            if let Some(hostname) = self.hostname {
                return HeaderValue::from_str(hostname).ok();
            }
            if let Some((_, host)) = settings.headers.iter().find(|(name, _)| *name == HOST) {
                return Some(host.clone());
            }
        }
        let authority = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        HeaderValue::from_str(authority).ok()
    }

    fn add_headers(&self, settings: &Settings, headers: &mut HeaderMap) {
        for (name, value) in &settings.headers {
            let passed_over = match *name {
                AUTHORIZATION | COOKIE => !self.home,
                // `Host` is sent already, and the body decides the others; where it stays behind, so do the words about it.
                HOST | CONTENT_LENGTH | TRANSFER_ENCODING => true,
                CONTENT_TYPE | CONTENT_ENCODING => self.body.is_none(),
                _ => false,
            };
            if !passed_over {
                headers.append(name, value.clone());
            }
        }
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, LINKWATCH.clone());
        }
        if self.marked {
            headers.insert(MARKER.clone(), HeaderValue::from_static("1"));
        }
        if let Some(coding) = settings.compression
            && !headers.contains_key(ACCEPT_ENCODING)
        {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding.as_str()));
        }
        if self.home
            && !headers.contains_key(AUTHORIZATION)
            && let Some(credentials) = self.authorization.cloned().or_else(|| basic_of(self.url))
        {
            headers.insert(AUTHORIZATION, credentials);
        }
        if let Some(referer) = self.referer
            && !headers.contains_key(REFERER)
        {
            headers.insert(REFERER, referer.clone());
        }
        if let Some(cookies) = self.cookies {
            headers.insert(COOKIE, with_cookies(headers.get(COOKIE), cookies));
        }
    }
}

impl Compression {
    /// The name of the content coding.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Deflate => "deflate",
            Self::Identity => "identity",
        }
    }
}

/// The module's own cookies and those set on the way, in the one header that may hold them (RFC 6265 section 5.4).
fn with_cookies(own: Option<&HeaderValue>, set: &HeaderValue) -> HeaderValue {
    let Some(own) = own else { return set.clone() };
    let joined = [own.as_bytes(), b"; ", set.as_bytes()].concat();
    HeaderValue::try_from(joined).unwrap_or_else(|_| set.clone())
}

/// The URL's own user and password (RFC 7617).
fn basic_of(url: &Url) -> Option<HeaderValue> {
    if !has_credentials(url) {
        return None;
    }
    let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
    let credentials = BASE64_STANDARD.encode(credentials);
    let mut value = HeaderValue::try_from(format!("Basic {credentials}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_the_url_are_decoded_before_they_are_encoded() {
        let url = Url::parse("http://us%40er:p%3Ass@example.com/").unwrap();
        let expected = format!("Basic {}", BASE64_STANDARD.encode("us@er:p:ss"));
        assert_eq!(basic_of(&url).unwrap().to_str().unwrap(), expected);
        assert_eq!(basic_of(&Url::parse("http://example.com/").unwrap()), None);
    }
}
