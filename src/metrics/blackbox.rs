//! The series of `/probe`: those of blackbox_exporter, with its exact names, presence and meaning, and
//! the cause beside them.

use std::fmt;
use std::net::IpAddr;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use url::Url;

use super::negotiate::Format;
use super::protobuf::FamilyBuffer;
use super::scrape::ScrapeError;
use crate::cause::ProbeCause;
use crate::endpoint::ProberName;
use crate::outcome::{
    Attempt, ChainFacts, ConnectFailure, Failure, Hop, HttpFailure, Outcome, ResponseFacts, RevocationFacts,
    TlsFacts,
};

mod series;

pub(super) use series::{PREFACE, of};

use series::{ProbeSeries, Sample};

/// What a probe saw and what is made of it.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// What it saw.
    pub outcome: &'a Outcome,
    /// What stands in the way, by the first judgement, unconfirmed.
    pub cause: Option<ProbeCause>,
}

/// Bytes that the series of most probes take in text.
const TEXT: usize = 8 * 1024;

/// Encodes the series of a probe.
pub fn render(probe: &Probe<'_>, format: Format) -> Result<Vec<u8>, ScrapeError> {
    let view = View::of(probe);
    let families = of(probe.outcome.prober).map(|series| Family {
        series,
        samples: (series.samples)(&view),
    });
    let families = families.filter(|family| !family.samples.is_empty());
    if format.dialect().is_none() {
        return messages(families);
    }
    // Of gauges, OpenMetrics and text 0.0.4 say the same in the same words.
    let mut text = String::with_capacity(TEXT);
    encode_registry(&mut text, &registry(families.collect()))?;
    Ok(text.into_bytes())
}

/// In protobuf: a message for each family.
fn messages(families: impl Iterator<Item = Family>) -> Result<Vec<u8>, ScrapeError> {
    let mut bytes = Vec::new();
    let mut buffer = FamilyBuffer::default();
    for family in families {
        buffer.add(&registry(vec![family]))?;
        buffer.finish(&mut bytes)?;
    }
    Ok(bytes)
}

fn registry(families: Vec<Family>) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    registry
}

/// Whether the probe succeeded at every address that was tried. One that there is no way to from here says nothing
/// as long as there is a way to another.
#[must_use]
pub fn success(outcome: &Outcome) -> bool {
    outcome
        .attempts
        .last()
        .is_some_and(|last| succeeded(judged(outcome).unwrap_or(last)))
}

/// Whether an attempt succeeded as a module judges: an answer came and broke none of its rules. Where redirects were
/// given up, the last one itself is judged.
fn succeeded(attempt: &Attempt) -> bool {
    let ended_well = match attempt.failure() {
        None => attempt
            .last()
            .is_some_and(|hop| hop.response.is_some() || hop.answer.is_some()),
        Some(failure) => *failure == Failure::Http(HttpFailure::RedirectLoop),
    };
    ended_well && attempt.violations.is_empty()
}

/// The attempt that the series are about: the first that failed, else the last.
fn judged(outcome: &Outcome) -> Option<&Attempt> {
    let unreachable = Failure::Connect(ConnectFailure::Unreachable);
    let reached = |attempt: &&Attempt| attempt.failure() != Some(&unreachable);
    let mut failed = outcome.attempts.iter().filter(|attempt| !succeeded(attempt));
    let mut attempts = outcome.attempts.iter();
    failed
        .find(reached)
        .or_else(|| attempts.rfind(reached))
        .or_else(|| outcome.attempts.last())
}

#[derive(Debug)]
struct Family {
    series: &'static ProbeSeries,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { series, samples } in &self.0 {
            let mut metric = encoder.encode_descriptor(series.name, series.help, None, MetricType::Gauge)?;
            for (labels, value) in samples {
                if labels.is_empty() {
                    gauge(&mut metric, *value)?;
                } else {
                    gauge(&mut metric.encode_family(labels)?, *value)?;
                }
            }
        }
        Ok(())
    }
}

/// Whole numbers without a point, as people read them.
fn gauge(metric: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the comparison undoes it where it matters"
    )]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "the comparison is what finds out")]
    let exact = (whole as f64).to_bits() == value.to_bits();
    if exact {
        metric.encode_gauge(&whole)
    } else {
        metric.encode_gauge(&value)
    }
}

/// The parts of an outcome that the series are made of.
struct View<'a> {
    outcome: &'a Outcome,
    cause: Option<ProbeCause>,
    attempt: Option<&'a Attempt>,
    /// The judged answer, if one arrived.
    response: Option<&'a ResponseFacts>,
    /// Of the connection that is judged.
    tls: Option<&'a TlsFacts>,
}

impl<'a> View<'a> {
    fn of(probe: &Probe<'a>) -> Self {
        let attempt = judged(probe.outcome);
        let last = attempt.and_then(Attempt::last);
        // A redirect that cannot be followed is no answer, unlike one that is not followed.
        let judged = last.filter(|hop| bad_redirect(hop).is_none());
        let response = judged.and_then(|hop| hop.response.as_ref());
        let tls = last.and_then(|hop| hop.tls.as_ref());
        Self {
            outcome: probe.outcome,
            cause: probe.cause,
            attempt,
            response,
            tls: tls.filter(|tls| match probe.outcome.prober {
                ProberName::Http => response.is_some(),
                // A session that was begun and accepted, whatever came of it.
                ProberName::Tcp
                | ProberName::Dns
                | ProberName::Icmp
                | ProberName::Unix
                | ProberName::WebSocket => {
                    let untrusted = last.is_some_and(|hop| hop.failure == Some(Failure::Untrusted));
                    tls.version.is_some() && !untrusted
                }
                // One that a call could be made over.
                ProberName::Grpc => {
                    let failure = last.and_then(|hop| hop.failure.as_ref());
                    let unusable = matches!(failure, Some(Failure::Untrusted | Failure::Tls(_)));
                    tls.version.is_some() && !unusable
                }
            }),
        }
    }

    /// The chain of the last hop that came so far, accepted or not.
    fn presented(&self) -> Option<&'a ChainFacts> {
        let mut hops = self.hops().iter().rev();
        hops.find_map(|hop| hop.tls.as_ref()?.chain.as_deref())
    }

    /// What lists say of it.
    fn revocation(&self) -> Option<&'a RevocationFacts> {
        let mut hops = self.hops().iter().rev();
        hops.find_map(|hop| hop.revocation.as_ref())
    }

    /// The hop that is judged.
    fn last(&self) -> Option<&'a Hop> {
        self.attempt.and_then(Attempt::last)
    }

    fn hops(&self) -> &'a [Hop] {
        self.attempt.map_or(&[], |attempt| attempt.hops.as_slice())
    }

    fn chain(&self) -> Option<&'a ChainFacts> {
        self.tls?.chain.as_deref()
    }

    /// The address chosen for the first hop.
    fn address(&self) -> Option<IpAddr> {
        self.attempt?.peer.ip().map(|address| address.to_canonical())
    }

    /// Redirects met: those followed, and the last one where it was not.
    fn redirects(&self) -> usize {
        let refused = match self.hops().last().and_then(bad_redirect) {
            Some(location) => Url::parse(location).is_ok(),
            None => self.response.is_some_and(|response| {
                matches!(response.status, 301 | 302 | 303 | 307 | 308) && response.location.is_some()
            }),
        };
        self.hops().len().saturating_sub(1) + usize::from(refused)
    }
}

/// Where a redirect leads that cannot be followed.
fn bad_redirect(hop: &Hop) -> Option<&str> {
    match &hop.failure {
        Some(Failure::Http(HttpFailure::BadRedirect(location))) => Some(location),
        _ => None,
    }
}
