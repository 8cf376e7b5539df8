//! The request for an upgrade (RFC 6455 section 4.1).

use http::header::{
    AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Uri};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use url::{Position, Url};

use super::Settings;
use crate::build_info;

static MARKER: HeaderName = HeaderName::from_static(build_info::MARKER_HEADER);

/// The request; `None` where the URL cannot be put into one.
pub(super) fn request(
    url: &Url,
    (settings, authorization): (&Settings, Option<&HeaderValue>),
    marked: bool,
) -> Option<Request> {
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let mut parts = http::uri::Parts::default();
    let secure = matches!(url.scheme(), "wss" | "https");
    parts.scheme = Some(Scheme::try_from(if secure { "wss" } else { "ws" }).ok()?);
    parts.authority = Some(Authority::try_from(authority).ok()?);
    let path = &url[Position::BeforePath..Position::AfterQuery];
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(build_info::USER_AGENT));
    headers.insert(HOST, HeaderValue::from_str(authority).ok()?);
    for name in settings.headers.iter().map(|(name, _)| name) {
        headers.remove(name);
    }
    for (name, value) in &settings.headers {
        headers.append(name, value.clone());
    }
    if let Some(credentials) = authorization {
        headers.insert(AUTHORIZATION, credentials.clone());
    }
    if marked {
        headers.insert(MARKER.clone(), HeaderValue::from_static("1"));
    }
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(generate_key()).ok()?);
    Some(request)
}
