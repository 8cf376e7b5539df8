//! Which path is answered how.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::body::{self, Body};
use super::{Command, Server, api, page, probe, traffic};
use crate::metrics::negotiate::{Coding, Format};

/// How long a reload may take before its client is told to look at the log.
const RELOAD_PATIENCE: Duration = Duration::from_secs(60);

/// What the paths begin with that name one endpoint.
const ENDPOINT: &str = "/api/v1/endpoints/";

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum Page<'a> {
    Landing,
    Metrics,
    Probe,
    Config,
    Healthy,
    Ready,
    Reload,
    Endpoints,
    Endpoint(&'a str),
    Traffic,
}

impl<'a> Page<'a> {
    fn at(path: &'a str) -> Option<Self> {
        Some(match path {
            "/" => Self::Landing,
            "/metrics" => Self::Metrics,
            "/probe" => Self::Probe,
            "/config" => Self::Config,
            "/-/healthy" => Self::Healthy,
            "/-/ready" => Self::Ready,
            "/-/reload" => Self::Reload,
            "/api/v1/endpoints" => Self::Endpoints,
            "/api/v1/traffic" => Self::Traffic,
            path => Self::Endpoint(path.strip_prefix(ENDPOINT)?),
        })
    }

    /// The methods that it takes.
    const fn methods(self) -> &'static [Method] {
        match self {
            Self::Reload => &[Method::POST, Method::PUT],
            Self::Landing
            | Self::Metrics
            | Self::Probe
            | Self::Config
            | Self::Healthy
            | Self::Ready
            | Self::Endpoints
            | Self::Endpoint(_)
            | Self::Traffic => &[Method::GET, Method::HEAD],
        }
    }
}

/// Answers a request.
pub(super) async fn route(server: &Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let Some(page) = Page::at(request.uri().path()) else {
        return body::text(StatusCode::NOT_FOUND, "not found; / lists what is here\n");
    };
    if !page.methods().contains(request.method()) {
        return not_allowed(page.methods());
    }
    match page {
        Page::Landing => landing(server),
        Page::Metrics => metrics(server, request.headers()),
        Page::Probe => probe::probe(server, &request).await,
        Page::Config => config(server),
        Page::Healthy => body::text(StatusCode::OK, "healthy\n"),
        Page::Ready => ready(server),
        Page::Reload => reload(server).await,
        Page::Endpoints => api::endpoints(server),
        Page::Endpoint(name) => api::endpoint(server, name),
        Page::Traffic => traffic::traffic(server),
    }
}

/// The value of a header that is text; several lines of it count as one list.
pub(super) fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn metrics(server: &Arc<Server>, headers: &HeaderMap) -> Response<Body> {
    let format = Format::negotiate(header(headers, &ACCEPT).as_deref());
    let coding = Coding::negotiate(header(headers, &ACCEPT_ENCODING).as_deref());
    let exporter = server.exporter.clone();
    let body = body::stepped(move || exporter.scrape(format, coding));
    let mut response = body::with_type(StatusCode::OK, content_type(format), body);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    match coding {
        Coding::Identity => {}
        Coding::Gzip => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    response
}

/// A format's name as a header.
pub(super) fn content_type(format: Format) -> HeaderValue {
    // Every name is plain ASCII, so the conversion cannot fail; if it did, the body would still be text.
    HeaderValue::try_from(format.to_string()).unwrap_or(body::TEXT)
}

fn ready(server: &Server) -> Response<Body> {
    if server.site.front.load().ready {
        body::text(StatusCode::OK, "ready\n")
    } else {
        body::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "the first configuration is not loaded yet\n",
        )
    }
}

fn config(server: &Server) -> Response<Body> {
    body::text(StatusCode::OK, server.site.front.load().config.to_string())
}

async fn reload(server: &Server) -> Response<Body> {
    let (reply, answer) = oneshot::channel();
    if server.site.commands.try_send(Command::Reload { reply }).is_err() {
        return busy();
    }
    match tokio::time::timeout(RELOAD_PATIENCE, answer).await {
        Ok(Ok(Ok(()))) => body::text(StatusCode::OK, "reloaded\n"),
        Ok(Ok(Err(reason))) => body::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the old configuration stays: {reason}\n"),
        ),
        Ok(Err(_)) => busy(),
        Err(_) => body::text(
            StatusCode::GATEWAY_TIMEOUT,
            "the reload is still running: see the log for how it ends\n",
        ),
    }
}

fn landing(server: &Arc<Server>) -> Response<Body> {
    let server = Arc::clone(server);
    let body = body::stepped(move || {
        let external_url = server.site.front.load().external_url.clone();
        let page = page::render(&server.site.state, external_url.as_ref(), server.site.clock.now());
        std::iter::once(Ok::<_, body::BodyError>(page.into()))
    });
    let mut response = body::with_type(StatusCode::OK, body::HTML, body);
    response.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    );
    response
}

/// The answer of a server that has as much to do as it may.
pub(super) fn busy() -> Response<Body> {
    body::text(StatusCode::SERVICE_UNAVAILABLE, "too busy, try again later\n")
}

fn not_allowed(allowed: &[Method]) -> Response<Body> {
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let names = names.join(", ");
    let mut response = body::text(StatusCode::METHOD_NOT_ALLOWED, format!("only {names} here\n"));
    if let Ok(names) = HeaderValue::try_from(names) {
        response.headers_mut().insert(ALLOW, names);
    }
    response
}
