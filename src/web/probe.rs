//! `/probe`: one probe on demand, in blackbox_exporter's terms.

use std::borrow::Cow;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName};
use hyper::{HeaderMap, Request, Response, StatusCode};

use super::body::{self, Body};
use super::route::{busy, content_type, header};
use super::{ProbeAnswer, ProbeRequest, Server};
use crate::endpoint::AddressChoice;
use crate::metrics::blackbox::{Probe, render};
use crate::metrics::negotiate::Format;

mod explained;
mod log;
mod logfmt;

pub use explained::Explained;

/// The module of a request that names none.
const DEFAULT_MODULE: &str = "http_2xx";

/// What a scraper that announces no timeout leaves.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// The longest timeout that a scraper is believed.
const MOST_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a probe's answer may be overdue.
const OVERDUE: Duration = Duration::from_secs(5);

const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

pub(super) async fn probe(server: &Server, request: &Request<Incoming>) -> Response<Body> {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let Some(target) = query.target else {
        return body::text(StatusCode::BAD_REQUEST, "the parameter target is missing\n");
    };
    let timeout = match timeout(request.headers(), server.site.timeout_offset) {
        Ok(timeout) => timeout,
        // As blackbox_exporter has it; a client error by any other measure.
        Err(reason) => return body::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")),
    };
    let module = query.module.unwrap_or_else(|| DEFAULT_MODULE.to_owned());
    let gate = server.site.gate.load_full();
    let Ok(pass) = gate.enter(&module, timeout).await else {
        return busy();
    };
    let probe = server.site.probing.probe(ProbeRequest {
        target,
        module,
        hostname: query.hostname,
        addresses: query.addresses,
        timeout: timeout.saturating_sub(pass.waited()),
    });
    match tokio::time::timeout(timeout.max(DEFAULT_TIMEOUT) + OVERDUE, probe).await {
        Ok(Ok(answer)) => show(&answer, query.debug, request.headers()),
        Ok(Err(unprobed)) => body::text(unprobed.status(), format!("{unprobed}\n")),
        Err(_) => body::text(StatusCode::GATEWAY_TIMEOUT, "the probe did not end in time\n"),
    }
}

fn show(answer: &ProbeAnswer, debug: Debug, headers: &HeaderMap) -> Response<Body> {
    let format = match debug {
        Debug::Off => Format::negotiate_probe(header(headers, &ACCEPT).as_deref()),
        Debug::On => return body::text(StatusCode::OK, Explained(answer).to_string()),
    };
    match render(&answer.seen(), format) {
        Ok(series) => body::with_type(StatusCode::OK, content_type(format), body::whole(series)),
        Err(error) => body::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

impl ProbeAnswer {
    fn seen(&self) -> Probe<'_> {
        Probe {
            outcome: &self.outcome,
            cause: self.cause,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Debug {
    Off,
    On,
}

#[derive(Debug)]
struct Query {
    target: Option<String>,
    module: Option<String>,
    hostname: Option<String>,
    addresses: AddressChoice,
    debug: Debug,
}

impl Query {
    /// The first of each parameter counts; an empty one is as good as none.
    fn parse(query: &str) -> Self {
        const NAMES: [&str; 5] = ["target", "module", "hostname", "addresses", "debug"];
        let mut values = [const { None }; NAMES.len()];
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if let Some(at) = NAMES.iter().position(|name| *name == key) {
                values[at].get_or_insert(value);
            }
        }
        let [target, module, hostname, addresses, debug] = values;
        let given =
            |value: Option<Cow<'_, str>>| value.filter(|value| !value.is_empty()).map(Cow::into_owned);
        Self {
            target: given(target),
            module: given(module),
            hostname: given(hostname),
            addresses: match addresses.as_deref() {
                Some("all") => AddressChoice::All,
                Some(_) | None => AddressChoice::One,
            },
            debug: match debug.as_deref() {
                Some("true") => Debug::On,
                Some(_) | None => Debug::Off,
            },
        }
    }
}

/// What the scraper's timeout leaves after the offset.
fn timeout(headers: &HeaderMap, offset: Duration) -> Result<Duration, &'static str> {
    let Some(value) = headers.get(SCRAPE_TIMEOUT) else {
        return Ok(DEFAULT_TIMEOUT.saturating_sub(offset));
    };
    let seconds = value
        .to_str()
        .ok()
        .and_then(|value| value.trim().parse::<f64>().ok());
    let announced = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Some(announced) = announced else {
        return Err("the header X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds");
    };
    let announced = if announced.is_zero() {
        DEFAULT_TIMEOUT
    } else {
        announced
    };
    Ok(announced.min(MOST_TIMEOUT).saturating_sub(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout_of(header: Option<&str>, offset: f64) -> Result<f64, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(SCRAPE_TIMEOUT, value.parse().unwrap());
        }
        timeout(&headers, Duration::from_secs_f64(offset)).map(|timeout| timeout.as_secs_f64())
    }

    #[test]
    fn the_offset_is_taken_off_what_the_scraper_announces() {
        assert_eq!(timeout_of(Some("10"), 0.5), Ok(9.5));
        assert_eq!(timeout_of(Some("2.5"), 0.5), Ok(2.0));
        assert_eq!(timeout_of(None, 0.5), Ok(119.5));
        assert_eq!(timeout_of(Some("0"), 0.5), Ok(119.5));
        assert_eq!(timeout_of(Some("0.3"), 0.5), Ok(0.0));
    }

    #[test]
    fn a_timeout_that_is_no_number_is_refused() {
        for header in ["x", "-1", "NaN", "inf", "1e300"] {
            assert!(timeout_of(Some(header), 0.5).is_err(), "{header}");
        }
    }

    #[test]
    fn parameters_are_decoded_once_and_empty_ones_do_not_count() {
        let query = Query::parse("target=http%3A%2F%2Fa.example%2F%2525&module=&debug=true&target=b");
        assert_eq!(query.target.as_deref(), Some("http://a.example/%25"));
        assert_eq!(query.module, None);
        assert_eq!(query.debug, Debug::On);
    }
}
