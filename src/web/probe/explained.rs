//! The debug output of a probe, as blackbox_exporter's users know it: log, series, module.

use std::fmt;

use url::Url;

use super::super::ProbeAnswer;
use crate::endpoint::Endpoint;
use crate::metrics::blackbox::{render, success};
use crate::metrics::labels::without_credentials;
use crate::metrics::negotiate::Format;
use crate::outcome::{Attempt, Hop, Resolution};

/// An answer that is told in full. It is written when somebody reads it, which is rarely.
#[derive(Debug)]
pub struct Explained<A>(pub A);

impl<A: AsRef<ProbeAnswer>> fmt::Display for Explained<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.0.as_ref();
        f.write_str("Logs for the probe:\n")?;
        log(f, answer)?;
        f.write_str("\n\n\nMetrics that would have been returned:\n")?;
        match render(&answer.seen(), Format::CLASSIC) {
            Ok(series) => f.write_str(&String::from_utf8_lossy(&series))?,
            Err(error) => error.fmt(f)?,
        }
        writeln!(f, "\n\n\nModule configuration:\n{}", answer.module)
    }
}

impl AsRef<Self> for ProbeAnswer {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What happened, line by line.
fn log(f: &mut fmt::Formatter<'_>, answer: &ProbeAnswer) -> fmt::Result {
    let Endpoint { url, group, .. } = match &answer.asked {
        Ok(endpoint) => endpoint,
        Err(reason) => return writeln!(f, "{reason}"),
    };
    writeln!(
        f,
        "probing {} by module {}",
        without_credentials(url),
        group.module
    )?;
    let outcome = &answer.outcome;
    resolved(f, &outcome.resolution)?;
    for attempt in &outcome.attempts {
        attempted(f, attempt)?;
    }
    match answer.cause {
        Some(cause) => writeln!(f, "probe failed after {:?}: {cause}", outcome.elapsed),
        None if success(outcome) => writeln!(f, "probe succeeded after {:?}", outcome.elapsed),
        // It was not made: nothing is known of the target.
        None => writeln!(f, "probe failed after {:?}", outcome.elapsed),
    }
}

fn resolved(f: &mut fmt::Formatter<'_>, resolution: &Resolution) -> fmt::Result {
    for answer in &resolution.answers {
        writeln!(f, "dns {:?} {}: {:?}", answer.family, answer.server, answer.reply)?;
    }
    writeln!(
        f,
        "resolved {:?} in {:?}",
        resolution.addresses, resolution.elapsed
    )
}

fn attempted(f: &mut fmt::Formatter<'_>, attempt: &Attempt) -> fmt::Result {
    for hop in &attempt.hops {
        asked(f, hop)?;
    }
    for broken in &attempt.violations {
        writeln!(
            f,
            "rule {:?} broken: expected {}, actual {}",
            broken.rule, broken.expected, broken.actual
        )?;
    }
    Ok(())
}

fn asked(f: &mut fmt::Formatter<'_>, hop: &Hop) -> fmt::Result {
    writeln!(
        f,
        "asked {} at {:?}: {:?}",
        shown(&hop.url),
        hop.address,
        hop.timings
    )?;
    if let Some(chain) = hop.tls.as_ref().and_then(|tls| tls.chain.as_ref()) {
        f.write_str("certificate ")?;
        if let Some(leaf) = chain.leaf() {
            write!(f, "{} by {}, until {}", leaf.subject, leaf.issuer, leaf.not_after)?;
        }
        writeln!(f, "; problems: {:?}", chain.problems)?;
    }
    if let Some(response) = &hop.response {
        writeln!(
            f,
            "answer {}, {} bytes of body",
            response.status, response.body_length
        )?;
    }
    if let Some(answer) = &hop.answer {
        writeln!(f, "answer {answer:?}")?;
    }
    if let Some(failure) = &hop.failure {
        writeln!(f, "failed: {failure}")?;
    }
    Ok(())
}

/// A URL as it may be printed.
fn shown(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| without_credentials(&url).into_owned())
}
