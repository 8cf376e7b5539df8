//! Which path is answered how.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, LOCATION};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::body::{self, Body};
use super::gate::Shown;
use super::page::{self, Filter, Scene};
use super::{Command, Server, api, badge, logs, probe, traffic};
use crate::metrics::negotiate::{Coding, Format};
use crate::state::State;
use crate::text::bounded;

/// How long a reload may take before its client is told to look at the log.
const RELOAD_PATIENCE: Duration = Duration::from_secs(60);

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum Page<'a> {
    Overview,
    Endpoint(&'a str),
    Incidents,
    EndpointBadge(&'a str),
    GroupBadge(&'a str),
    Metrics,
    Probe,
    Probes,
    Logs,
    Config,
    Healthy,
    Ready,
    Reload,
    Api(Api<'a>),
}

/// What a path of the API leads to.
#[derive(Debug, Clone, Copy)]
enum Api<'a> {
    Endpoints,
    Endpoint(&'a str),
    Incidents,
    Traffic,
    Description,
}

impl<'a> Page<'a> {
    fn at(path: &'a str) -> Option<Self> {
        if let Some(api) = path.strip_prefix("/api/v1/") {
            return Api::at(api).map(Self::Api);
        }
        if let Some(badge) = path
            .strip_prefix("/badges/")
            .and_then(|badge| badge.strip_suffix(".svg"))
        {
            return match badge.split_once('/')? {
                ("endpoints", name) => Some(Self::EndpointBadge(name)),
                ("groups", name) => Some(Self::GroupBadge(name)),
                _ => None,
            };
        }
        Some(match path {
            "/" => Self::Overview,
            "/incidents" => Self::Incidents,
            "/metrics" => Self::Metrics,
            "/probe" => Self::Probe,
            "/probes" => Self::Probes,
            "/logs" => Self::Logs,
            "/config" => Self::Config,
            "/-/healthy" => Self::Healthy,
            "/-/ready" => Self::Ready,
            "/-/reload" => Self::Reload,
            path => Self::Endpoint(path.strip_prefix("/endpoints/")?),
        })
    }

    /// The methods that it takes.
    const fn methods(self) -> &'static [Method] {
        match self {
            Self::Reload => &[Method::POST, Method::PUT],
            Self::Overview
            | Self::Endpoint(_)
            | Self::Incidents
            | Self::EndpointBadge(_)
            | Self::GroupBadge(_)
            | Self::Metrics
            | Self::Probe
            | Self::Probes
            | Self::Logs
            | Self::Config
            | Self::Healthy
            | Self::Ready
            | Self::Api(_) => &[Method::GET, Method::HEAD],
        }
    }
}

impl<'a> Api<'a> {
    fn at(path: &'a str) -> Option<Self> {
        Some(match path {
            "endpoints" => Self::Endpoints,
            "incidents" => Self::Incidents,
            "traffic" => Self::Traffic,
            "openapi.yaml" => Self::Description,
            path => Self::Endpoint(path.strip_prefix("endpoints/")?),
        })
    }
}

/// Answers a request.
pub(super) async fn route(server: &Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let prefix = &*server.site.prefix;
    let Some(page) = request.uri().path().strip_prefix(prefix).and_then(Page::at) else {
        return elsewhere(prefix, request.uri().path());
    };
    if !page.methods().contains(request.method()) {
        return not_allowed(page.methods());
    }
    match page {
        Page::Overview => self::page(server, &request, page::overview),
        Page::Endpoint(name) => endpoint(server, &request, name),
        Page::Incidents => self::page(server, &request, page::incidents),
        Page::EndpointBadge(name) => badge::endpoint(server, name),
        Page::GroupBadge(name) => badge::group(server, name),
        Page::Metrics => metrics(server, request.headers()),
        Page::Probe => probe::probe(server, &request).await,
        Page::Probes => self::page(server, &request, page::probes),
        Page::Logs => logs::logs(server, request.uri()),
        Page::Config => config(server),
        Page::Healthy => body::text(StatusCode::OK, "Healthy\n"),
        Page::Ready => ready(server),
        Page::Reload => reload(server).await,
        Page::Api(Api::Endpoints) => api::endpoints(server),
        Page::Api(Api::Endpoint(name)) => api::endpoint(server, name),
        Page::Api(Api::Incidents) => api::incidents(server),
        Page::Api(Api::Traffic) => traffic::traffic(server),
        Page::Api(Api::Description) => api::description(),
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

/// What is answered where nothing is: with a prefix, its root leads there.
fn elsewhere(prefix: &str, path: &str) -> Response<Body> {
    let root = !prefix.is_empty() && (path == "/" || path == prefix);
    let Some(there) = HeaderValue::try_from(format!("{prefix}/")).ok().filter(|_| root) else {
        let text = format!("not found; {prefix}/ lists what is here\n");
        return body::text(StatusCode::NOT_FOUND, text);
    };
    let mut response = body::text(StatusCode::FOUND, "");
    response.headers_mut().insert(LOCATION, there);
    response
}

fn metrics(server: &Arc<Server>, headers: &HeaderMap) -> Response<Body> {
    let format = Format::negotiate(header(headers, &ACCEPT).as_deref());
    let coding = coding(headers);
    let exporter = server.exporter.clone();
    let scrape = Scrape {
        _shown: Shown::new(&server.site.state, |state| &state.own.scrapes.in_flight),
        state: Arc::clone(&server.site.state),
    };
    let body = body::stepped(move || scrape.counted(exporter.scrape(format, coding)));
    let mut response = body::with_type(StatusCode::OK, content_type(format), body);
    body::coded(response.headers_mut(), coding);
    response
}

/// A scrape that is counted once it is through.
struct Scrape {
    _shown: Shown,
    state: Arc<State>,
}

impl Scrape {
    /// The chunks, with what is counted when they end.
    fn counted<E>(
        self,
        mut chunks: impl Iterator<Item = Result<Bytes, E>>,
    ) -> impl Iterator<Item = Result<Bytes, E>> {
        std::iter::from_fn(move || {
            let chunk = chunks.next();
            // All of it, so that what is shown lives as long as the chunks.
            let scrape = &self;
            let scrapes = &scrape.state.own.scrapes;
            match &chunk {
                Some(Ok(_)) => {}
                Some(Err(_)) => drop(scrapes.failed.fetch_add(1, Relaxed)),
                None => drop(scrapes.done.fetch_add(1, Relaxed)),
            }
            chunk
        })
    }
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

/// A page for people, as of now.
fn page(
    server: &Arc<Server>,
    request: &Request<Incoming>,
    render: impl FnOnce(&Scene, &Filter) -> String + Send + 'static,
) -> Response<Body> {
    let site = &server.site;
    let scene = Scene {
        state: Arc::clone(&site.state),
        now: site.clock.now(),
        external_url: site.front.load().external_url.clone(),
    };
    let filter = Filter::parse(request.uri().query().unwrap_or_default());
    let refresh = filter.refresh;
    let coding = coding(request.headers());
    let mut response = body::page(coding, move || render(&scene, &filter));
    if let Some(seconds) = refresh {
        response
            .headers_mut()
            .insert(HeaderName::from_static("refresh"), HeaderValue::from(seconds));
    }
    response
}

/// The page of one endpoint by its name, which may be percent-encoded.
fn endpoint(server: &Arc<Server>, request: &Request<Incoming>, encoded: &str) -> Response<Body> {
    let name = api::decode(encoded);
    if let Some(slot) = server.site.state.catalogue().find(&name).cloned() {
        return page(server, request, move |scene, _| page::endpoint(scene, &slot));
    }
    let name = bounded(&name);
    let mut response = page(server, request, move |scene, _| page::missing(scene, &name));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn coding(headers: &HeaderMap) -> Coding {
    Coding::negotiate(header(headers, &ACCEPT_ENCODING).as_deref())
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
